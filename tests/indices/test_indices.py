"""Spectral indices against closed forms, automatic derivatives, Monte Carlo and a plain loop."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import voigt_profile

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.indices import Index, builtin_indices, measure_indices
from luxjax.preprocessing import air_to_vacuum, vacuum_to_air

GRID = 10 ** (3.5682 + 1e-4 * np.arange(3909))
LINE = 4861.33
BAND, BLUE, RED = (4830.0, 4890.0), (4780.0, 4815.0), (4905.0, 4940.0)
NAMES = ("A", "mag", "depth", "width", "asymmetry")
LINES = [Index(u, u, "air", BAND, BLUE, RED, line=LINE) for u in NAMES]
FLUXES = [
    Index("one_side", "ratio", "vacuum", (7126, 7135), red=(7042, 7046)),
    Index("two_sides", "ratio", "vacuum", (6380, 6390), (6345, 6355), (6410, 6420)),
    Index("fnu", "ratio_fnu", "vacuum", None, (3850, 3950), (4000, 4100)),
    Index("over", "ratio_blue_over_red", "vacuum", None, (8835, 8855), (8870, 8890)),
    Index("slope", "slope", "vacuum", None, (4030, 4080), (8780, 8820)),
    Index("bend", "curvature", "vacuum", (6080, 6130), (4030, 4080), (8780, 8820)),
]


def spectra(flux, ivar=1e4, wavelength=GRID, medium="vacuum", **more):
    flux = np.atleast_2d(flux)
    ids = [str(k) for k in range(len(flux))]
    return Spectra(flux, np.broadcast_to(ivar, flux.shape), wavelength, medium, ids, **more)


def line(profile, area, stretch=1.0):
    """A line of this equivalent width on a sloped continuum, at its vacuum wavelength."""
    rest = GRID / stretch
    offset = rest - air_to_vacuum(np.array([LINE]))
    return (2 + 1e-3 * (rest - 4861)) * (1 - area * profile(offset))


def gauss(x):
    return np.exp(-0.5 * (x / 4) ** 2) / (4 * np.sqrt(2 * np.pi))


@pytest.mark.parametrize("profile", [gauss, lambda x: voigt_profile(x, 3.0, 0.15)])
@pytest.mark.parametrize("stretch", [1.0, 1.0008])
def test_equivalent_width_of_analytic_lines(profile, stretch):
    found = measure_indices(spectra(line(profile, 5.0, stretch)), LINES, redshift=stretch - 1)[0][0]
    ew = dict(zip(NAMES, found, strict=True))
    assert ew["A"] == pytest.approx(5.0, rel=0.01)
    assert ew["mag"] == pytest.approx(-2.5 * np.log10(1 - 5 / 60), rel=0.02)
    half = LINE / 3600
    inner = 5 * np.mean(profile(np.linspace(-half, half, 200)))
    assert ew["depth"] == pytest.approx(inner, rel=0.01)
    assert ew["width"] == pytest.approx(5 / inner, rel=0.02)
    assert ew["asymmetry"] == pytest.approx(0, abs=0.05)


def test_asymmetry_is_positive_for_a_line_with_a_red_wing():
    shifted = measure_indices(spectra(line(lambda x: gauss(x - 2.0), 5.0)), LINES[-1:])[0][0, 0]
    assert shifted == pytest.approx(
        5 * 2 * (0.69146 - 0.5), rel=0.02
    )  # the normal distribution at half a sigma


def test_band_edges_count_by_the_fraction_of_a_pixel():
    # One bright pixel at the edge of the band: as the edge moves through it, the ratio grows in proportion.
    flux = np.ones(len(GRID))
    flux[2000] = 11.0
    low, high = (GRID[1999] + GRID[2000]) / 2, (GRID[2000] + GRID[2001]) / 2
    for part in (0.0, 0.25, 1.0):
        edge = low + part * (high - low)
        index = Index("edge", "ratio", "vacuum", (edge - 20, edge), (edge - 200, edge - 100))
        got = measure_indices(spectra(flux), [index])[0][0, 0]
        assert got == pytest.approx(1 + 10 * part * (high - low) / 20, rel=1e-9)


def test_flux_only_indices_of_a_power_law():
    # F = lambda^-2 is flat in F_nu; band means of narrow bands are the values at their middle
    flux = (GRID / 5000) ** -2.0
    got = dict(zip([i.name for i in FLUXES], measure_indices(spectra(flux), FLUXES)[0][0], strict=True))
    assert got["one_side"] == pytest.approx((7044 / 7130.5) ** 2, rel=1e-4)
    assert got["two_sides"] == pytest.approx(2 * 6385**-2.0 / (6350**-2.0 + 6415**-2.0), rel=1e-4)
    assert got["fnu"] == pytest.approx(1.0, abs=1e-6)
    assert got["over"] == pytest.approx((8880 / 8845) ** 2, rel=1e-4)
    assert got["slope"] == pytest.approx(-5 * np.log10(8800 / 4055), abs=2e-4)
    bend = 5 * np.log10(6105) - 2.5 * np.log10(4055) - 2.5 * np.log10(8800)
    assert got["bend"] == pytest.approx(bend, abs=3e-4)


def test_errors_are_the_derivative_by_every_pixel():
    # Overlapping bands and masked pixels included: one pixel at a time is moved by finite differences.
    wide = Index("overlap", "A", "air", (4800.0, 4920.0), BLUE, RED)
    chosen = [*LINES, *FLUXES, wide]
    flux = line(gauss, 5.0) * (1 + 0.1 * np.sin(GRID / 7))
    ivar = 1e4 * (1.5 + np.sin(GRID))
    ivar[np.searchsorted(GRID, [4785, 4862, 4935])] = 0
    base, error = (a[0] for a in measure_indices(spectra(flux, ivar), chosen))
    near = np.flatnonzero((GRID > 4775) & (GRID < 4945))
    step = 1e-4
    moved = np.repeat(flux[None], len(near), axis=0)
    moved[np.arange(len(near)), near] += step
    slope = (measure_indices(spectra(moved, ivar), chosen)[0] - base) / step
    good = ivar[near] > 0
    variance = np.sum(slope[good] ** 2 / ivar[near][good][:, None], axis=0)
    lines = [k for k, i in enumerate(chosen) if i.name in (*NAMES, "overlap")]
    np.testing.assert_allclose(error[lines], np.sqrt(variance)[lines], rtol=2e-3)


def test_errors_equal_monte_carlo(rng):
    clean = line(gauss, 5.0)
    sigma = 0.02 * clean
    noisy = clean + sigma * rng.standard_normal((3000, len(GRID)))
    values, errors = measure_indices(spectra(noisy, sigma**-2.0), [*LINES, *FLUXES])
    np.testing.assert_allclose(errors.mean(axis=0), values.std(axis=0), rtol=0.05)


def test_invariant_to_a_factor_in_the_flux():
    flux = line(gauss, 5.0) * (1 + 0.1 * np.sin(GRID / 7))
    chosen = builtin_indices()
    both = spectra(np.stack([flux, 1e-17 * flux]), np.array([[1e4], [1e38]]) * np.ones(len(GRID)))
    values, errors = measure_indices(both, chosen)
    assert np.isfinite(values).sum() > 250
    np.testing.assert_allclose(values[1], values[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-9)


def test_medium_is_honoured_and_a_mix_up_changes_the_index():
    flux = line(gauss, 5.0)
    right = measure_indices(spectra(flux), LINES)
    in_air = measure_indices(spectra(flux, wavelength=vacuum_to_air(GRID), medium="air"), LINES)
    np.testing.assert_allclose(in_air[0], right[0], rtol=1e-9)
    as_vacuum = [dataclasses.replace(i, medium="vacuum") for i in LINES]
    wrong = measure_indices(spectra(flux), as_vacuum)
    assert abs(wrong[0] - right[0])[0, NAMES.index("asymmetry")] > 10 * right[1][0, NAMES.index("asymmetry")]


@pytest.mark.parametrize("medium", ["", "vac", None])
def test_a_definition_without_a_medium_is_refused(medium):
    with pytest.raises(InputError, match="does not say whether its bands are in air or vacuum"):
        Index("x", "A", medium, BAND, BLUE, RED)


def test_bands_that_are_not_covered_are_missing():
    flux, ivar = np.ones(len(GRID)), np.full(len(GRID), 1e4)
    ivar[(GRID > 4782) & (GRID < 4800)] = 0
    index = LINES[:1]
    assert np.isnan(measure_indices(spectra(flux, ivar), index)[0])
    assert np.isfinite(measure_indices(spectra(flux, ivar), index, min_coverage=0.4)[0])
    short = spectra(flux[:2600], ivar[:2600], GRID[:2600])
    values = measure_indices(short, ["CaT2_C01", "Mg_b"])[0][0]
    assert np.isnan(values[0])
    assert np.isfinite(values[1])


def test_stars_do_not_see_each_other(rng):
    flux = 1 + 0.1 * rng.standard_normal((5, len(GRID)))
    z = rng.normal(0, 3e-4, 5)
    chosen = ["Hbeta", "Mg_b", "D4000", "TiO_2"]
    together = measure_indices(spectra(flux), chosen, redshift=z, block=2)
    alone = np.stack(
        [measure_indices(spectra(f), chosen, redshift=v) for f, v in zip(flux, z, strict=True)], 1
    )
    np.testing.assert_allclose(np.stack(together)[:, :, :], alone[:, :, 0], rtol=1e-12)


def test_missing_redshift_is_refused():
    with pytest.raises(InputError, match="1 of 2 spectra have no usable redshift"):
        measure_indices(spectra(np.ones((2, len(GRID)))), ["Hbeta"], redshift=[0.0, np.nan])


def test_agrees_with_automatic_differentiation():
    """The variance of a plain Lick index written down once more, and differentiated by JAX."""
    flux = line(gauss, 5.0) * (1 + 0.05 * np.sin(GRID / 3))
    with jax.enable_x64(True):
        edges = np.concatenate(
            [[1.5 * GRID[0] - 0.5 * GRID[1]], (GRID[1:] + GRID[:-1]) / 2, [1.5 * GRID[-1] - 0.5 * GRID[-2]]]
        )

        def share(band):
            low, high = air_to_vacuum(np.array(band))
            part = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
            return part / part.sum(), high - low

        middle = (edges[1:] + edges[:-1]) / 2
        (i, width), (b, _), (r, _) = share(BAND), share(BLUE), share(RED)

        def index(f):
            low, high = b @ f, r @ f
            return width * (
                1 - i @ (f / (low + (high - low) * (middle - b @ middle) / (r @ middle - b @ middle)))
            )

        value, slope = jax.value_and_grad(index)(jnp.asarray(flux))
        error = np.sqrt(np.sum(np.asarray(slope) ** 2 / 1e4))
    got = measure_indices(spectra(flux), LINES[:1])
    assert got[0][0, 0] == pytest.approx(float(value), rel=1e-7)
    assert got[1][0, 0] == pytest.approx(error, rel=1e-7)
