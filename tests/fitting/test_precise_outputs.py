"""Curved outputs that are measured very precisely: fits go down, and the latents of all stars are found."""

import jax
import numpy as np
import pytest

import luxjax
from luxjax.core import Batch, LuxWarning, OutputData
from luxjax.fitting import ALS
from luxjax.latents.internal import latent_posterior
from luxjax.models import Lux, Quadratic

pytestmark = pytest.mark.slow

N, LATENTS, SIZE = 200, 3, 24
ERROR = 7e-4  # inverse variances of 2e6, as those of ln flux at a signal-to-noise ratio of 1,400


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(SIZE, LATENTS + LATENTS * (LATENTS + 1) // 2))
    weight[:, LATENTS:] *= 0.15
    decoder = Quadratic(np.zeros(SIZE), weight, LATENTS, LATENTS)
    z = rng.normal(size=(N, LATENTS))
    value = np.asarray(jax.vmap(decoder)(z)) + ERROR * rng.normal(size=(N, SIZE))
    ivar = np.full(value.shape, ERROR**-2)
    return decoder, z, Batch({"xp": OutputData(value.astype(np.float32), ivar.astype(np.float32))})


@pytest.mark.parametrize("scatter", [True, False])
def test_alternating_least_squares_goes_down(world, scatter):
    with pytest.warns(LuxWarning, match="without converging"):
        fitted = luxjax.fit(
            Lux.quadratic({"xp": SIZE}, LATENTS), world[2], ALS(scatter=scatter, max_cycles=4), key=1
        )
    objective = np.array(fitted.objective)
    assert np.isfinite(objective).all()
    assert (np.diff(objective) <= 1e-6 * np.abs(objective[:-1])).all()


def test_no_star_ends_in_a_false_optimum(world):
    """Every star comes back within eight of its errors, searched from the middle of the latents."""
    decoder, z, batch = world
    with jax.enable_x64(True):
        found = latent_posterior(Lux({"xp": decoder}, {"xp": np.zeros(SIZE)}), batch)
    off = np.linalg.norm(np.asarray(found.mean) - z, axis=1)
    spread = np.sqrt(np.trace(np.asarray(found.cov), axis1=1, axis2=2))
    assert (off < 8 * spread).all()
    assert np.median(off / spread) == pytest.approx(0.93, abs=0.15)
