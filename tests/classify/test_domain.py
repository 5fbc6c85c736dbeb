"""Outside means unlike the training spectra: about one in twenty of its own kind, and all of another kind."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import cross_validate_classifier, load_classifier, save_classifier, train_classifier
from luxjax.classify._domain import Domain, apart
from luxjax.classify.features import Features

NAMES = ["H_beta", "Mg_b", "TiO"]


def features(x, ids=None):
    table = pd.DataFrame(x, columns=NAMES)
    ids = np.arange(len(x)).astype(str) if ids is None else ids
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    families = dict(zip(NAMES, ("balmer", "magnesium", "tio"), strict=True))
    return Features(table, 0.1 + 0 * table, families, ids, np.arange(len(x)), nothing)


def stars(n, rng):
    truth = np.arange(n) % 2
    return np.column_stack([3 * truth, 2 - truth, 0.2 * truth]) + 0.3 * rng.normal(size=(n, 3)), truth


@pytest.fixture
def trained(rng):
    x, truth = stars(400, rng)
    return train_classifier(features(x), np.array(["G", "F"])[truth], estimator="logistic", seed=1)


def test_one_in_twenty_of_its_own_kind_and_all_of_another_are_outside(trained, rng):
    alike = trained.classify(features(stars(4000, rng)[0]))
    assert 0.02 < alike["outside"].mean() < 0.08
    assert (alike["outside"] == (alike["far"] > 1)).all()
    strange = trained.classify(features(np.array([[3.0, 2.0, 9.0], [-9.0, 9.0, 0.0]])))
    assert strange["outside"].all()
    assert strange["probability"].iloc[1] > 0.9  # which is why it has to be said


def test_missing_features_do_not_make_a_star_strange(trained, rng):
    x, _ = stars(500, rng)
    x[:, 2] = np.nan
    assert trained.classify(features(x))["outside"].mean() < 0.1


def test_it_is_saved_and_few_stars_make_no_limit(trained, tmp_path, rng):
    new = features(stars(20, rng)[0])
    again = load_classifier(save_classifier(trained, tmp_path / "classifier"))
    pd.testing.assert_frame_equal(again.classify(new), trained.classify(new))
    x, truth = stars(24, rng)
    small = train_classifier(features(x), np.array(["G", "F"])[truth], estimator="logistic", seed=1, least=5)
    assert {"far", "outside"} <= set(small.classify(new))
    assert not {"far", "outside"} & set(replace(small, domain=None).classify(new))
    assert np.isinf(replace(small.domain, apart=small.domain.apart[:18]).limit)


def test_the_distance_is_to_the_fifth_nearest_over_shared_features_in_spreads_and_errors(rng):
    x, error = rng.normal(size=(300, 4)), rng.uniform(0.1, 2, size=(300, 4))
    domain = Domain.fit(x, error)
    new, its = rng.normal(size=(7, 4)), rng.uniform(0, 2, size=(7, 4))
    new[0, 2], new[1, 0] = np.nan, 1e9  # which counts as six spreads
    its[3, 1] = np.inf  # not known
    scaled = np.clip((new - domain.middle) / domain.spread, -6, 6)
    noise = np.where(np.isfinite(its), its, 0) ** 2 + np.median(error, axis=0) ** 2
    variance = 1 + noise / domain.spread**2
    square = np.nanmean((scaled[:, None] - domain.known.astype(float)) ** 2 / variance[:, None], axis=2)
    np.testing.assert_allclose(domain.distance(new, its), np.sqrt(np.sort(square, axis=1)[:, 4]), rtol=1e-6)


def test_noise_does_not_make_a_star_strange(rng):
    x, error = rng.normal(size=(300, 40)), np.full((300, 40), 0.05)
    domain = Domain.fit(x, error)
    noisy = x[:50] + 2 * rng.normal(size=(50, 40))
    stated, ignored = (domain.distance(noisy, np.full(noisy.shape, e)) for e in (2.0, 0.0))
    assert np.median(stated) < 0.5 * np.median(ignored)


def test_stars_count_once_and_repeats_do_not_help(rng):
    x, _ = stars(300, rng)
    star = np.repeat(np.arange(50), 2)
    held = np.repeat(x[:50], 2, axis=0)
    assert len(apart((x, 0 * x), (held, 0 * held), star)) == 50
    twice = features(np.repeat(x, 2, axis=0), np.repeat(np.arange(300).astype(str), 2))
    found = cross_validate_classifier(
        twice, np.repeat(np.arange(300) % 2, 2), estimator="logistic", folds=3, seed=1
    )
    assert found["outside"].mean() < 0.12
