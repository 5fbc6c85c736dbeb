"""Classes out of a table: how rows are joined to spectra, what is left out and why, and what is said of it."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from luxjax.classify.features import Features
from luxjax.core import InputError
from luxjax.report.sections.classes._tables import truth_tables
from luxjax.runs import RunFolder, lamost_data, with_truth
from luxjax.runs.classes._data import ClassData, read_class_data
from luxjax.runs.classes._train import train_classes
from luxjax.runs.classes._truth import truth_entry, truth_lines

ARCSEC = 1 / 3600


def data_of(n: int = 8, visits: int = 2) -> ClassData:
    """Stars a degree apart, each observed several times; the survey calls the first half F, the others G."""
    star = np.repeat(np.arange(n), visits)
    heat = np.where(star < n // 2, 0.2, 1.8) + np.random.default_rng(2).normal(0, 0.1, len(star))
    values = pd.DataFrame({"Hbeta": heat, "Mg_b": 2 - heat})
    ids = np.array([f"s{k}" for k in star])
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    features = Features(values, 0 * values + 1, {"Hbeta": "balmer", "Mg_b": "magnesium"}, ids, np.arange(len(star)), nothing)  # fmt: skip
    table = pd.DataFrame({
        "id": ids, "file": [f"a/spec-{k}.fits.gz" for k in range(len(star))], "class": np.where(star < n // 2, "F", "G"),
        "obsid": (100 + np.arange(len(star))).astype(str), "release": "", "snr": 30.0, "subclass": "F5", "luminosity": "", "z": 0.0,
        "ra": 10.0 + star, "dec": 20.0,
    })  # fmt: skip
    return ClassData(features, table, pd.DataFrame({"file": [], "id": [], "reason": []}, dtype=str))


def simbad(tmp_path, types: list[str], **more):
    """A table of SIMBAD's columns, half an arcsecond beside the stars."""
    ra = 10.0 + np.arange(len(types)) + 0.5 * ARCSEC
    rows = {"main_id": [f"HD {k}" for k in range(len(types))], "ra": ra, "dec": 20.0, "sp_type": types}
    file = tmp_path / "simbad.csv"
    pd.DataFrame(rows | more).to_csv(file, index=False)
    return file


def test_positions_give_every_spectrum_of_a_star_its_class(tmp_path):
    data = data_of()
    found = with_truth(data, simbad(tmp_path, ["F5V", "G0", "A5mA7-F2", "pec", "K0III", "DA2"]))
    assert found.table["class"].tolist() == list(np.repeat(["F", "G", "A", "K", "WD"], 2))
    assert found.table["survey_class"].tolist() == list(np.repeat(["F", "F", "F", "G", "G"], 2))
    assert found.table["subclass"].tolist() == list(np.repeat(["F5V", "G0", "A5", "K0III", ""], 2))
    assert found.table["luminosity"].tolist() == list(np.repeat(["V", "", "", "III", ""], 2))
    assert (found.table["survey_subclass"] == "F5").all()
    assert list(found.features.ids) == list(found.table["id"])
    lost = found.left_out.groupby("id")["reason"].first()
    assert lost["s3"] == "truth table: spectral type 'pec' names no class"
    assert lost["s6"] == lost["s7"] == "truth table: no row of this star"
    assert len(found.left_out) == 6


def test_rows_that_disagree_or_lie_too_close_are_left_out_and_counted(tmp_path):
    data = data_of()
    types = ["F5", "F6", "F8", "F0", "G0", "G1", "G2", "G5"]
    table = pd.read_csv(simbad(tmp_path, types))
    again = table.iloc[[0, 1, 2]].assign(
        sp_type=["G9", "", "F2"]
    )  # a quarrel, one without a type, one that agrees
    near = table.iloc[[5]].assign(
        ra=table["ra"][5] - 4 * ARCSEC
    )  # 3.5 arcsec from the star, on the other side
    file = tmp_path / "both.csv"
    pd.concat([table, again, near]).to_csv(file, index=False)
    found = with_truth(data, file)
    entry = truth_entry(found)
    assert entry["disagree"] == {"spectra": 2, "stars": 1}
    assert entry["not_decided"]["stars"] == 0
    assert "truth table: rows of this star disagree (F, G)" in set(found.left_out["reason"])
    wide = with_truth(data, file, match_radius=3.7)
    lines = "\n".join(truth_lines(truth_entry(wide)))
    assert "left out: 1 star (2 spectra) of which rows of the table disagree" in lines
    assert "7 stars" not in "\n".join(truth_lines(entry)[:1])
    quiet = truth_lines(truth_entry(with_truth(data, simbad(tmp_path, types))))
    assert len(quiet) == 1
    assert "agrees with the table for 1.000" in quiet[0]


def test_two_stars_for_one_row_are_not_decided(tmp_path):
    data = data_of()
    table = data.table.copy()
    table.loc[table["id"] == "s1", "ra"] = 10.0 + 1.5 * ARCSEC
    found = with_truth(ClassData(data.features, table, data.left_out), simbad(tmp_path, ["F5", "F6", "F8"]))
    entry = truth_entry(found)
    assert entry["not_decided"] == {"spectra": 4, "stars": 2}
    assert set(found.table["id"]) == {"s2"}


def test_a_proper_motion_is_followed_where_both_have_an_epoch(tmp_path):
    data = data_of()
    moved = {"pmra": 1000.0, "pmdec": 0.0}  # 12 arcsec (times cos dec) until 2012
    file = simbad(tmp_path, ["F5V"] * 4 + ["G5V"] * 4, **moved)
    place = data.table.assign(ra=data.table["ra"] + 12 * ARCSEC / np.cos(np.radians(20)), dec=20.0)
    with pytest.raises(InputError, match="has a class of no star of these spectra .no row of this star"):
        with_truth(ClassData(data.features, place, data.left_out), file)
    found = with_truth(ClassData(data.features, place.assign(epoch=2012.0), data.left_out), file)
    assert len(found.table) == 16


@pytest.mark.parametrize("key", ["obsid", "file", "id"])
def test_names_go_before_positions(tmp_path, key):
    data = data_of()
    rows = data.table[[key]].assign(
        ra=0.0, dec=0.0, kind=np.where(data.table["class"] == "F", "warm", "cold")
    )
    if key == "file":
        rows["file"] = rows["file"].str.removeprefix("a/").str.removesuffix(".gz")
    if key == "id":
        rows = rows.drop_duplicates("id")
    file = tmp_path / "own.fits"
    Table.from_pandas(rows.iloc[:-1]).write(file)
    found = with_truth(data, file, {"class": "kind"})
    assert set(found.table["class"]) == {"warm", "cold"}
    assert (found.table["subclass"] == "").all()
    assert found.left_out["id"].tolist() == (["s7"] if key != "id" else ["s7"] * 2)
    assert "another kind" in truth_lines(truth_entry(found))[-1]


def test_object_types_are_taken_where_they_are_named(tmp_path):
    types = ["F5V"] * 8
    file = simbad(tmp_path, types, otype=["WD*", "WD*", "WD?", "Fl*", "*", "PM*", "EB*", "?"])
    assert set(with_truth(data_of(), file).table["class"]) == {"F"}
    found = with_truth(data_of(), file, {"otype": "otype"})
    assert found.table["class"].value_counts().to_dict() == {"white_dwarf": 4, "star": 4, "binary": 2}
    reasons = " ".join(found.left_out["reason"])
    for said in ("'WD?' is a candidate only", "'Fl*' is not in SIMBAD's list", "'?' says where"):
        assert said in reasons


def test_bad_tables_are_one_sentence(tmp_path):
    data, file = data_of(), simbad(tmp_path, ["F5V"] * 8)
    plain = tmp_path / "plain.csv"
    plain.write_text("star_name,colour\nx,1\n")
    odd = simbad(tmp_path, ["pec"] * 8).rename(tmp_path / "odd.csv")
    file = simbad(tmp_path, ["F5V"] * 8)
    named = tmp_path / "named.csv"
    named.write_text("obsid,sp_type\n7,F5V\n")
    for table, columns, said in [
        (plain, None, "no column of spectral types, classes or object types"),
        (odd, None, "no row of column sp_type"),
        (file, {"class": "kind"}, "kind"),
        (file, {"klass": "sp_type"}, "klass"),
        (file, {"class": "sp_type", "otype": "sp_type"}, "the truth is one column"),
        (named, None, "by its column obsid, and it has no positions"),
    ]:
        with pytest.raises(InputError, match=said):
            with_truth(data, table, columns)


def test_a_run_keeps_both_classes_and_reports_how_they_agree(tmp_path):
    data = data_of(60)
    types = ["G0V" if k < 3 else "F5V" if k < 30 else "G2V" for k in range(60)]
    data = with_truth(data, simbad(tmp_path, types))
    run = RunFolder.create(tmp_path / "run", config={}, seed=1)
    stage = lambda _name: nullcontext(lambda *_: None)  # noqa: E731
    found = train_classes(run, data, estimator="logistic", folds=3, seed=1, stage=stage)["classes"]
    agreement = found["truth"]["agreement"]
    assert agreement["value"] == pytest.approx(57 / 60)
    assert agreement["lower"] < agreement["value"] < agreement["upper"]
    assert agreement["table_then_survey"] == {"F": {"F": 54, "G": 0}, "G": {"F": 6, "G": 60}}
    (table,) = truth_tables(run.metrics["classes"])
    assert table.rows == [["F", "54", "0"], ["G", "6", "60"]]
    again = read_class_data(run)
    assert again.table["survey_class"].tolist() == data.table["survey_class"].tolist()
    judged = pd.read_csv(run.path / "predictions.csv")
    assert (judged["survey_class"] != judged["truth"]).sum() == 6


@pytest.mark.slow
def test_real_files_and_the_catalogue_that_came_with_them(real_data):
    """By obsid, and by position with the obsid forgotten: the same classes, which are the survey's."""
    catalogue = real_data / "lamost" / "lrs_dr10_afg" / "labels.csv"
    data = lamost_data([real_data / "lamost" / "lrs_dr10_original"], need_class=False)
    found = with_truth(data, catalogue)
    assert len(found.table) == len(data.table) == 18
    assert truth_entry(found)["agreement"]["value"] == 1
    placed = ClassData(data.features, data.table.assign(obsid="", file="", id="x" + data.table["id"]), data.left_out)  # fmt: skip
    again = with_truth(placed, catalogue)
    assert again.table["class"].tolist() == found.table["class"].tolist()
