"""Gaussian-process read-outs against dense linear algebra: evidence, posterior, inducing points."""

import jax
import numpy as np
import pytest
from scipy import stats

from luxjax.readout import GaussianProcessReadOut
from luxjax.readout import _inducing as inducing
from luxjax.readout._gp_evidence import Hyper, kernel, minus_evidence, prior_variance
from luxjax.readout._inducing import choose_points, exact_posterior, project
from luxjax.readout._processes import Member

from .worlds import sample, slopes

HYPER = Hyper(np.array([0.5, 0.3, 0.05]), 0.4, 0.6, 1.3, 0.01, 0.5)


def dense_kernel(h: Hyper, x, y):
    """The covariance written out, a pair of stars at a time."""
    out = np.empty((len(x), len(y)))
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            line = np.sum(h.tau * a * b)
            smooth = h.amplitude * np.exp(-0.5 * h.roughness * np.sum(h.tau * (a - b) ** 2))
            out[i, j] = 1 + line + h.square * line**2 + smooth
    return out


def posterior(h: Hyper, z, y, noise, new):
    """Mean and variance at new latents, by the textbook formulas (Rasmussen & Williams 2006, equations 2.25 and 2.26)."""
    inverse = np.linalg.inv(dense_kernel(h, z, z) + np.diag(noise))
    cross = dense_kernel(h, new, z)
    return cross @ inverse @ y, np.diag(dense_kernel(h, new, new)) - np.sum(cross @ inverse * cross, axis=1)


@pytest.fixture
def stars(rng):
    s = sample(rng, 50)
    return s.latents, s.value[:, 0], s.variance[:, 0]


def test_kernel_and_its_diagonal(stars):
    z = stars[0]
    np.testing.assert_allclose(kernel(HYPER, z[:9], z), dense_kernel(HYPER, z[:9], z), rtol=1e-10)
    np.testing.assert_allclose(prior_variance(HYPER, z), np.diag(dense_kernel(HYPER, z, z)), rtol=1e-10)


def test_evidence_is_the_density_of_the_labels(stars):
    z, y, variance = stars
    theta = np.log(np.concatenate([HYPER.tau, HYPER[1:]]))
    cov = dense_kernel(HYPER, z, z) + np.diag(HYPER.scale2 * variance + HYPER.scatter2)
    exact = stats.multivariate_normal(np.zeros(len(y)), cov).logpdf(y)
    assert minus_evidence(theta, z, y, variance)[0] == pytest.approx(-exact, rel=1e-8)


def test_slope_of_the_evidence_is_the_finite_difference(stars, rng):
    z, y, variance = stars
    for theta in rng.normal(-0.5, 0.7, (3, 3 + 5)):
        slow = slopes(lambda x: minus_evidence(x, z, y, variance)[0], theta)
        np.testing.assert_allclose(minus_evidence(theta, z, y, variance)[1], slow, rtol=1e-5, atol=1e-5)


def test_exact_posterior(stars, rng):
    z, y, variance = stars
    noise = HYPER.scale2 * variance + HYPER.scatter2
    new = 1.5 * rng.normal(size=(20, 3))
    mean, spread = posterior(HYPER, z, y, noise, new)
    found = exact_posterior(HYPER, z, y, noise)
    cross = kernel(HYPER, z, new)
    np.testing.assert_allclose(found.alpha @ cross, mean, rtol=1e-8, atol=1e-8)
    left = prior_variance(HYPER, new) - np.sum((found.root @ cross) ** 2, axis=0)
    assert (left >= spread * (1 - 1e-9)).all()
    np.testing.assert_allclose(left, spread, rtol=1e-3)  # directions hardly told of are left out
    k = dense_kernel(HYPER, z, z)
    hat = k @ np.linalg.inv(k + np.diag(noise))
    np.testing.assert_allclose(found.leverage, np.diag(hat), rtol=1e-8)
    np.testing.assert_allclose(found.residual, y - hat @ y, rtol=1e-7, atol=1e-9)
    assert found.effective == pytest.approx(np.trace(hat), rel=1e-8)


def test_all_stars_as_points_are_the_exact_posterior(stars, monkeypatch):
    """At the stars; the points' covariance has no exact inverse, which shows at the sixth digit."""
    monkeypatch.setattr(inducing, "BLOCK", 16)
    z, y, variance = stars
    noise = HYPER.scale2 * variance + HYPER.scatter2
    exact, found = exact_posterior(HYPER, z, y, noise), project(HYPER, z, z, y, noise)
    cross = kernel(HYPER, z, z)
    np.testing.assert_allclose(found.alpha @ cross, exact.alpha @ cross, atol=1e-5)
    np.testing.assert_allclose(found.leverage, exact.leverage, rtol=1e-4)
    np.testing.assert_allclose(found.residual, exact.residual, atol=1e-5)
    assert found.effective == pytest.approx(exact.effective, rel=1e-4)
    np.testing.assert_allclose(
        np.sum((found.root @ cross) ** 2, axis=0), np.sum((exact.root @ cross) ** 2, axis=0), atol=1e-5
    )


@pytest.mark.parametrize(("n_points", "off", "least"), [(120, 0.02, 0.99), (60, 0.4, 0.8)])
def test_inducing_points_stand_for_the_stars(rng, n_points, off, least):
    """Enough points: mean and variance are the exact ones; too few: variances are too large, and nowhere far too small."""
    s = sample(rng, 400)
    z, y, noise = s.latents, s.value[:, 0], HYPER.scale2 * s.variance[:, 0] + HYPER.scatter2
    new = rng.normal(size=(200, 3))
    exact, cross = exact_posterior(HYPER, z, y, noise), kernel(HYPER, z, new)
    mean, spread = exact.alpha @ cross, prior_variance(HYPER, new) - np.sum((exact.root @ cross) ** 2, axis=0)
    chosen = choose_points([HYPER], z, n_points)
    assert len(set(chosen)) == len(chosen) == n_points
    errors = []
    for points in (chosen, np.arange(n_points)):
        found, cross = project(HYPER, z[points], z, y, noise), kernel(HYPER, z[points], new)
        left = prior_variance(HYPER, new) - np.sum((found.root @ cross) ** 2, axis=0)
        errors.append(np.abs(found.alpha @ cross - mean) / np.sqrt(spread))
        if points is chosen:
            assert np.median(left / spread) > 0.99
            assert (left / spread).min() > least
    assert np.quantile(errors[0], 0.95) < off
    assert np.mean(errors[0]) < 0.7 * np.mean(errors[1])  # chosen ones are better than the first stars


def test_points_end_where_nothing_is_left_to_explain(rng):
    z = np.repeat(rng.normal(size=(5, 3)), 4, axis=0)  # five places, four stars each
    chosen = choose_points([HYPER], z, 12)
    assert sorted(chosen // 4) == [0, 1, 2, 3, 4]


@jax.jit
def moments(decoder, z):
    return jax.vmap(lambda x: (decoder(x), decoder.variance(x)))(z)


def test_decoder_holds_the_posterior_and_the_mean_of_its_members(rng):
    """Members on the leading two and on all three latents, labels missing for some stars."""
    s = sample(rng, 50, missing=0.2)
    kind = GaussianProcessReadOut(leading=(2, 3), few=0)
    decoder, cov, found = kind.fit(s)
    new = rng.normal(size=(10, 3))
    value, variance = (np.asarray(x) for x in moments(decoder, new))
    assert cov is None
    assert decoder.alpha.shape == (2, 2, int(s.known.sum()))
    for j in range(2):
        seen, y, stated = s.of(j)
        loc, unit = np.asarray(decoder.intercept)[j], np.sqrt(np.asarray(decoder.kernels.constant)[0, j])
        means, spreads, residuals, evidences, scales = [], [], [], [], []
        for d in (2, 3):
            h, _ = kind._hyper(s, Member(d), j)
            noise = h.scale2 * stated / unit**2 + h.scatter2
            mean, spread = posterior(h, s.latents[seen], (y - loc) / unit, noise, new)
            means.append(loc + unit * mean)
            spreads.append(unit**2 * spread)
            hat = dense_kernel(h, s.latents[seen], s.latents[seen])
            hat = hat @ np.linalg.inv(hat + np.diag(noise))
            residuals.append((y - loc - hat @ (y - loc)) / (1 - np.diag(hat)))
            full = unit**2 * (dense_kernel(h, s.latents[seen], s.latents[seen]) + np.diag(noise))
            evidences.append(stats.multivariate_normal(np.full(seen.sum(), loc), full).logpdf(y))
            scales.append(h.scale2)
        np.testing.assert_allclose(value[:, j], np.mean(means, axis=0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(variance[:, j], np.mean(spreads, axis=0), rtol=1e-2, atol=1e-5)
        np.testing.assert_allclose(found[j].residual, np.mean(residuals, axis=0), rtol=1e-3, atol=1e-4)
        assert found[j].evidence == pytest.approx(
            np.mean(evidences), abs=1e-3
        )  # in nats, of the label itself
        assert found[j].error_scale == pytest.approx(np.sqrt(np.mean(scales)))


@pytest.mark.slow
def test_many_stars_are_read_out_by_points(rng):
    s = sample(rng, 200)
    few, all_ = (
        GaussianProcessReadOut((3,), exact=100, n_points=50, few=0),
        GaussianProcessReadOut((3,), few=0),
    )
    (approximate, _, _), (exact, _, _) = few.fit(s), all_.fit(s)
    new = rng.normal(size=(50, 3))
    one, _ = moments(approximate, new)
    other, variance = moments(exact, new)
    assert len(approximate.points) <= 50
    assert len(exact.points) == 200
    assert np.quantile(np.abs(one - other) / np.sqrt(variance), 0.9) < 0.3
