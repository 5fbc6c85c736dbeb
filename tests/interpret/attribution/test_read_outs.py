"""Attributions of labels that are read out from the latents: each star's own slope, at the speed of linear models."""

import jax
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.interpret.attribution import (
    conditional_flux_jacobian,
    counterfactual,
    flux_jacobian,
    label_jacobian,
    mean_label_jacobian,
    recourse,
    shapley_spread,
    window_shapley,
)
from luxjax.interpret.attribution._shapley import exact_shapley
from luxjax.interpret.attribution._shapley_windows import contributions, window_groups, window_sums
from luxjax.prediction import transfer

from ...evidence.read_out_model import KINDS, read_model

pytestmark = pytest.mark.slow
LABEL = "label_2"


@pytest.fixture(scope="module", params=KINDS)
def known(request):
    return read_model(request.param)


def labels_of(fitted, flux, ivar):
    """Labels of these spectra, in double precision."""
    with jax.enable_x64(True):
        batch = Batch({"flux": OutputData.clean(flux, np.broadcast_to(ivar, flux.shape), np.float64)})
        return transfer(fitted, batch).value


def test_label_jacobian_is_that_of_transfer(known):
    fitted, stars = known
    found = np.stack([label_jacobian(fitted, stars, n).value for n in fitted.info("labels").names], axis=1)
    step = 1e-5
    for star in (0, 7):
        seen = stars.spectra("flux")
        flux, ivar = (np.asarray(x[star], np.float64) for x in (seen.flux, seen.ivar))
        flux = np.where(ivar > 0, flux, 1.0)
        shifts = step * np.eye(len(flux))
        up, down = labels_of(fitted, flux + shifts, ivar), labels_of(fitted, flux - shifts, ivar)
        expected = (up - down).T / (2 * step)
        size = np.abs(expected).max(axis=1, keepdims=True)
        np.testing.assert_allclose(found[star] / size, expected / size, rtol=1e-4, atol=1e-6)
        assert np.all(found[star][:, ivar == 0] == 0)
    np.testing.assert_allclose(mean_label_jacobian(fitted, stars), found.mean(0), rtol=1e-9, atol=1e-9)


def test_linear_read_outs_have_the_dense_formula():
    fitted, stars = read_model("linear")
    w, a = (np.asarray(fitted.model[k].weight) for k in ("flux", "labels"))
    ivar = np.asarray(stars.spectra("flux").ivar[3], float)
    weight = ivar / (1 + ivar * np.asarray(fitted.model.scatter["flux"]) ** 2)
    s = np.linalg.inv(np.eye(w.shape[1]) + (w.T * weight) @ w)
    expected = fitted.info("labels").scale[1] * (a[1] @ s @ w.T) * weight
    np.testing.assert_allclose(label_jacobian(fitted, stars, LABEL).value[3], expected, rtol=1e-5)
    assert np.all(label_jacobian(fitted, stars.select(slice(2)), LABEL, spread=True).sd >= 0)


def test_window_values_add_up(known):
    fitted, stars = known
    predicted = transfer(fitted, stars).value
    for correlated in (False, True):
        found = window_shapley(fitted, stars, 4, correlated=correlated)
        np.testing.assert_allclose(found.prediction, predicted, rtol=1e-4, atol=1e-5)
    spread = shapley_spread(fitted, stars, 4, seed=1)
    assert np.all((spread.value > 0.1) & (spread.value <= 1))


@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_window_values_are_shapley_values_up_to_second_order(kind):
    fitted, stars = read_model(kind)
    batch = fitted.batch(stars, "flux")
    names, group = window_groups(fitted, batch, 4)
    gram, rhs, _ = next(window_sums(fitted, batch, group, 4, 64))
    parts, decoder = contributions(gram, rhs), fitted.model["labels"]

    def worth(who):
        with jax.enable_x64(True):
            return np.asarray(jax.vmap(decoder)(parts[:, who].sum(1)))

    expected = np.moveaxis(exact_shapley(worth, 4), 0, 1) * fitted.info("labels").scale
    np.testing.assert_allclose(window_shapley(fitted, stars, 4).values, expected, rtol=1e-8, atol=1e-10)
    assert names == window_shapley(fitted, stars, 4).features


def test_counterfactuals_and_recourse_do_what_is_asked(known):
    fitted, stars = known
    change, few = 0.1, stars.select(slice(3))
    found = counterfactual(fitted, few, LABEL, change)
    linear = fitted.read_outs["labels"].kind == "linear"
    assert (found.difference_sd is not None) == linear
    before = transfer(fitted, few).value
    with jax.enable_x64(True):
        info = fitted.info("labels")
        after = np.asarray(jax.vmap(fitted.model["labels"])(found.latents)) * info.scale + info.loc
    np.testing.assert_allclose(after - before, np.tile([0, change, 0], (3, 1)), atol=2e-6)
    star = few.select(slice(1))
    asked = recourse(fitted, star, LABEL, change, others=["label_1"])
    seen = star.spectra("flux")
    flux, ivar = np.where(seen.ivar > 0, seen.flux, 1.0).astype(float), np.asarray(seen.ivar, float)
    moved = labels_of(fitted, flux + asked.flux_change, ivar) - labels_of(fitted, flux, ivar)
    np.testing.assert_allclose(moved[0][[1, 0]], [change, 0], atol=1e-5)
    np.testing.assert_allclose(asked.reached, [change, 0], atol=1e-5)


def test_flux_by_label_at_the_mean_star(known):
    fitted, _ = known
    with jax.enable_x64(True):
        slope = np.asarray(fitted.model["labels"].jacobian(np.zeros(fitted.model.n_latents)))
    a = slope * fitted.info("labels").scale[:, None]
    flux = np.asarray(fitted.model["flux"].weight, float)
    np.testing.assert_allclose(
        flux_jacobian(fitted, LABEL).value, flux @ (a[1] / (a[1] @ a[1])), rtol=1e-6, atol=1e-9
    )
    # The step that moves one label alone is a column of the pseudo-inverse.
    np.testing.assert_allclose(
        conditional_flux_jacobian(fitted, LABEL).value, flux @ np.linalg.pinv(a)[:, 1], rtol=1e-6, atol=1e-9
    )


def test_spreads_that_are_not_known_are_refused():
    for kind in ("quadratic", "gp"):
        fitted, stars = read_model(kind)
        with pytest.raises(InputError, match="linear decoders of inputs and labels"):
            label_jacobian(fitted, stars.select(slice(2)), LABEL, spread=True)
    assert np.all(flux_jacobian(read_model("quadratic")[0], LABEL, spread=True).sd > 0)
    with pytest.raises(InputError, match="linear in their weights, which that of 'labels' is not"):
        flux_jacobian(fitted, LABEL, spread=True)
