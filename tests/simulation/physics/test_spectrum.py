import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lines import LineList, LineStrength
from luxjax.lines.internal import PARAMETERS
from luxjax.preprocessing import vacuum_to_air
from luxjax.simulation.physics._spectrum import Synthesis, builtin, spectrum
from luxjax.simulation.physics._windows import Window, apogee, galah


@pytest.fixture(scope="module")
def giant(star):
    return star(teff=4500, logg=2.1, fe_h=-0.2, vmic=1.6, vmacro=4.0)


def small_window(low=15_150.0, high=15_230.0, n=360):
    return Window("small", np.linspace(low, high, n), "vacuum", 22_500.0, np.ones(n, bool), ((0, n),))


def test_windows_are_the_surveys():
    a, g = apogee(), galah()
    assert a.n_pixels == 8575
    assert a.good.sum() == 7514
    assert (round(a.wavelength[0], 2), round(a.wavelength[-1], 2)) == (15100.80, 16999.81)
    assert (a.medium, g.medium) == ("vacuum", "air")
    assert g.n_pixels == 4 * 4096
    assert a.pixel(15770.148) == np.argmin(np.abs(a.wavelength - 15770.148))
    assert g.covers([4800.0, 5000.0, 6645.1]).tolist() == [True, False, True]


@pytest.mark.slow
def test_area_of_an_isolated_line_is_its_equivalent_width(giant):
    for width_of in ({"log_gf": -2.5}, {"log_gf": 0.3}):
        lines = LineList(["Fe"], ["I"], [15_190.0], "vacuum", [5.5], [width_of["log_gf"]], ["x"])
        synthesis = Synthesis(small_window(), lines)
        flux = np.asarray(synthesis(giant), float)
        area = np.trapezoid(1 - flux, synthesis.window.wavelength)
        assert abs(area / float(LineStrength(lines).equivalent_width(giant)[0]) - 1) < 0.01


def test_line_is_as_wide_as_its_broadening_and_where_it_belongs(giant):
    lines = LineList(["Fe"], ["I"], [15_190.0], "vacuum", [5.5], [-3.0], ["x"])
    synthesis = Synthesis(small_window(), lines)
    w, depth = synthesis.window.wavelength, 1 - np.asarray(synthesis(giant), float)
    assert abs((w * depth).sum() / depth.sum() - 15_190.0) < 0.01
    second = ((w - 15_190) ** 2 * depth).sum() / depth.sum()
    thermal = 2 * 8.314e7 * 0.93 * 4500 / 55.85 / 1e10 / 2  # k T / m in (km/s)^2
    kms2 = (299792.458 / 22_500 / 2.3548) ** 2 + thermal + 1.6**2 / 2 + 4.0**2 / 2
    assert abs(np.sqrt(second) / (15_190 / 299792.458 * np.sqrt(kms2)) - 1) < 0.02
    shifted = 1 - np.asarray(synthesis(giant, rv=3.0), float)
    assert abs((w * shifted).sum() / shifted.sum() - 15_190 * (1 + 3 / 299792.458)) < 0.01


def test_blends_multiply(giant):
    one = LineList(["Fe"], ["I"], [15_190.0], "vacuum", [5.5], [0.0], ["x"])
    two = LineList(["Si"], ["I"], [15_190.6], "vacuum", [5.9], [0.0], ["x"])
    alone = [np.asarray(Synthesis(small_window(), part)(giant)) for part in (one, two)]
    both = np.asarray(Synthesis(small_window(), LineList.stack([one, two]))(giant))
    assert np.allclose(both, alone[0] * alone[1], atol=1e-6)


@pytest.mark.slow
def test_jacobian_matches_finite_differences(giant):
    with jax.enable_x64(True):
        synthesis = Synthesis(small_window(16_100, 16_145, 120))  # six metals and a Brackett line
        params = jnp.asarray(giant)
        exact = synthesis.jacobian(params, block=1)[0]
        assert exact.dtype == np.float64
        for k, name in enumerate(PARAMETERS):
            step = 1.0 if name == "teff" else 1e-4
            up, down = synthesis.flux(np.stack([params.at[k].add(step), params.at[k].add(-step)]), block=2)
            assert np.allclose(exact[:, k], (up - down) / (2 * step), rtol=1e-4, atol=2e-8), name
        assert np.abs(exact[:, 0]).max() > 1e-5


@pytest.mark.slow
def test_spectra_in_blocks_equal_single_ones(giant, star):
    many = np.stack([giant, star(), star(teff=5200, logg=3.2, fe_h=-0.8)])
    synthesis = Synthesis(small_window())
    blocked = synthesis.flux(many, np.array([0.0, 1.0, -1.0]), block=2)
    for row, params, rv in zip(blocked, many, (0.0, 1.0, -1.0), strict=True):
        assert np.allclose(row, synthesis(params.astype(np.float32), rv), atol=2e-6)


@pytest.mark.slow
def test_europium_shows_in_the_optical_and_not_in_the_h_band(giant):
    k = PARAMETERS.index("eu_fe")
    changed = giant.copy()
    changed[k] += 0.5
    assert np.array_equal(np.asarray(spectrum(giant)), np.asarray(spectrum(changed)))
    window = galah()
    change = np.asarray(spectrum(changed, "galah") - spectrum(giant, "galah"))
    # Eu II 6645.06 in air, the line GALAH uses; nothing at the vacuum wavelength
    assert change[window.pixel(6645.06)] < -0.01
    assert abs(window.wavelength[np.argmin(change)] - 6645.1) < 0.15
    assert abs(vacuum_to_air(6646.9) - 6645.06) < 0.05


def test_giants_look_like_giants(giant, star):
    window = apogee()
    cool, poor = (
        np.asarray(spectrum(p))[window.good] for p in (giant, star(teff=4800, logg=2.0, fe_h=-1.8, vmic=1.7))
    )
    assert cool.max() <= 1.0 + 1e-6
    assert 0.35 < 1 - cool.min() < 0.6
    assert 0.02 < (cool < 0.9).mean() < 0.15
    assert (1 - poor).sum() < 0.4 * (1 - cool).sum()
    # Brackett wings: strong in F dwarfs, weak in giants
    at = window.pixel(16_411.7) + np.arange(-30, 31)
    assert np.asarray(spectrum(star(teff=6300, logg=4.2)))[at].mean() < 0.92 < cool.mean()


def test_balmer_lines_follow_temperature_and_hardly_gravity(star):
    window = galah()
    wing = window.pixel(6566.8)

    def depth(**k):
        return 1 - float(spectrum(star(**k), "galah")[wing])

    assert depth(teff=6300) > 2 * depth(teff=5500)
    assert abs(depth(teff=6000, logg=4.4) / depth(teff=6000, logg=3.6) - 1) < 0.25


@pytest.mark.slow
def test_touched_pixels_are_where_the_element_acts(giant):
    synthesis = builtin("apogee")
    k = PARAMETERS.index("al_fe")
    response = np.abs(synthesis.jacobian(giant.astype(np.float32))[0, :, k])
    touched = synthesis.touched("Al")
    assert response[touched].sum() > 0.9 * response.sum()
    assert touched.sum() < 60
    assert not synthesis.touched("Eu").any()


def test_wrong_window_gets_a_sentence(giant):
    with pytest.raises(InputError, match="window 'boss'"):
        spectrum(giant, "boss")
