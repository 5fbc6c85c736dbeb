"""Further instruments of the stars of spectra: what a file is read as, how its rows find their stars, and what is refused."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.data import LabelTable, Measurements, Spectra
from luxjax.dataset import ingest_dataset
from luxjax.files import write_table
from luxjax.lightcurves import PowerSpectrum, seismic_log_g
from luxjax.simulation import simulate_oscillations
from luxjax.surveys import IngestOptions, ingest

N = 8
GAIA = 4_611_686_018_427_387_904 + 3 * np.arange(N)  # float64 would make them alike
RA, DEC = 10.0 + np.arange(N), -5.0 + 0.5 * np.arange(N)
NAMES = [f"star {k}" for k in range(N)]


@pytest.fixture
def spectra(rng):
    return Spectra(
        rng.normal(1, 0.1, (N, 30)),
        np.full((N, 30), 100.0),
        5000.0 + np.arange(30),
        "air",
        NAMES,
        normalized=True,
        table=pd.DataFrame({"gaia_dr3": GAIA, "ra": RA, "dec": DEC, "epoch": 2000.0}),
    )


@pytest.fixture
def gaia(tmp_path):
    """A table of Gaia in another order, without the first star and with one that has no spectrum."""
    rows = pd.DataFrame(
        {
            "source_id": [*GAIA[:0:-1], 17],
            "ref_epoch": 2016.0,
            "ra": [*RA[:0:-1], 200.0],
            "dec": [*DEC[:0:-1], 70.0],
            "phot_g_mean_mag": [*(10.0 + np.arange(N))[:0:-1], 5.0],
            "phot_g_mean_flux_over_error": 1000.0,
            "parallax": 10.0,
            "parallax_error": 0.1,
        }
    )
    return rows, write(rows, tmp_path / "gaia.csv")


def write(frame, path):
    pd.DataFrame(frame).to_csv(path, index=False)
    return path


def without(spectra, *columns):
    return spectra.replace(table=spectra.table.drop(columns=list(columns)))


def test_rows_of_gaia_find_their_stars_and_no_spectrum_is_lost(spectra, gaia, tmp_path):
    made = ingest(spectra, also={"photometry": gaia[1]})
    stars = made.unlabelled
    assert stars.sizes == {"spectra": 30, "photometry": 1, "photometry_parallax": 1}
    assert stars.ids.tolist() == NAMES
    np.testing.assert_array_equal(stars["photometry"]["G"], [np.nan, *range(11, 18)])
    assert stars["photometry_parallax"].ivar[0, 0] == 0
    assert stars["photometry_parallax"]["parallax"][1:] == pytest.approx(5.0)
    line = "photometry: 7 of 8 stars have one of its 8 rows (7 by Gaia DR3 id)"
    assert line in made.summary.splitlines()
    made.save(tmp_path / "c")
    again = luxjax.load_catalog(tmp_path / "c")
    np.testing.assert_array_equal(again["photometry"]["G"], stars["photometry"]["G"])
    assert again["photometry"].table["gaia_dr3"][1:].tolist() == GAIA[1:].tolist()  # to the last digit
    assert line in (tmp_path / "c" / "ingest.txt").read_text()


def test_positions_are_compared_at_one_epoch(spectra, gaia, tmp_path):
    rows = gaia[0].assign(pmra=0.0, pmdec=1000.0)  # 16 arcsec since the spectra's epoch
    bare = without(spectra, "gaia_dr3")
    with pytest.raises(InputError, match="no star of the spectra is in .*gaia.csv .'photometry'"):
        ingest(bare, also={"photometry": write(rows, gaia[1])})
    moved = rows.assign(dec=rows["dec"] + 16 / 3600)
    made = ingest(bare, also={"photometry": write(moved, gaia[1])})
    np.testing.assert_array_equal(made.unlabelled["photometry"]["G"], [np.nan, *range(11, 18)])
    assert "(7 by position)" in made.summary


def test_two_rows_at_one_position_are_not_decided(spectra, gaia):
    rows = gaia[0]
    rows = pd.concat([rows, rows[rows["source_id"] == GAIA[3]].assign(source_id=99)])
    made = ingest(without(spectra, "gaia_dr3"), also={"photometry": write(rows, gaia[1])})
    assert np.isnan(made.unlabelled["photometry"]["G"][[0, 3]]).all()
    lost = made.lost[made.lost["what"] == "measurement"]
    assert set(lost["id"]) == {"star 3"}
    assert lost["reason"].str.startswith("photometry: several rows").all()
    assert "2 pairs not decided" in made.summary


def test_one_instrument_names_the_stars_of_the_next_and_labels_name_them_too(spectra, gaia, tmp_path):
    xp = Measurements(np.arange(N - 1.0)[:, None], 0.1, ["xp"], GAIA[1:], survey="gaia")
    bare = without(spectra, "gaia_dr3")
    made = ingest(bare, also={"photometry": gaia[1], "xp": xp})
    np.testing.assert_array_equal(made.unlabelled["xp"]["xp"], [np.nan, *range(7)])
    with pytest.raises(InputError, match=r"'xp'\): the spectra have .* a position, it has .* a Gaia DR3 id"):
        ingest(bare, also={"xp": xp})
    facts = pd.DataFrame({"gaia_dr3": GAIA[2:5]})
    labels = LabelTable(np.full((3, 1), 5000.0), 50.0, ["teff"], NAMES[2:5], table=facts)
    made = ingest(bare, label_catalog=labels, also={"xp": xp})
    assert made.labelled["xp"]["xp"].tolist() == [1, 2, 3]
    assert list(made.labelled.outputs) == ["spectra", "xp", "labels"]
    assert list(made.unlabelled.outputs) == ["spectra", "xp"]
    assert "xp: 3 of 8 stars have one of its 7 rows (3 by Gaia DR3 id), 3 of 3 with labels" in made.summary


def test_an_identifier_that_differs_is_no_match(spectra):
    table = pd.DataFrame({"gaia_dr3": [GAIA[1], GAIA[5]]})
    other = Measurements([[1.0], [2.0]], 0.1, ["J"], [NAMES[1], NAMES[2]], table=table)
    made = ingest(spectra, also={"ir": other})
    np.testing.assert_array_equal(made.unlabelled["ir"]["J"][[1, 2, 5]], [1, np.nan, 2])
    named = dataclasses.replace(other, ids=["x", "y"], table=table.assign(id=[NAMES[1], NAMES[2]]))
    assert ingest(spectra, also={"ir": named}).unlabelled["ir"]["J"][5] == 2


def test_releases_of_gaia_do_not_meet(spectra, gaia):
    old = gaia[0].drop(columns=["ra", "dec"]).assign(ref_epoch=2015.5)
    with pytest.raises(InputError, match="it has ids such as .* a Gaia DR2 id"):
        ingest(spectra, also={"photometry": write(old, gaia[1])})
    unsaid = gaia[0].drop(columns=["ra", "dec", "ref_epoch"])
    assert "7 by Gaia DR3 id" in ingest(spectra, also={"photometry": write(unsaid, gaia[1])}).summary


@pytest.mark.parametrize("ending", ["csv", "fits", "ecsv"])
def test_a_table_of_light_curves_gives_its_accepted_stars(spectra, tmp_path, ending):
    stars = simulate_oscillations(3, key=4, nu_max=[30.0, 60.0, 2000.0], teff=4800.0)
    table = seismic_log_g([PowerSpectrum(**star) for star in stars.spectra()])
    assert table["accepted"].tolist() == [True, True, False]
    table["id"] = ["KIC 757076", "KIC 11", "KIC 12"]
    failed = pd.DataFrame({"id": ["file.fits"], "accepted": False, "reason": ["no flux"]})
    file = tmp_path / f"seismic.{ending}"
    write_table(pd.concat([table, failed], ignore_index=True), {}, file)
    kepler = spectra.replace(table=spectra.table.assign(kepid=[0, 12, 0, 757076, 0, 0, 0, 0]))
    made = ingest(kepler, also={"seismic": file})
    found = made.unlabelled["seismic"]
    assert found.names == ("log_nu_max", "granulation")
    assert np.flatnonzero(np.isfinite(found["log_nu_max"])).tolist() == [3]
    assert found["log_nu_max"][3] == pytest.approx(np.log10(30), abs=0.05)
    assert "seismic: 1 of 8 stars have one of its 2 rows (1 by KIC number)" in made.summary


def test_columns_with_errors_in_pairs(spectra, tmp_path):
    table = {
        "id": NAMES,
        "J": np.arange(N) + 8.0,
        "J_err": 0.02,
        "Ks": [-9999.0, *range(1, N)],
        "e_Ks": 0.03,
        "RA_ICRS": RA,
        "e_RA_ICRS": 0.01,
        "Plx": 10.0,
        "e_Plx": 0.1,
        "Teff": 5000.0,
        "e_Teff": 50.0,
        "note": "x",
    }
    labels = LabelTable(np.full((N, 1), 5000.0), 50.0, ["teff"], NAMES)
    file = write(table, tmp_path / "own.csv")
    made = ingest(without(spectra, "gaia_dr3"), label_catalog=labels, also={"ir": file})
    found = made.labelled["ir"]
    assert found.names == ("J", "Ks")  # a label is no measurement, a position none either
    assert np.isnan(found["Ks"][0])
    assert found["J"].tolist() == table["J"].tolist()
    assert made.labelled["ir_parallax"]["parallax"] == pytest.approx(5.0)
    assert "ir: Teff left out, a label of this catalogue" in made.summary
    assert "8 by own id" in made.summary


def test_what_no_labelled_star_has_is_left_out_unless_a_model_wants_it(spectra):
    value = np.full((N, 2), 1.0)
    value[:4, 1] = np.nan
    other = Measurements(value, 0.1, ["J", "K"], NAMES)
    labels = LabelTable(np.full((4, 1), 5000.0), 50.0, ["teff"], NAMES[:4])
    made = ingest(spectra, label_catalog=labels, also={"ir": other})
    assert made.labelled["ir"].names == made.unlabelled["ir"].names == ("J",)
    assert "ir: K left out, which no star with labels has" in made.summary
    both = ingest(spectra, also={"ir": other}).unlabelled
    assert both["ir"].names == ("J", "K")
    alike = ingest(spectra.select(slice(0, 4)), like=both, also={"ir": other}).unlabelled
    assert alike["ir"].names == ("J", "K")
    with pytest.raises(InputError, match="has the measurements J, K in .* lacks K"):
        ingest(spectra, like=both, also={"ir": other.only("J")})
    with pytest.raises(InputError, match="no star with labels has any measurement of 'ir'"):
        ingest(spectra, label_catalog=labels, also={"ir": other.only("K")})


def test_a_model_is_fitted_to_them(rng, gaia):
    n = 60
    z = rng.normal(size=(n, 2))
    ids = [f"s{k}" for k in range(n)]
    flux = 1 + 0.05 * z @ rng.normal(size=(2, 40)) + 0.01 * rng.normal(size=(n, 40))
    spectra = Spectra(flux, np.full(flux.shape, 1e4), 5000.0 + np.arange(40), "air", ids, normalized=True)
    labels = LabelTable((5000 + 300 * z[:, :1]), 30.0, ["teff"], ids)
    magnitudes = 10 + z @ rng.normal(size=(2, 3))
    bands = Measurements(magnitudes[10:], 0.02, ["G", "BP", "RP"], ids[10:])
    stars = ingest(spectra, label_catalog=labels, also={"photometry": bands}).labelled
    fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    assert set(fitted.names_of("input")) == {"spectra", "photometry"}
    found = luxjax.transfer(fitted, stars, inputs=["photometry"])
    assert np.std(found.value[10:, 0] - labels["teff"][10:]) < 40


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"id": ["star 1"], "J": [1.0]},
            "holds no measurements that are known: give a table of Gaia's archive",
        ),
        (
            {"id": ["star 1", "star 1"], "J": [1.0, 2.0], "J_err": 0.1},
            "has identifiers more than once: star 1",
        ),
        ({"id": ["x"], "J": [1.0], "J_err": 0.1}, "no star of the spectra is in .*ids such as star 0"),
        ({"id": ["star 1"], "J": ["bright"], "J_err": 0.1}, "J"),
        ({"source_id": [5, 5], "parallax": [1.0, 2.0], "parallax_error": 0.1}, "repeated: 5"),
        ({"source_id": [5], "phot_g_mean_mag": [1.0]}, "no phot_g_mean_flux_over_error"),
        ({c: [] for c in ("id", "J", "J_err")}, "no rows"),
        (
            {c: ["KIC 1"] for c in ("id", "nu_max", "log_nu_max_err", "granulation", "granulation_err")}
            | {"accepted": [False]},
            "none of which was accepted",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(spectra, tmp_path, columns, said):
    file = write(columns, tmp_path / "own.csv")
    with pytest.raises(InputError, match=said):
        ingest(spectra, also={"own": file})


def test_options_that_cannot_be_used(spectra, gaia, tmp_path):
    for also, said in [
        ({"spectra": gaia[1]}, "is text other than spectra and labels"),
        ({"a": 3}, "also 'a' is a path or Measurements"),
        (["a"], "also is a mapping"),
    ]:
        with pytest.raises(InputError, match=said):
            IngestOptions(also=also)
    with pytest.raises(InputError, match="there is no file .* for also 'a'"):
        ingest(spectra, also={"a": tmp_path / "none.csv"})
    with pytest.raises(InputError, match="two outputs would be called a_parallax"):
        ingest(spectra, also={"a": gaia[1], "a_parallax": gaia[1]})
    with pytest.raises(InputError, match="a dataset holds spectra and labels; make a catalogue"):
        ingest_dataset(tmp_path, tmp_path / "d", also={"photometry": gaia[1]})
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    "file", ["XP_CONTINUOUS_RAW.fits", "XP_CONTINUOUS_RAW.csv", "XP_SAMPLED_RAW_dr3int6.ecsv"]
)
def test_real_spectra_of_gaia(spectra, real_data, file, tmp_path):
    from luxjax.photometry import read_xp

    xp = read_xp(real_data / "gaia_xp" / file)
    stars = spectra.select(slice(0, len(xp) + 1))
    ids = [1, *map(int, xp.ids)]
    stars = stars.replace(table=pd.DataFrame({"gaia_dr3": ids}))
    made = ingest(stars, also={"xp": real_data / "gaia_xp" / file})
    found = made.unlabelled["xp"]
    np.testing.assert_array_equal(found.value[1:], xp.only(*found.names).value)
    assert not found.ivar[0].any()
    made.save(tmp_path / "c")
    again = luxjax.load_catalog(tmp_path / "c")["xp"]
    np.testing.assert_array_equal(again.value, found.value)
    assert (again.correlation is None) == (xp.correlation is None)
