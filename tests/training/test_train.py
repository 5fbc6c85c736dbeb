"""Training as a whole."""

import numpy as np
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, folds
from luxjax.simulation import bilinear
from luxjax.training import train


@pytest.fixture(scope="module")
def stars():
    return bilinear(60, {"flux": 40, "labels": 2}, 3, key=5, label_error=0.1, snr=300).catalog


@pytest.fixture(scope="module")
def found(stars):
    return train(stars, latents=3, readout="linear", folds=3, key=1)


def with_labels(stars, value, error) -> Catalog:
    old = stars.labels()
    return Catalog({**stars.outputs, "labels": LabelTable(value, error, old.names, old.ids)}, stars.table)


def test_models_did_not_see_the_stars_that_they_judge(stars, found):
    for k, model in enumerate(found.fold_models):
        np.testing.assert_array_equal(model.trained_on(stars.ids), found.fold != k)
        held = stars.select(found.fold == k)
        np.testing.assert_allclose(
            found.raw.value[found.fold == k], luxjax.transfer(model, held.only("flux")).value, rtol=1e-9
        )
    assert found.fitted.trained_on(stars.ids).all()


def test_errors_of_a_star_do_not_depend_on_its_own_label(stars, found):
    """A label made absurd changes the calibration of all other folds, and of its own not through its residual."""
    table = stars.labels()
    value = table.value.copy()
    value[7, 0] += 3 * np.std(value[:, 0])
    other = train(with_labels(stars, value, table.error), latents=3, readout="linear", folds=3, key=1)
    own = found.fold == found.fold[7]
    # The model of its own fold does not know it, so what it predicts stays; of other folds it trained the model.
    np.testing.assert_allclose(other.raw.value[own], found.raw.value[own], rtol=1e-9)
    assert np.abs(other.raw.value[~own] - found.raw.value[~own]).max() > 1e-3


def test_the_front_door_gives_the_same_model(stars, found):
    fitted = luxjax.fit(stars, latents=3, readout="linear", folds=3, key=1)
    one, two = (luxjax.transfer(f, stars.only("flux")) for f in (fitted, found.fitted))
    np.testing.assert_array_equal(one.value, two.value)
    np.testing.assert_array_equal(one.error, two.error)
    assert one.calibrated


def test_few_stars_give_a_model_with_errors_that_are_marked(stars):
    few = train(
        stars.select(slice(0, 27)), latents=2, readout="linear", folds=3, baselines=("ridge", "cannon"), key=1
    )
    assert not few.out_of_fold.calibrated
    assert few.fitted.calibrations == ()
    assert few.problems[-1].startswith("errors are not calibrated: ")
    assert np.isfinite(few.out_of_fold.error).all()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"latents": 50}, r"50 latents were asked for; 60 labelled stars in 3 folds allow 39 at most"),
        ({"latents": 0}, r"latents are whole numbers of 1 or more"),
        ({"readout": "cubic"}, r"read-out.*cubic.*quadratic"),
        ({"inputs": "flxu"}, r"input.*flxu.*flux"),
        ({"decoder": "tree"}, r"decoder.*tree"),
        ({"readout": "joint", "latents": (2, 3)}, r"with readout 'joint' give one"),
        ({"baselines": ("lasso",)}, r"baseline.*lasso"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_fitted(stars, options, what):
    with pytest.raises(InputError, match=what):
        train(stars, **{"folds": 3, "key": 1} | options)


def test_stars_without_labels_do_not_count(stars):
    table = stars.labels()
    value = table.value.copy()
    value[:45] = np.nan
    with pytest.raises(InputError, match=r"15 of 60 stars have labels; training needs at least 20"):
        train(with_labels(stars, value, table.error), key=1)


def test_fit_says_what_it_takes(stars):
    with pytest.raises(InputError, match=r"fit takes stars.*given a Lux"):
        luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), key=1)
    with pytest.raises(InputError, match="leave out latents"):
        luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, latents=3, key=1)


def test_thirty_stars_give_calibrated_errors(stars):
    found = train(stars.select(slice(0, 30)), latents=2, readout="linear", folds=5, baselines=(), key=1)
    assert found.out_of_fold.calibrated
    assert found.fitted.calibrations[0].n_stars.max() == 30
    assert found.problems == ()


def test_models_that_get_their_labels_afterwards_know_what_is_typical(found):
    """As it is of stars that were held out; the models of the folds, and the flags of what they say, go by it too."""
    for name in ("chi2", "latent_distance"):
        limit = np.percentile(getattr(found.raw, name), 95)
        assert found.fitted.typical[name] == pytest.approx(limit)
        assert found.fold_models[0].typical[name] == pytest.approx(limit)
    first = found.fold == 0
    again = luxjax.transfer(found.fold_models[0], found.stars.select(first).only("flux"))
    np.testing.assert_array_equal(again.flag, found.raw.flag[first])


def test_the_folds_are_those_of_the_key(stars, found):
    np.testing.assert_array_equal(found.fold, folds(list(stars.ids), 3, seed=1))


@pytest.mark.slow
def test_student_noise_does_not_mind_a_few_bad_pixels(stars):
    """Cosmic rays in a tenth of the stars: predictions stay near those of clean spectra, and with Gaussian noise they do not."""
    flux = stars.outputs["flux"]
    value = flux.flux.copy()
    hit = np.random.default_rng(1).integers(0, flux.n_pixels, len(stars))
    value[np.arange(len(stars))[::3], hit[::3]] += 0.6
    struck = Catalog({**stars.outputs, "flux": flux.replace(flux=value)}, stars.table)
    options = {"latents": 3, "readout": "linear", "folds": 3, "baselines": (), "refit": False, "key": 1}
    clean = train(stars, **options).raw.value
    off = {
        noise: np.std(train(struck, **options, noise=noise).raw.value - clean)
        for noise in ("gaussian", "student")
    }
    assert off["student"] < 0.5 * off["gaussian"]


def test_noise_has_to_be_known(stars):
    with pytest.raises(InputError, match="gaussian"):
        train(stars, noise="cauchy", key=1)
    with pytest.raises(InputError, match="linear decoders"):
        train(stars, noise="student", decoder="quadratic", key=1)
