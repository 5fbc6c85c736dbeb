"""Toy worlds turned into traps: the same stars with changed spectra or labels, and a model fitted to them."""

import dataclasses

import numpy as np

from luxjax.data import Catalog
from luxjax.evidence import Explanation, explain
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.simulation import toy_survey

from ..worlds import RESOLUTION, europium

TRAIN, HELD = 500, 700


class Trap:
    """A toy world whose stars can be changed before a model is fitted.

    Attributes
    ----------
    flux, error, labels : (star, ...) arrays
        Training stars first.
    off_trend : (star,) array
        Europium off its trend with the other labels, as observed.
    """

    def __init__(self, ratio: float = 0.0, seed: int = 5, **options):
        self.world = toy_survey(seed, TRAIN, HELD, ratio=ratio, **options)
        parts = (self.world.train, self.world.held_out)
        self.flux = np.concatenate([c.spectra("flux").flux for c in parts]).astype(float)
        self.labels = np.concatenate([c.labels().value for c in parts])
        others = np.column_stack([np.ones(len(self.labels)), self.labels[:, :4]])
        self.off_trend = self.labels[:, 4] - others @ np.linalg.lstsq(others, self.labels[:, 4])[0]

    def catalog(self, part: str, **labels) -> Catalog:
        stars = self.world.train if part == "train" else self.world.held_out
        rows = slice(TRAIN) if part == "train" else slice(TRAIN, None)
        spectra = dataclasses.replace(stars.spectra("flux"), flux=self.flux[rows].astype(np.float32))
        table = dataclasses.replace(stars.labels(), value=self.labels[rows], **labels)
        return Catalog({"flux": spectra, "labels": table}, stars.table)

    def explain(self, label: str = "eu_fe", latents: int = 16, lines=None, **options) -> Explanation:
        train = self.catalog("train", **options.pop("labels", {}))
        model = Lux.linear(train.sizes, latents)
        fitted = fit(model, train, EM(max_cycles=60, tol=1e-5), key=5)
        lines = europium(self.world) if lines is None else lines
        given = {"lines": lines, "resolution": RESOLUTION, "n_null": 2}
        return explain(fitted, self.catalog("held"), label, **(given | options))

    def line_pixels(self, k: int) -> np.ndarray:
        return np.flatnonzero(self.world.line == k)
