import jax
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score

from luxjax.core import InputError
from luxjax.interpret.representation import amnesic_probe, eraser, probe, random_rotation, star_latents
from luxjax.interpret.representation._probes import PENALTIES, random_projection, ridge_predictions

from ...evidence.bilinear_model import exact, world


def linear_label(rng, n=600, n_latents=4, noise=0.5):
    z = rng.normal(size=(n, n_latents)) * np.linspace(1, 0.3, n_latents)
    return z, z @ np.linspace(1, -0.5, n_latents) + noise * rng.normal(size=n)


def test_ridge_is_sklearns_with_leave_one_out(rng):
    z, y = linear_label(rng, n=80, noise=2.0)
    new = rng.normal(size=(10, 4))
    scale = np.sqrt(z.var(0).mean())
    model = RidgeCV(alphas=PENALTIES * 80).fit((z - z.mean(0)) / scale, y)
    assert model.alpha_ not in (PENALTIES[0] * 80, PENALTIES[-1] * 80)
    assert np.allclose(ridge_predictions(z, y, new), model.predict((new - z.mean(0)) / scale), rtol=1e-8)


def test_linear_probe_reaches_the_known_r2_with_an_honest_interval(rng):
    z, y = linear_label(rng)
    signal = (z @ np.linspace(1, -0.5, 4)).var()
    found = probe(z, y, error=np.full(600, 0.5), seed=0)
    assert found.r2 == pytest.approx(signal / (signal + 0.25), abs=0.04)
    assert found.interval.holds(found.r2)
    assert found.ceiling == pytest.approx(1 - 0.25 / y.var())
    assert found.r2 == pytest.approx(r2_score(y, found.predicted))
    assert found.n == 600
    assert np.isnan(found.baseline)
    fresh = [r2_score(y, probe(z, y, seed=s, n_bootstrap=1).predicted) for s in range(3)]
    assert np.ptp(fresh) < 0.02


def test_no_star_is_predicted_by_a_probe_that_saw_it(rng):
    z, y = linear_label(rng, n=100)
    found = probe(z, y, seed=4)
    altered = y.copy()
    altered[7] += 1e3
    again = probe(z, altered, seed=4)
    assert again.predicted[7] == pytest.approx(found.predicted[7], abs=1e-9)
    others = np.abs(again.predicted - found.predicted) > 1e-3
    assert others.sum() == 80  # all stars outside the fold of star 7


@pytest.mark.parametrize("kind", ["linear", pytest.param("mlp", marks=pytest.mark.slow)])
def test_shuffled_labels_are_not_predicted(rng, kind):
    z, y = linear_label(rng)
    assert probe(z, rng.permutation(y), kind=kind, seed=0).r2 < 0.03


def test_linear_probe_is_the_same_in_every_gauge(rng):
    z, y = linear_label(rng)
    turned = z @ random_rotation(4, seed=2).T
    first, second = probe(z, y, seed=0), probe(turned, y, seed=0)
    assert second.r2 == pytest.approx(first.r2, abs=1e-10)
    assert np.allclose(second.control, first.control)


@pytest.mark.slow
def test_mlp_sees_what_bends_and_linear_does_not(rng):
    z = rng.normal(size=(600, 4))
    y = np.where(rng.random(600) < 0.1, np.nan, z[:, 0] ** 2 + 0.3 * rng.normal(size=600))
    assert probe(z, y, seed=0).r2 < 0.1
    bent = probe(z, y, kind="mlp", seed=0)
    assert bent.r2 > 0.8
    assert bent.n == np.isfinite(y).sum()
    assert np.array_equal(np.isnan(bent.predicted), np.isnan(y))


@pytest.mark.slow
def test_mlp_predictions_do_not_see_their_own_star(rng):
    z, y = linear_label(rng)
    altered = y.copy()
    altered[3] += 100
    first, second = (probe(z, v, kind="mlp", seed=1).predicted for v in (y, altered))
    assert second[3] == pytest.approx(first[3], abs=1e-3)


@pytest.mark.slow
def test_control_task_is_memorised_by_the_mlp_sooner_and_selectivity_says_so(rng):
    z = rng.normal(size=(600, 4)) * [1, 1, 0.05, 0.05]
    y = z[:, 0] + 0.1 * rng.normal(size=600)
    linear, mlp = (probe(z, y, kind=k, seed=0) for k in ("linear", "mlp"))
    assert linear.control.shape == (3,)
    assert mlp.control.mean() > linear.control.mean() + 0.05
    assert linear.selectivity > mlp.selectivity
    assert linear.selectivity == pytest.approx(linear.r2 - linear.control.mean())


def test_random_mixtures_of_pixels_tell_less_than_latents():
    made = world(n_stars=400, n_latents=5)
    model = exact(made)
    mixed = random_projection(model, made.catalog, seed=0)
    assert mixed.shape == (400, 5)
    assert np.allclose(mixed, random_projection(model, made.catalog, seed=0))
    y = made.catalog.labels()["label_1"]
    found = probe(star_latents(model, made.catalog).mean, y, baseline=mixed, seed=0)
    assert found.baseline < found.r2
    assert found.baseline_interval.holds(found.baseline)


def test_bad_pixels_do_not_enter_random_mixtures():
    made = world(n_stars=50)
    model, flux = exact(made), made.catalog.batch()
    value = np.array(flux["flux"].value)
    changed = np.where(np.asarray(flux["flux"].ivar) > 0, value, 1e6)
    other = jax.tree.map(lambda x: x, flux)
    other.outputs["flux"] = type(flux["flux"])(jax.numpy.asarray(changed), flux["flux"].ivar)
    first, second = (random_projection(model, b, seed=1) for b in (flux, other))
    assert np.allclose(first, second)


def test_erased_concepts_leave_no_correlation_and_the_smallest_change(rng):
    z = rng.normal(size=(500, 5)) @ rng.normal(size=(5, 5))
    c = z[:, :2] @ rng.normal(size=(2, 2)) + rng.normal(size=(500, 2))
    clean = eraser(z, c)(z)
    assert np.allclose((clean - clean.mean(0)).T @ (c - c.mean(0)), 0, atol=1e-8)
    assert np.allclose(clean.mean(0), z.mean(0))
    assert LinearRegression().fit(clean, c).score(clean, c) < 1e-10
    assert np.linalg.matrix_rank(clean - clean.mean(0), tol=1e-6) == 3
    # a plain projection on the coefficients' null space also removes the concepts, and moves the latents more
    coef = np.linalg.svd((z - z.mean(0)).T @ (c - c.mean(0)), full_matrices=False)[0]
    plain = (z - z.mean(0)) @ (np.eye(5) - coef @ coef.T)
    assert ((clean - z) ** 2).sum() < ((plain + z.mean(0) - z) ** 2).sum()


def test_erasing_turns_with_the_gauge_and_ignores_label_noise(rng):
    z = rng.normal(size=(4000, 4))
    c = z[:, :1] - 0.5 * z[:, 1:2]
    r = random_rotation(4, seed=0)
    assert np.allclose(eraser(z @ r.T, c)(z @ r.T), eraser(z, c)(z) @ r.T, atol=1e-9)
    noisy = eraser(z, c + rng.normal(size=c.shape))
    left = noisy(z) @ np.array([1, -0.5, 0, 0])
    assert left.std() < 0.1 * c.std()


def test_a_guessed_label_vanishes_with_the_others_and_a_measured_one_stays(rng):
    z = rng.normal(size=(1200, 6))
    others = {"teff": z[:, 0], "fe_h": z[:, 1] + 0.5 * z[:, 0]}
    labels = {k: v + 0.3 * rng.normal(size=1200) for k, v in others.items()}
    labels["guessed"] = others["teff"] - others["fe_h"] + 0.2 * rng.normal(size=1200)
    labels["measured"] = others["fe_h"] + z[:, 2] + 0.2 * rng.normal(size=1200)
    basis = ("teff", "fe_h")
    guessed = amnesic_probe(z, {k: labels[k] for k in (*basis, "guessed")}, seed=0)
    measured = amnesic_probe(z, {k: labels[k] for k in (*basis, "measured")}, seed=0)
    assert guessed.r2[2] > 0.9
    assert measured.r2[2] > 0.9
    assert guessed.without_others[2] < 0.02
    assert measured.without_others[2] == pytest.approx(1 / labels["measured"].var(), abs=0.05)
    assert measured.interval[0, 2] < measured.without_others[2] < measured.interval[1, 2]
    assert np.all(np.abs(np.diag(guessed.without)) < 0.02)
    assert guessed.without[0, 2] < guessed.r2[2] - 0.05
    assert measured.random.shape == (5, 3)
    alone = amnesic_probe(z, labels, others={"measured": ["teff"], "guessed": []}, seed=0)
    assert alone.without_others[3] > measured.without_others[2] + 0.1
    assert alone.without_others[2] == alone.r2[2]
    assert measured.random.mean() > measured.without_others[2]


def test_bad_input(rng):
    z, y = linear_label(rng, n=60)
    with pytest.raises(InputError, match="no kind of probe 'tree'"):
        probe(z, y, kind="tree", seed=0)
    with pytest.raises(InputError, match="at least 40 known labels"):
        probe(z, np.where(np.arange(60) < 30, np.nan, y), seed=0)
    with pytest.raises(InputError, match="folds is 1"):
        probe(z, y, folds=1, seed=0)
    with pytest.raises(InputError, match="at least 2 labels"):
        amnesic_probe(z, {"a": y}, seed=0)
    with pytest.raises(InputError, match="finite concepts"):
        eraser(z, np.full((60, 1), np.nan))
