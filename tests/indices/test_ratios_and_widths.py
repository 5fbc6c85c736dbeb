"""Ratios and widths of lines against closed forms and Monte Carlo."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.indices import Index, measure_indices
from luxjax.indices._ratios import LineRatio, line_ratios, measure_ratios
from luxjax.indices._widths import LineGroup, line_widths, measure_widths
from luxjax.preprocessing import air_to_vacuum, to_medium, vacuum_to_air

GRID = 10 ** (3.5682 + 1e-4 * np.arange(3909))
FWHM = 2 * np.sqrt(2 * np.log(2))


def spectra(flux, ivar=1e4, wavelength=GRID, medium="vacuum", **more):
    flux = np.atleast_2d(flux)
    return Spectra(flux, np.broadcast_to(ivar, flux.shape), wavelength, medium, [str(k) for k in range(len(flux))], **more)  # fmt: skip


def lines(centres, depths, sigmas, stretch=1.0, fine=9):
    """Gaussian lines on a sloped continuum, averaged over each pixel as a detector does; they add up, as lines blended by an instrument do."""
    steps = np.log(GRID)[:, None] + np.log(10) * 1e-4 * (np.arange(fine) - fine // 2) / fine
    rest = np.exp(steps) / stretch
    lost = np.zeros_like(rest)
    for centre, depth, sigma in zip(air_to_vacuum(np.array(centres)), depths, np.broadcast_to(sigmas, len(centres)), strict=True):  # fmt: skip
        lost += depth * np.exp(-0.5 * ((rest - centre) / sigma) ** 2)
    return np.mean((2 + 2e-4 * (rest - 5000)) * (1 - lost), axis=1)


@pytest.mark.parametrize("fwhm", [3.0, 5.0, 12.0])
@pytest.mark.parametrize("stretch", [1.0, 1.0009])
def test_widths_of_gaussian_lines_are_theirs(fwhm, stretch):
    groups = line_widths()
    centres = [c for g in groups for c in g.lines]
    depths = 0.3 + 0.3 * np.random.default_rng(1).random(len(centres))
    found, errors = measure_widths(
        spectra(lines(centres, depths, fwhm / FWHM, stretch)), redshift=stretch - 1
    )
    alone = np.array([len(g.lines) == 1 for g in groups])
    assert found[0, alone] == pytest.approx(fwhm, rel=0.01)
    if fwhm < 6:  # blends of wider lines reach the ends of their windows
        assert found[0] == pytest.approx(fwhm, rel=0.01)
    assert np.all(errors[0, alone] < 0.2 * fwhm)


def test_a_redshift_a_little_wrong_does_not_widen_a_line():
    flux = lines([4861.33], [0.5], 2.0, 1.0)
    off = measure_widths(spectra(flux), redshift=8e-5)[0]  # 24 km/s, half a pixel
    right = measure_widths(spectra(flux))[0]
    k = [g.name for g in line_widths()].index("Hbeta_fwhm")
    assert off[0, k] == pytest.approx(right[0, k], rel=0.005)


@pytest.mark.slow
def test_scatter_of_widths_is_the_stated_error(rng):
    flux = lines([4861.33, 5889.95, 5895.92], [0.4, 0.5, 0.35], 2.2)
    sigma = 0.02 * flux
    many = flux + sigma * rng.standard_normal((250, len(flux)))
    found, errors = measure_widths(spectra(many, 1 / sigma**2))
    for name in ("Hbeta_fwhm", "Na_D_fwhm"):
        k = [g.name for g in line_widths()].index(name)
        pull = (found[:, k] - 2.2 * FWHM) / errors[:, k]
        assert np.isfinite(pull).all()
        assert abs(pull.mean()) < 0.3
        assert pull.std() == pytest.approx(1, abs=0.15)


def test_no_width_of_lines_that_are_not_there_are_in_emission_or_not_covered(rng):
    flat = 2 + 0.04 * rng.standard_normal((200, len(GRID)))
    found, _ = measure_widths(spectra(flat, 1 / 0.04**2))
    assert np.isfinite(found).mean() < 0.06
    bright = lines([6562.79], [-0.5], 3.0)
    assert np.isnan(measure_widths(spectra(bright))[0]).all()
    ivar = np.full(len(GRID), 1e4)
    ivar[(GRID > 4800) & (GRID < 4860)] = 0
    lost, _ = measure_widths(spectra(lines([4861.33, 6562.79], [0.5, 0.5], 3.0), ivar))
    seen = dict(zip((g.name for g in line_widths()), lost[0], strict=True))
    assert np.isnan(seen["Hbeta_fwhm"])
    assert seen["Halpha_fwhm"] == pytest.approx(3 * FWHM, rel=0.02)


@pytest.mark.slow
def test_blocks_air_and_units_of_flux_change_nothing(rng):
    flux = lines([4861.33, 5889.95, 5895.92], [0.4, 0.5, 0.35], 2.2) * (1 + 0.01 * rng.standard_normal((130, len(GRID))))  # fmt: skip
    shifts = rng.normal(0, 3e-5, 130)
    one = measure_widths(spectra(flux), redshift=shifts)
    alone = measure_widths(spectra(flux[129:]), redshift=shifts[129:])
    np.testing.assert_allclose(one[0][129:], alone[0], rtol=1e-6)
    air = to_medium(spectra(1e-16 * flux, 1e36), "air")
    assert air.medium == "air"
    np.testing.assert_allclose(measure_widths(air, redshift=shifts)[0], one[0], rtol=1e-4)
    np.testing.assert_allclose(measure_ratios(air, redshift=shifts)[0], measure_ratios(spectra(flux), redshift=shifts)[0], rtol=1e-4)  # fmt: skip
    assert vacuum_to_air(GRID)[0] < GRID[0]


SIDES = {"blue": (4990.0, 5000.0), "red": (5060.0, 5070.0)}
FIRST = Index("first", "A", "vacuum", (5010.0, 5020.0), **SIDES)
SECOND = Index("second", "A", "vacuum", (5030.0, 5040.0), **SIDES)
BAND = Index("band", "ratio", "vacuum", (5030.0, 5040.0), red=(5060.0, 5070.0))


def test_ratios_are_those_of_the_indices(rng):
    flux = 1 + 0.1 * rng.standard_normal((50, len(GRID))) - 0.6 * (np.abs(GRID - 5015) < 5) - 0.7 * (np.abs(GRID - 5035) < 5)  # fmt: skip
    some = spectra(flux, 1e4)
    strength = measure_indices(some, [FIRST, SECOND, BAND])[0]
    ratios = [LineRatio("lines", FIRST, SECOND), LineRatio("band", FIRST, BAND)]
    found, _ = measure_ratios(some, ratios)
    np.testing.assert_allclose(found[:, 0], strength[:, 0] / strength[:, 1], rtol=1e-8)
    np.testing.assert_allclose(found[:, 1], strength[:, 0] / (1 - strength[:, 2]), rtol=1e-8)


def test_errors_of_ratios_allow_for_the_shared_side_bands(rng):
    flux = 1 - 0.3 * (np.abs(GRID - 5015) < 5) - 0.3 * (np.abs(GRID - 5035) < 5)
    many = flux + 0.01 * rng.standard_normal((1000, len(GRID)))
    found, errors = measure_ratios(spectra(many, 1e4), [LineRatio("r", FIRST, SECOND)])
    scatter = found[:, 0].std()
    assert scatter == pytest.approx(np.median(errors), rel=0.06)
    # as if both strengths were independent, the error would be too large
    value, error = (a[0] for a in measure_indices(spectra(flux, 1e4), [FIRST, SECOND]))
    careless = np.hypot(error[0] / value[0], error[1] / value[1])
    assert careless > 1.08 * scatter


def test_a_ratio_needs_the_line_below_and_its_pixels(rng):
    flux = 1 - 0.5 * (np.abs(GRID - 5015) < 5) + 0.02 * rng.standard_normal((300, len(GRID)))
    found, _ = measure_ratios(spectra(flux, 1 / 0.02**2), [LineRatio("r", FIRST, SECOND)])
    assert np.isnan(found).mean() > 0.97
    ivar = np.full(len(GRID), 1e4)
    ivar[np.abs(GRID - 5035) < 5] = 0
    deep = 1 - 0.5 * (np.abs(GRID - 5015) < 5) - 0.5 * (np.abs(GRID - 5035) < 5)
    assert np.isnan(measure_ratios(spectra(deep, ivar), [LineRatio("r", FIRST, SECOND)])[0]).all()
    assert np.isfinite(measure_ratios(spectra(deep), [LineRatio("r", FIRST, SECOND)])[0]).all()
    with pytest.raises(InputError, match="no usable redshift"):
        measure_ratios(spectra(deep), redshift=np.nan)


def test_built_in_lines_have_names_of_their_own_and_lie_in_their_windows():
    names = [r.name for r in line_ratios()] + [g.name for g in line_widths()]
    assert len(set(names)) == len(names)
    for group in line_widths():
        assert isinstance(group, LineGroup)
        assert all(any(low < c < high for low, high in group.windows) for c in group.lines)
    for ratio in line_ratios():
        low, high = ratio.span
        assert high - low < 350
