"""Stated flux errors that are too large: found from residuals, and put right in the model."""

import dataclasses

import numpy as np
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.data import Catalog
from luxjax.fitted import OutputInfo
from luxjax.fitting import EM, fit
from luxjax.fitting.internal import flux_error_scales
from luxjax.models import Lux
from luxjax.simulation import bilinear
from luxjax.training import train


def world(n_stars=150, n_pixels=80, **kwargs) -> Catalog:
    return bilinear(n_stars, {"flux": n_pixels, "labels": 2}, 4, key=3, snr=80, **kwargs).catalog


def stated(stars: Catalog, factor: float) -> Catalog:
    """The same stars, with flux errors stated this many times larger."""
    flux = stars.outputs["flux"]
    return Catalog({**stars.outputs, "flux": flux.replace(ivar=flux.ivar / factor**2)}, stars.table)


@pytest.mark.parametrize("factor", [1.0, 1.6, 3.0])
def test_the_factor_is_what_errors_were_inflated_by(factor):
    stars = stated(world().only("flux"), factor)
    fitted = fit(Lux.linear(stars.sizes, 4), stars, EM(), key=1)
    assert flux_error_scales(fitted, stars, "flux")["flux"] * factor == pytest.approx(1.0, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(400, 400), (90, 120)])
def test_what_many_latents_take_from_the_noise_is_put_back(sizes):
    """Forty latents take a fifth and more than half of the variance of the noise: residuals alone are 0.9 and 0.65 of the errors."""
    stars = world(*sizes).only("flux")
    fitted = fit(Lux.linear(stars.sizes, 40), stars, EM(tol=1e-5), key=1)
    assert flux_error_scales(fitted, stars, "flux")["flux"] > 0.87


def test_bad_pixels_and_errors_that_are_too_small_do_not_matter():
    stars = world().only("flux")
    flux = stars.outputs["flux"]
    value = flux.flux.copy()
    value[::7, ::9] += 5.0  # cosmic rays
    stars = stated(Catalog({"flux": flux.replace(flux=value)}, stars.table), 2.0)
    fitted = fit(Lux.linear(stars.sizes, 4), stars, EM(), key=1)
    assert flux_error_scales(fitted, stars, "flux")["flux"] < 0.8
    small = stated(world().only("flux"), 0.4)
    fitted = fit(Lux.linear(small.sizes, 4), small, EM(), key=1)
    assert flux_error_scales(fitted, small, "flux")["flux"] > 1.2


def test_a_model_with_the_factor_is_that_of_the_smaller_errors(tmp_path):
    stars, wrong = world().only("flux"), stated(world().only("flux"), 2.0)
    model = Lux.linear(stars.sizes, 4)
    one = fit(model, stars, EM(), key=1)
    two = fit(model, wrong, EM(), key=1, error_scales={"flux": 0.5})
    np.testing.assert_allclose(two.objective[-1], one.objective[-1], rtol=1e-6)
    luxjax.save(two, tmp_path / "model")
    assert luxjax.load(tmp_path / "model").info("flux").error_scale == 0.5
    np.testing.assert_allclose(
        np.asarray(luxjax.load(tmp_path / "model").batch(wrong, "flux")["flux"].ivar),
        np.asarray(one.batch(stars, "flux")["flux"].ivar),
        rtol=1e-6,
    )


@pytest.mark.slow
def test_training_learns_the_factor_and_predicts_as_with_right_errors():
    right = world(label_error=0.1)
    options = {"latents": 4, "readout": "linear", "folds": 3, "baselines": (), "key": 1}
    one, two = train(right, **options), train(stated(right, 2.5), **options)
    assert one.fitted.info("flux").error_scale == 1.0
    assert two.fitted.info("flux").error_scale == pytest.approx(0.4, abs=0.05)
    spread = np.std(one.raw.value, axis=0)
    assert (np.std(two.raw.value - one.raw.value, axis=0) < 0.04 * spread).all()
    np.testing.assert_allclose(np.median(two.raw.error / one.raw.error, axis=0), 1.0, atol=0.1)


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.5, np.nan])
def test_a_factor_is_between_0_and_1(factor):
    info = OutputInfo.of(world().outputs["flux"])
    with pytest.raises(InputError, match="at most 1"):
        dataclasses.replace(info, error_scale=factor)


def test_the_spectra_of_a_factor_have_to_be_known():
    stars = world().only("flux")
    with pytest.raises(InputError, match="flux"):
        fit(Lux.linear(stars.sizes, 2), stars, EM(), key=1, error_scales={"fluxes": 0.5})
