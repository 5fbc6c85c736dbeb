"""Maps, clusters and errors along the sequence, against scikit-learn and against what was put in."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as reference

from luxjax.classify._structure import trustworthiness
from luxjax.classify.features import Features
from luxjax.classify.internal import cluster, embed, ordinal_error, sequence_position
from luxjax.core import InputError


@pytest.fixture(scope="module")
def clouds():
    """Three clouds of 60 stars in six dimensions, with outliers and gaps, and the cloud of each star."""
    rng = np.random.default_rng(4)
    which = np.repeat([0, 1, 2], 60)
    x = 6 * rng.normal(size=(3, 6))[which] + rng.normal(size=(180, 6))
    x[rng.random(x.shape) < 0.02] = np.nan
    x[5, 2] = 1e6
    return x, np.array(list("FGK"))[which]


def test_trustworthiness_is_that_of_scikit_learn(rng):
    x = rng.normal(size=(330, 5))  # more than one block
    for seen in (x[:, :2], x @ rng.normal(size=(5, 2)), rng.normal(size=(330, 2))):
        assert trustworthiness(x, seen, 12).mean() == pytest.approx(reference(x, seen, n_neighbors=12))
    np.testing.assert_allclose(trustworthiness(x[:, :2], x[:, :2], 12), 1)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_maps_keep_clouds_apart_and_say_how_far_they_can_be_trusted(clouds, method):
    x, known = clouds
    settings = {"max_iter": 250} if method == "tsne" else {}
    found = embed(x, method, n_neighbors=10, **settings)
    assert found.interval.holds(found.trustworthiness)
    assert found.trustworthiness > 0.8
    assert found.null == pytest.approx(0.5, abs=0.07)
    centre = {c: found.coordinates[known == c].mean(axis=0) for c in "FGK"}
    nearest = [min(centre, key=lambda c, at=at: np.sum((centre[c] - at) ** 2)) for at in found.coordinates]
    assert np.mean(np.array(nearest) == known) > 0.95


def test_linear_map_is_the_principal_plane_of_scaled_features(clouds):
    x, _ = clouds
    values = pd.DataFrame(x, columns=[f"z{k}" for k in range(6)]).assign(same=1.0)
    stars = Features(
        values, 0 * values, dict.fromkeys(values, "latent"), np.arange(180).astype(str), np.arange(180),
        pd.DataFrame(columns=["row", "id", "reason"]),
    )  # fmt: skip
    low, middle, high = np.nanquantile(x, [0.25, 0.5, 0.75], axis=0)
    scaled = np.nan_to_num(np.clip((x - middle) / (high - low), -5, 5), nan=0.0)
    expected = PCA(2).fit_transform(scaled)
    np.testing.assert_allclose(np.abs(embed(stars).coordinates), np.abs(expected), atol=1e-8)


def test_clusters_are_the_clouds_and_chance_is_no_agreement(clouds):
    x, known = clouds
    found = cluster(embed(x, n_neighbors=10), known, min_size=15, n_draws=15)
    assert found.n == 3
    assert found.noise < 0.2
    assert found.rand > 0.8
    assert found.information > 0.75
    assert found.rand_interval.holds(found.rand)
    assert found.rand_null < 0.1
    assert found.information_null < 0.1
    dealt = cluster(x, np.random.default_rng(0).permutation(known), min_size=15, n_draws=10)
    assert abs(dealt.rand) < 0.05
    assert np.isnan(cluster(x, min_size=15).rand)


def test_umap_that_is_not_installed_is_named(clouds, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(InputError, match=r"luxjax\[umap\]"):
        embed(clouds[0], "umap", n_neighbors=10)


@pytest.mark.long
def test_umap_where_it_is_installed(clouds):
    pytest.importorskip("umap")
    found = embed(clouds[0], "umap", n_neighbors=10)
    assert found.trustworthiness > 0.8
    assert found.interval.holds(found.trustworthiness)


def test_maps_that_cannot_be_made_are_refused(clouds):
    x, known = clouds
    with pytest.raises(InputError, match="isomap"):
        embed(x, "isomap")
    with pytest.raises(InputError, match="100 neighbours of 180 stars"):
        embed(x, n_neighbors=100)
    with pytest.raises(InputError, match="no feature differs"):
        embed(np.ones((10, 2)), n_neighbors=2)
    with pytest.raises(InputError, match="180 stars and 5 classes"):
        cluster(x, known[:5])


def test_positions_along_the_sequence():
    found = sequence_position(["G2", "F9", "M", "K7.5V", "dM1", "O0", "WD", "Binary"])
    np.testing.assert_array_equal(found, [42, 39, 64.5, 57.5, 61, 0, np.nan, np.nan])


def table(truth, p, classes="FGK"):
    p = np.asarray(p, float)
    best = np.array(list(classes))[p.argmax(axis=1)]
    frame = pd.DataFrame(p, columns=[f"p_{c}" for c in classes], index=[f"s{k}" for k in range(len(p))])
    return frame.assign(truth=list(truth), **{"class": best})


def test_errors_by_hand():
    p = [[0.9, 0.1, 0], [0.4, 0.6, 0], [0, 0.2, 0.8], [0.1, 0.3, 0.6], [0, 0, 1]]
    found = ordinal_error(table("FFGFK", p), [31, 38, 48, 36, 50], n_draws=20)
    assert found.value["classes"] == pytest.approx((0 + 1 + 1 + 2 + 0) / 5)
    assert found.value["adjacent"] == pytest.approx(2 / 3)
    where = np.array(p) @ [34.5, 44.5, 54.5]
    error = where - [31, 38, 48, 36, 50]
    assert found.value["subclasses"] == pytest.approx(np.abs(error).mean())
    assert found.value["offset"] == pytest.approx(error.mean())
    assert found.value["near"] == pytest.approx(
        2 / 3
    )  # F8 called G and G8 called K; F6 called K is far from 39.5
    assert found.known == pytest.approx(np.mean([3.5, 3.5, 3.5, 1.5, 4.5]))
    assert found.baseline["subclasses"] == pytest.approx(np.mean(np.abs(38 - np.array([31, 38, 48, 36, 50]))))


def test_an_honest_classifier_is_torn_only_at_the_border(rng):
    place = rng.uniform(30, 60, 3000)
    truth = np.array(list("FGK"))[((place - 29.5) // 10).clip(0, 2).astype(int)]
    seen = place + rng.normal(size=3000)  # with an error of one subclass
    edges = np.array([-np.inf, 39.5, 49.5, np.inf])
    p = np.diff(norm.cdf(edges - seen[:, None]), axis=1)
    found = ordinal_error(table(truth, p), place, n_draws=50)
    assert found.value["adjacent"] == 1
    assert found.value["near"] > 0.95
    assert found.value["near"] > found.baseline["near"] + 0.5
    assert 0.7 * found.known < found.value["subclasses"] < found.known
    assert abs(found.value["offset"]) < 0.4  # the sample's G stars are in the middle of their class
    assert found.value["classes"] < 0.2 * found.baseline["classes"]
    assert set(found.borders["border"]) == {"F|G", "G|K"}
    border = found.borders[found.borders["border"] == "F|G"].sort_values("distance")
    assert border["probability"].is_monotonic_increasing
    assert border["probability"].iloc[0] < 0.01
    assert border["probability"].iloc[-1] > 0.99
    middle = border[border["distance"].abs() < 2.5]
    assert middle["probability"].between(0.05, 0.95).all()
    assert (border["lower"] <= border["probability"]).all()


def test_subclasses_carry_their_own_positions():
    frame = pd.DataFrame({"truth": ["G2", "K0"], "class": ["G2", "G9"], "p_G2": [1, 0], "p_G9": [0, 1.0]})
    found = ordinal_error(frame.assign(p_K0=0.0), n_draws=5)
    assert found.value["subclasses"] == pytest.approx(0.5)
    assert found.value["near"] == 1
    assert found.value["classes"] == 0.5
    with pytest.raises(InputError, match="of the sequence"):
        ordinal_error(pd.DataFrame({"truth": ["WD"], "class": ["G"], "p_G": [1.0]}))
    with pytest.raises(InputError, match="truth"):
        ordinal_error(pd.DataFrame({"class": ["G"], "p_G": [1.0]}))
