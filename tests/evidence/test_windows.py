"""Windows and profiles of an element's element lines, against Gaussians written down by hand."""

import dataclasses

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence import element_windows
from luxjax.lines import LineList, LineStrength
from luxjax.lines.internal import PARAMETERS
from luxjax.preprocessing import vacuum_to_air
from luxjax.simulation import PlantLine
from luxjax.simulation.physics._spectrum import Synthesis
from luxjax.simulation.physics._windows import apogee

GRID = 16_000 + 0.2 * np.arange(600)
RESOLUTION = 22_500.0


def lines(*wavelength: float, element="Eu", log_gf=1.5, medium="vacuum") -> LineList:
    n = len(wavelength)
    return LineList(
        np.full(n, element), np.full(n, "II"), np.array(wavelength), medium, np.full(n, 0.2), np.full(n, log_gf),
        np.full(n, "made up"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def two():
    return element_windows(lines(16_030.0, 16_080.0), GRID, "vacuum", ["Eu"], resolution=RESOLUTION)


def test_profile_is_a_gaussian_of_the_instrument_and_the_star(two):
    star = np.zeros(len(PARAMETERS))
    for name, value in {"teff": 4600.0, "logg": 2.3, "vmic": 1.6, "vmacro": 4.0}.items():
        star[PARAMETERS.index(name)] = value
    width, sigma = map(np.asarray, LineStrength(two.lines).profile(star))
    richer = star.copy()
    richer[PARAMETERS.index("eu_fe")] += 0.01
    slope = (np.asarray(LineStrength(two.lines).equivalent_width(richer)) - width) / 0.01
    instrument = two.lines.wavelength / RESOLUTION / np.sqrt(8 * np.log(2))
    macro = two.lines.wavelength * 4.0 / np.sqrt(2) / 299792.458
    total = np.sqrt(sigma**2 + instrument**2 + macro**2)
    expected = sum(
        s / np.sqrt(2 * np.pi) / t * np.exp(-0.5 * ((GRID - w) / t) ** 2)
        for s, t, w in zip(slope, total, two.lines.wavelength, strict=True)
    )
    np.testing.assert_allclose(two.sigma, total, rtol=1e-4)
    np.testing.assert_allclose(two.profile[two.pixels], expected[two.pixels], rtol=0.03)
    assert np.all(two.profile[~two.pixels] == 0)
    inside = (np.abs(GRID - two.lines.wavelength[:, None]) <= 3 * total[:, None]).any(axis=0)
    np.testing.assert_array_equal(two.pixels, inside)


def test_air_lists_are_converted(two):
    air = lines(*vacuum_to_air([16_030.0, 16_080.0]), medium="air")
    found = element_windows(air, GRID, "vacuum", ["Eu"], resolution=RESOLUTION)
    np.testing.assert_allclose(found.profile, two.profile, atol=1e-6)
    misread = element_windows(
        dataclasses.replace(air, medium="vacuum"), GRID, "vacuum", ["Eu"], resolution=RESOLUTION
    )
    assert not np.any(misread.pixels & two.pixels)


def test_weak_lines_are_left_out_and_counted():
    both = LineList.stack([lines(16_030.0), lines(16_080.0, log_gf=-6.0)])
    found = element_windows(both, GRID, "vacuum", ["Eu"], resolution=RESOLUTION)
    assert (len(found), found.n_weak) == (1, 1)
    assert not found.pixels[np.abs(GRID - 16_080) < 2].any()


def test_species_without_lines_have_no_windows():
    found = element_windows(lines(16_030.0), GRID, "vacuum", ["Co"], resolution=RESOLUTION)
    assert len(found) == 0
    assert not found.pixels.any()
    assert np.all(found.deepened(0.3) == 1)
    assert np.all(found.nearest == -1)
    assert not element_windows(lines(17_000.0), GRID, "vacuum", ["Eu"], resolution=RESOLUTION).pixels.any()


def test_deepening_follows_the_synthesis():
    """A strong and a weak line of the simulator, deepened by 0.1 dex as the simulator deepens them."""
    window = apogee()
    planted = LineList.stack(
        [PlantLine("Eu", 15_500.0, 20.0).lines(), PlantLine("Eu", 16_000.0, 90.0).lines()]
    )
    own = element_windows(planted, window.wavelength, "vacuum", ["Eu"], resolution=window.resolution)
    star = np.zeros(len(PARAMETERS), np.float32)
    for name, value in {"teff": 4600.0, "logg": 2.3, "vmic": 1.6, "vmacro": 4.0}.items():
        star[PARAMETERS.index(name)] = value
    richer = star.copy()
    richer[PARAMETERS.index("eu_fe")] += 0.1
    flux = Synthesis(window, planted).flux(np.stack([star, richer]))
    change = flux[1] / flux[0]
    assert change.min() < 0.995
    np.testing.assert_allclose(own.deepened(0.1), change, atol=6e-4)


def test_lines_left_out_one_by_one(two):
    first = two.without(1)
    assert first.lines.wavelength == pytest.approx([16_030.0])
    np.testing.assert_array_equal(first.pixels | two.without(0).pixels, two.pixels)
    np.testing.assert_allclose(first.profile + two.without(0).profile, two.profile)
    assert set(two.nearest[two.pixels]) == {0, 1}
    assert np.all(two.nearest[first.pixels] == 0)


def test_moved_lines_avoid_their_own_places(two):
    rng, good = np.random.default_rng(0), np.ones(len(GRID), bool)
    good[400:] = False
    for _ in range(20):
        away = two.elsewhere(rng, good)
        assert not np.any(away.pixels & two.pixels)
        assert not np.any(away.pixels[400:])
        assert away.profile.sum() == pytest.approx(two.profile.sum(), rel=0.03)
    none = np.zeros(len(GRID), bool)
    assert not two.movable(none)
    with pytest.raises(InputError, match="no room to move 2 lines"):
        two.elsewhere(rng, none)


def test_bad_requests_are_explained():
    with pytest.raises(InputError, match="resolution is 0"):
        element_windows(lines(16_030.0), GRID, "vacuum", ["Eu"], resolution=0)
    with pytest.raises(InputError, match="no parameter of the reference star 'gravity'"):
        element_windows(lines(16_030.0), GRID, "vacuum", ["Eu"], resolution=1e4, reference={"gravity": 2.0})
