"""Small worlds with and without europium lines, fitted once for all tests that explain them."""

import functools

import numpy as np

from luxjax.fitting import EM, Fitted, fit
from luxjax.models import Lux
from luxjax.simulation import LineList, SmallWorld, small_world

RESOLUTION = 19_000.0  # of the worlds' line profiles, about 0.36 Angstrom in sigma at 16,000


@functools.cache
def fitted_world(ratio: float = 0.0, neighbour: float = 0.0, seed: int = 5) -> tuple[SmallWorld, Fitted]:
    """A world and a linear model of it."""
    world = small_world(seed, 500, 700, ratio=ratio, neighbour=neighbour)
    model = Lux.linear(world.train.sizes, 16)
    return world, fit(model, world.train, EM(max_cycles=60, tol=1e-5), key=seed)


def europium(world: SmallWorld, medium: str = "vacuum") -> LineList:
    """The world's europium lines, real or only listed."""
    wavelength = world.train.spectra("flux").wavelength
    centre = [
        np.average(wavelength, weights=world.profile * (world.line == k)) for k in range(world.line.max() + 1)
    ]
    n = len(centre)
    return LineList(
        np.full(n, "Eu"), np.full(n, "II"), np.array(centre), medium, np.full(n, 0.2), np.full(n, 0.5), np.full(n, "")
    )  # fmt: skip
