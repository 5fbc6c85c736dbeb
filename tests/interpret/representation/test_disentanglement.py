import numpy as np
import pytest
from scipy import stats
from sklearn.feature_selection import mutual_info_regression
from sklearn.linear_model import LinearRegression

from luxjax.core import InputError
from luxjax.interpret.representation import (
    Draws,
    dci,
    mig,
    modularity,
    random_rotation,
    sap,
)
from luxjax.interpret.representation._disentanglement import linear_importance, tree_importance
from luxjax.interpret.representation._information import mutual_information

DRAWS = {"draws": Draws(20, 20, 20), "seed": 0}


def pair(rng, n, rho):
    x = rng.normal(size=n)
    return x[:, None], rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)


@pytest.mark.parametrize(("rho", "rel"), [(0.3, 0.15), (0.6, 0.06), (-0.8, 0.07), (0.9, 0.08)])
def test_information_of_normal_variables_is_the_closed_form(rng, rho, rel):
    found = [mutual_information(x, y[:, None])[0][0, 0] for x, y in (pair(rng, 4000, rho) for _ in range(8))]
    assert np.mean(found) == pytest.approx(-0.5 * np.log(1 - rho**2), rel=rel)


@pytest.mark.parametrize("n", [100, 500, 4000])
def test_independent_variables_have_none_whatever_the_number_of_stars(rng, n):
    found = [mutual_information(*(v[:, None] for v in rng.normal(size=(2, n))))[0][0, 0] for _ in range(60)]
    bins = int(np.sqrt(n / 5)) if n < 2000 else 20
    uncorrected = (bins - 1) ** 2 / (2 * n)
    assert abs(np.mean(found)) < 0.25 * uncorrected
    assert np.mean(np.array(found) < 0) > 0.15  # not clipped at zero, which would bias it


def test_information_agrees_with_nearest_neighbours_where_the_relation_bends(rng):
    x = rng.normal(size=2000)
    y = x**2 + rng.normal(size=2000)
    found = mutual_information(x[:, None], y[:, None])[0][0, 0]
    assert found == pytest.approx(mutual_info_regression(x[:, None], y, random_state=0)[0], rel=0.2)
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.15


def test_information_does_not_mind_monotonic_scales_and_missing_labels(rng):
    x, y = pair(rng, 600, 0.7)
    plain, entropy = mutual_information(x, y[:, None], bins=8)
    bent, _ = mutual_information(np.exp(x), -(y[:, None] ** 3), bins=8)
    assert np.allclose(plain, bent)
    assert entropy[0] == pytest.approx(np.log(8), abs=0.01)
    gaps = np.where(rng.random(600) < 0.3, np.nan, y)
    both, _ = mutual_information(x, np.stack([y, gaps], axis=1), bins=8)
    assert both[0, 0] == plain[0, 0]
    assert both[0, 1] == pytest.approx(plain[0, 0], rel=0.2)


def on_axes(rng, n=1500, n_latents=6, noise=0.0):
    z = rng.normal(size=(n, n_latents))
    return z, {f"y{k}": z[:, k] + noise * rng.normal(size=n) for k in range(3)}


def test_labels_on_axes_score_one(rng):
    z, labels = on_axes(rng)
    assert np.allclose(mig(z, labels, **DRAWS).value, 1, atol=0.02)
    assert np.allclose(sap(z, labels, **DRAWS).value, 1, atol=0.02)
    assert modularity(z, labels, **DRAWS).value[0] > 0.97
    scored = dci(z, labels, **DRAWS)
    assert np.allclose(scored.value, 1, atol=1e-3)
    assert scored.names[:3] == ("disentanglement", "completeness", "informativeness")


def test_the_same_labels_in_a_turned_gauge_score_little_though_as_well_predicted(rng):
    z, labels = on_axes(rng, n_latents=20)
    turned = z @ random_rotation(20, seed=1).T
    for score in (mig, sap):
        found = score(turned, labels, **DRAWS)
        assert found["mean"] < 0.15
        assert abs(found["mean"] - found.rotations[:, -1].mean()) < 4 * found.rotations[:, -1].std()
    found = dci(turned, labels, **DRAWS)
    assert found["disentanglement"] < 0.3
    assert found["completeness"] < 0.3
    assert found["informativeness"] > 0.999
    straight = mig(z, labels, **DRAWS)
    assert straight.gauge_percentile[-1] == 100


def test_gap_is_between_the_best_two_latents(rng):
    n = 3000
    z = rng.normal(size=(n, 4))
    y = 0.8 * z[:, 0] + 0.5 * z[:, 1] + np.sqrt(1 - 0.89) * rng.normal(size=n)
    r2 = np.array([np.corrcoef(c, y)[0, 1] ** 2 for c in z.T])
    assert sap(z, {"y": y}, **DRAWS)["y"] == pytest.approx(np.sort(r2)[-1] - np.sort(r2)[-2])
    assert sap(z, {"y": y}, **DRAWS)["y"] == pytest.approx(0.64 - 0.25, abs=0.05)
    expected = -0.5 * (np.log(1 - 0.64) - np.log(1 - 0.25)) / np.log(20)
    assert mig(z, {"y": y}, **DRAWS)["y"] == pytest.approx(expected, abs=0.02)


def test_dci_of_a_known_importance_matrix(rng):
    matrix = np.array([[0.8, 0.1], [0.2, 0.1], [0.0, 0.8]])
    z, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))

    def known(_, column):
        j = int(np.isin(column, y[:, 1]).all())
        return matrix[:, j], [0.3, 0.5][j]

    found = dci(z, {"a": y[:, 0], "b": y[:, 1]}, importance=known, draws=Draws(1, 1, 1), seed=0)
    rows = [1 - stats.entropy(r, base=2) for r in matrix]
    columns = [1 - stats.entropy(c, base=3) for c in matrix.T]
    assert found["disentanglement"] == pytest.approx(np.average(rows, weights=matrix.sum(1)))
    assert found["completeness"] == pytest.approx(np.mean(columns))
    assert found["completeness of b"] == pytest.approx(columns[1])
    assert found["informativeness"] == pytest.approx(0.4)


def test_importances_are_standardised_coefficients_and_trees_find_the_latents(rng):
    z = rng.normal(size=(400, 3)) * [1, 10, 1]
    y = 2 * z[:, 0] - 0.1 * z[:, 1] + 0.1 * rng.normal(size=400)
    found, r2 = linear_importance(z, y)
    assert np.allclose(found, np.abs(LinearRegression().fit(z, y).coef_) * z.std(0), rtol=1e-6)
    halves = [(np.arange(400) % 2 != k, np.arange(400) % 2 == k) for k in (0, 1)]
    wrong = sum(np.sum((y[b] - LinearRegression().fit(z[a], y[a]).predict(z[b])) ** 2) for a, b in halves)
    assert r2 == pytest.approx(1 - wrong / np.sum((y - y.mean()) ** 2))
    trees, score = tree_importance(z, np.abs(z[:, 1]))
    assert trees.argmax() == 1
    assert score > 0.9


def test_modularity_of_latents_that_know_two_labels(rng):
    z = rng.normal(size=(3000, 3))
    a, b = z[:, 0] + 0.5 * rng.normal(size=(2, 3000))
    both = modularity(z, {"a": a, "b": b}, **DRAWS).value[0]
    assert both < 0.1  # the one latent that knows anything knows both alike
    alone = modularity(z, {"a": a, "b": z[:, 1]}, **DRAWS)
    assert alone.value[0] > 0.98
    assert alone.value[0] > alone.null.mean() + 0.1


def test_null_interval_and_excess(rng):
    z, labels = on_axes(rng, n=600, noise=0.7)
    found = mig(z, labels, draws=Draws(60, 60, 5), seed=1)
    assert np.all(np.abs(found.null.mean(0)) < 0.03)
    assert np.allclose(found.excess, found.value - found.null.mean(0))
    assert np.allclose(found.p_value, 1 / 61)
    assert found.interval("y0").holds(found["y0"])
    # the interval covers what a fresh survey of the same size gives
    fresh = [mig(*on_axes(rng, n=600, noise=0.7), draws=Draws(1, 1, 1), seed=1)["y0"] for _ in range(60)]
    half = (found.upper[0] - found.lower[0]) / 2
    assert half == pytest.approx(1.96 * np.std(fresh), rel=0.4)
    noise = mig(z, {"nothing": rng.normal(size=600)}, **DRAWS)
    assert noise.p_value[0] > 0.05


def test_bad_input(rng):
    z = rng.normal(size=(30, 3))
    with pytest.raises(InputError, match="at least 2; given 1"):
        dci(z, {"a": z[:, 0]}, **DRAWS)
    with pytest.raises(InputError, match="at least 2 latents"):
        mig(z[:, :1], {"a": z[:, 0]}, **DRAWS)
    with pytest.raises(InputError, match="known for at least 20"):
        mig(z, {"a": np.where(np.arange(30) < 15, np.nan, z[:, 0])}, **DRAWS)
    with pytest.raises(InputError, match="no entry 'b'"):
        sap(z, {"a": z[:, 0]}, **DRAWS)["b"]
