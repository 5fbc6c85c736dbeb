"""The labels that an off-trend response is conditioned on, its moments, and their bootstrap."""
