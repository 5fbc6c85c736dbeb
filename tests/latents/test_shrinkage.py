"""Empirical-Bayes shrinkage of decoders: pixels that hardly any star has must not decide over all others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import Batch, OutputData
from luxjax.fitting import EM, fit
from luxjax.latents import decoder_sums
from luxjax.latents._rows import shrinkage_prior, solve_decoders
from luxjax.models import Linear, Lux

N, PIXELS, RARE, LATENTS, ERROR = 120, 400, 10, 4, 0.3


@pytest.fixture
def stars(rng):
    """Latents, and pixels of which the last ten are good in two stars only."""
    z = rng.normal(size=(N, LATENTS))
    weight = rng.normal(size=(PIXELS + RARE, LATENTS)) * [1.0, 0.5, 0.3, 0.2]
    value = z @ weight.T + ERROR * rng.normal(size=(N, PIXELS + RARE))
    ivar = np.full(value.shape, ERROR**-2)
    ivar[2:, PIXELS:] = 0
    return z, value, ivar


def solved(z, value, ivar, prior=None):
    """Decoder and covariances of its rows for known latents."""
    n = value.shape[1]
    empty = Linear(jnp.zeros(n), jnp.zeros((n, LATENTS)))
    data = OutputData(jnp.asarray(value), jnp.asarray(ivar))
    sums = {"flux": decoder_sums(empty, data, jnp.asarray(ivar), jnp.asarray(z), None)}
    model, covs = solve_decoders(Lux({"flux": empty}), sums, {"flux": prior})
    return model["flux"], covs["flux"]


def latents_of(decoder, value, ivar):
    """Posterior means of the latents from these pixels, (star, latent)."""
    w, b = np.asarray(decoder.weight), np.asarray(decoder.intercept)
    known = np.einsum("np,pa,pb->nab", ivar, w, w) + np.eye(LATENTS)
    return np.linalg.solve(known, ((ivar * (value - b)) @ w)[..., None])[..., 0]


def test_pixels_of_two_stars_do_not_change_the_latents_of_the_others(stars):
    z, value, ivar = stars
    with jax.enable_x64(True):
        found = []
        for pixels in (slice(PIXELS), slice(None)):
            given = z, value[:, pixels], ivar[:, pixels]
            prior = shrinkage_prior(*solved(*given))
            decoder, _ = solved(*given, prior)
            found.append((prior, latents_of(decoder, *given[1:])))
    (prior, without), (other, with_them) = found
    # Rows of the good pixels have the spread 1, 0.5, 0.3 and 0.2: no direction is taken for noise.
    assert np.linalg.eigvalsh(np.linalg.inv(other)).min() > 0.02
    np.testing.assert_allclose(np.linalg.inv(other), np.linalg.inv(prior), atol=0.1)
    change = np.linalg.norm(with_them - without, axis=1)[2:]
    assert np.median(change / np.linalg.norm(without, axis=1)[2:]) < 0.01
    assert change.max() < 0.05


@pytest.mark.slow
def test_a_fit_is_not_changed_by_them(stars):
    """Of an EM fit: how far each star is from the middle, which no rotation of the latents changes."""
    _, value, ivar = stars
    squares = []
    for pixels in (slice(PIXELS), slice(None)):
        given = value[:, pixels], ivar[:, pixels]
        batch = Batch({"flux": OutputData.clean(*given, np.float64)})
        fitted = fit(Lux.linear(batch.sizes, LATENTS), batch, EM(max_cycles=60, shrink=True), key=0)
        squares.append(np.sum(latents_of(fitted.model["flux"], *given)[2:] ** 2, axis=1))
    np.testing.assert_allclose(squares[1], squares[0], rtol=0.05, atol=0.05)
