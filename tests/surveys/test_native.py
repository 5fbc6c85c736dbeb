"""Default grid of LAMOST's low resolution: one for all releases, three pixels averaged by their inverse variances."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.surveys import ingest
from luxjax.surveys._native import NATIVE_GRIDS, bin_limits, native_grid

from . import fixtures

LAMOST = NATIVE_GRIDS[0]
RAW = {"normalization": "none", "noise_limit": np.inf, "progress": False}


def write(folder, number, rng, *, n=3909, start=0, z=0.0, **header):
    """A noisy spectrum with dead pixels whose errors change from pixel to pixel; its flux and ivar."""
    wave = 10.0 ** (3.5682 + 1e-4 * (start + np.arange(n)))
    flux = 100 + 10 * np.sin(wave / 50) + rng.normal(0, 1, n)
    ivar = rng.uniform(0.1, 4, n) * (rng.uniform(size=n) > 0.2)
    header |= {"Z": z, "DESIG": f"LAMOST J{number}", "COEFF0": 3.5682 + 1e-4 * start}
    fixtures.write_lamost(folder / f"spec-{number}.fits", flux, ivar, **header)
    return flux.astype("f4").astype(float), ivar.astype("f4").astype(float)


def test_a_bin_is_the_weighted_mean_of_its_three_pixels(tmp_path, rng):
    """Against the textbook: sum of w f over sum of w, with the sum of w as its weight; two of three must be good."""
    flux, ivar = write(tmp_path, 1, rng)
    spectra = ingest(tmp_path, **RAW).unlabelled.spectra("spectra")
    f, w = flux.reshape(-1, 3), ivar.reshape(-1, 3)
    centre = (10.0 ** (3.5682 + 1e-4 * np.arange(3909))).reshape(-1, 3)[:, 1]
    kept = (centre >= 3900) & (centre <= 8800)
    np.testing.assert_allclose(spectra.wavelength, centre[kept], rtol=1e-12)
    f, w = f[kept], w[kept]
    good = (w > 0).sum(axis=1) >= 2
    assert 0.05 < 1 - good.mean() < 0.2
    np.testing.assert_array_equal(spectra.good[0], good)
    np.testing.assert_allclose(
        spectra.flux[0][good], (w * f).sum(axis=1)[good] / w.sum(axis=1)[good], rtol=1e-6
    )
    np.testing.assert_allclose(spectra.ivar[0][good], w.sum(axis=1)[good], rtol=1e-6)


def test_shifted_spectra_are_binned_in_one_step(tmp_path, rng):
    """Each pixel counts by its overlap with the bin and its weight; the error is that of this sum, and holds."""
    z = 2.3e-4
    flux, ivar = write(tmp_path, 1, rng, z=z)
    spectra = ingest(tmp_path, **RAW).unlabelled.spectra("spectra")
    centre = 10.0 ** (3.5682 + 1e-4 * np.arange(-1, 3910))
    edge = (centre[1:] + centre[:-1]) / 2  # of pixels, half-way in Angstrom, as those of bins are
    old = edge / (1 + z)
    for k in (40, 500, 901):
        n = round((np.log10(spectra.wavelength[k]) - 3.5682) / 1e-4)
        low, high = edge[n - 1], edge[n + 2]
        overlap = np.clip(np.minimum(old[1:], high) - np.maximum(old[:-1], low), 0, None)
        weight = overlap / np.diff(old) * ivar
        if overlap[ivar > 0].sum() < (high - low) / 2:
            assert not spectra.good[0, k]
            continue
        assert (overlap > 0).sum() == 4
        assert spectra.flux[0, k] == pytest.approx((weight * flux).sum() / weight.sum(), rel=1e-6)
        variance = (weight[ivar > 0] ** 2 / ivar[ivar > 0]).sum() / weight.sum() ** 2
        assert spectra.ivar[0, k] == pytest.approx(1 / variance, rel=1e-5)


def test_stated_errors_of_shifted_bins_hold(tmp_path, rng):
    """Noise alone, shifted by parts of a pixel: its spread is the stated one. Twice interpolated, it would be smaller."""
    z = np.linspace(0, 6e-4, 40)
    for k, redshift in enumerate(z):
        fixtures.write_lamost(
            tmp_path / f"s{k:02d}.fits",
            100 + rng.normal(0, 2, 3909),
            np.full(3909, 0.25),
            Z=redshift,
            DESIG=f"LAMOST J{k}",
        )
    spectra = ingest(tmp_path, **RAW).unlabelled.spectra("spectra")
    pull = (spectra.flux - 100) * np.sqrt(spectra.ivar)
    assert pull.std() == pytest.approx(1, abs=0.02)


def test_masks_of_a_bin_are_those_of_its_own_pixels(tmp_path):
    flags = np.zeros(3909)
    flags[1500] = 1  # the first of the three pixels of bin 500
    fixtures.write_lamost(
        tmp_path / "spec-1.fits", np.full(3909, 9.0), np.ones(3909), ormask=flags, DESIG="LAMOST J1", Z=0.0
    )
    spectra = ingest(tmp_path, **RAW).unlabelled.spectra("spectra")
    marked = spectra.wavelength[spectra.flagged(["ORMASK"])[0]]
    np.testing.assert_allclose(marked, 10.0 ** (3.5682 + 1e-4 * 1501), rtol=1e-12)


def test_files_of_all_lengths_come_onto_one_grid(tmp_path, rng):
    sizes = [(3909, 0), (3904, 0), (3892, 0), (3600, 300), (3897, 3)]
    grids = []
    for k, (n, start) in enumerate(sizes):
        folder = tmp_path / str(k)
        folder.mkdir()
        write(folder, k, rng, n=n, start=start, z=1e-4)
        grids.append(ingest(folder, progress=False).unlabelled.spectra("spectra").wavelength)
    assert len(grids[0]) == 1178
    for grid in grids[1:]:
        np.testing.assert_array_equal(grid, grids[0])
    together = ingest(tmp_path, **RAW).unlabelled.spectra("spectra")
    np.testing.assert_array_equal(together.wavelength, grids[0])
    late = together.select(together.ids == "J3")
    before = late.wavelength < 3960  # it begins at 3964 A
    assert before.sum() > 10
    assert not late.good[0, before].any()
    assert late.good[0, ~before].mean() > 0.8


def test_explicit_range_and_binning(tmp_path, rng):
    write(tmp_path, 1, rng)
    wide = ingest(tmp_path, wavelength_range=(3000, 10000), **RAW).unlabelled.spectra("spectra")
    default = ingest(tmp_path, **RAW).unlabelled.spectra("spectra")
    assert wide.n_pixels == 1303
    assert np.isin(default.wavelength, wide.wavelength).all()  # limits move no bin
    single = ingest(tmp_path, binning=1, **RAW).unlabelled.spectra("spectra")
    assert single.n_pixels == 3534
    grid = np.linspace(4000, 5000, 300)
    own = ingest(tmp_path, grid=grid, **RAW).unlabelled.spectra("spectra")
    np.testing.assert_array_equal(own.wavelength, grid)
    assert own.history[-1].startswith("on one grid, rest frame, continuum none")


def test_other_surveys_keep_all_their_pixels_and_may_be_binned():
    wave = 10.0 ** (4.179 + 6e-6 * np.arange(90))
    spectra = Spectra(
        np.arange(90.0)[None] + 1, np.ones((1, 90)), wave, "vacuum", ["a"], survey="apogee", normalized=True
    )
    assert ingest(spectra).unlabelled.spectra("spectra").n_pixels == 90
    binned = ingest(spectra, binning=3).unlabelled.spectra("spectra")
    np.testing.assert_allclose(binned.flux[0], np.arange(2, 91, 3), rtol=1e-5)
    np.testing.assert_allclose(binned.ivar, 3, rtol=1e-6)
    with pytest.raises(InputError, match="steps are equal in log wavelength"):
        ingest(spectra.replace(wavelength=np.linspace(4000, 9000, 90)), binning=2)


def test_medium_resolution_is_not_taken_for_low():
    wave = 10.0 ** (3.69 + 1e-5 * np.arange(500))
    one = np.ones((1, 500))
    assert native_grid(Spectra(one, one, wave, "vacuum", ["a"], survey="lamost")) is None
    low = 10.0 ** (3.5682 + 1e-4 * np.arange(100, 600))
    assert native_grid(Spectra(one, one, low, "vacuum", ["a"], survey="lamost")) is LAMOST
    assert native_grid(Spectra(one, one, low, "vacuum", ["a"], survey="other")) is None


@pytest.mark.parametrize("binning", [1, 2, 3, 4, 7])
def test_bins_are_recognised_and_meet(binning):
    grid = LAMOST.wavelength(binning)
    assert LAMOST.binning_of(grid[5:50]) == binning
    assert LAMOST.binning_of(grid[5:50] * 1.00003) == 1
    lower, upper = bin_limits(grid, binning)
    np.testing.assert_array_equal(lower[1:], upper[:-1])
    np.testing.assert_allclose((np.log10(upper) - np.log10(lower)) / 1e-4, binning, rtol=1e-4)


# Real files


@pytest.mark.slow
def test_all_real_releases_share_the_grid(real_data):
    grids = {}
    for release in sorted((real_data / "lamost").glob("lrs_*")):
        files = sorted(release.glob("*.fits*"))[:4]
        if files:
            spectra = ingest(files, progress=False).unlabelled.spectra("spectra")
            grids[release.name] = spectra.wavelength
            assert spectra.normalized
            assert np.median(spectra.flux[spectra.good]) == pytest.approx(0.95, abs=0.06)
    assert len(grids) >= 8
    first = grids["lrs_dr1"]
    assert (len(first), first[0] > 3900, first[-1] < 8800) == (1178, True, True)
    for name, grid in grids.items():
        np.testing.assert_array_equal(grid, first, err_msg=name)
