"""The commands with tables of the user's: classes to train on, and photometry as features."""

import json

import pandas as pd
import pytest

from .test_classify import GOOD, few_indices, folder, run  # noqa: F401

N = 3 * GOOD


@pytest.fixture
def few():
    with few_indices() as patch:
        yield patch


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A table as from SIMBAD, one of colours, of the stars of the folder: two quarrel, five are missing."""
    here = tmp_path_factory.mktemp("tables")
    ra = [10 + 0.1 * k for k in range(N)]
    kind = [k // GOOD for k in range(N)]
    stars = pd.DataFrame({"main_id": [f"HD {k}" for k in range(N)], "ra": ra, "dec": 20.0})
    stars["spectral"] = [("A5mA7-F2", "G2V", "M4.5Ve")[c] for c in kind]
    stars.loc[0, "spectral"] = "G5"  # the survey says A
    more = stars.iloc[[30, 31]].assign(spectral="K0")
    pd.concat([stars.iloc[:-5], more]).to_csv(here / "simbad.csv", index=False)
    colours = stars[["ra", "dec"]].assign(bp_rp=[0.1 + c for c in kind], parallax=3.0)
    colours.to_csv(here / "gaia.csv", index=False)
    return here / "simbad.csv", here / "gaia.csv"


def test_train_and_predict_with_tables(folder, tables, few, tmp_path, capsys):  # noqa: F811
    truth, colours = tables
    out = tmp_path / "run"
    given = [folder, "--out", out, "--estimator", "logistic", "--learned", "none", "--folds", 3, "--seed", 3]
    given += [
        "--truth",
        truth,
        "--truth-column",
        "sp_type=spectral",
        "--metadata",
        colours,
        "--parallax",
        "none",
    ]
    status, said, err = run(capsys, "train", *given)
    assert status == 0, err
    assert "left out: 2 stars (2 spectra) of which rows of the table disagree" in said
    assert (
        "left out: 6 stars (6 spectra) without a row in the table" in said
    )  # one of them is no star by the survey
    assert "the survey's own class agrees with the table for 0.98" in said
    assert "photometry: accuracy" in said
    found = json.loads((out / "metrics.json").read_text())["classes"]
    assert found["metadata"]["columns"] == ["photometry: bp_rp"]
    assert found["truth"]["agreement"]["spectra"] == N - 7
    table = tmp_path / "classes.csv"
    status, _, err = run(capsys, "predict", out, folder, "--out", table)
    assert status == 2
    assert "give such a table of these stars as --metadata" in " ".join(err.split())
    status, _, err = run(capsys, "predict", out, folder, "--out", table, "--metadata", colours)
    assert status == 0, err
    assert len(pd.read_csv(table)) == N
    # A run that was interrupted goes on from its features, and says the same.
    (out / "metrics.json").unlink()
    few.setattr("luxjax.runs.classes._data.read_lamost", lambda *a, **k: pytest.fail("read again"))
    status, again, err = run(capsys, "train", *given)
    assert status == 0, err
    assert again == said


def test_bad_options_are_one_sentence(folder, tables, few, tmp_path, capsys):  # noqa: F811
    truth, colours = tables
    new = ("--out", tmp_path / "new")
    for arguments, said in [
        (("--simulate", 50, "--truth", truth), "simulated stars are in no table"),
        ((folder, "--truth-column", "sp_type=spectral"), "give that too"),
        ((folder, "--photometry", "bp_rp"), "give that too"),
        ((folder, "--truth", tmp_path / "none.csv"), "there is no table"),
        ((folder, "--truth", truth), "no column of spectral types"),
        ((folder, "--metadata", colours, "--photometry", "g_i"), "has no column g_i"),
    ]:
        status, _, err = run(capsys, "train", *arguments, *new)
        assert status == 2, arguments
        assert said in " ".join(err.split()), err
        assert "Traceback" not in err
    assert not (tmp_path / "new").exists()
