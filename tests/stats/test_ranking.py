import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.stats import Ranking
from luxjax.stats.internal import star_means


def ranking():
    draws = np.array([[1.0, 3.0, 0.0], [1.2, 2.8, 0.1], [2.0, 1.5, 0.0], [1.1, 2.5, -0.1]])
    return Ranking("loss", "nats", ("iron", "balmer", "tio"), np.array([1.3, 2.4, 0.0]), draws)


def test_table_is_in_order_with_ranks_and_their_intervals():
    table = ranking().table()
    assert list(table.index) == ["balmer", "iron", "tio"]
    assert list(table["rank"]) == [1, 2, 3]
    assert list(table["rank_lower"]) == [1, 1, 3]
    assert list(table["rank_upper"]) == [2, 2, 3]
    assert table.loc["iron", "lower"] == pytest.approx(np.quantile([1.0, 1.2, 2.0, 1.1], 0.025))


def test_two_are_compared_within_the_same_draw():
    found = ranking()
    assert found.chance("balmer", "iron") == 0.75
    assert found.chance("iron", "balmer") == 0.25
    assert found.chance("iron", "iron") == 0.5
    assert found["tio"] == 0.0
    assert found.select(["tio", "iron"]).names == ("tio", "iron")
    assert found.select(["tio", "iron"])["iron"] == 1.3


def test_star_means_draw_whole_stars(rng):
    star = np.repeat(np.arange(40), 25)
    level = rng.normal(size=40)[star]
    mean, draws = star_means(level[:, None], star, n_draws=800, seed=1)
    assert mean[0] == pytest.approx(level.mean())
    assert draws.std() == pytest.approx(level.std() / np.sqrt(40), rel=0.1)
    loose = star_means(level[:, None], n_draws=800, seed=1)[1]
    assert loose.std() == pytest.approx(level.std() / np.sqrt(1000), rel=0.1)
    unequal = np.repeat([0.0, 4.0], [3, 1])
    assert set(np.round(star_means(unequal[:, None], [1, 1, 1, 2], seed=2)[1].ravel(), 9)) == {0.0, 1.0, 4.0}


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="ranking of 2 names"):
        Ranking("loss", "", ("a", "b"), np.zeros(3), np.zeros((5, 3)))
    with pytest.raises(InputError, match="balmer"):
        ranking().interval("Balmer")
    with pytest.raises(InputError, match="needs its star"):
        star_means(np.zeros((3, 1)), [1, 2])
