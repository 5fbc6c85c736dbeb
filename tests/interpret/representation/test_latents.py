import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import r2_score

from luxjax.core import InputError
from luxjax.interpret.representation import (
    ablate_latents,
    correlation_map,
    label_direction,
    random_rotation,
    rotate,
    star_latents,
    traverse,
)
from luxjax.prediction import transfer
from luxjax.stats import rmse

from ...evidence.bilinear_model import exact, world


@pytest.fixture(scope="module")
def made():
    return world()


@pytest.fixture(scope="module")
def model(made):
    return exact(made)


@pytest.fixture(scope="module")
def latents(made, model):
    return star_latents(model, made.catalog)


@pytest.fixture(scope="module")
def labels(made):
    table = made.catalog.labels()
    return {name: table[name] for name in table.names}


def test_latents_are_those_of_the_prediction(made, model, latents):
    expected = transfer(model.replace(weight_cov={}), made.catalog).latents
    assert np.allclose(latents.mean, expected.mean, atol=1e-9)
    assert np.allclose(latents.cov, expected.cov, atol=1e-9)
    assert latents.mean.dtype == np.float64
    off = latents.mean - made.latents
    chi2 = np.einsum("ni,nij,nj->n", off, np.linalg.inv(latents.cov), off)
    assert chi2.mean() == pytest.approx(5, abs=4 * np.sqrt(2 * 5 / 300))


def test_correlations_and_intervals_are_scipys(rng):
    z = rng.normal(size=(40, 3))
    y = z[:, 0] - 0.4 * z[:, 1] + rng.normal(size=40)
    y[[3, 8]] = np.nan
    got = correlation_map(z, {"x": y, "noise": rng.normal(size=40)}, level=0.9)
    seen = np.isfinite(y)
    for d in range(3):
        expected = stats.pearsonr(z[seen, d], y[seen])
        interval = expected.confidence_interval(0.9)
        assert np.allclose(got.r[d, 0], expected.statistic)
        assert np.allclose(got.p_value[d, 0], expected.pvalue)
        assert np.allclose([got.lower[d, 0], got.upper[d, 0]], interval)
    assert list(got.n) == [38, 40]
    assert got.significant[0, 0]
    assert got.r[1, 0] < 0


def test_maps_without_correlations_are_seldom_significant(rng):
    found = [
        correlation_map(rng.normal(size=(50, 6)), {"a": rng.normal(size=50), "b": rng.normal(size=50)})
        for _ in range(200)
    ]
    any_alone = np.mean([(f.p_value < 0.05).any() for f in found])
    any_corrected = np.mean([f.significant.any() for f in found])
    assert any_alone > 0.35
    assert any_corrected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_holm_stops_at_the_first_that_stands(rng):
    z = rng.normal(size=(60, 4))
    y = z @ [0.55, 0.33, 0.28, 0.0] + rng.normal(size=60)
    got = correlation_map(z, {"y": y})
    p = np.sort(got.p_value.ravel())
    falls = 0
    while falls < len(p) and p[falls] <= 0.05 / (len(p) - falls):
        falls += 1
    assert 1 <= falls < 4
    assert got.significant.sum() == falls


def test_traversal_steps_through_the_decoder_in_own_units(made, model):
    info = model.info("labels")
    scaled = model.replace(
        outputs={**model.outputs, "labels": type(info)(info.loc + 7, info.scale * 3, names=info.names)}
    )
    walk = traverse(scaled, 2, steps=[-1, 0, 2])
    b, w = made.intercepts, made.weights
    assert np.allclose(walk.outputs["flux"], b["flux"] + np.outer([-1, 0, 2], w["flux"][:, 2]))
    assert np.allclose(
        walk.labels["label_2"], 3 * (b["labels"][1] + np.array([-1, 0, 2]) * w["labels"][1, 2]) + 7
    )
    assert np.allclose(walk.latents[2], [0, 0, 2, 0, 0])
    diagonal = traverse(model, [3, 4, 0, 0, 0], start=np.ones(5), steps=[5.0])
    assert np.allclose(diagonal.latents, [[4, 5, 1, 1, 1]])


def test_label_direction_moves_one_label_and_keeps_the_others(model):
    free = traverse(model, label_direction(model, "label_1"), steps=[0, 1])
    held = traverse(model, label_direction(model, "label_1", fixed=["label_2", "label_3"]), steps=[0, 1])
    change = {n: np.diff(held.labels[n]).item() for n in held.labels}
    assert change["label_1"] > 0
    assert np.allclose([change["label_2"], change["label_3"]], 0, atol=1e-12)
    assert np.diff(free.labels["label_1"]).item() > change["label_1"]
    assert abs(np.diff(free.labels["label_2"]).item()) > 1e-3


def test_walks_along_label_directions_do_not_depend_on_the_gauge(model):
    turned = rotate(model, random_rotation(5, seed=3))
    walks = [traverse(m, label_direction(m, "label_2", fixed=["label_1"])) for m in (model, turned)]
    assert np.allclose(walks[0].outputs["flux"], walks[1].outputs["flux"], atol=1e-10)


def test_ablation_is_the_prediction_without_the_latent(made, model, latents, labels):
    labels = {k: v.copy() for k, v in labels.items()}
    labels["label_3"][:20] = np.nan
    got = ablate_latents(model, latents.mean, labels, n_bootstrap=300, seed=0)
    w, b = made.weights["labels"], made.intercepts["labels"]
    z = latents.mean.copy()
    assert np.allclose(got.rmse[0], rmse(z @ w[0] + b[0], labels["label_1"]))
    z[:, 3] = 0
    for j, name in enumerate(labels):
        seen = np.isfinite(labels[name])
        y, predicted = labels[name][seen], (z @ w[j] + b[j])[seen]
        assert np.allclose(got.rmse[j] + got.rmse_change[3, j], rmse(predicted, y))
        assert np.allclose(got.r2[j] + got.r2_change[3, j], r2_score(y, predicted))
    assert list(got.n) == [300, 300, 280]
    inside = (got.r2_interval[0] <= got.r2_change) & (got.r2_change <= got.r2_interval[1])
    assert inside.all()
    # the width is that of a mean over stars: against the normal approximation for the mean squared error
    change = ((z @ w[0] + b[0]) - labels["label_1"]) ** 2 - (
        latents.mean @ w[0] + b[0] - labels["label_1"]
    ) ** 2
    width = (got.r2_interval[1] - got.r2_interval[0])[3, 0]
    assert width == pytest.approx(2 * 1.96 * change.std() / np.sqrt(300) / labels["label_1"].var(), rel=0.35)


def test_bad_input_is_told_in_one_sentence(model, latents, labels):
    with pytest.raises(InputError, match="numbered 0 to 4"):
        traverse(model, 5)
    with pytest.raises(InputError, match="not all zero"):
        traverse(model, np.zeros(5))
    with pytest.raises(InputError, match="label_1, label_2, label_3"):
        label_direction(model, "eu_fe")
    with pytest.raises(InputError, match="leave it out"):
        label_direction(model, "label_1", fixed=["label_1"])
    with pytest.raises(InputError, match=r"give \(300,\)"):
        correlation_map(latents.mean, {"x": np.zeros(3)})
    with pytest.raises(InputError, match="at least one"):
        correlation_map(latents.mean, {})
    with pytest.raises(InputError, match="no label of the model 'x'"):
        ablate_latents(model, latents.mean, {"x": labels["label_1"]}, seed=0)
