"""The MK sequence comes out of the physics: property tests of the optical spectra, and of the simulated LAMOST."""

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.lines.internal import PARAMETERS
from luxjax.simulation import OpticalSynthesis, simulate_lamost
from luxjax.simulation._classes import CLASSES, draw_classes, spectral_class
from luxjax.simulation.physics._atmosphere import solve_layers
from luxjax.simulation.physics._molecules import _free, dissociation

pytestmark = pytest.mark.slow

SEQUENCE = {
    "O5": 41400.0,
    "B2": 20600.0,
    "A0": 9700.0,
    "F0": 7220.0,
    "F5": 6550.0,
    "G2": 5770.0,
    "K0": 5270.0,
    "M0": 3850.0,
    "M4": 3210.0,
}


def star(teff, logg, **values):
    out = np.zeros(len(PARAMETERS))
    for name, value in {"teff": teff, "logg": logg, "vmic": 1.2, **values}.items():
        out[PARAMETERS.index(name)] = value
    return out


@pytest.fixture(scope="module")
def synthesis():
    return OpticalSynthesis()


@pytest.fixture(scope="module")
def strength(synthesis):
    """Equivalent width about each line in the sequence, against straight lines through two windows at its sides."""
    gravity = [4.7 if t < 4500 else 4.45 if t < 6000 else 4.1 for t in SEQUENCE.values()]
    flux = synthesis.flux([star(t, g) for t, g in zip(SEQUENCE.values(), gravity, strict=True)])
    wave = synthesis.window.wavelength
    assert np.isfinite(flux).all()
    assert (flux > 0).all()

    def width(low, high, blue, red):
        inside = (wave > low) & (wave < high)
        sides = [flux[:, (wave > a) & (wave < b)].mean(axis=1) for a, b in (blue, red)]
        t = (wave[inside] - np.mean(blue)) / (np.mean(red) - np.mean(blue))
        line = sides[0][:, None] * (1 - t) + sides[1][:, None] * t
        return np.sum((1 - flux[:, inside] / line) * np.gradient(wave)[inside], axis=1)

    bands = {
        "hydrogen": width(4830, 4895, (4800, 4825), (4900, 4915)),
        "calcium": width(3928.8, 3940.8, (3904, 3924), (4001, 4021)),
        "helium": width(4465, 4480, (4447, 4463), (4489, 4505)),
        "helium_ii": width(4678, 4696, (4659, 4675), (4721, 4741)),
        "sodium": width(5884, 5904, (5846, 5866), (5910, 5930)),
    }
    near = {
        k: flux[:, (wave > a) & (wave < b)].mean(axis=1)
        for k, (a, b) in {"in": (7128, 7137), "out": (7044, 7048)}.items()
    }
    return pd.DataFrame(bands | {"tio": near["in"] / near["out"]}, index=list(SEQUENCE))


def test_balmer_lines_are_strongest_in_a_stars(strength):
    assert strength["hydrogen"].idxmax() == "A0"
    assert strength["hydrogen"]["O5"] < 0.6 * strength["hydrogen"]["A0"]
    assert strength["hydrogen"]["G2"] < 0.4 * strength["hydrogen"]["A0"]
    assert strength["hydrogen"]["A0"] > strength["hydrogen"]["F0"] > strength["hydrogen"]["F5"]


def test_ionised_calcium_rises_through_f_to_k(strength):
    calcium = strength["calcium"]
    assert calcium["A0"] < 0.5
    assert (np.diff(calcium[["A0", "F0", "F5", "G2"]]) > 0.5).all()
    assert calcium["K0"] > 7


def test_helium_belongs_to_b_and_ionised_helium_to_o(strength):
    assert strength["helium"].idxmax() == "B2"
    assert strength["helium"]["B2"] > 1
    assert strength["helium_ii"].idxmax() == "O5"
    assert strength["helium_ii"]["B2"] < 0.1


def test_titanium_oxide_belongs_to_m(strength):
    tio = strength["tio"]
    assert (tio[["A0", "F5", "G2", "K0"]] > 0.9).all()
    assert tio["M0"] < 0.95
    assert tio["M4"] < tio["M0"] - 0.1


def test_neutral_sodium_grows_with_cooling(strength):
    assert (np.diff(strength["sodium"][["F5", "G2", "K0", "M0"]]) > 0.5).all()


def test_magnesium_feels_metallicity_and_gravity(synthesis):
    rich, poor, giant = synthesis.flux([star(5000, 4.5), star(5000, 4.5, fe_h=-1.5), star(5000, 2.5)])
    wave = synthesis.window.wavelength
    magnesium = (wave > 5165) & (wave < 5195)
    side = (wave > 5145) & (wave < 5160)
    b = [f[magnesium].mean() / f[side].mean() for f in (rich, poor, giant)]
    assert b[1] > b[0] + 0.05  # fewer atoms
    assert b[2] > b[0] + 0.03  # narrower wings


def test_the_sun_and_vega_have_their_electron_pressures():
    """log P_e near the layer of the lines: about 0.8 in the Sun, 2.3 in Vega (Gray 2005, tables of models)."""
    layer = solve_layers([5777.0, 9600.0], [4.44, 3.95], [0.0, 0.0])
    np.testing.assert_allclose(layer.log_pe, [0.8, 2.3], atol=0.15)
    poor = solve_layers([5777.0], [4.44], [-2.0])
    # fewer electrons from metals; hydrogen still gives its own
    assert -0.4 < poor.log_pe[0] - layer.log_pe[0] < -0.2


def test_dissociation_equilibrium():
    """The slope of ln K is the dissociation energy (van 't Hoff), and free and bound atoms add up."""
    t = np.array([3500.0, 3501.0])
    k = np.array([float(dissociation("TiO", x, 40.0, 9.0)) for x in t])
    slope = (np.log(k[1]) - np.log(k[0])) / (t[1] - t[0])
    # d ln K / dT = D / k T^2 + (5/2 - 1) / T less the vibrational heat, below 1 / T
    low = 6.87 * 11604.5 / 3500.5**2 + 0.4 / 3500.5
    assert low < slope < low + 1.3 / 3500.5
    total, constant = 7.0, 0.3
    p = float(_free(total, constant))
    assert p + 2 * p**2 / constant == pytest.approx(total, rel=1e-6)


def test_classes_follow_temperature():
    got = spectral_class([41400, 20600, 9700, 7220, 5930, 5270, 3850, 4750, 3820], [4] * 7 + [2.5, 1.0])
    assert list(got["class"]) == ["O", "B", "A", "F", "G", "K", "M", "K", "M"]
    assert list(got["luminosity"]) == ["V"] * 7 + ["III"] * 2
    assert got["subclass"][4] == "G0"
    params, table = draw_classes(4000, np.random.default_rng(1))
    share = table["class"].value_counts(normalize=True)
    assert set(share.index) == set(CLASSES)
    assert share["O"] < 0.02
    assert (share[list("AFGKM")] > 0.05).all()
    assert np.all(np.isfinite(params))
    assert set(draw_classes(50, np.random.default_rng(1), {"M": 1.0})[1]["class"]) == {"M"}


def test_simulated_lamost(synthesis):
    world = simulate_lamost(8, key=3, visits=2, snr=(20, 40), synthesis=synthesis)
    s = world.spectra
    assert (len(s), s.medium, s.frame) == (16, "vacuum", "barycentric")
    assert list(s.ids[:2]) == ["sim-000001"] * 2
    green = (s.wavelength > 4000) & (s.wavelength < 5500)
    snr = np.nanmedian(np.where(s.good, s.flux * np.sqrt(s.ivar), np.nan)[:, green], axis=1)
    assert np.max(np.abs(np.log(snr / s.table["snrg"]))) < 0.35
    assert np.abs(s.table["rv_kms"] - world.truth["rv_kms"]).max() < 25
    again = simulate_lamost(8, key=3, visits=2, snr=(20, 40), synthesis=synthesis)
    np.testing.assert_array_equal(again.spectra.flux, s.flux)
    with pytest.raises(InputError, match="lowest and the highest"):
        simulate_lamost(8, key=3, snr=(40, 20))
    with pytest.raises(InputError, match="no spectral class 'L'"):
        simulate_lamost(8, key=3, mix={"L": 1.0}, synthesis=synthesis)
