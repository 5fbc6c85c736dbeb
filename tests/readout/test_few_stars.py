"""Read-outs of few stars: relevances under a law, processes with one error for all stars, kinds that are left out."""

import numpy as np
import pytest

from luxjax.readout import GaussianProcessReadOut, read_out
from luxjax.readout import _few_stars as few_stars
from luxjax.readout._few_stars import law_of, maximise_graded, share_of_first
from luxjax.readout._gp_evidence import PRIOR, minus_evidence
from luxjax.readout._kinds import PolynomialReadOut
from luxjax.readout._sample import Sample

from .worlds import world

LATENTS = 24


def faint(rng, n=60, *, error=0.3) -> Sample:
    """One label that only the best measured of many latents tell of."""
    information = np.geomspace(1e4, 1.0, LATENTS)
    z = rng.normal(size=(n, LATENTS))
    value = z @ np.sqrt(information / information.sum()) + error * rng.normal(size=n)
    return Sample(z, value[:, None], np.full((n, 1), error**2), information)


def predicted(decoder, z):
    return np.array([np.asarray(decoder(x)) for x in z])


def test_relevances_follow_the_law(rng):
    s = faint(rng)
    law = law_of(s.information, LATENTS)
    assert abs(law.mean()) < 1e-12
    strict, _ = maximise_graded(s.latents, s.value[:, 0], s.variance[:, 0], law, 0.0)
    slopes = np.diff(np.log(strict.tau)) / np.diff(law)
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-6)
    assert 0.5 < slopes[0] <= 2  # the label is made with 1
    loose, evidence = maximise_graded(s.latents, s.value[:, 0], s.variance[:, 0], law, 1.0)
    assert np.ptp(np.diff(np.log(loose.tau)) / np.diff(law)) > 0.01
    theta = np.log(np.concatenate([loose.tau, loose[1:]]))
    assert evidence == pytest.approx(-minus_evidence(theta, s.latents, s.value[:, 0], s.variance[:, 0])[0])


def test_the_law_is_the_most_probable_one(rng):
    """No law near the one found has a larger posterior: level and power are where the slope vanishes."""
    s = faint(rng)
    law = law_of(s.information, LATENTS)
    h, _ = maximise_graded(s.latents, s.value[:, 0], s.variance[:, 0], law, 0.0)
    power = np.diff(np.log(h.tau))[0] / np.diff(law)[0]
    level = np.log(h.tau[0]) - power * law[0]

    def log_posterior(level, power):
        theta = np.concatenate([level + power * law, np.log(h[1:])])
        loss = minus_evidence(theta, s.latents, s.value[:, 0], s.variance[:, 0])[0]
        pulls = [
            (x - m) / w for x, (m, w) in zip((level, power), list(few_stars.LAW.values())[:2], strict=True)
        ]
        return -loss - 0.5 * np.square(pulls).sum()

    best = log_posterior(level, power)
    for step in ((0.3, 0), (-0.3, 0), (0, 0.15), (0, -0.15)):
        assert log_posterior(level + step[0], power + step[1]) < best
    assert len(PRIOR) == 6


def test_labels_of_few_stars_are_predicted_better_than_with_free_relevances():
    """In the mean of five samples; the truth is known."""
    ratio = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        train, test = faint(rng), faint(rng, 300, error=0.0)
        free, law = (
            predicted(GaussianProcessReadOut(few=few).fit(train)[0], test.latents) for few in (0.0, 4.0)
        )
        ratio.append(np.sqrt(np.mean((law - test.value) ** 2) / np.mean((free - test.value) ** 2)))
    assert np.mean(ratio) < 0.9


def test_without_information_all_latents_are_alike():
    np.testing.assert_array_equal(law_of(None, 5), np.zeros(5))
    assert np.isfinite(law_of(np.array([10.0, 1.0, 0.0]), 3)).all()


def test_share_has_the_least_squared_residuals(rng):
    one, other = rng.normal(size=50), rng.normal(size=50) + 0.4
    share = share_of_first(one, other)

    def square(x):
        return np.sum((x * one + (1 - x) * other) ** 2)

    assert 0.02 < share < 0.98
    assert square(share) < min(square(share - 0.01), square(share + 0.01))
    assert share_of_first(one, 5 * one) == pytest.approx(0.98)
    assert share_of_first(5 * one, one) == pytest.approx(0.02)
    assert share_of_first(one, one) == 0.5


def skewed(rng, n=60) -> Sample:
    """Errors that are stated large at the one end of the label where there are few stars, and are small."""
    information = np.geomspace(1e3, 10.0, LATENTS)
    z = rng.normal(size=(n, LATENTS))
    rare = np.arange(n) % 6 == 0
    z[:, 0] = np.where(rare, -2.5, 0.5) + 0.3 * z[:, 0]
    value = z[:, 0] + 0.5 * z[:, 1] + 0.05 * rng.normal(size=n)
    return Sample(z, value[:, None], np.where(rare, 1.5, 0.1)[:, None] ** 2, information)


def test_one_error_for_all_stars_where_stated_ones_mislead(rng):
    decoder, _, (found,) = GaussianProcessReadOut().fit(skewed(rng))
    assert len(decoder.alpha) == 4
    assert found.stated_share < 0.5
    honest = faint(rng)
    decoder, _, (found,) = GaussianProcessReadOut().fit(honest)
    assert len(decoder.alpha) == 2  # errors that are alike need no second view
    assert found.stated_share == 1


def test_the_decoder_is_the_weighted_mean_of_its_members(rng, monkeypatch):
    """Mean, variance and residuals: the share is in the decoder, not only in what is said of it."""
    s, z = skewed(rng), rng.normal(size=(6, LATENTS))
    found = {}
    for share in (0.1, 0.5, 0.9):
        monkeypatch.setattr("luxjax.readout._processes.share_of_first", lambda *_, share=share: share)
        decoder, _, (facts,) = GaussianProcessReadOut().fit(s)
        assert facts.stated_share == pytest.approx(share)
        variance = np.array([np.asarray(decoder.variance(x)) for x in z])
        found[share] = [predicted(decoder, z), variance, facts.residual]
    for low, middle, high in zip(*found.values(), strict=True):
        np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-6, atol=1e-8)
        assert np.abs(high - low).max() > 1e-4


def test_a_quadratic_of_more_terms_than_stars_is_not_chosen(rng):
    z = rng.normal(size=(40, 12))  # 12 + 78 terms
    s = Sample(z, z[:, :1], np.full((40, 1), 0.01))
    assert not PolynomialReadOut(leading=20).suits(s)
    assert PolynomialReadOut(leading=4).suits(s)  # 12 + 10
    assert PolynomialReadOut().suits(s)


def test_what_was_tried_is_told(rng):
    catalog, spectra, _ = world(rng, 9)
    facts = read_out(spectra, catalog, "auto").read_outs["labels"]
    assert set(facts.why["loo_rmse"]) == {"linear", "quadratic", "gp"}
    catalog, spectra, _ = world(rng, 8)
    facts = read_out(spectra, catalog, "auto").read_outs["labels"]
    assert set(facts.why["loo_rmse"]) == {"linear", "gp"}
