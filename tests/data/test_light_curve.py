"""Light curves: what goes in at the door, normalisation once, and pieces of one star."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import LightCurve


def curve(n: int = 6, **changes) -> LightCurve:
    given = {"id": "KIC 1", "time": 1.0 + np.arange(n), "flux": 10.0 + np.arange(n), "time_standard": "bkjd"}
    return LightCurve(**(given | changes))


def test_missing_flagged_and_errorless_cadences_are_out_and_counted():
    made = curve(
        time=[1, 2, np.nan, 4, 5, 6],
        flux=[1, np.nan, 3, 4, 5, 6],
        flux_err=[1, 1, 1, 0, 1, 1],
        flagged=[0, 0, 0, 0, 1, 0],
    )
    assert made.time.tolist() == [1, 6]
    assert made.flux_err.tolist() == [1, 1]
    assert made.history == (
        "2 of 6 cadences without a finite time and flux taken out",
        "1 of 6 cadences without an error taken out",
        "1 of 6 cadences flagged by the survey taken out",
    )


def test_unsorted_times_are_sorted_with_all_that_belongs_to_them():
    made = curve(3, time=[3.0, 1.0, 2.0], flux=[30.0, 10.0, 20.0], flux_err=[3.0, 1.0, 2.0], pieces=[3, 1, 2])
    assert made.time.tolist() == [1, 2, 3]
    assert made.flux.tolist() == [10, 20, 30]
    assert made.flux_err.tolist() == [1, 2, 3]
    assert made.pieces.tolist() == [1, 2, 3]
    assert made.history == ("cadences put in the order of time",)


def test_cadence_and_days_observed():
    made = curve(5, time=[1.0, 2.0, 3.0, 30.0, 31.0])
    assert made.cadence_s == 86400
    assert made.observed_d == 5
    assert curve(cadence_s=60.0).cadence_s == 60


def test_each_piece_is_divided_by_its_own_level_once():
    made = curve(6, flux=[1, 2, 3, 100, 200, 300], flux_err=np.ones(6), pieces=[1, 1, 1, 2, 2, 2])
    level = made.normalize()
    np.testing.assert_allclose(level.flux, [0.5, 1, 1.5] * 2)
    np.testing.assert_allclose(level.flux_err, [0.5] * 3 + [0.005] * 3)
    assert level.normalized
    assert level.history[-1] == "2 pieces divided by their medians"
    with pytest.raises(InputError, match=r"'KIC 1' is normalised already"):
        level.normalize()


def test_pieces_of_one_star_are_joined_in_order_of_time():
    late, early = (
        curve(2, time=[11, 12], flux=[5, 6], meta={"teff": 5000.0}),
        curve(2, pieces=[7, 7], meta={"logg": 2.0}),
    )
    both = late.join(early)
    assert both.time.tolist() == [1, 2, 11, 12]
    assert both.flux.tolist() == [10, 11, 5, 6]
    assert both.pieces.tolist() == [7, 7, 0, 0]
    assert both.meta == {"teff": 5000.0, "logg": 2.0}
    assert "2 curves joined" in both.history
    assert late.join().time.tolist() == [11, 12]


def test_errors_known_for_one_piece_only_are_not_known():
    assert curve(2, flux_err=[1, 1]).join(curve(2, time=[5, 6])).flux_err is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_standard": "mjd"}, "say 'bkjd' (Kepler), 'btjd' (TESS) or 'bjd'"),
        ({"time_standard": ""}, "it is never guessed"),
        ({"flux": np.full(6, np.nan)}, "no cadence with a finite time and flux"),
        ({"time": [], "flux": []}, "no cadence with a finite time and flux"),
        ({"flagged": np.ones(6, bool)}, "all 6 usable cadences of light curve 'KIC 1' are flagged"),
        ({"flagged": [True]}, "give one for each of its 6 times"),
        ({"flux_err": np.full(6, np.nan)}, "has no errors"),
        ({"flux_err": np.zeros(6)}, "leave flux_err out"),
        ({"time": [1, 2, 2, 3, 4, 4]}, "has 2 times more than once (2.00000, 4.00000)"),
        ({"flux": np.ones(5)}, "6 times and 5 values of flux"),
        ({"pieces": np.full(6, 1.5)}, "pieces of light curve 'KIC 1' are whole numbers"),
        ({"cadence_s": -1.0}, "the cadence of light curve 'KIC 1' is -1 s"),
        ({"time_standard": "bjd"}, "say 'bkjd' or 'btjd'"),
        ({"time": 2455000.0 + np.arange(6)}, "say 'bjd'"),
        ({"id": ""}, "the id of a light curve"),
        ({"flux": ["a"] * 6}, "must be numbers"),
    ],
)
def test_bad_input_is_one_sentence(changes, said):
    with pytest.raises(InputError) as error:
        curve(**changes)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "KIC 2"}, "whose id differs ('KIC 1' and 'KIC 2')"),
        ({"time_standard": "btjd"}, "whose time_standard differs"),
        ({"normalized": True}, "whose normalized differs"),
        ({"cadence_s": 60.0}, "cadences of 86400.0 and 60.0 s"),
        ({"time": 1.0 + np.arange(6)}, "a file may have been given twice"),
    ],
)
def test_what_does_not_belong_together_is_not_joined(changes, said):
    with pytest.raises(InputError) as error:
        curve().join(curve(**{"time": 100.0 + np.arange(6), **changes}))
    assert said in str(error.value)


def test_a_curve_of_differences_has_no_level():
    with pytest.raises(InputError, match="a level must be positive"):
        curve(3, flux=[-1, 0, 1]).normalize()
