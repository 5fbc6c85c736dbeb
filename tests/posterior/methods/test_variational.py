"""Variational guides against what the theory says of each family on a normal posterior."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.posterior import Exact, Variational, infer

from ..worlds import linear_world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def linear():
    """Few pixels and much noise, so that the latents are strongly correlated."""
    model, batch, _ = linear_world(missing_fraction=0.5)
    exact = infer(model, batch, Exact(), key=0)
    precision = np.linalg.inv(exact.cov)
    return model, batch, exact, precision


@pytest.fixture(scope="module")
def guides(linear):
    model, batch, *_ = linear
    names = ("full_rank", "mean_field", "low_rank")
    return {name: infer(model, batch, Variational(name, steps=1500), key=0) for name in names}


def test_full_rank_finds_the_exact_posterior(linear, guides):
    _, _, exact, _ = linear
    found = guides["full_rank"]
    np.testing.assert_allclose((found.mean - exact.mean) / exact.sd, 0, atol=0.01)
    whitened = np.einsum("nij,njk->nik", np.linalg.inv(exact.cov), found.cov)
    np.testing.assert_allclose(whitened, np.broadcast_to(np.eye(3), whitened.shape), atol=0.02)
    assert found.loss.shape == (1500,)
    assert found.loss[-100:].mean() < found.loss[:10].mean()


def test_mean_field_has_the_conditional_variances(linear, guides):
    _, _, exact, precision = linear
    found = guides["mean_field"]
    np.testing.assert_allclose((found.mean - exact.mean) / exact.sd, 0, atol=0.1)
    conditional = 1 / np.diagonal(precision, axis1=1, axis2=2)
    np.testing.assert_allclose(found.sd**2 / conditional, 1, atol=0.06)
    assert (found.sd < exact.sd).mean() > 0.8
    assert (found.cov[:, ~np.eye(3, dtype=bool)] == 0).all()


def test_low_rank_lies_between(linear, guides):
    """KL(q || p) of the low-rank guide is below the mean field's; both are in closed form for normals."""
    _, _, exact, precision = linear

    def divergence(found):
        inside = np.einsum("nij,nji->n", precision, found.cov)
        logs = np.linalg.slogdet(exact.cov)[1] - np.linalg.slogdet(found.cov)[1]
        return 0.5 * (inside - 3 + logs).mean()

    assert divergence(guides["low_rank"]) < 0.5 * divergence(guides["mean_field"])


def test_bad_input_gets_a_sentence():
    with pytest.raises(InputError, match="no guide 'full-rank'.*Did you mean 'full_rank'"):
        Variational("full-rank")
    with pytest.raises(InputError, match="steps of Variational must be at least 1"):
        Variational(steps=0)
