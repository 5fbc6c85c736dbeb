"""What every method promises by being registered: the dense answer within its error, and one key, one result."""

import numpy as np
import pytest

from luxjax.posterior import infer
from luxjax.posterior.internal import METHODS

from .test_known_decoders import dense_posterior
from .worlds import linear_world

# Settings with which a few stars take a moment; the defaults where nothing is said.
QUICK = {"nuts": {"chains": 2, "warmup": 100, "draws": 300}, "variational": {"steps": 500}}
# How far a mean may lie from the dense one, and a covariance whitened by the dense one from unity; closed forms are exact.
ERROR = {"exact": 1e-4, "laplace": 1e-4}
OTHERS = 0.25


@pytest.fixture(scope="module")
def world():
    model, batch, _ = linear_world(n_stars=3, n_latents=2, bad_fraction=0.1, missing_fraction=0.2)
    return model, batch


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_the_answer_is_the_dense_one_and_follows_from_the_key(world, name):
    model, batch = world
    method, told = METHODS[name](**QUICK.get(name, {})), []
    found = infer(model, batch, method, key=3, progress=lambda *now, **facts: told.append((*now, facts)))
    again = infer(model, batch, method, key=3)
    for star in range(batch.n_stars):
        mean, cov = dense_posterior(model, batch, star)
        root = np.linalg.cholesky(cov)
        error = ERROR.get(name, OTHERS)
        np.testing.assert_allclose(np.linalg.solve(root, found.mean[star] - mean), 0, atol=error)
        white = np.linalg.solve(root, np.linalg.solve(root, found.cov[star]).T)
        np.testing.assert_allclose(white, np.eye(len(mean)), atol=2 * error)
    np.testing.assert_array_equal(again.mean, found.mean)
    np.testing.assert_array_equal(again.cov, found.cov)
    draws = found.sample(4, key=1)
    assert draws.shape == (4, batch.n_stars, model.n_latents)
    np.testing.assert_array_equal(found.sample(4, key=1), draws)
    assert found.sd.shape == found.mean.shape == (batch.n_stars, model.n_latents)
    assert told[-1] == ("stars", batch.n_stars, batch.n_stars, {})
    assert isinstance(method.default_stars, int)
