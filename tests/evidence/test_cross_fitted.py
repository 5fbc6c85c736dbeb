"""Stars that a model was fitted to, judged by models of the folds."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence import explain_all
from luxjax.evidence._cross_fitted import infer_cross_fitted
from luxjax.evidence._held_out import infer_held_out
from luxjax.prediction import transfer
from tests.evidence.read_out_model import curved_stars, read_model

LABELS = ("label_1", "label_2", "label_3")


@pytest.fixture(scope="module")
def setting():
    """The stars of two folds, in no order, and a model for each fold that differs from the other's."""
    stars = curved_stars().select(slice(200, 260))
    fold = np.random.default_rng(1).integers(0, 2, len(stars))
    return stars, fold, [read_model("linear")[0], read_model("quadratic")[0]], read_model("gp")[0]


def test_every_star_is_seen_by_the_model_of_its_fold(setting):
    stars, fold, models, whole = setting
    found = infer_cross_fitted(whole, stars, models, fold)
    pixels = np.zeros(40, bool)
    pixels[5:9] = True
    without, change = found.without(pixels), found.change(pixels, np.full((len(stars), 4), 0.01))
    for k, model in enumerate(models):
        rows = fold == k
        alone = infer_held_out(model, stars.select(rows))
        np.testing.assert_allclose(found.predicted[rows], alone.predicted, rtol=1e-10)
        np.testing.assert_allclose(
            found.predicted[rows],
            transfer(model, stars.select(rows).only("flux")).value,
            atol=1e-5,
        )
        np.testing.assert_allclose(without.masked[rows], alone.without(pixels).masked, rtol=1e-10)
        np.testing.assert_allclose(without.own_part[rows], alone.without(pixels).own_part, rtol=1e-10)
        np.testing.assert_allclose(
            change[rows], alone.change(pixels, np.full((rows.sum(), 4), 0.01)), rtol=1e-8
        )
        np.testing.assert_allclose(found.label_cov([0, 2])[rows], alone.label_cov([0, 2]), rtol=1e-10)
    # What belongs to the model of all stars is that of this one.
    np.testing.assert_array_equal(found.latents, infer_held_out(whole, stars).latents)


@pytest.mark.slow
def test_explained_with_all_stars(setting):
    stars, fold, models, whole = setting
    options = {"resolution": 15_000.0, "species": dict.fromkeys(LABELS, ())}
    found = explain_all(whole, stars, fold_models=models, fold=fold, **options)
    assert {e.verdict.n_stars for e in found.values()} == {60}
    # With one model for all folds it is what that model says of held-out stars.
    same = explain_all(models[0], stars, fold_models=[models[0]] * 2, fold=fold, **options)
    plain = explain_all(models[0], stars, **options)
    for name in LABELS:
        assert same[name].verdict.response == pytest.approx(plain[name].verdict.response, rel=1e-8)


def test_folds_that_do_not_fit(setting):
    stars, fold, models, whole = setting
    with pytest.raises(InputError, match=r"folds of 60 stars .* for 2 models"):
        infer_cross_fitted(whole, stars, models, fold + 1)
