import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.preprocessing._segments import segments


def test_gaps_of_the_grid(make):
    arms = np.r_[4713 + 0.05 * np.arange(100), 5648 + 0.06 * np.arange(80), 6478 + 0.07 * np.arange(60)]
    assert segments(make(2, arms, bad=0)) == [slice(0, 100), slice(100, 180), slice(180, 240)]


def test_detectors_on_a_padded_grid(make):
    ivar = np.ones((3, 600))
    ivar[:, :20] = ivar[:, 250:330] = ivar[:, 590:] = 0
    ivar[0, 400:500] = 0  # bad in one spectrum alone: no gap
    ivar[:, 100:140] = 0  # too short
    assert segments(make(3, ivar=ivar)) == [slice(20, 250), slice(330, 590)]
    assert segments(make(3, ivar=ivar), longest_gap=10)[0] == slice(20, 100)


def test_left_out_pixels_divide_only_when_many(make):
    grid = 5000 + np.arange(300.0)
    assert len(segments(make(2, np.delete(grid, slice(100, 120)), bad=0))) == 1
    assert len(segments(make(2, np.delete(grid, slice(100, 180)), bad=0))) == 2


def test_named_intervals(make):
    spectra = make(1, 5000 + np.arange(100.0))
    assert segments(spectra, [(5010, 5020), (5050, 6000)]) == [slice(10, 21), slice(50, 100)]
    with pytest.raises(InputError, match="do not overlap"):
        segments(spectra, [(5010, 5030), (5020, 5050)])
    with pytest.raises(InputError, match=r"no pixel lies in the segment 6000-6100"):
        segments(spectra, [(6000, 6100)])


def test_no_good_pixel(make):
    assert segments(make(2, ivar=np.zeros((2, 600)))) == []
