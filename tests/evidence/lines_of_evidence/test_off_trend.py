"""Off-trend response: against exact linear-Gaussian worlds, where N, tau^2 and beta are known in closed form."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence import off_trend_response, residualize, second_order
from luxjax.evidence._expected import claimed_slope, expected_slope
from luxjax.evidence.off_trend._response import response_share

ERROR, OTHERS_ERROR = 0.08, np.array([0.1, 0.05])


def gaussian_world(rng, n=60_000, noise=0.3, shown=1.0):
    """Labels [o1, o2, y] = A z seen through x = B z + noise, and everything about the posterior mean, exactly."""
    a = np.array([[1.0, 0.2, 0.0], [0.3, 0.8, 0.0], [0.4, 0.5, 0.35]])
    b = rng.normal(size=(12, 3)) * [1.0, 1.0, shown]
    gain = a @ b.T @ np.linalg.inv(b @ b.T + noise**2 * np.eye(12))
    z = rng.normal(size=(n, 3))
    labels = z @ a.T
    predicted = (z @ b.T + noise * rng.normal(size=(n, 12))) @ gain.T
    prior, means = a @ a.T, gain @ b @ a.T  # covariance of the labels, and of their posterior means
    latent_cov = np.linalg.inv(b.T @ b / noise**2 + np.eye(3))
    return labels, predicted, prior, means, a, latent_cov


def schur(c):
    """Variance of the last given the first two, and the slope on them."""
    slope = np.linalg.solve(c[:2, :2], c[:2, 2])
    return c[2, 2] - slope @ c[:2, 2], slope


def noisy(rng, labels, scale=1.0):
    y = labels[:, 2] + ERROR * rng.normal(size=len(labels))
    o = labels[:, :2] + scale * OTHERS_ERROR * rng.normal(size=(len(labels), 2))
    return y, np.full(len(y), ERROR), o, np.tile(scale * OTHERS_ERROR, (len(y), 1))


def test_covariance_variance_and_slope_are_the_exact_ones(rng):
    labels, p, prior, means, *_ = gaussian_world(rng, noise=1.0)
    y, s, o, so = noisy(rng, labels)
    found = off_trend_response(p[:, 2], p[:, :2], y, s, o, so)
    covariance, _ = schur(means)
    tau2, slope = schur(prior)
    beta = (means[2, 2] - slope @ means[:2, 2]) / tau2
    assert abs(found.covariance - covariance) < 4 * found.error
    assert abs(found.tau2 - tau2) < 4 * found.tau2_error
    assert found.beta == pytest.approx(beta, rel=0.02)
    assert abs(found.covariance / tau2 - beta) > 0.015  # which N / tau^2 is not
    assert found.interval.holds(beta)
    assert found.error < 0.03 * covariance
    assert found.trend.scatter == pytest.approx(np.sqrt(tau2), rel=0.05)


def test_with_others_well_known_it_is_the_slope_a_linear_model_claims(rng):
    labels, p, _, _, a, latent_cov = gaussian_world(rng, noise=0.15)
    found = off_trend_response(p[:, 2], p[:, :2], *noisy(rng, labels))
    claimed = claimed_slope(a, np.zeros(3), latent_cov, 2, [0, 1])
    assert found.interval.holds(claimed)
    assert found.beta == pytest.approx(claimed, abs=0.02)
    tau = np.sqrt(schur(a @ a.T)[0])
    # At known o the bound is sqrt(d' F^-1 d) along the one direction of z that leaves o alone.
    direction = np.linalg.svd(a[:2])[2][2]
    precision = np.linalg.inv(latent_cov) - np.eye(3)
    bound = abs(a[2] @ direction) / np.sqrt(direction @ precision @ direction)
    assert claimed == pytest.approx(float(expected_slope(tau, bound)), abs=0.01)


def test_claimed_slope_is_the_regression_of_the_posterior_mean_at_fixed_others(rng):
    _, _, prior, means, a, latent_cov = gaussian_world(rng, n=10, noise=2.5)
    tau2, c = schur(prior)
    exact = (means[2, 2] - c @ means[:2, 2]) / tau2
    assert 0.3 < exact < 0.85
    assert claimed_slope(a, np.zeros(3), latent_cov, 2, [0, 1]) == pytest.approx(exact, rel=1e-9)


# How much of the label's own direction the spectrum shows, and its noise: a guess, partial and full measurements.
KINDS = {
    "guess": (0.0, 0.5),
    "weak": (0.15, 1.0),
    "partial": (0.4, 1.0),
    "noisy": (1.0, 1.5),
    "full": (1.0, 0.15),
}


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_exact_response(rng, kind):
    """Over 100 samples of 500 stars of each of four worlds: unbiased, and 90 to 98% at 95%."""
    shown, noise = KINDS[kind]
    held, off, scale = [], [], []
    for _ in range(4):
        labels, p, prior, means, *_ = gaussian_world(rng, n=12_500, noise=noise, shown=shown)
        tau2, slope = schur(prior)
        beta = (means[2, 2] - slope @ means[:2, 2]) / tau2
        for x, q in zip(np.split(labels, 25), np.split(p, 25), strict=True):
            found = off_trend_response(q[:, 2], q[:, :2], *noisy(rng, x))
            held.append(found.interval.lower - 1e-9 <= beta <= found.interval.upper + 1e-9)
            off.append(found.beta - beta)
            scale.append(found.tau2 / tau2)
    assert abs(np.median(off)) < 0.02
    assert np.median(scale) == pytest.approx(1, abs=0.03)
    assert min(scale) > 0
    if kind != "guess":  # whose response has no scatter
        assert 0.90 <= np.mean(held) <= 0.985


def test_the_sign_differs_for_a_guess_and_a_measurement(rng):
    """The error of the predicted others widens the label off trend for a guess, and narrows it for a measurement."""
    n, s = 40_000, 0.3
    o_hat = rng.normal(size=(n, 1))
    o = o_hat + s * rng.normal(size=(n, 1))
    u = 0.5 * rng.normal(size=n)
    small = np.full(n, 1e-3)
    guess = off_trend_response(o_hat[:, 0], o_hat, o[:, 0] + u, small, o, small[:, None], draws=0)
    assert guess.tau2 == pytest.approx(0.25, rel=0.05)
    left = (o[:, 0] + u) - np.polyval(np.polyfit(o_hat[:, 0], o[:, 0] + u, 1), o_hat[:, 0])
    assert left.var() == pytest.approx(0.25 + s**2, rel=0.05)
    # A full measurement: y is seen, o is seen with an error, and both are combined.
    y = rng.normal(size=n)
    o = 0.8 * y[:, None] + 0.6 * rng.normal(size=(n, 1))
    seen = o + 0.4 * rng.normal(size=(n, 1))
    best = np.linalg.lstsq(np.column_stack([y, seen]), o, rcond=None)[0]
    o_hat = np.column_stack([y, seen]) @ best
    found = off_trend_response(y, o_hat, y, small, o, small[:, None], draws=0)
    assert found.tau2 == pytest.approx(1 - 0.8**2, rel=0.05)
    assert found.beta == pytest.approx(1, abs=0.02)
    left = y - np.polyval(np.polyfit(o_hat[:, 0], y, 1), o_hat[:, 0])
    assert left.var() < 0.9 * found.tau2


def test_correlated_label_errors_do_not_make_a_response(rng):
    """They enter P alone, which is believed where label errors are small against what the spectrum leaves open."""
    n = 4000
    o = rng.normal(size=(n, 1)) * 0.2
    y = 0.7 * o[:, 0] + 0.06 * rng.normal(size=n)
    for measured in (False, True):
        o_hat = o + 0.01 * rng.normal(size=(n, 1))
        p = y + 0.01 * rng.normal(size=n) if measured else 0.7 * o_hat[:, 0]
        noise = rng.normal(size=n)
        seen_o = o + 0.08 * noise[:, None]
        seen_y = y + 0.08 * (0.6 * noise + 0.8 * rng.normal(size=n))
        found = off_trend_response(p, o_hat, seen_y, np.full(n, 0.08), seen_o, np.full((n, 1), 0.08), draws=0)
        assert found.tau2 == pytest.approx(0.06**2, rel=0.25)
        assert found.beta == pytest.approx(float(measured), abs=0.12)


@pytest.mark.parametrize("curve", [0.0, 0.3])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_perfect_shortcut_has_no_response(rng, curve, scale):
    """p is a function of the predicted others alone, whatever the noise and its correlation with y's."""
    n = 20_000
    o_hat = rng.normal(size=(n, 2))
    o = o_hat + 0.2 * rng.normal(size=(n, 2))  # given the spectrum, the truth scatters about the prediction
    y_true = 0.3 * o[:, 0] + 0.2 * o[:, 1] + curve * o[:, 0] ** 2 + 0.06 * rng.normal(size=n)
    guess = 0.3 * o_hat[:, 0] + 0.2 * o_hat[:, 1] + curve * o_hat[:, 0] ** 2 + 0.02 * np.sin(2 * o_hat[:, 0])
    noise = rng.normal(size=(n, 2))
    o_seen = o + scale * OTHERS_ERROR * noise
    y_seen = y_true + ERROR * (0.6 * noise[:, 1] + 0.8 * rng.normal(size=n))
    so = np.tile(scale * OTHERS_ERROR, (n, 1))
    found = off_trend_response(guess, o_hat, y_seen, np.full(n, ERROR), o_seen, so)
    assert abs(found.z) < 4
    assert abs(found.beta) < 0.03
    # Conditioning on the observed others instead sees a response where there is none.
    observed = second_order(o_seen)
    product = residualize(guess, observed) * residualize(y_seen, observed)
    assert product.mean() > 6 * product.std() / np.sqrt(n)


def test_trend_error_of_predicted_others_is_taken_out(rng):
    n = 40_000
    o_hat = rng.normal(size=(n, 2)) * [60.0, 0.2]
    o = o_hat + rng.normal(size=(n, 2)) * [30.0, 0.05]
    y = o[:, 0] / 300 + o[:, 1] + 0.05 * rng.normal(size=n)
    s, so = np.full(n, 0.01), np.tile([10.0, 0.02], (n, 1))
    seen = o + so * rng.normal(size=o.shape)
    guess = o_hat[:, 0] / 300 + o_hat[:, 1]
    found = off_trend_response(guess, o_hat, y + s * rng.normal(size=n), s, seen, so)
    assert found.tau2 == pytest.approx(0.05**2, rel=0.1)  # 0.0150 without the correction


def test_unresolved_scatter_gives_no_interval(rng):
    n = 300
    o = rng.normal(size=(n, 1))
    y = o[:, 0] + ERROR * rng.normal(size=n)
    found = off_trend_response(o[:, 0], o, y, np.full(n, 1.2 * ERROR), o, np.full((n, 1), 0.1))
    assert not found.resolved
    assert np.isnan(found.interval.lower)
    assert found.upper > 0


def test_share_splits_exactly(rng):
    labels, p, *_ = gaussian_world(rng, n=3000)
    given = (p[:, 2], p[:, :2], *noisy(rng, labels))
    own = 0.3 * labels[:, 2] + 0.2 * rng.normal(size=3000) - 0.1 * p[:, 0]
    share = response_share(own, *given)
    rest = response_share(p[:, 2] - own, *given)
    whole = off_trend_response(*given)
    assert share.beta_own + rest.beta_own == pytest.approx(whole.beta, rel=1e-9)
    assert share.beta_rest == pytest.approx(rest.beta_own, rel=1e-9)
    assert share.share == pytest.approx(share.beta_own / whole.beta, rel=1e-9)
    assert share.z > 4
    assert response_share(-own, *given).n_own == pytest.approx(-share.n_own, rel=1e-9)


def test_missing_stars_are_left_out_and_units_do_not_matter(rng):
    labels, p, *_ = gaussian_world(rng, n=2000)
    y, s, o, so = noisy(rng, labels)
    y[:100], o[100:150, 1] = np.nan, np.nan
    found = off_trend_response(p[:, 2], p[:, :2], y, s, o, so, others=("a", "b"))
    kept = slice(150, None)
    alone = off_trend_response(p[kept, 2], p[kept, :2], y[kept], s[kept], o[kept], so[kept])
    assert (found.n, found.trend.others) == (1850, ("a", "b"))
    assert found.beta == alone.beta
    k = np.array([1000.0, 1.0])
    scaled = off_trend_response(
        5 * p[kept, 2], k * p[kept, :2], 5 * y[kept], 5 * s[kept], k * o[kept], k * so[kept]
    )
    assert scaled.beta == pytest.approx(alone.beta, rel=1e-9)
    assert scaled.tau2 == pytest.approx(25 * alone.tau2, rel=1e-9)


def test_terms_and_residuals(rng):
    o = rng.normal(2, 3, (50, 3))
    terms = second_order(o)
    assert terms.shape == (50, 10)
    np.testing.assert_allclose(terms[:, 0], 1)
    np.testing.assert_allclose(terms[:, 1:4].std(0), 1)
    cross = residualize(o[:, 0] * o[:, 2] + o[:, 1] ** 2 - 3, terms)
    np.testing.assert_allclose(cross, 0, atol=1e-10)
    v = rng.normal(size=50)
    np.testing.assert_allclose(terms.T @ residualize(v, terms), 0, atol=1e-10)


def test_bad_shapes_and_too_few_stars_are_named(rng):
    v, o = np.zeros(20), rng.normal(size=(20, 3))
    with pytest.raises(InputError, match="20 of 20 held-out stars .* at least 20|has 10 terms"):
        off_trend_response(v[:19], o[:19], v[:19], v[:19], o[:19], o[:19])
    with pytest.raises(InputError, match="shapes given"):
        off_trend_response(v, o, v, v[:5], o, o)


def test_stated_errors_that_exceed_what_predictions_miss_do_not_count(rng):
    """Errors stated twice too large would make tau^2 negative; those that could be right are left alone."""
    n, label_error = 4000, 0.3
    other, own = rng.normal(size=n), 0.2 * rng.normal(size=n)
    label = 0.8 * other + own
    y, o = (v + label_error * rng.normal(size=n) for v in (label, other))
    s = np.full(n, label_error)

    def tau2(times: float) -> float:
        found = off_trend_response(
            label, other[:, None], y, times * s, o[:, None], max(times, 1.0) * s[:, None], draws=0
        )
        return found.tau2 / 0.2**2

    assert tau2(1.0) == pytest.approx(1.0, abs=0.15)
    assert tau2(2.0) > 0.75  # less by at most the two standard errors, 4.5% of the label's variance
    assert tau2(0.5) == pytest.approx(1.0 + 0.75 * label_error**2 / 0.2**2, abs=0.15)
