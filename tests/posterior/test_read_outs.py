"""Posteriors of stars whose labels are read out from the latents: exact latents, and the labels' errors of `transfer`."""

import jax
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.posterior import Exact, Laplace, infer, load_posterior, loo, save_posterior
from luxjax.prediction import calibrate, transfer

from ..evidence.read_out_model import KINDS, read_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=KINDS)
def known(request):
    """The model with a calibration, stars, and their spectra in double precision."""
    fitted, stars = read_model(request.param)
    fitted = fitted.with_calibration(calibrate(transfer(fitted, stars, calibrated=False), stars.labels()))
    spectra = stars.spectra("flux")
    with jax.enable_x64(True):
        batch = Batch({"flux": OutputData.clean(spectra.flux, spectra.ivar, np.float64)})
    return fitted, stars, batch


def test_moments_are_those_of_transfer(known):
    fitted, _, batch = known
    posterior = infer(fitted, batch, key=1)
    assert posterior.method == "Exact"
    for calibrated in (True, False):
        expected = transfer(fitted, batch, calibrated=calibrated)
        assert expected.calibrated == calibrated
        mean, error = posterior.label_moments(np.zeros((1, 1, 1)), calibrated=calibrated)
        np.testing.assert_allclose(mean, expected.value, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(error, expected.error, rtol=1e-6)


def test_draws_have_the_covariance_of_transfer(known):
    fitted, _, batch = known
    n, expected = 20_000, transfer(fitted, batch.stars(slice(6)))
    draws = infer(fitted, batch.stars(slice(6)), key=1).label_draws(n, key=2)
    assert np.abs((draws.mean(0) - expected.value) / expected.error).max() < 5 / np.sqrt(n)
    unit = (draws - draws.mean(0)) / expected.error
    correlation = np.einsum("sna,snb->nab", unit, unit) / n
    root = expected.error[:, :, None] * expected.error[:, None, :]
    np.testing.assert_allclose(correlation, expected.cov / root, atol=7 / np.sqrt(n))


def test_scatter_of_draws_is_correlated():
    import dataclasses

    fitted, stars = read_model("gp")
    strong = np.array([[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1.0]])
    how = dataclasses.replace(fitted.read_outs["labels"], correlation=strong)
    posterior = infer(fitted.replace(read_outs={"labels": how}), stars.select(slice(2)).only("flux"), key=1)
    noise = posterior.noise("labels", (20_000, 2), np.full((1, 3), 0.1), key=3)[:, 0]
    np.testing.assert_allclose(np.corrcoef(noise.T), strong, atol=0.03)
    np.testing.assert_allclose(noise.std(0), 0.1 * fitted.info("labels").scale, rtol=0.03)


def test_labels_of_the_data_are_not_looked_at(known):
    fitted, stars, _ = known
    both, spectra = infer(fitted, stars, key=1), infer(fitted, stars.only("flux"), key=1)
    assert both.batch.names == spectra.batch.names == ("flux",)
    np.testing.assert_array_equal(both.mean, spectra.mean)
    np.testing.assert_array_equal(infer(fitted, stars, Exact(), key=1).cov, spectra.cov)
    with pytest.raises(
        InputError, match=r"inferred from flux, from which labels are read out; .* give stars"
    ):
        infer(fitted, stars.only("labels"), key=1)
    with pytest.raises(
        InputError, match="labels of this model are read out .* fit the labels with the spectra"
    ):
        infer(fitted, stars, Laplace(), key=1, sample=("latents", "scatter"))


def test_evidence_of_stars_and_folders(known, tmp_path):
    fitted, stars, _ = known
    posterior = infer(fitted, stars, key=1)
    found = loo(posterior)
    assert np.all(found.pareto_k == -np.inf)  # in closed form
    assert np.isfinite(found.elpd)
    save_posterior(posterior, tmp_path / "p")
    again = load_posterior(tmp_path / "p", stars)
    assert again.batch.names == ("flux",)
    draws = posterior.label_draws(50, key=4)
    np.testing.assert_allclose(again.label_draws(50, key=4), draws, rtol=1e-12)
    for given, expected in zip(again.label_moments(draws), posterior.label_moments(draws), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-12)
