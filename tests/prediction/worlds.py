"""The sizes of the world that tests of predictions share."""

N_LATENTS = 2
SIZES = {"flux": 40, "blue": 24, "labels": 3}
