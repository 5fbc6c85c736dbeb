import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from luxjax.core import InputError
from luxjax.data import LabelTable, Spectra, load_catalog
from luxjax.simulation import simulate, write_survey_files
from luxjax.surveys import ingest, read, read_catalog

from . import fixtures


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """40 stars with APOGEE files, 25 of them in the GALAH catalogue."""
    simulated = simulate(40, key=5, windows=("apogee",), n_train=25, missing_labels={"eu_fe": 0.3})
    return simulated, write_survey_files(simulated, tmp_path_factory.mktemp("survey"))


def lamost(folder, name, *, z: float | None = 0.0, n=400, snr=50.0, line=3850.0, **header):
    """One absorption line at rest wavelength `line` on a sloping continuum, moved by `z`."""
    wave = 10.0 ** (3.5682 + 1e-4 * np.arange(n))
    flux = (50 + 0.01 * (wave - 3700)) * (1 - 0.6 * np.exp(-0.5 * ((wave / (1 + z) - line) / 4) ** 2))
    return fixtures.write_lamost(folder / name, flux, np.full(n, (snr / 50) ** 2), Z=z, SN_G=snr, **header)


# The simulated survey's own files


def test_files_hold_what_was_simulated(survey):
    simulated, files = survey
    made = simulated.catalog.spectra("apogee")
    paths = sorted(files.spectra.glob("*.fits"))
    assert len(paths) == 40
    back = {round(float(s.table["ra"].iloc[0]), 6): s for s in map(read, paths)}
    for row in (0, 17, 39):
        one = back[round(float(simulated.catalog.table["ra"][row]), 6)]
        np.testing.assert_array_equal(one.good[0], made.good[row])
        np.testing.assert_allclose(one.flux[0][one.good[0]], made.flux[row][made.good[row]])
        np.testing.assert_allclose(one.ivar[0], made.ivar[row], rtol=1e-5)
    galah = read_catalog(files.galah, ["dr3_source_id", "Eu_fe", "flag_Eu_fe", "teff"])
    assert (
        galah["dr3_source_id"].astype(str).tolist() == simulated.catalog.table["gaia_source_id"][:25].tolist()
    )
    np.testing.assert_array_equal(galah["Eu_fe"].isna(), galah["flag_Eu_fe"] == 32)
    np.testing.assert_allclose(galah["teff"], simulated.catalog.labels()["teff"][:25])


def test_from_files_to_catalogue(survey, tmp_path):
    simulated, files = survey
    result = ingest(
        files.spectra, label_catalog=files.galah, cuts="galah-dr3", spectra_name="apogee", progress=False
    )
    assert (len(result.labelled), len(result.unlabelled), result.n_files) == (25, 15, 40)
    assert len(result.lost) == 0
    assert set(result.match.how) == {"tmass_id"}
    truth = simulated.catalog
    row = {round(ra, 6): k for k, ra in enumerate(truth.table["ra"])}
    for k in range(25):
        source = row[round(float(result.labelled.table["ra"][k]), 6)]
        assert source < 25
        np.testing.assert_allclose(
            result.labelled.labels().value[k], truth.labels().value[source], rtol=1e-6, equal_nan=True
        )
        good = truth.spectra("apogee").good[source]
        np.testing.assert_allclose(
            result.labelled.spectra("apogee").flux[k][good], truth.spectra("apogee").flux[source][good]
        )
    folders = result.save(tmp_path / "cat")
    assert [f.name for f in folders] == ["cat", "cat-unlabelled"]
    assert list(load_catalog(folders[0]).outputs) == ["apogee", "labels"]
    assert list(load_catalog(folders[1]).outputs) == ["apogee"]
    assert "unlabelled: 15 stars" in (tmp_path / "cat" / "ingest.txt").read_text()


def test_own_catalogue_joins_by_id_and_cuts_count(survey, tmp_path):
    _, files = survey
    table = fits.getdata(files.allstar, 1)
    table["SNR"], table["STARFLAG"] = 100.0, 0
    table["SNR"][3] = 49.0
    table["STARFLAG"][7] = 1 << 22  # RV_FAIL
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table)]).writeto(tmp_path / "allStar.fits")
    result = ingest(
        files.spectra, label_catalog=tmp_path / "allStar.fits", cuts="apogee-dr17", progress=False
    )
    assert set(result.match.how) == {"id"}
    assert (len(result.labelled), len(result.unlabelled)) == (38, 2)
    assert result.cuts.counts["alone"].tolist() == [0, 1, 0, 1, 0]
    lost = result.lost
    assert set(lost["id"]) == {str(table["APOGEE_ID"][3]).strip(), str(table["APOGEE_ID"][7]).strip()}
    assert set(result.unlabelled.ids) == set(lost["id"])  # their spectra are kept
    assert "fails the quality cuts apogee-dr17" in result.summary


@pytest.mark.slow
def test_a_label_that_fails_its_own_cut_is_missing_and_the_star_stays(survey, tmp_path):
    _, files = survey
    table = fits.getdata(files.galah, 1)
    table["snr_c3_iraf"][5] = 20.0  # abundances need more than 30
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table)]).writeto(tmp_path / "g.fits")
    options = {"label_catalog": tmp_path / "g.fits", "progress": False, "labels": ["teff", "alpha_fe"]}
    cut = ingest(files.spectra, cuts="galah-dr3", **options).labelled
    star = cut.ids == f"2M{table['star_id'][5]}"
    assert len(cut) == 25
    np.testing.assert_array_equal(np.isnan(cut.labels()["alpha_fe"]), star)
    assert np.isfinite(cut.labels()["teff"]).all()
    assert np.isfinite(ingest(files.spectra, **options).labelled.labels()["alpha_fe"]).all()


# Rest frame, grids, duplicates


def test_shifts_and_lengths_are_undone(tmp_path):
    velocity = [-400.0, 0.0, 400.0, 100.0]
    for k, v in enumerate(velocity):
        lamost(tmp_path, f"spec-{k}.fits", z=v / 299792.458, n=430 if k == 3 else 400, DESIG=f"LAMOST J{k}")
    whole = {"wavelength_range": (3690, 10.0 ** (3.5682 + 0.03995)), "binning": 1, "normalization": "none"}
    result = ingest(tmp_path, progress=False, **whole)
    spectra = result.unlabelled.spectra("spectra")
    assert spectra.frame == "rest"
    assert (len(spectra), spectra.n_pixels) == (4, 400)
    inside = (spectra.wavelength > 3800) & (spectra.wavelength < 3900)
    depth = np.where(inside, 1 - spectra.flux / 51.5, 0)
    centre = (depth * spectra.wavelength).sum(1) / depth.sum(1)
    np.testing.assert_allclose(centre, centre[1], atol=0.05)  # 400 km/s would be 5 Angstrom
    assert not spectra.good[
        0, 3
    ]  # the blue end of an approaching star is not reached, as the red end of a receding one
    assert not spectra.good[2, -4]
    assert spectra.good[1].all()
    observed = ingest(tmp_path, rest=False, progress=False, **whole).unlabelled.spectra("spectra")
    assert observed.frame == "barycentric"
    assert observed.wavelength[observed.flux[2, 100:250].argmin() + 100] == pytest.approx(3855.1, abs=0.5)


def test_grid_limits_and_normalization(tmp_path):
    for k in range(3):
        lamost(tmp_path, f"spec-{k}.fits", DESIG=f"LAMOST J{k}")
    cut = ingest(tmp_path, wavelength_range=(3720, 3980), normalization="quantile", binning=1, progress=False)
    spectra = cut.unlabelled.spectra("spectra")
    assert spectra.normalized
    assert 3720 <= spectra.wavelength[0] < 3721
    assert 3979 < spectra.wavelength[-1] <= 3980
    away = abs(spectra.wavelength - 3850) > 20
    np.testing.assert_allclose(spectra.flux[:, away], 1, atol=0.01)
    assert spectra.flux.min() == pytest.approx(0.4, abs=0.03)
    grid = np.linspace(3750, 3950, 80)
    mine = ingest(tmp_path, grid=grid, normalization="polynomial", progress=False).unlabelled
    np.testing.assert_array_equal(mine.spectra("spectra").wavelength, grid)
    for limits, said in [((9200, 9300), "leaves 0 pixels"), ((3800,), "two wavelengths")]:
        with pytest.raises(InputError, match=said):
            ingest(tmp_path, wavelength_range=limits, progress=False)


def test_best_of_several_spectra_and_every_loss(tmp_path):
    for k, snr in enumerate([20.0, 80.0, 40.0]):
        lamost(tmp_path, f"spec-{k}.fits", snr=snr, DESIG="LAMOST J1")
    lamost(tmp_path, "spec-3.fits", DESIG="LAMOST J2")
    lamost(tmp_path, "spec-4.fits", DESIG="LAMOST J3", z=-9999.0)
    (tmp_path / "spec-5.fits").write_text("broken")
    fixtures.write_lamost(tmp_path / "spec-6.fits", np.ones(400), np.zeros(400), DESIG="LAMOST J4")
    result = ingest(tmp_path, progress=False)
    assert result.unlabelled.ids.tolist() == ["J1", "J2"]
    assert result.unlabelled.table["snr"].tolist() == [80.0, 50.0]
    assert result.n_files == 7
    assert len(result.unlabelled) + len(result.lost) == 7
    reasons = dict(zip(result.lost["file"].map(lambda f: f[-6:-5]), result.lost["reason"], strict=True))
    for number, said in {
        "0": "higher",
        "2": "higher",
        "4": "no usable redshift",
        "5": "not a FITS",
        "6": "no good",
    }.items():
        assert said in reasons[number]
    assert "2 files not used" in result.summary


# Joins


def test_join_by_file_name(tmp_path):
    spectra = tmp_path / "spectra"
    spectra.mkdir()
    for k in range(3):
        lamost(spectra, f"spec-{k}.fits", DESIG=f"LAMOST J{k}", gz=k == 1)
    table = pd.DataFrame(
        {
            "obsid": [11, 12, 13, 14],
            "planid": "B1",
            "teff": [5000.0, 5100.0, -9999.0, 5300.0],
            "teff_err": 100.0,
            "logg": [4.0, 4.1, 4.2, 4.3],
            "logg_err": 0.2,
            "feh": -0.5,
            "feh_err": 0.1,
            "filename": ["spec-1.fits", "spec-0.fits", "spec-2.fits", "spec-9.fits"],
        }
    )
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    result = ingest(spectra, label_catalog=tmp_path / "catalogue.csv", labels=["teff"], progress=False)
    assert set(result.match.how) == {"file"}
    labelled = dict(zip(result.labelled.ids, result.labelled.labels()["teff"], strict=True))
    assert labelled == {"J0": 5100.0, "J1": 5000.0}
    assert result.unlabelled.ids.tolist() == ["J2"]  # its label is missing
    assert result.labels_left_out["reason"].tolist() == ["has none of the labels"]
    with pytest.raises(InputError, match="shares its id"):
        ingest(spectra, label_catalog=tmp_path / "catalogue.csv", join="id", progress=False)


def test_join_by_position_and_repeated_labels(rng):
    ids = ["a", "b", "c"]
    sky = pd.DataFrame({"ra": [10.0, 20.0, 30.0], "dec": [-5.0, 0.0, 5.0]})
    spectra = Spectra(np.ones((3, 4)), np.ones((3, 4)), np.arange(1.0, 5), "air", ids, table=sky)
    labels = LabelTable(
        [[1.0], [2.0], [3.0], [4.0]],
        0.1,
        ("teff",),
        ["p", "q", "r", "q"],
        table=pd.DataFrame(
            {"ra": [30.0, 20.0, 90.0, 20.0], "dec": [5.0001, 0.0, 0.0, 0.0], "snr": [9.0, 5.0, 9.0, 7.0]}
        ),
    )
    result = ingest(spectra, label_catalog=labels)
    assert dict(zip(result.labelled.ids, result.labelled.labels()["teff"], strict=True)) == {
        "b": 4.0,
        "c": 1.0,
    }
    assert result.labels_left_out.to_dict("records") == [
        {"id": "q", "reason": "another row of the same star is better"}
    ]
    assert result.unlabelled.ids.tolist() == ["a"]
    assert ingest(spectra, label_catalog=labels, keep_unlabelled=False).unlabelled is None


# Bad input


@pytest.mark.slow
def test_bad_input(survey, tmp_path):
    _, files = survey
    (tmp_path / "empty").mkdir()
    (tmp_path / "rubbish").mkdir()
    (tmp_path / "rubbish" / "x.fits").write_text("x")
    far = tmp_path / "far.fits"
    table = fits.getdata(files.galah, 1)
    table["ra_dr2"], table["dec_dr2"] = 1.0, 80.0
    table["star_id"] = [f"0000000{k % 10}+8000{k:03d}" for k in range(len(table))]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table)]).writeto(far)
    cases = [
        ((tmp_path / "empty",), {}, "no spectra in .*empty"),
        ((tmp_path / "none",), {}, "no file or folder"),
        ((tmp_path / "rubbish",), {}, "none of the 1 files is a spectrum"),
        ((files.spectra,), {"label_catalog": far}, "no row of the left table"),
        (
            (files.spectra,),
            {"label_catalog": files.galah, "labels": ["u_fe"]},
            "no label of galah dr3 'u_fe'",
        ),
        ((files.spectra,), {"label_catalog": files.galah, "labels": ["ba_fe"]}, "no column 'Ba_fe'"),
        ((files.spectra,), {"label_catalog": files.galah, "cuts": "galah"}, "no quality preset 'galah'"),
        ((files.spectra,), {"label_catalog": files.galah, "join": "name"}, "no way to join labels 'name'"),
        ((files.spectra,), {"label_catalog": files.galah, "join": "file"}, "cannot be joined by file"),
        ((files.spectra,), {"normalization": "spline"}, "no normalization 'spline'"),
    ]
    for args, options, said in cases:
        with pytest.raises(InputError, match=said):
            ingest(*args, **options, progress=False)


def test_all_labels_cut_away(survey, tmp_path):
    _, files = survey
    table = fits.getdata(files.galah, 1)
    table["flag_sp"] = 1
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table)]).writeto(tmp_path / "g.fits")
    with pytest.raises(InputError, match=r"no star of the 25 .*25 fails the quality cuts galah-dr3"):
        ingest(files.spectra, label_catalog=tmp_path / "g.fits", cuts="galah-dr3", progress=False)


def test_spectra_that_cannot_be_together(survey, tmp_path):
    """Files of two surveys in one folder: the rarer kind is listed, not mixed in."""
    _, files = survey
    for path in sorted(files.spectra.glob("*.fits"))[:3]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lamost(tmp_path, "spec-1.fits")
    result = ingest(tmp_path, progress=False)
    assert len(result.unlabelled) == 3
    assert (
        result.failures["reason"]
        .str.contains("it is of lamost and not normalised, .*ingest them separately")
        .all()
    )
    assert len(result.failures) == 1


# Real files


@pytest.mark.slow
def test_real_lamost_with_catalogue_labels(real_data):
    catalogue = next((real_data / "lamost" / "catalogue").glob("*.csv"))
    result = ingest(
        real_data / "lamost" / "lrs_dr1",
        label_catalog=catalogue,
        normalization="quantile",
        wavelength_range=(3900, 9000),
        progress=False,
    )
    assert (len(result.labelled), len(result.unlabelled), len(result.lost)) == (92, 35, 0)
    spectra, labels = result.labelled.spectra("spectra"), result.labelled.labels()
    # Joined by file name, and the designations in header and catalogue agree too.
    known = read_catalog(catalogue, ["filename", "designation"]).set_index("filename")["designation"]
    assert spectra.ids.tolist() == known[labels.table["filename"]].tolist()
    near = (spectra.wavelength > 6540) & (spectra.wavelength < 6590)
    warm = labels["teff"] > 5500
    halpha = spectra.wavelength[near][np.median(spectra.flux[warm][:, near], axis=0).argmin()]
    assert halpha == pytest.approx(6564.61, abs=1.5)  # vacuum, at rest: one pixel is 1.5 Angstrom
    assert np.median(spectra.flux[spectra.good]) == pytest.approx(0.96, abs=0.03)


@pytest.mark.slow
def test_real_visits_come_to_rest_where_their_combination_is(real_data):
    """apVisit files are in the observer's frame: the star's velocity less the barycentric correction moves them."""
    folder = next((real_data / "apogee").glob("giant_*"))
    grid = read(next(folder.glob("apStar*"))).wavelength[6400:8200]

    def lines(path):
        result = ingest([path], grid=grid, normalization="polynomial", progress=False)
        spectra = result.unlabelled.spectra("spectra")
        return np.where(spectra.good[0], spectra.flux[0] - 1, 0)

    combined = lines(next(folder.glob("apStar*")))
    shifts = np.arange(-12, 13)
    for path in sorted(folder.glob("apVisit*")):
        visit = lines(path)
        best = shifts[np.argmax([np.roll(visit, k) @ combined for k in shifts])]
        assert (
            abs(best) <= 1
        )  # 4 km/s; the corrections of -5 to -17 km/s with the wrong sign are 3 to 8 pixels
