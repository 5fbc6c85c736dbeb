"""nu_max and seismic log g: simulated stars whose truth is known, the gate, and real stars with published values."""

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.lightcurves import PowerSpectrum, measure_files, power_spectrum, read_light_curve, seismic_log_g
from luxjax.lightcurves._gate import Gate, reason_against
from luxjax.lightcurves._log_g import log_g_of
from luxjax.lightcurves._seismic import _PRIOR, _amplitudes
from luxjax.lightcurves._template import components
from luxjax.lightcurves.internal import template_power
from luxjax.simulation import simulate_oscillations


def spectra_of(stars) -> list[PowerSpectrum]:
    return [PowerSpectrum(**star) for star in stars.spectra()]


@pytest.fixture(scope="module")
def giants():
    nu_max = np.geomspace(12.0, 200.0, 60)
    stars = simulate_oscillations(60, key=5, nu_max=nu_max, teff=4800.0)
    return stars, seismic_log_g(spectra_of(stars))


def test_nu_max_and_log_g_of_giants(giants):
    stars, table = giants
    off = np.log10(table["nu_max"] / stars.table["nu_max"])
    assert abs(off.mean()) < 0.006
    assert off.std() < 0.02
    assert 0.6 < (off / table["noise_err"]).std() < 1.4
    assert table["accepted"].mean() > 0.9
    kept = table["accepted"]
    assert np.sqrt(((table["logg"] - stars.table["logg"])[kept] ** 2).mean()) < 0.025
    assert list(table["id"]) == list(stars.table["id"])


def test_errors_have_a_systematic_floor(giants):
    _, table = giants
    floor = np.sqrt(table["log_nu_max_err"] ** 2 - table["noise_err"] ** 2)
    np.testing.assert_allclose(floor, np.log10(1.025))
    np.testing.assert_allclose(table["nu_max_err"], table["nu_max"] * np.log(10) * table["log_nu_max_err"])


def test_granulation_is_found_at_the_amplitude_put_in():
    """Spectra that are the template itself: every amplitude comes back, and nu_max."""
    frequency = np.arange(1, 2190) * 0.129
    power = template_power(frequency, 80.0, np.array([0.2, -0.1, 1.5, 1.0]), 283.0).sum(axis=0)
    found = seismic_log_g(PowerSpectrum("a", frequency, power, 0.5e6 / 283.0, 89.7, {"teff": 4800.0})).iloc[0]
    assert found["nu_max"] == pytest.approx(80.0, rel=0.02)
    assert found["granulation"] == pytest.approx(0.2, abs=0.03)
    assert found["white"] == pytest.approx(1.0, abs=0.03)


def test_criterion_penalises_what_the_data_pin_down():
    """Laplace's method: at a perfect fit the criterion is the ln determinant of the curvature, here by finite differences."""
    frequency = np.geomspace(5, 280, 36)
    parts, truth = components(frequency, 60.0, 283.0), np.array([[0.1, -0.2, 3.0, 4.0]])
    weight = np.linspace(5.0, 200.0, 36)

    def model(theta):
        return np.log((np.exp(theta)[:, None] * parts).sum(axis=0))

    step = 1e-5
    slopes = [(model(truth[0] + step * e) - model(truth[0] - step * e)) / (2 * step) for e in np.eye(4)]
    curvature = np.einsum("kp,p,lp->kl", slopes, weight, slopes) + np.diag(1 / _PRIOR**2)
    theta, variance, criterion = _amplitudes(model(truth[0])[None], weight[None], truth, parts)
    np.testing.assert_allclose(theta, truth, atol=1e-9)
    np.testing.assert_allclose(variance[0], np.diag(np.linalg.inv(curvature)), rtol=1e-5)
    assert criterion[0] == pytest.approx(np.linalg.slogdet(curvature)[1], rel=1e-5)


def test_many_stars_are_fitted_as_one_by_one():
    stars = simulate_oscillations(5, key=8, days=40.0, nu_max=[20.0, 40.0, 80.0, 120.0, 160.0])
    short = simulate_oscillations(1, key=9, days=40.0, cadence_s=600.0, nu_max=[300.0])
    mixed = [*spectra_of(stars)[:2], *spectra_of(short), *spectra_of(stars)[2:]]
    table = seismic_log_g(mixed)
    alone = [seismic_log_g(one)["nu_max"].iloc[0] for one in mixed]
    np.testing.assert_allclose(table["nu_max"], alone, rtol=1e-9)
    assert table["cadence_s"].tolist() == [1765.5] * 2 + [600.0] + [1765.5] * 3


def test_scaling_relation_and_its_errors():
    """The Sun has the Sun's gravity; nu_max twice as high, 0.301 dex more; a hotter star of one nu_max, more."""
    logg, error = log_g_of(np.log10([3090.0, 6180.0]), [0.0, 0.02], [5777.0, 5777.0], [0.0, 100.0])
    np.testing.assert_allclose(logg, [4.438, 4.438 + np.log10(2)])
    np.testing.assert_allclose(error, [0.0, np.hypot(0.02, 0.5 * 100 / 5777 / np.log(10))])
    hot, _ = log_g_of(2.0, 0.0, 6000.0, 0.0)
    cool, _ = log_g_of(2.0, 0.0, 5000.0, 0.0)
    assert hot - cool == pytest.approx(0.5 * np.log10(1.2))


def test_a_time_series_gives_what_its_spectrum_says():
    """From expected power to a light curve in two pieces with gaps, and back."""
    stars = simulate_oscillations(2, key=3, days=80.0, nu_max=[35.0, 110.0], teff=4900.0)
    found = []
    for k in range(2):
        curve = stars.light_curve(k)
        kept = (np.arange(len(curve)) % 1300) > 120
        piece = (curve.time > 40).astype(int)
        found.append(
            power_spectrum(curve.replace(flux=curve.flux * (1 + 9 * piece), pieces=piece).select(kept))
        )
    table = seismic_log_g(found)
    assert table["accepted"].all()
    np.testing.assert_allclose(table["nu_max"], [35.0, 110.0], rtol=0.1)


LIMITS = dict(nu_max=50.0, error=0.02, criterion=1.3, lowest=5.0, nyquist=283.0, teff=4800.0, observed_d=90.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"observed_d": 19.9}, "Only 19.9 days were observed"),
        ({"observed_d": np.nan}, "days were observed"),
        ({"teff": np.nan}, "No effective temperature is known"),
        ({"teff": 3799.0}, "outside of 3800 to 6500 K"),
        ({"teff": 6873.0}, "outside of 3800 to 6500 K"),
        ({"criterion": 2.8}, "The template does not fit"),
        ({"criterion": np.nan}, "The template does not fit"),
        ({"error": 0.1}, "not below 0.1"),
        ({"nu_max": 7.9}, "less than 1.6 times the lowest frequency"),
        ({"nu_max": 801.0}, "too far above the Nyquist frequency"),
        ({"nu_max": 801.0, "nyquist": 8333.0}, ""),
    ],
)
def test_gate(changes, said):
    reason = reason_against(Gate(), **(LIMITS | changes))
    assert said in reason
    assert (reason == "") == (said == "")


def test_scaling_relation_on_stars_of_apokasc(real_data):
    """log g of 1,271 giants from the catalogue's nu_max and Teff is the catalogue's own to 0.01 dex, whose masses and radii also use Delta nu."""
    table = pd.read_csv(real_data / "seismic" / "apokasc_catalog_v7.1.csv.gz")
    known = table[
        (table["NU_MAX RG"] > 0) & (table["KASC_RG_LOGG_SCALE_1"] > 0) & (table["TEFF_SCALE_1"] > 0)
    ]
    logg, error = log_g_of(
        np.log10(known["NU_MAX RG"]), 0.01, known["TEFF_SCALE_1"], known["TEFF_SCALE_1 ERR"]
    )
    off = logg - known["KASC_RG_LOGG_SCALE_1"].to_numpy()
    assert len(known) > 1200
    assert abs(np.median(off)) < 0.01
    assert (np.abs(off) < 0.03).mean() > 0.98
    assert 0.01 < np.median(error) < 0.015


def test_what_is_not_accepted_has_a_reason_and_no_log_g():
    stars = simulate_oscillations(3, key=3, nu_max=[50.0, 50.0, 3.5], teff=[4800.0, 7000.0, 4000.0])
    table = seismic_log_g(spectra_of(stars))
    assert table["accepted"].tolist() == [True, False, False]
    assert table["logg"].notna().tolist() == [True, False, False]
    assert np.isfinite(table["nu_max"]).all()
    assert table["reason"].str.endswith(".").tolist() == [False, True, True]


def test_transits_are_refused():
    """Periodic boxes put power into harmonics, where the template fits badly although its error is small."""
    rng = np.random.default_rng(1)
    curve = simulate_oscillations(1, key=6, days=90.0, nu_max=[3000.0], teff=5800.0).light_curve(0)
    dips = (curve.time % 0.9 < 0.1) * 2e-3 + 1e-5 * rng.standard_normal(len(curve))
    table = seismic_log_g(power_spectrum(curve.replace(flux=curve.flux - dips)))
    assert not table["accepted"].iloc[0]
    assert "does not fit" in table["reason"].iloc[0]


def test_temperatures_by_table_or_number():
    stars = spectra_of(simulate_oscillations(2, key=2, nu_max=[50.0, 60.0], teff=4800.0))
    assert seismic_log_g(stars, teff=5000.0)["teff"].tolist() == [5000.0, 5000.0]
    assert seismic_log_g(stars, teff={"star1": 5000.0})["teff"].tolist() == [4800.0, 5000.0]
    with pytest.raises(InputError, match="no star in common"):
        seismic_log_g(stars, teff={"KIC 9": 5000.0})
    with pytest.raises(InputError, match="teff_err is 0"):
        seismic_log_g(stars, teff_err=0.0)
    with pytest.raises(InputError, match="no power spectrum was given"):
        seismic_log_g([])


def test_real_stars(real_data):
    """A giant with a catalogue's log g within 0.1 dex, Kepler-90 and an F star refused, 10 days refused."""
    table, spectra = measure_files([real_data / "kepler"])
    table = table.set_index("id")
    assert len(spectra) == 5
    assert table.loc["KIC 5899262", "logg"] == pytest.approx(2.543, abs=0.1)
    assert "does not fit" in table.loc["KIC 11442793", "reason"]
    assert "6873 K" in table.loc["KIC 7660594", "reason"]
    assert "8.8 days" in table.loc["KIC 8417738", "reason"]
    assert table["accepted"].sum() == 1


def test_a_real_giant_in_pieces(real_data):
    """KIC 11618103, whose nu_max is 106 by other methods: 90 and 27 days give it within 5%."""
    whole = read_light_curve(
        real_data / "seismic" / "11618103_LC.txt.gz", time_standard="bkjd", id="KIC 11618103"
    )
    parts = [
        whole.select((whole.time >= a) & (whole.time < b))
        for a, b in ((0, 90), (90, 180), (200, 290), (0, 27))
    ]
    table = seismic_log_g([power_spectrum(p) for p in parts], teff=4870.0)
    assert table["accepted"].all()
    np.testing.assert_allclose(table["nu_max"], 106.0, rtol=0.05)
    assert np.ptp(table["nu_max"][:3]) < 0.03 * 106


def test_unreadable_files_keep_a_row(tmp_path):
    stars = simulate_oscillations(1, key=2, days=30.0, nu_max=[50.0])
    curve = stars.light_curve(0)
    np.savetxt(tmp_path / "good.txt", np.column_stack([curve.time, curve.flux]))
    (tmp_path / "bad.txt").write_text("not a light curve\n")
    np.savetxt(tmp_path / "few.txt", np.column_stack([curve.time, curve.flux])[:20])
    np.savetxt(tmp_path / "slow.txt", np.column_stack([np.arange(200.0), 1 + curve.flux[:200] / 100]))
    table, spectra = measure_files([tmp_path], time_standard="bkjd", teff={"good": 4800.0})
    assert [s.id for s in spectra] == ["good"]
    assert table["accepted"].tolist() == [True, False, False, False]
    assert "neither FITS nor text" in table["reason"].iloc[1]
    assert "has 20 cadences" in table["reason"].iloc[2]
    assert "the lowest frequency is 5 uHz, and bins end at" in table["reason"].iloc[3]
    with pytest.raises(InputError, match="there is no light curve in"):
        measure_files([tmp_path / "folder"] if (tmp_path / "folder").mkdir() is None else [])
    with pytest.raises(InputError, match="state time_standard"):
        measure_files([tmp_path])
