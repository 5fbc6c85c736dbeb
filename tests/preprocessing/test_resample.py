import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import bin_edges, resample


def one(flux, wavelength, ivar=None, mask=None) -> Spectra:
    flux = np.asarray(flux, float)
    ivar = np.ones_like(flux) if ivar is None else ivar
    return Spectra(flux, ivar, wavelength, "vacuum", ["a"], mask=mask)


def slow(spectra, wavelength, min_coverage=0.5):
    """Bin by bin and star by star."""
    low0, high0 = bin_edges(spectra.wavelength)
    low, high = bin_edges(wavelength)
    flux, ivar = np.zeros((2, len(spectra), len(wavelength)))
    mask = np.zeros(flux.shape, int)
    for s in range(len(spectra)):
        for j in range(len(wavelength)):
            top = covered = var = 0.0
            for i in range(spectra.n_pixels):
                o = min(high[j], high0[i]) - max(low[j], low0[i])
                if o > 1e-6:
                    mask[s, j] |= spectra.mask[s, i]
                    if spectra.ivar[s, i] > 0:
                        top += o * spectra.flux[s, i]
                        covered += o
                        var += o**2 / spectra.ivar[s, i]
            if covered >= min_coverage * (high[j] - low[j]) - 1e-9 and covered > 0:
                flux[s, j], ivar[s, j] = top / covered, covered**2 / var
    return flux, ivar, mask


def test_edges_meet_and_do_not_span_gaps():
    low, high = bin_edges([1.0, 2, 3, 10, 12, 14, 15.5])
    np.testing.assert_allclose(low, [0.5, 1.5, 2.5, 9, 11, 13, 14.75])
    np.testing.assert_allclose(high, [1.5, 2.5, 3.5, 11, 13, 14.75, 16.25])


def test_edges_of_lone_pixels_and_left_out_pixels():
    low, high = bin_edges([1.0, 2, 3, 10, 20, 21, 23, 24])
    np.testing.assert_allclose((low[3], high[3]), (9.5, 10.5))
    np.testing.assert_allclose((high[5], low[6]), (21.5, 22.5))
    np.testing.assert_allclose(bin_edges([5.0, 7.0]), [[4, 6], [6, 8]])


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=30))
def test_edges_never_overlap_and_hold_their_pixel(steps):
    centre = 4000 + np.cumsum([0.0, *steps])
    low, high = bin_edges(centre)
    assert np.all(low < centre)
    assert np.all(high > centre)
    assert np.all(low[1:] >= high[:-1])


def test_identity(spectra):
    same = resample(spectra, spectra.wavelength)
    np.testing.assert_allclose(same.flux, np.where(spectra.good, spectra.flux, 0), rtol=1e-9)
    np.testing.assert_allclose(same.ivar, spectra.ivar, rtol=1e-9)
    np.testing.assert_array_equal(same.mask, spectra.mask)


def test_by_hand():
    # Old bins [0.5, 1.5] ... [3.5, 4.5]; new ones [1, 3] and [3, 5]: 0.5, 1, 0.5 of the first three; 0.5, 1 and
    # a quarter of nothing of the last two.
    out = resample(one([[4.0, 8, 2, 6]], [1.0, 2, 3, 4], ivar=[[1.0, 4, 1, 1]]), [2.0, 4.0])
    np.testing.assert_allclose(out.flux, [[(2 + 8 + 1) / 2, (1 + 6) / 1.5]])
    np.testing.assert_allclose(1 / out.ivar, [[(0.25 + 0.25 + 0.25) / 4, (0.25 + 1) / 2.25]])


def test_agrees_with_the_slow_sum(make):
    old = np.r_[4000 + np.cumsum(np.linspace(0.9, 1.1, 25)), 4100 + 1.3 * np.arange(20)]
    new = np.r_[3990 + 1.7 * np.arange(30), 4090 + 0.6 * np.arange(70)]
    spectra = make(3, wavelength=old, bad=0.3)
    out = resample(spectra, new)
    flux, ivar, mask = slow(spectra, new)
    np.testing.assert_allclose(out.flux, flux, rtol=1e-9)
    np.testing.assert_allclose(out.ivar, ivar, rtol=1e-9)
    np.testing.assert_array_equal(out.mask, mask)
    assert 0.2 < out.good.mean() < 0.9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_total_flux_is_conserved(seed, n_new):
    rng = np.random.default_rng(seed)
    old = 5000 + np.cumsum(rng.uniform(1, 1.8, 40))
    low, high = bin_edges(old)
    edges = np.linspace(low[0], high[-1], n_new + 1)
    new = (edges[1:] + edges[:-1]) / 2
    flux = rng.normal(1, 0.3, (1, 40))
    out = resample(one(flux, old), new)
    width = np.subtract(*bin_edges(new)[::-1])
    assert np.sum(out.flux * width) == pytest.approx(np.sum(flux * (high - low)), rel=1e-9)
    assert out.good.all()


def test_variance_by_monte_carlo(make):
    """The scatter of resampled noise is what ivar says, masked pixels included."""
    rng = np.random.default_rng(1)
    old, new = 4000 + 1.0 * np.arange(40), 4003 + 1.37 * np.arange(20)
    sigma = rng.uniform(0.5, 2, 40)
    ivar = np.where(rng.uniform(size=40) > 0.2, 1 / sigma**2, 0)
    n = 4000
    noise = sigma * rng.normal(size=(n, 40))
    noise[:, ivar == 0] = 1e6
    draws = Spectra(noise, np.tile(ivar, (n, 1)), old, "air", np.arange(n))
    out = resample(draws, new)
    seen = out.ivar[0] > 0
    assert 10 < seen.sum() < 20
    ratio = out.flux[:, seen].var(axis=0) * out.ivar[0, seen]
    np.testing.assert_allclose(ratio, 1, atol=5 * np.sqrt(2 / n))


def test_outside_and_gaps_are_bad():
    spectra = one(np.ones((1, 8)), [1.0, 2, 3, 4, 11, 12, 13, 14])
    out = resample(spectra, np.arange(-1.0, 18))
    np.testing.assert_array_equal(np.arange(-1, 18)[out.good[0]], [1, 2, 3, 4, 11, 12, 13, 14])
    assert np.all(out.flux[~out.good] == 0)
    coarse = resample(spectra, [1.5, 7.5, 13.5])  # the middle bin is [4.5, 10.5]: the gap
    np.testing.assert_array_equal(coarse.good[0], [True, False, True])


def test_partial_coverage_rule():
    spectra = one([[1.0, 9, 3, 5]], [1.0, 2, 3, 4], ivar=[[1.0, 0, 1, 1]], mask=[[1, 2, 0, 4]])
    half = resample(spectra, [1.5, 3.5])
    np.testing.assert_allclose(half.flux, [[1, 4]])
    np.testing.assert_allclose(half.ivar, [[1, 2]])
    np.testing.assert_array_equal(half.mask, [[3, 4]])
    strict = resample(spectra, [1.5, 3.5], min_coverage=0.51)
    np.testing.assert_array_equal(strict.ivar, [[0, 2]])
    np.testing.assert_array_equal(strict.mask, [[3, 4]])


def test_what_travels(spectra):
    out = resample(spectra.replace(flux=spectra.flux.astype(np.float32)), spectra.wavelength[::2])
    assert out.flux.dtype == out.ivar.dtype == np.float32
    assert (out.medium, out.frame, out.bits) == (spectra.medium, spectra.frame, spectra.bits)
    assert "600 to 300 pixels" in out.history[-1]
    assert resample(spectra.replace(mask=None), spectra.wavelength[::2]).mask is None


@pytest.mark.parametrize("grid", [[5000.0], [2.0, 1.0], [[1.0, 2.0]], [1.0, np.nan, 3.0]])
def test_bad_grids(spectra, grid):
    with pytest.raises(InputError, match="strictly increasing"):
        resample(spectra, grid)


def test_bad_coverage(spectra):
    with pytest.raises(InputError, match="min_coverage"):
        resample(spectra, spectra.wavelength, min_coverage=0)


def test_mask_bits_do_not_leak_through_rounding():
    """Bins that meet only to rounding do not overlap."""
    old = 5000 + 0.1 * np.arange(200)
    mask = np.zeros((1, 200), int)
    mask[0, ::4] = 1
    out = resample(one(np.ones((1, 200)), old, mask=mask), 5000.05 + 0.2 * np.arange(100))
    np.testing.assert_array_equal(out.mask[0], np.tile([1, 0], 50))


def test_weighted_means_of_whole_pixels(rng):
    """Bins of three pixels each: their weighted mean, and the sum of their inverse variances."""
    wavelength = 4000 * 1.0002 ** np.arange(31)
    lower, upper = bin_edges(wavelength)
    flux, ivar = rng.normal(1, 0.1, (2, 31)), rng.uniform(1, 9, (2, 31))
    ivar[0, 4] = ivar[1, 6:8] = 0
    spectra = Spectra(flux, ivar, wavelength, "air", ["a", "b"])
    edges = lower[:30:3], upper[2:30:3]
    binned = resample(spectra, wavelength[1:30:3], edges=edges, weighted=True)
    f, w = flux[:, :30].reshape(2, 10, 3), ivar[:, :30].reshape(2, 10, 3)
    kept = (w > 0).sum(axis=2) >= 2
    assert (kept.sum(), kept[1, 2]) == (19, False)
    np.testing.assert_array_equal(binned.good, kept)
    np.testing.assert_allclose(binned.flux[kept], ((w * f).sum(axis=2) / w.sum(axis=2))[kept])
    np.testing.assert_allclose(binned.ivar[kept], w.sum(axis=2)[kept])
    plain = resample(spectra, wavelength[1:30:3], edges=edges)
    assert np.all(plain.ivar <= binned.ivar * (1 + 1e-4))  # no weights have a smaller variance


@pytest.mark.parametrize(
    "edges", [([1.0, 2.0], [2.0, 3.0, 4.0]), ([1.0, 2.0], [2.5, 3.0]), ([1.0, 2.0], [1.0, 3.0])]
)
def test_edges_that_overlap_or_do_not_fit(edges):
    spectra = Spectra(np.ones((1, 5)), np.ones((1, 5)), np.arange(1.0, 6), "air", ["a"])
    with pytest.raises(InputError, match="edges are the lower and the upper edges of the 2 new pixels"):
        resample(spectra, [1.5, 2.5], edges=edges)
