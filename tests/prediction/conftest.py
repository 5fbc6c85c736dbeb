"""One world and one fit, for the tests that need any: made once for them all."""

import pytest

from luxjax.data import Catalog
from luxjax.fitted import FittedModel
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.simulation import bilinear

from .worlds import N_LATENTS, SIZES


@pytest.fixture(scope="session")
def world():
    """110 stars with two spectra and three labels, some of them bad or missing."""
    return bilinear(110, SIZES, N_LATENTS, key=4, snr=30, bad_fraction=0.05, missing_fraction=0.1)


@pytest.fixture(scope="session")
def fitted(world) -> FittedModel:
    """A model fitted to the first 80 stars."""
    return fit(Lux.linear(SIZES, N_LATENTS), world.catalog.select(slice(80)), EM(), key=0)


@pytest.fixture(scope="session")
def stars(world) -> Catalog:
    """The 30 stars that the model has not seen."""
    return world.catalog.select(slice(80, None))
