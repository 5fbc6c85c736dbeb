"""Stars drawn from a model: their moments, their errors, and what the exact posterior says of them."""

import numpy as np
import pytest

from luxjax.core import Batch, OutputData
from luxjax.posterior import Exact, infer, rank_test, ranks
from luxjax.posterior.calibration._prior_draws import prior_draws

from ..worlds import linear_world


@pytest.fixture(scope="module")
def drawn():
    model, batch, _ = linear_world(bad_fraction=0.1)
    rows = np.tile(np.arange(6), 100)
    like = Batch({k: OutputData(m.value[rows], m.ivar[rows]) for k, m in batch.outputs.items()})
    return model, like, *prior_draws(model, like, key=3)


def test_noise_is_that_of_errors_and_scatter(drawn):
    model, like, z, stars = drawn
    assert z.shape == (600, 3)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=0.15)
    for name, m in stars.outputs.items():
        assert np.array_equal(m.ivar, like[name].ivar)
        good = np.asarray(m.ivar) > 0
        assert not np.any(np.asarray(m.value)[~good])
        decoder = model[name]
        residual = np.asarray(m.value) - z @ np.asarray(decoder.weight).T - np.asarray(decoder.intercept)
        variance = 1 / np.where(good, m.ivar, 1) + np.asarray(model.scatter[name]) ** 2
        pull = (residual / np.sqrt(variance))[good]
        assert abs(pull.mean()) < 0.04
        assert abs(pull.std() - 1) < 0.04


def test_exact_posteriors_of_them_are_calibrated_and_others_are_not(drawn):
    model, _, z, stars = drawn
    draws = infer(model, stars, Exact(), key=0, block=600).sample(99, key=1)
    for j in range(3):
        assert rank_test(ranks(draws[:, :, j], z[:, j]), 99, seed=0).p_value > 0.01
    narrow = draws.mean(0) + 0.7 * (draws - draws.mean(0))
    assert rank_test(ranks(narrow[:, :, 0], z[:, 0]), 99, seed=0).p_value < 0.01
