"""Toy surveys with and without europium lines, fitted once for all tests that explain them."""

import functools

import numpy as np

from luxjax.fitted import FittedModel
from luxjax.fitting import EM, fit
from luxjax.lines import LineList
from luxjax.models import Lux
from luxjax.readout import read_out
from luxjax.simulation import toy_survey
from luxjax.simulation._worlds import ToySurvey

RESOLUTION = 19_000.0  # of the worlds' line profiles, about 0.36 Angstrom in sigma at 16,000


@functools.cache
def fitted_world(ratio: float = 0.0, neighbour: float = 0.0, seed: int = 5) -> tuple[ToySurvey, FittedModel]:
    """A world and a linear model of it."""
    world = toy_survey(seed, 500, 700, ratio=ratio, neighbour=neighbour)
    model = Lux.linear(world.train.sizes, 16)
    return world, fit(model, world.train, EM(max_cycles=60, tol=1e-5), key=seed)


def europium(world: ToySurvey, medium: str = "vacuum") -> LineList:
    """The world's europium lines, real or only listed."""
    wavelength = world.train.spectra("flux").wavelength
    centre = [
        np.average(wavelength, weights=world.profile * (world.line == k)) for k in range(world.line.max() + 1)
    ]
    n = len(centre)
    return LineList(
        np.full(n, "Eu"), np.full(n, "II"), np.array(centre), medium, np.full(n, 0.2), np.full(n, 0.5), np.full(n, "")
    )  # fmt: skip


@functools.cache
def read_world(kind: str, ratio: float = 4.0, seed: int = 5) -> tuple[ToySurvey, FittedModel]:
    """A world, and a linear model of its spectra from whose latents the labels are read out."""
    world = toy_survey(seed, 500, 700, ratio=ratio)
    train = world.train.only("flux")
    spectra = fit(Lux.linear(train.sizes, 16), train, EM(max_cycles=60, tol=1e-5), key=seed)
    return world, read_out(spectra, world.train, kind)
