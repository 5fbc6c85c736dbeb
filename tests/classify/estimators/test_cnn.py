"""The network on pixels: a made-up line whose depth is the class."""

import json

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import (
    cross_validate_classifier,
    load_classifier,
    save_classifier,
    score_classes,
    train_classifier,
)
from luxjax.classify.features import Features
from luxjax.classify.internal import make_estimator
from luxjax.core import InputError

QUICK = {"width": 4, "hidden": 16, "epochs": 12, "patience": 4, "learning_rate": 4e-3}
N_PIXELS = 60


def pixels(n, seed, repeats=1):
    """Three classes by the place of one line; a fifth of the pixels is masked, and where it is there lies nonsense."""
    rng = np.random.default_rng(seed)
    code = np.repeat(rng.integers(3, size=n), repeats)
    line = np.exp(-0.5 * ((np.arange(N_PIXELS) - 12 - 15 * code[:, None]) / 2) ** 2)
    flux = 1 - 0.3 * line + 0.1 * rng.standard_normal((len(code), N_PIXELS))
    flux[rng.random(flux.shape) < 0.2] = np.nan
    flux[:, 7] = np.nan  # a pixel that nobody ever sees
    names = [f"f_{4000 + 10 * k}.0" for k in range(N_PIXELS)]
    table = pd.DataFrame(flux, columns=names)
    ids = np.repeat([f"s{k}" for k in range(n)], repeats)
    left_out = pd.DataFrame(columns=["row", "id", "reason"])
    families = dict.fromkeys(names, "pixels")
    return Features(table, 0 * table + 0.1, families, ids, np.arange(len(code)), left_out), np.array(
        list("AFG")
    )[code]


@pytest.fixture(scope="module")
def trained():
    x, y = pixels(400, 1)
    return train_classifier(x, y, estimator="cnn", seed=3, **QUICK), x, y


def test_learns_calibrates_and_stops(trained):
    model, *_ = trained
    x_new, y_new = pixels(300, 2)
    scores = score_classes(model.probabilities(x_new), y_new)
    assert scores["accuracy"] > 0.93
    assert scores["ece"] < 0.08
    net = model.estimator
    assert net.losses_[-1] > min(net.losses_) or len(net.losses_) == QUICK["epochs"]
    assert net.get_params()["random_state"] == 3
    np.testing.assert_array_equal(net.classes_, [0, 1, 2])
    raw = net.predict_proba(model.matrix(x_new))
    np.testing.assert_allclose(raw.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(net.predict(model.matrix(x_new)), raw.argmax(axis=1))


def test_the_same_seed_gives_the_same_network_and_rows_do_not_mix(trained):
    model, x, y = trained
    again = train_classifier(x, y, estimator="cnn", seed=3, **QUICK)
    np.testing.assert_array_equal(again.probabilities(x), model.probabilities(x))
    # every spectrum for itself, in whatever block it comes
    np.testing.assert_allclose(
        model.probabilities(x.select([300, 5])), model.probabilities(x).iloc[[300, 5]], atol=1e-6
    )


def test_saved_and_loaded_to_the_identical_probabilities(trained, tmp_path):
    model, x, _ = trained
    folder = save_classifier(model, tmp_path / "c")
    pd.testing.assert_frame_equal(load_classifier(folder).classify(x), model.classify(x), check_exact=True)
    lines = (folder / "estimator.eqx").read_bytes().split(b"\n", 1)
    header = json.loads(lines[0])
    header["settings"]["width"] = 8
    (folder / "estimator.eqx").write_bytes(json.dumps(header).encode() + b"\n" + lines[1])
    with pytest.raises(InputError, match="is damaged"):
        load_classifier(folder)


def test_stops_by_stars_that_it_is_not_fitted_to():
    x, _ = pixels(60, 4, repeats=3)
    net = make_estimator("cnn", seed=1)
    star = np.unique(x.ids, return_inverse=True)[1]
    fit, stop = net._split(np.repeat(np.arange(60) % 2, 3), star)
    assert not set(star[fit]) & set(star[stop])
    assert len(fit) + len(stop) == 180
    assert 0.1 < len(stop) / 180 < 0.25


def test_first_layer_is_the_textbook_convolution(trained):
    model, x, _ = trained
    net = model.estimator
    seen = net._channels(model.matrix(x.select([0])))[0]
    assert set(np.unique(seen[1])) == {0.0, 1.0}
    assert np.all(seen[0][seen[1] == 0] == 0)
    layer = net.network_.convolutions[0]
    weight, padded = np.asarray(layer.weight), np.pad(seen, ((0, 0), (4, 4)))
    dense = [np.sum(weight * padded[:, 3 * k : 3 * k + 9], axis=(1, 2)) for k in range(N_PIXELS // 3)]
    np.testing.assert_allclose(layer(seen), np.array(dense).T + np.asarray(layer.bias), atol=1e-5)


def test_cross_validated_like_the_others_and_refuses_what_is_no_pixel(trained):
    _, x, y = trained
    part = x.select(slice(0, 120))
    found = cross_validate_classifier(part, y[:120], folds=2, estimator="cnn", **{**QUICK, "epochs": 2})
    assert list(found.index) == list(part.ids)
    mixed = Features(x.values, x.errors, {**x.families, x.names[0]: "balmer"}, x.ids, x.rows, x.left_out)
    with pytest.raises(InputError, match="give it the features of pixel_features"):
        train_classifier(mixed, y, estimator="cnn")
