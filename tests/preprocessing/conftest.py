"""Small made-up spectra."""

import numpy as np
import pandas as pd
import pytest

from luxjax.data import Spectra


def make_spectra(n=6, wavelength=None, seed=0, bad=0.08, **changes) -> Spectra:
    """Sloping continua with a few lines, noise of known variance, bad pixels and mask bits."""
    rng = np.random.default_rng(seed)
    wavelength = 10 ** (4.18 + 6e-6 * np.arange(600)) if wavelength is None else wavelength
    x = (wavelength - wavelength.mean()) / np.ptp(wavelength)
    lines = 1 - 0.4 * np.exp(-0.5 * ((x[:, None] - [-0.3, 0.1, 0.35]) / 0.004) ** 2).sum(axis=1)
    level = (rng.uniform(50, 200, n)[:, None]) * (1 + 0.3 * rng.uniform(-1, 1, n)[:, None] * x)
    sigma = 0.02 * level
    flux = level * lines + sigma * rng.normal(size=level.shape)
    good = rng.uniform(size=flux.shape) > bad
    fields = dict(
        flux=flux,
        ivar=good / sigma**2,
        wavelength=wavelength,
        medium="vacuum",
        ids=[f"star{i}" for i in range(n)],
        frame="barycentric",
        flux_unit="counts",
        mask=np.where(good, rng.integers(0, 2, flux.shape), 4),
        bits={"low": 0, "bad": 2},
        table=pd.DataFrame({"rv_kms": rng.uniform(-200, 200, n)}),
    )
    return Spectra(**(fields | changes))


@pytest.fixture
def spectra() -> Spectra:
    return make_spectra()


@pytest.fixture
def make():
    return make_spectra
