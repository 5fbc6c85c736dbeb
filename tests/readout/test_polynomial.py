"""Linear and quadratic read-outs against dense Bayesian regressions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from luxjax.models import Quadratic
from luxjax.readout import PolynomialReadOut
from luxjax.readout._polynomial import Design, _evidence, as_monomials, regress, sums_of

from .worlds import sample, slopes

LATENTS, N = 3, 40


@pytest.fixture(params=[0, 2, LATENTS], ids=["linear", "products of two", "products of all"])
def design(request):
    return Design(LATENTS, request.param)


@pytest.fixture
def stars(rng):
    z = rng.normal(size=(N, LATENTS))
    noise = rng.uniform(0.05, 0.4, N) ** 2
    return z, 2 + z[:, 0] + 0.4 * z[:, 0] * z[:, 1] + np.sqrt(noise) * rng.normal(size=N), noise


def test_features_of_standard_normal_latents_are_orthonormal(rng):
    design = Design(3, 2)
    x = design(rng.normal(size=(200_000, 3)))
    assert x.shape[1] == design.n_features == 3 + 3
    np.testing.assert_allclose(x.T @ x / len(x), np.eye(6), atol=0.03)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=0.01)


def test_slope_of_the_evidence_is_the_finite_difference(design, stars, rng):
    sums = sums_of(design, stars[0], stars[1], 1 / stars[2])
    theta = rng.normal(-1, 1, LATENTS + 1)
    slow = slopes(lambda x: _evidence(design, sums, 0.7, x)[0], theta)
    np.testing.assert_allclose(_evidence(design, sums, 0.7, theta)[1], slow, rtol=1e-6, atol=1e-7)


def test_evidence_and_posterior_are_those_of_the_full_covariance(design, stars):
    z, y, noise = stars
    found, theta = regress(design, z, y, noise)
    unit = np.average((y - found.mean_y) ** 2, weights=1 / noise)
    prior = unit * np.exp(design.scales @ theta)
    x, wide = design(z), 1e4  # the intercept's flat prior, of which the evidence takes the width out
    cov = np.diag(noise) + (x * prior) @ x.T
    exact = stats.multivariate_normal(np.full(N, found.mean_y), cov + wide).logpdf(y)
    assert found.evidence == pytest.approx(exact + 0.5 * np.log(wide / found.mean_variance), abs=2e-3)
    phi = np.column_stack([np.ones(N), x])
    precision = phi.T @ (phi / noise[:, None]) + np.diag([0, *(1 / prior)])
    slow = np.linalg.solve(precision, phi.T @ (y / noise))
    np.testing.assert_allclose(found.weight, slow[1:], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.mean_y - found.mean_x @ found.weight, slow[0], rtol=1e-8)
    np.testing.assert_allclose(found.cov, np.linalg.inv(precision)[1:, 1:], rtol=1e-5, atol=1e-10)
    centred = x - found.mean_x
    leverage = np.sum((centred @ found.cov) * centred, axis=1) / noise
    assert found.effective == pytest.approx(leverage.sum(), rel=1e-6)


def test_blocks_of_stars_add_up(design, stars, monkeypatch):
    from luxjax.readout import _polynomial

    whole = sums_of(design, stars[0], stars[1], 1 / stars[2])
    monkeypatch.setattr(_polynomial, "BLOCK", 7)
    for one, other in zip(sums_of(design, stars[0], stars[1], 1 / stars[2]), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def test_monomials_are_the_same_function_with_the_same_errors(design, stars, rng):
    z, y, noise = stars
    found, _ = regress(design, z, y, noise)
    row, cov = as_monomials(design, found)
    new = 2 * rng.normal(size=(20, LATENTS))
    centred = design(new) - found.mean_x
    features = new
    if design.leading:
        decoder = Quadratic(jnp.zeros(1), jnp.zeros((1, design.n_features)), LATENTS, design.leading)
        features = np.asarray(jax.vmap(decoder.features)(jnp.asarray(new)))
    phi = np.column_stack([np.ones(20), features])
    np.testing.assert_allclose(phi @ row, found.mean_y + centred @ found.weight, rtol=1e-9, atol=1e-12)
    slow = np.einsum("na,ab,nb->n", centred, found.cov, centred) + found.mean_variance
    np.testing.assert_allclose(np.einsum("na,ab,nb->n", phi, cov, phi), slow, rtol=1e-8)


def test_a_latent_without_use_takes_all_its_terms_with_it(rng):
    z = rng.normal(size=(400, 4))
    y = z[:, 0] + 0.5 * z[:, 1] + 0.5 * z[:, 0] * z[:, 1] + 0.1 * rng.normal(size=400)
    design = Design(4, 4)
    found, theta = regress(design, z, y, np.full(400, 0.01))
    assert theta[:2].min() - theta[2:4].max() > 4  # logarithms of variances
    useless = design.scales[:, 2:4].sum(axis=1) > 0
    assert np.abs(found.weight[useless]).max() < 0.01
    assert np.abs(found.weight[~useless]).max() > 0.4


def test_leave_one_out_residuals(rng):
    """Of weights with fixed scales: fitted again without the star, about the same as found without a fit."""
    stars = sample(rng, 30, LATENTS)
    kind = PolynomialReadOut(leading=2)
    _, _, found = kind.fit(stars)
    z, y = stars.latents, stars.value[:, 0]
    noise = found[0].error_scale ** 2 * stars.variance[:, 0] + found[0].scatter ** 2
    design = Design(LATENTS, 2)
    whole, theta = regress(design, z, y, noise)
    prior = np.average((y - whole.mean_y) ** 2, weights=1 / noise) * np.exp(design.scales @ theta)
    for k in (0, 7, 19):
        keep = np.arange(30) != k
        phi = np.column_stack([np.ones(30), design(z)])
        a = phi[keep].T @ (phi[keep] / noise[keep, None]) + np.diag([0, *(1 / prior)])
        slow = y[k] - phi[k] @ np.linalg.solve(a, phi[keep].T @ (y[keep] / noise[keep]))
        assert found[0].residual[k] == pytest.approx(slow, rel=0.05, abs=0.01)
