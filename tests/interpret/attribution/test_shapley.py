import itertools
import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from luxjax.core import Batch, InputError, OutputData
from luxjax.fitted import FittedModel
from luxjax.interpret.attribution import (
    callable_shapley,
    latent_shapley,
    linear_shapley,
    shapley_spread,
    window_shapley,
)
from luxjax.interpret.attribution._shapley import exact_shapley, import_shap, sampled_shapley
from luxjax.interpret.representation import canonical_gauge, random_rotation, rotate, star_latents
from luxjax.latents.internal import latent_posterior
from luxjax.models import Linear, Lux, Quadratic
from luxjax.prediction import transfer

from ...evidence.bilinear_model import exact, world


def by_orders(game, n):
    """Shapley values from every order of the players."""
    total = 0
    for order in itertools.permutations(range(n)):
        who, before, added = np.zeros(n, bool), np.asarray(game(np.zeros(n, bool))), {}
        for player in order:
            who = who.copy()
            who[player] = True
            added[player], before = game(who) - before, game(who)
        total = total + np.stack([added[k] for k in range(n)])
    return total / math.factorial(n)


@pytest.fixture(scope="module")
def made():
    return world(n_stars=30)


@pytest.fixture(scope="module")
def model(made):
    return exact(made)


def test_exact_values_are_the_mean_over_all_orders(rng):
    worth = rng.normal(size=(2**5, 3))

    def game(who):
        return worth[int(np.sum(who * 2 ** np.arange(5)))]

    assert np.allclose(exact_shapley(game, 5), by_orders(game, 5))


def test_glove_game():
    def game(who):
        return float(min(who[0], who[1] + who[2]))

    assert np.allclose(exact_shapley(game, 3), [2 / 3, 1 / 6, 1 / 6])


def test_sampled_values_scatter_about_the_exact_ones_by_their_standard_error(rng):
    worth = rng.normal(size=2**6)

    def game(who):
        return worth[int(np.sum(who * 2 ** np.arange(6)))]

    truth, pulls = exact_shapley(game, 6), []
    for seed in range(40):
        values, error = sampled_shapley(game, 6, n_orders=20, seed=seed)
        assert values.sum() == pytest.approx(worth[-1] - worth[0])
        pulls.append((values - truth) / error)
    assert np.std(pulls) == pytest.approx(1, abs=0.2)
    assert abs(np.mean(pulls)) < 0.2


def test_independent_values_are_those_of_shaps_linear_explainer(rng):
    shap = import_shap()
    coef, x = rng.normal(size=(2, 4)), rng.normal(size=(150, 4)) + 3
    found = linear_shapley(coef, x, x.mean(0), intercept=[1.0, -2.0])
    masker = shap.maskers.Independent(x, max_samples=len(x))
    for j in range(2):
        theirs = shap.LinearExplainer((coef[j], [1.0, -2.0][j]), masker)
        assert np.allclose(found.values[:, :, j], theirs.shap_values(x), atol=1e-10)
        assert np.allclose(found.base[j], theirs.expected_value)
    assert np.allclose(found.prediction, x @ coef.T + [1, -2], atol=1e-10)
    assert found.kind == "independent"
    assert np.allclose(found.importance, np.abs(found.values).mean(0))


def test_correlation_aware_values_are_gaussian_conditional_expectations(rng):
    root = rng.normal(size=(4, 4))
    cov, mean = root @ root.T, rng.normal(size=4)
    coef, x = rng.normal(size=4), rng.normal(size=(3, 4))
    found = linear_shapley(coef, x, mean, cov)
    for star in range(3):

        def game(who, star=star):
            expected = mean.copy()
            if who.any():
                gain = cov[:, who] @ np.linalg.inv(cov[np.ix_(who, who)])
                expected = mean + gain @ (x[star] - mean)[who]
            return coef @ expected

        assert np.allclose(found.values[star, :, 0], by_orders(game, 4))
    assert np.allclose(found.prediction[:, 0], x @ coef)


def test_uncorrelated_features_get_the_same_values_either_way_and_copies_share(rng):
    coef, x = rng.normal(size=(2, 5)), rng.normal(size=(6, 5))
    aware = linear_shapley(coef, x, np.zeros(5), np.diag(rng.uniform(1, 2, 5)))
    assert np.allclose(aware.values, linear_shapley(coef, x, np.zeros(5)).values)
    copies = np.array([[1.0], [1.0]]) * np.ones((2, 2))
    shared = linear_shapley([1.0, 0.0], [[2.0, 2.0]], [0.0, 0.0], copies)
    assert np.allclose(shared.values[0, :, 0], [1, 1], atol=1e-6)  # the unused copy gets half
    assert np.allclose(linear_shapley([1.0, 0.0], [[2.0, 2.0]], [0.0, 0.0]).values[0, :, 0], [2, 0])


def test_more_features_than_can_be_enumerated_are_sampled(rng):
    n = 17
    root = rng.normal(size=(n, n))
    coef, x = rng.normal(size=n), rng.normal(size=(4, n))
    found = linear_shapley(coef, x, np.zeros(n), root @ root.T, n_orders=10)
    assert np.allclose(found.prediction[:, 0], x @ coef)
    assert (found.error > 0).all()
    with pytest.raises(InputError, match="Sample instead"):
        exact_shapley(lambda who: 0.0, 16)


def test_latent_values_add_up_to_the_predicted_labels(made, model):
    latents = star_latents(model, made.catalog).mean
    expected = transfer(model.replace(weight_cov={}), made.catalog).value
    for correlated in (False, True):
        found = latent_shapley(model, latents, correlated=correlated)
        assert np.allclose(found.prediction, expected, atol=1e-6)
    turned = rotate(model, canonical_gauge(model, made.catalog))
    again = latent_shapley(turned, star_latents(turned, made.catalog).mean)
    assert np.allclose(again.prediction, expected, atol=1e-6)
    assert not np.allclose(again.importance, latent_shapley(model, latents).importance, rtol=0.1)


def test_window_values_are_label_jacobian_times_residual(made, model):
    found = window_shapley(model, made.catalog, 4)
    a, b = made.weights["labels"], made.weights["flux"]
    spectra = made.catalog.spectra("flux")
    for n in range(3):
        good = spectra.ivar[n] > 0
        w = np.where(good, spectra.ivar[n] / (1 + spectra.ivar[n] * 0.02**2), 0)
        jacobian = a @ np.linalg.solve(np.eye(5) + b.T @ (w[:, None] * b), b.T * w)
        part = jacobian * np.where(good, spectra.flux[n] - made.intercepts["flux"], 0)
        expected = [part[:, k * 15 : (k + 1) * 15].sum(1) for k in range(4)]
        assert np.allclose(found.values[n], expected, atol=1e-5)
    expected = transfer(model.replace(weight_cov={}), made.catalog).value
    assert np.allclose(found.prediction, expected, atol=1e-6)
    assert found.features[0].startswith("15")


@pytest.mark.slow
def test_correlation_aware_window_values_are_predictions_from_some_windows_alone(made, model):
    few = made.catalog.select(slice(2))
    masks = {"blue": np.arange(60) < 20, "red": np.arange(60) >= 50}
    found = window_shapley(model, few, masks, correlated=True)
    assert found.features == ("blue", "red", "elsewhere")
    members = [masks["blue"], masks["red"], ~(masks["blue"] | masks["red"])]
    flux = few.batch()["flux"]

    def game(who):
        keep = np.any([m for m, k in zip(members, who, strict=True) if k], axis=0) & np.ones(60, bool)
        seen = Batch({"flux": OutputData(flux.value, jnp.where(keep, flux.ivar, 0))})
        with jax.enable_x64(True):
            z = np.asarray(latent_posterior(model.model, seen).mean)
        return z @ made.weights["labels"].T + made.intercepts["labels"]

    assert np.allclose(np.moveaxis(found.values, 1, 0), by_orders(game, 3), atol=1e-4)
    assert np.allclose(found.base, made.intercepts["labels"])


def test_sampled_window_values_agree_with_exact_ones(made, model):
    few = made.catalog.select(slice(3))
    six, sixteen = (window_shapley(model, few, n, correlated=True, n_orders=30) for n in (6, 16))
    assert (six.error == 0).all()
    assert (sixteen.error > 0).any()
    assert np.allclose(six.prediction, sixteen.prediction, atol=1e-9)


def test_window_values_are_the_same_in_every_gauge(made, model):
    turned = rotate(model, random_rotation(5, seed=0))
    for correlated in (False, True):
        first, second = (window_shapley(m, made.catalog, 5, correlated=correlated) for m in (model, turned))
        assert np.allclose(first.values, second.values, atol=1e-9)


def test_spread_is_the_entropy_of_mean_absolute_values(made, model):
    found = shapley_spread(model, made.catalog, 6, n_null=50, n_bootstrap=200, seed=0)
    importance = window_shapley(model, made.catalog, 6).importance
    assert np.allclose(found.importance, importance)
    share = importance / importance.sum(0)
    assert np.allclose(found.value, [stats.entropy(s, base=6) for s in share.T])
    assert np.allclose(found.participation, 1 / (share**2).sum(0))
    assert np.all((found.lower < found.upper) & (found.value < found.upper + 0.02))
    assert found.widest.sum() == pytest.approx(1)
    assert found.null.shape == (50,)
    assert 0 < found.null.min() < found.null.max() <= 1


def two_kinds_of_label(rng, n_stars=200):
    """A label told by one window, and one told by every window alike; each has its own latent."""
    b = np.zeros((80, 2))
    b[:10, 0] = 1
    b[10:, 1] = 0.5
    z = rng.normal(size=(n_stars, 2))
    flux = z @ b.T + 0.3 * rng.normal(size=(n_stars, 80))
    decoders = {"flux": Linear(jnp.zeros(80), jnp.asarray(b)), "labels": Linear(jnp.zeros(2), jnp.eye(2))}
    batch = Batch({"flux": OutputData.clean(flux, np.full(flux.shape, 1 / 0.09))})
    return FittedModel(Lux(decoders), {}), batch


def test_a_label_from_one_window_is_narrow_and_one_from_everywhere_is_wide(rng):
    fitted, batch = two_kinds_of_label(rng)
    found = shapley_spread(fitted, batch, 8, seed=0)
    assert found.value[0] < 0.35
    assert found.value[1] > 0.9
    assert found.participation[0] < 2
    assert found.participation[1] == pytest.approx(7, abs=0.5)
    assert list(found.widest) == [0, 1]


@pytest.mark.slow
def test_callables_agree_with_the_closed_form_exact_and_sampled(rng):
    for n in (4, 10):
        coef, x = rng.normal(size=n), rng.normal(size=(5, n))
        background = rng.normal(size=(130, n))  # more than the 100 rows shap would keep by itself
        found = callable_shapley(lambda v, c=coef: v @ c, x, background, n_orders=3)
        expected = linear_shapley(coef, x, background.mean(0))
        assert np.allclose(found.values, expected.values, atol=1e-6)
        assert np.allclose(found.base, expected.base, atol=1e-6)
        assert np.isnan(found.error).all() == (n == 10)


@pytest.mark.slow
def test_curved_callables_of_several_labels_add_up(rng):
    x, background = rng.normal(size=(4, 3)), rng.normal(size=(20, 3))

    def function(v):
        return np.stack([v[:, 0] * v[:, 1], v[:, 2] ** 2], axis=1)

    found = callable_shapley(function, x, background, labels=["a", "b"])
    assert np.allclose(found.prediction, function(x), atol=1e-6)
    assert np.allclose(found.values[:, 2, 0], 0)
    assert np.allclose(found.values[:, 2, 1], x[:, 2] ** 2 - (background[:, 2] ** 2).mean())


def test_results_go_to_shap(rng):
    found = linear_shapley(rng.normal(size=(2, 3)), rng.normal(size=(4, 3)), np.zeros(3), labels=["a", "b"])
    theirs = found.to_shap("b")
    assert np.array_equal(theirs.values, found.values[:, :, 1])
    assert theirs.feature_names == ["x_0", "x_1", "x_2"]
    assert np.allclose(theirs.values.sum(1) + theirs.base_values, found.prediction[:, 1])
    with pytest.raises(InputError, match="no label 'c'"):
        found.to_shap("c")


@pytest.mark.slow
def test_shap_is_not_loaded_before_it_is_needed():
    code = "import sys, luxjax.interpret.attribution; sys.exit(any(m in sys.modules for m in ('shap', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bad_input(made, model):
    with pytest.raises(InputError, match="overlaps"):
        window_shapley(model, made.catalog, {"a": np.ones(60, bool), "b": np.ones(60, bool)})
    with pytest.raises(InputError, match=r"give \(60,\) bool"):
        window_shapley(model, made.catalog, {"a": np.ones(6, bool)})
    with pytest.raises(InputError, match="0 windows"):
        window_shapley(model, made.catalog, 0)
    with pytest.raises(InputError, match="at least 2 windows"):
        shapley_spread(model, made.catalog, 1, seed=0)
    with pytest.raises(InputError, match=r"data \(star, 3\)"):
        linear_shapley(np.ones((1, 3)), np.ones((2, 4)), np.zeros(3))
    with pytest.raises(InputError, match="at least 2"):
        sampled_shapley(lambda who: 0.0, 3, n_orders=1, seed=0)
    curved = Lux({**model.model.decoders, "labels": Quadratic.zeros(3, 5)})
    with pytest.raises(InputError, match="Quadratic"):
        latent_shapley(model.replace(model=curved), np.zeros((2, 5)))
    curved = Lux({**model.model.decoders, "flux": Quadratic.zeros(60, 5)})
    with pytest.raises(InputError, match="callable_shapley"):
        window_shapley(model.replace(model=curved), made.catalog)
