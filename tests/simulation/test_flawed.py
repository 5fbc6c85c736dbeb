"""Surveys with mistakes: what each option does, and that bounds are those of finite differences."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.simulation import flawed_survey
from luxjax.simulation._flawed_sky import WAVE, N

SIZES = {"n_train": 60, "n_held_out": 400}


def test_the_same_key_gives_the_same_survey():
    a, b, c = (flawed_survey(k, **SIZES, ratio=3.0) for k in (1, 1, 2))
    np.testing.assert_array_equal(a.train.spectra("flux").flux, b.train.spectra("flux").flux)
    assert not np.array_equal(a.truth, c.truth)
    assert a.tau / a.bound == pytest.approx(3.0, rel=0.05)
    assert np.isinf(flawed_survey(1, **SIZES).bound)
    assert a.train.spectra("flux").medium == a.lines.medium == "air"


def test_errors_are_as_wrong_as_asked():
    world = flawed_survey(3, **SIZES, stated_error=0.6)
    table = world.held_out.labels()
    z = (table.value - world.truth) / table.error
    np.testing.assert_allclose(z.std(axis=0), 1 / 0.6, rtol=0.15)
    honest = flawed_survey(3, **SIZES, error_correlation=0.8)
    miss = honest.held_out.labels().value - honest.truth
    assert np.corrcoef(miss[:, 3], miss[:, 4])[0, 1] == pytest.approx(0.8, abs=0.08)
    narrow, wide = (
        flawed_survey(3, **SIZES, stated_flux_error=f).held_out.spectra("flux").ivar for f in (0.5, 1.0)
    )
    good = wide > 0
    np.testing.assert_allclose(narrow[good] / wide[good], 4, rtol=1e-4)


def test_barium_follows_the_trend_up_to_tau():
    world = flawed_survey(4, 60, 2000, tau=0.06)
    o, y = world.truth[:, :4], world.truth[:, 4]
    x = (o - o.mean(0)) / o.std(0)
    i, j = np.triu_indices(4)
    terms = np.column_stack([np.ones(len(x)), x, x[:, i] * x[:, j]])
    left = y - terms @ np.linalg.lstsq(terms, y)[0]
    assert left.std() == pytest.approx(0.06, rel=0.1)


@pytest.mark.parametrize("kind", ["shifted", "half wrong", "crowded"])
def test_wrong_lists(kind):
    right, wrong = (flawed_survey(5, **SIZES, n_lines=4, line_list=k).lines.of("Ba") for k in ("right", kind))
    step = np.median(np.diff(WAVE))
    if kind == "shifted":
        np.testing.assert_allclose(wrong.wavelength - right.wavelength, 2 * step, rtol=0.05)
    elif kind == "half wrong":
        assert len(wrong) == 4
        assert np.isclose(wrong.wavelength[:, None], right.wavelength, atol=1e-6).sum() == 2
    else:
        assert len(wrong) > 20


def test_lines_are_where_the_list_says():
    with_lines, without = (flawed_survey(6, 4, 200, ratio=r, snr=400.0, n_lines=3) for r in (5.0, 0.0))
    change = with_lines.held_out.spectra("flux").flux.mean(0) - without.held_out.spectra("flux").flux.mean(0)
    at = np.searchsorted(WAVE, with_lines.lines.of("Ba").wavelength)
    deep = np.argsort(change)[: 3 * len(at)]
    assert np.abs(deep[:, None] - at).min(axis=1).max() <= 3
    assert len(change) == N


def test_bad_input_is_explained():
    with pytest.raises(InputError, match="no line list 'left'"):
        flawed_survey(1, **SIZES, line_list="left")
    with pytest.raises(InputError, match="snr is 0"):
        flawed_survey(1, **SIZES, snr=0)
    with pytest.raises(InputError, match="follower is a correlation"):
        flawed_survey(1, **SIZES, follower=2)
    with pytest.raises(InputError, match="they saturate"):
        flawed_survey(1, **SIZES, ratio=500.0)
