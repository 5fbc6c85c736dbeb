"""Evidence and verdicts on labels that are read out from the latents: each star's own slope, exact latents."""

import dataclasses

import numpy as np
import pytest

from luxjax.data import Catalog
from luxjax.dataset import Dataset
from luxjax.evidence import explain, explain_dataset
from luxjax.evidence._held_out import infer_held_out
from luxjax.evidence.lines_of_evidence import _registry
from luxjax.evidence.lines_of_evidence._ablation import _refitted
from luxjax.evidence.lines_of_evidence._injection import inject
from luxjax.interpret.attribution import label_jacobian, mean_label_jacobian
from luxjax.prediction import transfer

from .read_out_model import KINDS, read_model
from .worlds import RESOLUTION, europium, read_world

pytestmark = pytest.mark.slow
OWN = np.zeros(40, bool)
OWN[8:20] = True


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def seen(kind):
    fitted, stars = read_model(kind)
    return fitted, stars, infer_held_out(fitted, stars)


def changed(stars: Catalog, **changes) -> Catalog:
    spectra = dataclasses.replace(stars.spectra("flux"), **changes)
    return Catalog({"flux": spectra, "labels": stars["labels"]})


def test_pixels_that_are_masked_or_changed(seen):
    fitted, stars, sums = seen
    found, spectra = sums.without(OWN), stars.spectra("flux")
    np.testing.assert_allclose(sums.predicted, transfer(fitted, stars).value, atol=5e-6)
    never = infer_held_out(fitted, changed(stars, ivar=np.where(OWN, 0.0, spectra.ivar)))
    np.testing.assert_allclose(found.masked, never.predicted, atol=1e-4)
    assert np.abs(found.predicted - found.masked).max() > 0.05
    factor = np.where(OWN, 0.99, 1.0)
    again = infer_held_out(fitted, changed(stars, flux=spectra.flux * factor)).predicted - sums.predicted
    difference = sums.flux[:, OWN] * (factor[OWN] - 1)
    np.testing.assert_allclose(sums.change(OWN, difference), again, atol=2e-4)
    assert np.abs(again).max() > 0.05
    np.testing.assert_allclose(inject(sums, factor, 0.2).slope, again.mean(axis=0) / 0.2, atol=1e-3)


def test_parts_of_all_pixels_add_up(seen):
    fitted, _, sums = seen
    parts = [sums.without(np.arange(40) // 10 == k).own_part for k in range(4)]
    mean_star = sums.label_values(np.zeros((1, fitted.model.n_latents)))
    np.testing.assert_allclose(sum(parts) + mean_star, sums.predicted, atol=1e-5)


def test_covariance_is_that_of_the_latents_in_transfer(seen):
    fitted, stars, sums = seen
    found = np.sqrt(np.diagonal(sums.label_cov([0, 1, 2]), axis1=1, axis2=2))
    np.testing.assert_allclose(found**2, transfer(fitted, stars).parts["latent"], rtol=1e-4)


def test_linear_read_outs_have_the_formulas_of_linear_models():
    fitted, stars = read_model("linear")
    sums = infer_held_out(fitted, stars)
    a = np.asarray(fitted.model["labels"].weight) * fitted.info("labels").scale[:, None]
    w, b = (np.asarray(x) for x in (fitted.model["flux"].weight, fitted.model["flux"].intercept))
    n = 5
    weight, flux = sums.weight[n].astype(float), sums.flux[n].astype(float)
    s = np.linalg.inv(np.eye(len(w.T)) + (w.T * weight) @ w)
    own = a @ s @ (w[OWN].T @ (weight[OWN] * (flux - b)[OWN]))
    np.testing.assert_allclose(sums.without(OWN).own_part[n], own, rtol=1e-4, atol=1e-6)
    change = np.where(OWN, 0.01, 0.0)
    expected = a @ s @ (w.T @ (weight * change))
    found = sums.change(OWN, np.full((len(sums), OWN.sum()), 0.01))[n]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(sums.label_cov([0, 2])[n], a[[0, 2]] @ s @ a[[0, 2]].T, rtol=1e-4)


def test_every_line_of_evidence_of_a_label_that_is_there(kind):
    world, fitted = read_world(kind)
    given = {"lines": europium(world), "resolution": RESOLUTION, "n_null": 4, "supporting": True}
    others = ("teff", "logg", "fe_h", "alpha_fe")
    found = explain(fitted, world.held_out, "eu_fe", condition_on=others, train=world.train, **given)
    assert found.verdict.verdict == "measured"
    missing = set(_registry.names()) - set(found.evidence)
    assert missing == {"bound", "repeats", "decoupled"}  # what needs the truth, or stars that are not given
    assert found["off_trend"].value > 0.3
    for name in ("element_lines", "ablation", "doppelgangers", "injection"):
        assert found[name].value > found[name].null.max(), name
    refitted, response = found["ablation"].arrays["refitted"], found["ablation"].arrays["response"][0]
    assert abs(refitted) < 0.2 < 0.3 < response
    assert ("flux_by_label_sd" in found["saliency"].arrays) == (kind != "gp")
    expected = mean_label_jacobian(fitted, world.held_out, ["eu_fe"])[0]
    filtered = found["saliency"].arrays["label_by_flux"]
    np.testing.assert_allclose(filtered[filtered != 0], expected[filtered != 0], rtol=2e-3, atol=1e-4)
    assert np.isfinite(found["shapley"].value)


def test_a_refit_reads_labels_out_in_the_same_way(kind):
    fitted, stars = read_model(kind)
    again = _refitted(fitted, stars, 1)
    assert again.read_outs["labels"].kind == kind
    assert type(again.model["labels"]) is type(fitted.model["labels"])


def test_stars_of_a_dataset(kind, tmp_path):
    world, fitted = read_world(kind)
    stars = world.held_out.select(slice(0, 96))
    dataset = Dataset.create(tmp_path / "d", stars.outputs, chunk=16, shard=32)
    dataset.append(stars)
    given = {"lines": europium(world), "resolution": RESOLUTION}
    made = explain_dataset(fitted, dataset, tmp_path / "out", block=64, part=64, **given)
    found, sums = made.table(), infer_held_out(fitted, stars)
    j, own = sums.column("eu_fe"), made.pixels()["eu_fe_own"].to_numpy()
    held = sums.without(own)
    assert own.any()
    for column, expected in (("", held.predicted), ("_without", held.masked), ("_own", held.own_part)):
        np.testing.assert_allclose(found[f"eu_fe{column}"], expected[:, j], rtol=1e-4, atol=2e-5)
    total = made.facts["mean_star"]["eu_fe"] + found["eu_fe_own"] + found["eu_fe_rest"]
    np.testing.assert_allclose(total, found["eu_fe"], rtol=1e-9, atol=1e-12)
    slopes = label_jacobian(fitted, stars, "eu_fe").value
    for column, expected in (("slope", slopes.mean(0)), ("slope_abs", np.abs(slopes).mean(0))):
        size = np.abs(expected).max()
        np.testing.assert_allclose(made.pixels()[f"eu_fe_{column}"], expected, atol=1e-4 * size)


def test_slopes_are_the_derivatives_of_label_values(seen):
    fitted, _, sums = seen
    step, d = 1e-5, fitted.model.n_latents
    for k in range(d):
        shift = step * np.eye(d)[k]
        change = sums.label_values(sums.latents + shift) - sums.label_values(sums.latents - shift)
        np.testing.assert_allclose(sums.label_slopes[:, :, k], change / (2 * step), rtol=1e-5, atol=1e-7)
    # Their mean on the way from the mean star explains the whole label.
    rise = np.einsum("nli,ni->nl", sums.mean_label_slopes, sums.latents)
    np.testing.assert_allclose(rise, sums.predicted - sums.label_values(0 * sums.latents), atol=5e-6)
