"""Velocities of files are confirmed, measured, or cost the spectrum; what is at rest by its file is checked."""

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import measure_velocity, to_rest
from luxjax.surveys import ingest, read
from luxjax.surveys._templates import _simulated, combined_files, templates_for
from luxjax.surveys._velocity import believed

from .fixtures import write_apstar, write_galah, write_galah_fit

C = 299792.458
RNG = np.random.default_rng(3)


def star(window="apogee", k=3, snr=80.0, kms=0.0, **facts):
    """A simulated star that moves, with noise, as a reader would give it."""
    template = _simulated(window).select([k])
    wave = template.wavelength * np.exp(np.arctanh(kms / C))
    flux = template.flux + RNG.normal(size=template.flux.shape) / snr
    table = pd.DataFrame([{"rv_kms": kms, "file": "x.fits", **facts}])
    return Spectra(
        flux,
        np.full(flux.shape, snr**2),
        wave,
        template.medium,
        ["a"],
        frame=facts.get("frame", "barycentric"),
        table=table,
    )


@pytest.mark.parametrize(
    ("window", "k", "worst"), [("apogee", 3, 0.5), ("galah", 4, 0.5), ("lamost", 4, 8.0)]
)
@pytest.mark.parametrize("kms", [-311.0, 0.0, 87.5])
def test_velocities_are_measured(window, k, worst, kms):
    moving = star(window, k, 60.0, kms)
    found = measure_velocity(
        moving, templates_for(moving), largest_kms=600.0 if window != "lamost" else 3000.0
    )
    assert found["velocity_kms"][0] == pytest.approx(kms, abs=worst)
    assert found["correlation"][0] > 0.8
    assert found["error_kms"][0] < 20


def test_noise_gives_no_significant_velocity():
    noise = star(snr=1e6)
    noise = noise.replace(flux=1 + 0.05 * RNG.normal(size=noise.flux.shape))
    found = measure_velocity(noise, templates_for(noise))
    assert found["significance"][0] < 6
    assert found["correlation"][0] < 0.15


def test_templates_in_air_and_vacuum_and_with_gaps():
    moving = star("galah", 4, 60.0, 40.0)
    from luxjax.preprocessing import to_medium

    found = measure_velocity(to_medium(moving, "vacuum"), _simulated("galah"))
    assert found["velocity_kms"][0] == pytest.approx(40.0, abs=0.5)
    with pytest.raises(InputError, match="templates at rest"):
        measure_velocity(moving, moving)


def test_a_right_velocity_is_kept_and_a_wrong_one_replaced():
    kept = believed(star(kms=52.0))
    assert kept.table["rv_kms"][0] == 52.0
    assert "rv_source" not in kept.table
    wrong = star(kms=52.0)
    wrong = wrong.replace(table=wrong.table.assign(rv_kms=-224.0))
    found = believed(wrong)
    assert found.table["rv_kms"][0] == pytest.approx(52.0, abs=0.5)
    assert "stand elsewhere" in found.table["rv_source"][0]


@pytest.mark.parametrize("stated", [np.nan, 595.0, 8000.0])
def test_a_missing_or_failed_velocity_is_measured_or_the_spectrum_left_out(stated):
    one = star(kms=-40.0)
    one = one.replace(
        table=one.table.assign(rv_kms=stated, rv_doubt="" if stated != 595.0 else "its fit failed")
    )
    assert believed(one).table["rv_kms"][0] == pytest.approx(-40.0, abs=0.5)
    noise = one.replace(flux=1 + 0.05 * RNG.normal(size=one.flux.shape))
    with pytest.raises(InputError, match="doubtful|no usable redshift or velocity"):
        believed(noise)


def test_what_is_called_rest_and_is_not_is_moved_there():
    one = star("galah", 4, 60.0, 90.0, frame="rest")
    found = believed(one)
    assert found.frame == "rest"
    assert abs(measure_velocity(found, _simulated("galah"))["velocity_kms"][0]) < 0.5
    at_rest = star("galah", 4, 60.0, 0.0, frame="rest")
    assert believed(at_rest) is at_rest


def test_redshifts_are_replaced_with_velocities():
    one = star("lamost", 4, 50.0, 100.0)
    one = one.replace(table=one.table.assign(z=0.004, rv_kms=0.004 * C))
    found = believed(one)
    assert found.table["z"][0] * C == pytest.approx(100.0, abs=10)
    assert abs(measure_velocity(to_rest(found, redshift=found.table["z"][0]), _simulated("lamost"), largest_kms=3000)["velocity_kms"][0]) < 10  # fmt: skip


def test_the_combined_spectrum_of_the_star_is_found_by_its_header(tmp_path):
    flux, error, mask = (np.full((3, 8575), v) for v in (1.0, 0.1, 0))
    write_apstar(tmp_path / "combined.fits", flux, error, mask.astype(int), star="2M01020304+0102030")
    (tmp_path / "apVisit-1.fits").write_text("x")
    paths = sorted(tmp_path.iterdir())
    assert combined_files(paths) == {"2M01020304+0102030": str(tmp_path / "combined.fits")}
    assert combined_files([tmp_path / "combined.fits"]) == {}  # no visits, nothing to look for


def galah(folder, name="210115000101001", velocity=30.0, **header):
    template = _simulated("galah").select([4])

    def flux(wave):
        return np.interp(wave / np.exp(np.arctanh(velocity / C)), template.wavelength, template.flux[0])

    paths = write_galah(folder, name, flux, lambda w: 0 * w + 0.02, velocity=velocity)
    for path in paths:
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update({k.replace("_", "_"): v for k, v in header.items()})
    return paths


@pytest.mark.parametrize(
    "flag", [{"RVCOM_OK": 0}, {"RV_OK": 0}, {"RVCOM_OK": "False"}, {"E_RVCOM": 8.9}, {"RVCOM": "None"}]
)
def test_flagged_velocities_of_galah_are_measured(tmp_path, flag):
    wrong = {"RVCOM": 140.0} | flag
    result = ingest(galah(tmp_path, **wrong), progress=False)
    table = result.unlabelled.spectra("spectra").table
    assert table["rv_kms"][0] == pytest.approx(30.0, abs=1.0)
    assert "measured" in table["rv_source"][0]


@pytest.mark.parametrize("flag", ["WAV_OK", "TRACE_OK", "CROSS_OK"])
def test_a_ccd_whose_reduction_failed_is_listed_and_the_others_stay(tmp_path, flag):
    paths = galah(tmp_path)
    with fits.open(paths[2], mode="update") as hdus:
        hdus[0].header[flag] = 0
    result = ingest(paths, progress=False)
    assert result.failures["path"].tolist() == [str(paths[2])]
    assert flag in result.failures["reason"][0]
    assert result.unlabelled.table["ccds"].tolist() == ["124"]
    assert read(paths[2]).good.any()  # for whoever wants to look at it


def test_spikes_and_the_telluric_band_lose_their_weight(tmp_path):
    paths = galah(tmp_path, velocity=0.0)
    with fits.open(paths[0], mode="update") as hdus:
        hdus["normalized"].data[[100, 2000]] = 55.0, 1.7
    found = ingest(paths, progress=False).unlabelled.spectra("spectra")
    wave, good = found.wavelength, found.good[0]
    assert not good[(wave > 7595) & (wave < 7695)].any()
    assert good[(wave > 7710) & (wave < 7880)].all()
    assert not (found.flux[0][good] > 1.5).any()
    assert good[:4096].sum() > 4070


def test_a_failed_fit_of_dr4_is_left_out(tmp_path):
    template = _simulated("galah").select([4])
    wave = template.wavelength
    noisy = template.flux[0] + RNG.normal(size=len(wave)) / 4
    for name, flux, error in (("150411003101372", noisy, 0.25), ("170205003401240", template.flux[0], 0.01)):
        path = tmp_path / f"{name}_allstar_fit_spectrum.fits"
        write_galah_fit(
            path, wave, np.roll(flux, 400) if error > 0.1 else flux, 0 * wave + error, flux, wave > 0
        )
    moved = ingest(tmp_path, progress=False)
    assert "170205003401240" in moved.unlabelled.ids
    assert len(moved.unlabelled) + len(moved.failures) == 2


# Real files


@pytest.mark.slow
def test_real_visits_are_where_their_combined_spectra_are_or_left_out(real_data):
    visits = sorted(real_data.glob("apogee/*/apVisit*.fits"))
    result = ingest(visits, progress=False)
    assert set(result.failures["reason"].str.contains("velocity")) == {True}
    assert len(result.failures) <= 7
    spectra = result.unlabelled.spectra("spectra")
    compared = 0
    for k in range(len(spectra)):
        combined = [*real_data.glob(f"apogee/*/a*Star*{spectra.ids[k]}.fits")]
        if combined:
            found = measure_velocity(spectra.select([k]), read(combined[0]).select(slice(0, 1)))
            assert abs(found["velocity_kms"][0]) < 8
            compared += 1
    assert compared >= 5


def test_real_combined_spectrum_mends_failed_visits(real_data):
    combined = next(real_data.glob("apogee/apStar_dr13/*2M00452143+1634446.fits"))
    for visit in real_data.glob("apogee/apVisit_dr13/*2M00452143*"):
        found = believed(read(visit), combined_files([visit, combined]))
        assert found.table["rv_kms"][0] == pytest.approx(6.7, abs=1.5)  # the headers say 596, 598 and -224


@pytest.mark.slow
def test_real_galah_velocities_are_confirmed(real_data):
    result = ingest(real_data / "galah" / "com_2021_8hdu", progress=False)
    assert len(result.unlabelled) == 4
    assert set(result.unlabelled.table["rv_source"]) == {""}
    fit = ingest(real_data / "galah" / "dr4_allstar_fit", progress=False)
    assert fit.unlabelled.ids.tolist() == ["170205003401240"]  # the other one is a failed fit
