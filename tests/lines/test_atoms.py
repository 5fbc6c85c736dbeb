import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lines import ELEMENTS, LineList
from luxjax.lines._atoms import interpolate_log_u
from luxjax.lines.internal import atoms, ionisation_fractions

# Irwin (1981): ln U = sum a_i (ln T)^i
IRWIN = {
    ("Fe", 0): [-1.15609527e3, 7.46597652e2, -1.92865672e2, 2.49658410e1, -1.61934455, 4.21182087e-2],
    ("Fe", 1): [2.71692895e2, -1.52697440e2, 3.36119665e1, -3.56415427, 1.80193259e-1, -3.38654879e-3],
    ("Ca", 0): [-5.21521085e2, 4.10712446e2, -1.26375869e2, 1.90976557e1, -1.42269952, 4.19085267e-2],
    ("Ca", 1): [1.65874025e3, -1.04392185e3, 2.61702809e2, -3.26369424e1, 2.02350114, -4.98594460e-2],
    ("Ti", 1): [7.41156498, -1.62989642e1, 6.88299761, -1.14483565, 8.56663842e-2, -2.39509300e-3],
    ("Ni", 1): [-2.01279351e2, 1.01910058e2, -1.92092108e1, 1.62959379, -5.55991468e-2, 3.32146945e-4],
}


@pytest.mark.parametrize(("element", "stage"), IRWIN)
def test_partition_functions_agree_with_irwin(element, stage):
    (atom,) = atoms(element)
    for temperature in (3500.0, 4321.0, 5040.0, 6000.0, 7500.0):
        expected = np.polyval(IRWIN[element, stage][::-1], np.log(temperature)) / np.log(10)
        assert abs(interpolate_log_u(atom.log_u[stage], temperature) - expected) < 0.02


def test_partition_functions_of_alkali_are_at_least_the_ground_state():
    (sodium,) = atoms("Na")
    assert abs(10 ** float(interpolate_log_u(sodium.log_u[0], 4000.0)) - 2) < 0.06


def test_solar_calcium_and_hydrogen_as_in_the_textbook():
    # Carroll & Ostlie, An Introduction to Modern Astrophysics, example 8.1.4: T = 5777 K, P_e = 15 dyn/cm^2 gives
    # Ca II / Ca I = 918 and H II / H I = 7.7e-5
    fractions = 10 ** np.asarray(ionisation_fractions(atoms("Ca", "H"), 5777.0, np.log10(15.0))[0])
    assert 800 < fractions[0, 1] / fractions[0, 0] < 1030
    assert abs(fractions[1, 1] / fractions[1, 0] / 7.7e-5 - 1) < 0.05


def test_saha_against_constants_of_nature():
    from astropy import constants as c
    from astropy import units as u

    temperature, log_pe = 5100.0, 0.4
    log_fraction, log_u = ionisation_fractions(atoms("Fe", "Na", "Eu", "Si"), temperature, log_pe)
    energies = np.array([7.9025, 5.1391, 5.6704, 8.1517])
    t = temperature * u.K
    n_e = (10**log_pe * u.dyn / u.cm**2 / (c.k_B * t)).to(1 / u.cm**3)
    phase = ((2 * np.pi * c.m_e * c.k_B * t / c.h**2) ** 1.5).to(1 / u.cm**3)
    boltzmann = np.exp(-(energies * u.eV / (c.k_B * t)).to_value(""))
    expected = 2 * 10 ** np.asarray(log_u[:, 1] - log_u[:, 0]) * (phase / n_e).value * boltzmann
    assert np.allclose(10 ** np.asarray(log_fraction[:, 1] - log_fraction[:, 0]), expected, rtol=2e-3)
    assert np.allclose(np.sum(10 ** np.asarray(log_fraction), axis=1), 1, atol=1e-5)


def test_interpolation_is_exact_at_the_table_and_differentiable():
    (iron,) = atoms("Fe")
    assert np.allclose(interpolate_log_u(iron.log_u, 5039.78), [1.446, 1.638, 1.350], atol=1e-5)
    with jax.enable_x64(True):
        u = lambda t: interpolate_log_u(jnp.asarray(iron.log_u[0]), t)  # noqa: E731
        numerical = (u(4700.5) - u(4699.5)) / 1.0
        assert np.isclose(jax.grad(u)(4700.0), numerical, rtol=1e-4)


def test_every_element_of_the_line_table_is_known():
    assert set(LineList.builtin().element) <= set(ELEMENTS)
    with pytest.raises(InputError, match="element 'Xx'"):
        atoms("Xx")
