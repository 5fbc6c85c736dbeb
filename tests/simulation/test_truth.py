import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lines.internal import PARAMETERS
from luxjax.simulation._population import LABELS
from luxjax.simulation._truth import _cramer_rao, _van_trees


def test_bounds_against_dense_linear_algebra():
    rng = np.random.default_rng(0)
    jacobian = rng.standard_normal((50, 6))
    information = jacobian.T @ jacobian
    half = rng.standard_normal((6, 6))
    prior = half @ half.T + 0.1 * np.eye(6)
    labels = rng.standard_normal((3, 6))
    none, fixed = np.zeros((0, 6)), labels[:1]
    expected = np.sqrt(np.diag(labels @ np.linalg.inv(information) @ labels.T))
    assert np.allclose(_cramer_rao(information, labels, none), expected)
    posterior = np.linalg.inv(information + np.linalg.inv(prior))
    root = np.linalg.cholesky(prior)
    assert np.allclose(
        _van_trees(information, labels, none, root), np.sqrt(np.diag(labels @ posterior @ labels.T))
    )
    # a known label is a label measured very precisely
    precise = 1e9 * fixed.T @ fixed
    for bound, matrix in (
        (_cramer_rao(information, labels, fixed), np.linalg.inv(information + precise)),
        (
            _van_trees(information, labels, fixed, root),
            np.linalg.inv(information + precise + np.linalg.inv(prior)),
        ),
    ):
        assert np.allclose(bound, np.sqrt(np.diag(labels @ matrix @ labels.T)), atol=1e-4)
        assert bound[0] < 1e-6


def test_nothing_seen_is_infinite():
    information = np.diag([4.0, 0.0, 25.0])
    bound = _cramer_rao(information, np.eye(3), np.zeros((0, 3)))
    assert bound.tolist() == [0.5, np.inf, 0.2]


@pytest.mark.slow
def test_bounds_of_the_survey(survey):
    truth = survey.truth
    h_band = truth.bound(survey.catalog.spectra("apogee"), slice(0, 8))
    optical = truth.bound(survey.catalog.spectra("galah"), slice(0, 8))
    eu = h_band.labels.index("eu_fe")
    assert np.all(np.isinf(h_band.cramer_rao[:, eu]))
    assert np.all(np.isfinite(optical.cramer_rao[:, eu]))
    assert np.all(h_band.van_trees[:, eu] > 0.045)
    assert np.median(optical.van_trees[:, eu]) < np.median(h_band.van_trees[:, eu])
    for bound in (h_band, optical):
        assert np.all(bound.van_trees <= bound.cramer_rao * (1 + 1e-6))
    # hidden elements marginalised or not: knowing the other labels can only help
    others = [n for n in LABELS if n != "eu_fe"]
    known = truth.bound(survey.catalog.spectra("galah"), slice(0, 8), known=others)
    assert np.all(known.van_trees[:, eu] <= optical.van_trees[:, eu] + 1e-9)


@pytest.mark.slow
def test_europium_has_no_response_in_the_h_band(survey):
    jacobian = survey.truth.jacobian("apogee", slice(0, 3))
    assert not jacobian[:, :, PARAMETERS.index("eu_fe")].any()
    assert survey.truth.jacobian("galah", [0])[:, :, PARAMETERS.index("eu_fe")].any()
    assert "Eu" in survey.truth.line_response("galah")


@pytest.mark.slow
def test_labels_can_be_recovered_from_the_h_band(survey):
    """Ridge on 200 spectra: far better than the spread of each label, and no better than the bound allows."""
    spectra, truth = survey.catalog.spectra("apogee"), survey.truth
    good = spectra.good.mean(axis=0) > 0.5
    flux = np.where(spectra.good, spectra.flux, np.nan)[:, good]
    flux = np.where(np.isnan(flux), np.nanmean(flux, axis=0), flux)
    train, held_out = slice(0, 300), slice(300, 400)
    values = truth.label_values
    centre, mean, spread = flux[train].mean(0), values[train].mean(0), values[train].std(0)
    gram = (flux[train] - centre) @ (flux[train] - centre).T
    weights = np.linalg.solve(gram + np.eye(300), (values[train] - mean) / spread)
    predicted = (flux[held_out] - centre) @ (flux[train] - centre).T @ weights * spread + mean
    rmse = np.sqrt(np.mean((predicted - values[held_out]) ** 2, axis=0))
    assert np.all(rmse[:4] < [90, 0.35, 0.12, 0.05])
    assert np.all(rmse[:4] < 0.5 * spread[:4])
    assert np.all(rmse[:4] > np.median(truth.bound(spectra, slice(0, 8)).van_trees, axis=0)[:4])


def test_wrong_input_gets_a_sentence(survey):
    with pytest.raises(InputError, match="inverse variances"):
        survey.truth.bound("apogee")
    with pytest.raises(InputError, match="window 'lamost'"):
        survey.truth.flux("lamost")
