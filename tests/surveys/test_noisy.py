"""Pixels that are far noisier than the others get no weight, whatever the survey, and are counted."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.surveys import IngestOptions, ingest
from luxjax.surveys._noisy import ranges_in, ranges_of, too_noisy, without_impossible


def spectra(error, *, good=None, n=6) -> Spectra:
    error = np.broadcast_to(np.asarray(error, float), (n, np.shape(error)[-1]))
    ivar = 1 / error**2 * (1 if good is None else good)
    wave = 5000.0 + np.arange(error.shape[1])
    ids = [f"s{k}" for k in range(n)]
    return Spectra(np.ones(error.shape), ivar, wave, "air", ids, survey="toy", normalized=True)


def test_the_rule_is_five_times_the_median_of_the_medians():
    error = np.ones(20)
    error[[3, 4, 11]] = [5.5, 50.0, 4.5]
    made = ingest(spectra(error))
    found = made.unlabelled.spectra("spectra")
    assert np.flatnonzero(~found.good.any(axis=0)).tolist() == [3, 4]
    assert found.n_pixels == 20  # grids remain comparable
    assert made.summary.splitlines()[2] == (
        "2 pixels left out: their median error is over five times that of the others"
    )
    assert "no weight at 5003.000-5004.000" in found.history[-1]
    none = ingest(spectra(error), noise_limit=np.inf)
    assert none.unlabelled.spectra("spectra").good.all()
    assert none.summary.splitlines()[2] == "no pixel left out"
    assert (
        "1 pixel left out: its median error is over 10 times"
        in ingest(spectra(error), noise_limit=10).summary
    )
    assert "no pixel left out: no median error is over five" in ingest(spectra(np.ones(9))).summary


def test_only_stars_that_have_a_pixel_count():
    """Good in two of six stars, and noisy there: left out. Noisy in two of six: the median is not."""
    error = np.ones((6, 20))
    good = np.ones((6, 20))
    error[:2, 5], good[2:, 5] = 9.0, 0
    error[:2, 6] = 9.0
    good[:, 7] = 0  # in no star: none of the others, and no reason to count it
    assert np.flatnonzero(too_noisy(spectra(error, good=good))).tolist() == [5]
    assert not too_noisy(spectra(error, good=0 * good)).any()


def test_ranges_are_read_as_they_are_written(rng):
    wave = 4000 * 1.0002 ** np.arange(500)
    pixels = np.flatnonzero(rng.uniform(size=500) < 0.4)
    text = ranges_of(wave, pixels)
    np.testing.assert_array_equal(np.flatnonzero(ranges_in(text, wave)), pixels)
    assert ranges_of(wave, []) == ""
    assert not ranges_in("", wave).any()


@pytest.mark.parametrize("limit", [1, 0, -5, np.nan, "5", None])
def test_limits_that_mean_nothing(limit):
    with pytest.raises(InputError, match="noise_limit is a number above 1, or inf"):
        IngestOptions(noise_limit=limit)


def test_cores_of_strong_lines_stay():
    """Surveys state larger errors in strong lines; a stretch as noisy without a line goes, and so do noisy ends."""
    n = 400
    error, flux = np.ones((6, n)), np.ones((6, n))
    error[:, 100:110], flux[:, 102:108] = 8.0, 0.5  # a line
    error[:, 200:210] = 8.0  # no line
    error[:, :40], flux[:, 10:14] = 9.0, 0.6  # an end, with a line in it
    found = np.flatnonzero(too_noisy(spectra(error).replace(flux=flux)))
    assert found.tolist() == [*range(40), *range(200, 210)]


def test_a_few_stars_may_be_red():
    """Errors that grow towards the blue are the colour of a star, not a fault of its pixels."""
    n = 600
    few = spectra(np.geomspace(300, 1, n))
    many = Spectra.stack([few, few])
    assert too_noisy(many).sum() > 100
    assert too_noisy(few).sum() < 30
    error = np.geomspace(300, 1, n)
    error[300] = 1000.0
    assert too_noisy(spectra(error))[300]


def test_values_that_no_star_has_lose_their_weight_and_are_counted():
    error = np.full(20, 0.01)
    error[4] = 2.0
    star = spectra(error)
    flux = np.ones((6, 20))
    flux[0, 2], flux[0, 3] = -409.0, 20.9  # a continuum that came near zero
    flux[1, 3] = -0.52  # within five errors of what a star may have
    flux[2, 4] = 14.0  # within its noise
    flux[3] = 1000.0  # never divided: another fault, which is not hidden
    given = star.replace(flux=flux)
    found = without_impossible(given)
    assert [tuple(where) for where in np.argwhere(~found.good)] == [(0, 2), (0, 3)]
    made = ingest(given, noise_limit=np.inf)
    assert (~made.unlabelled.spectra("spectra").good).sum() == 2
    assert (
        "2 flux values of 1 spectra left out: a flux below -0.5 or above 5 times the continuum is that of no star"
        in made.summary
    )
    raw = given.replace(normalized=False)
    assert without_impossible(raw) is raw
