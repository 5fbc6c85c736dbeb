"""The commands about classes, from survey files to tables and pages, with files among them that cannot be used."""

import json
import sys
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import pytest

from luxjax.classify.features import extract_features
from luxjax.cli import _app as cli
from luxjax.runs import RunFolder
from luxjax.surveys import read

from ..surveys.fixtures import write_lamost, write_sdss

N, WAVE = 3909, 10.0 ** (3.5682 + 1e-4 * np.arange(3909))
LINES = {"A": {4101.7: 7.0, 4340.5: 7.0, 4861.3: 7.0}, "G": {3933.7: 8.0, 4304.0: 3.0, 5175.0: 3.0}, "M": {5175.0: 4.0, 7100.0: 40.0, 6200.0: 25.0}}  # fmt: skip
GOOD = 25  # of each class


def spectrum(name: str, rng) -> tuple[np.ndarray, np.ndarray]:
    """A sloping continuum with the lines that the class is known by."""
    flux = (WAVE / 5500) ** {"A": -2.0, "G": 0.0, "M": 3.0}[name]
    for centre, width in LINES[name].items():
        flux = flux * (1 - rng.uniform(0.2, 0.6) * np.exp(-0.5 * ((WAVE - 1.0003 * centre) / width) ** 2))
    error = 0.03 * flux
    return flux + error * rng.standard_normal(N), error**-2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Good files of three classes, and seven that cannot be used, each in its own way."""
    here, rng = tmp_path_factory.mktemp("lamost"), np.random.default_rng(8)
    for k, name in enumerate(np.repeat(list(LINES), GOOD)):
        facts = {
            "SUBCLASS": f"{name}2",
            "RA": 10 + 0.1 * k,
            "DEC": 20.0,
            "DESIG": f"LAMOST J{k:06d}",
            "SNRG": 30.0 + k,
            "OBSID": 1000 + k,
        }
        write_lamost(here / f"good{k:02d}.fits", *spectrum(name, rng), gz=k % 5 == 0, **facts)
    flux, ivar = spectrum("G", rng)
    bad = here / "bad"
    bad.mkdir()
    write_lamost(bad / "length.fits", flux[:900], ivar[:900], RA=1.0, DEC=0.0)
    write_lamost(bad / "masked.fits", flux, 0 * ivar, RA=2.0, DEC=0.0)
    write_lamost(bad / "redshift.fits", flux, ivar, RA=3.0, DEC=0.0, Z=-9999.0)
    write_lamost(bad / "unknown.fits", flux, ivar, RA=4.0, DEC=0.0, CLASS="Unknown", SUBCLASS="Non")
    write_lamost(bad / "fast.fits", flux, ivar, RA=5.0, DEC=0.0, Z=0.3)
    whole = write_lamost(bad / "truncated.fits", flux, ivar, RA=6.0, DEC=0.0).read_bytes()
    (bad / "truncated.fits").write_bytes(whole[: len(whole) // 2])
    (bad / "corrupt.fits").write_bytes(rng.bytes(20_000))
    return here


REASONS = {
    "corrupt.fits": "",
    "fast.fits": "beyond 0.01",
    "length.fits": "wrong length: 900 pixels",
    "masked.fits": "every pixel is masked",
    "redshift.fits": "no redshift",
    "truncated.fits": "",
    "unknown.fits": "class 'Unknown'",
}


def run(capsys, *arguments) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["luxjax", "classify", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


def losses(table: pd.DataFrame) -> dict[str, str]:
    return {str(f).rsplit("/", 1)[-1]: r for f, r in zip(table["file"], table["reason"], strict=True)}


def check_losses(found: dict[str, str], reasons: dict[str, str]) -> None:
    assert sorted(found) == sorted(reasons)
    for name, reason in reasons.items():
        assert len(found[name]) > 10
        assert reason in found[name]


@contextmanager
def few_indices():
    """A handful of indices, which compile in a second; and no figures."""
    names = ["Hgamma_F", "Mg_b", "G4300", "CaII_K", "slope_all"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("luxjax.report.render", lambda run: run.path / "report.html")
        patch.setattr("luxjax.runs.classes._data.extract_features", partial(extract_features, indices=names))
        yield patch


@pytest.fixture
def few():
    with few_indices() as patch:
        yield patch


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """A run, trained through the command."""
    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = [folder, "--out", out, "--estimator", "logistic", "--folds", 3, "--seed", 3]
    with few_indices() as patch:
        patch.setattr(sys, "argv", ["luxjax", "classify", "train", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    assert not stopped.value.code
    return out, arguments


def test_train_lists_what_it_cannot_use_and_uses_the_rest(trained):
    out, _ = trained
    check_losses(losses(pd.read_csv(out / "left_out.csv")), REASONS)
    judged = pd.read_csv(out / "predictions.csv")
    assert len(judged) == judged["id"].nunique() == 3 * GOOD
    assert (judged["class"] == judged["truth"]).mean() > 0.95
    found = json.loads((out / "metrics.json").read_text())["classes"]
    assert found["names"] == ["A", "G", "M"]
    assert found["spectra"] == {"trained": 75, "judged": 75}
    assert found["scores"]["accuracy"]["value"] == (judged["class"] == judged["truth"]).mean()
    assert sum(found["left_out"].values()) == len(REASONS)
    assert set(judged["fold"]) == {0, 1, 2}


def test_predict_gives_every_good_file_a_class(folder, trained, few, tmp_path, capsys):
    files = [folder / f"good{k:02d}.fits" for k in (1, 26, 51)] + sorted((folder / "bad").iterdir())
    table = tmp_path / "found.csv"
    status, said, err = run(capsys, "predict", trained[0], *files, "--out", table)
    assert status == 0, err
    assert "3 spectra used, 7 left out" in said
    found = pd.read_csv(table)
    assert list(found["class"]) == list(found["survey_class"]) == ["A", "G", "M"]
    assert list(found.columns[-3:]) == ["p_A", "p_G", "p_M"]
    check_losses(losses(pd.read_csv(tmp_path / "found-left-out.csv")), REASONS)
    status, said, err = run(capsys, "predict", trained[0], *files[1:], "--out", table, "--any-class")
    found = pd.read_csv(table).set_index("survey_subclass")
    assert found["class"]["Non"] == "G"
    check_losses(
        losses(pd.read_csv(tmp_path / "found-left-out.csv")),
        {k: v for k, v in REASONS.items() if k != "unknown.fits"},
    )


def test_predict_reads_spectra_of_other_origin(folder, trained, few, tmp_path, capsys):
    library = tmp_path / "library"
    library.mkdir()
    for k in (1, 26, 51):
        spectrum = read(folder / f"good{k:02d}.fits")
        z, good = float(spectrum.table["z"].iloc[0]), spectrum.good[0]
        columns = np.column_stack([spectrum.wavelength / (1 + z), spectrum.flux[0]])[good]
        np.savetxt(library / f"good{k:02d}.txt", columns, header="wavelength flux")
    status, _, err = run(capsys, "predict", trained[0], library)
    assert status == 2
    assert "--medium" in err
    table = tmp_path / "found.csv"
    status, said, err = run(capsys, "predict", trained[0], library, "--medium", "vacuum", "--out", table)
    assert status == 0, err
    assert "3 had no errors in their files" in said
    found = pd.read_csv(table)
    assert list(found["class"]) == ["A", "G", "M"]
    assert list(found["errors_from"]) == ["scatter"] * 3


def test_predict_reads_spectra_of_sdss(folder, trained, few, tmp_path, capsys):
    sdss = tmp_path / "sdss"
    sdss.mkdir()
    for k, kind, warned in (
        (1, "STAR", 0),
        (26, "STAR", 16),
        (51, "STAR", 0),
        (27, "QSO", 0),
        (52, "STAR", 4),
    ):
        spectrum = read(folder / f"good{k:02d}.fits").pixels(slice(130, None))  # which begins at 3.5812
        about = {"CLASS": kind, "SUBCLASS": "F3/F5V (30743)", "Z": float(spectrum.table["z"].iloc[0])}
        about["ZWARNING"] = warned
        write_sdss(
            sdss / f"spec-{k}.fits", spectrum.flux[0], spectrum.ivar[0], header={"FIBERID": k}, **about
        )
    table = tmp_path / "found.csv"
    status, said, err = run(capsys, "predict", trained[0], sdss, "--out", table)
    assert status == 0, err
    assert "no errors in their files" not in said
    found = pd.read_csv(table)
    assert list(found["class"]) == ["A", "G", "M"]
    assert set(found["survey_class"]) == {"F"}
    assert list(found["errors_from"]) == ["file"] * 3
    lost = pd.read_csv(tmp_path / "found-left-out.csv")
    assert sorted(lost["reason"]) == [
        "its class is QSO, not STAR",
        "its redshift is doubtful (ZWARNING SMALL_DELTA_CHI2)",
    ]


def test_an_interrupted_run_goes_on_from_its_features(trained, few, capsys):
    out, arguments = trained
    before = (out / "metrics.json").read_text()
    (out / "metrics.json").unlink()
    few.setattr("luxjax.runs.classes._data.read_lamost", lambda *a, **k: pytest.fail("read again"))
    status, said, err = run(capsys, "train", *arguments)
    assert status == 0, err
    assert "read the features that are there already" in err
    assert "accuracy" in said
    assert json.loads((out / "metrics.json").read_text()) == json.loads(before)


def test_bad_input_is_one_sentence(folder, trained, few, tmp_path, capsys):
    out, new = trained[0], ("--out", tmp_path / "new")
    for arguments, said in [
        (("train", *new), "give files to train on, or --simulate"),
        (("train", folder, "--simulate", 5, *new), "one of the two"),
        (("train", tmp_path / "none", *new), "is no folder"),
        (("train", folder, *new, "--estimator", "bosting"), "Did you mean 'boosting'"),
        (("train", folder, *new, "--estimator", "cnn"), "sees pixels"),
        (("train", folder, *new, "--levels", "stages"), "no class level 'stages'"),
        (("train", folder, *new, "--labels", tmp_path / "none.csv"), "there is no catalogue"),
        (("train", folder, *new, "--calibration", "platt"), "no calibration 'platt'"),
        (("train", folder, *new, "--folds", 1), "at least 2"),
        (("train", folder, "--out", out), "already holds a run"),
        (("predict", tmp_path, folder), "is not a luxjax run"),
        (("predict", out, folder / "bad"), "no spectrum can be used"),
        (("predict", out, folder / "good01.fits", "--out", tmp_path / "x.txt"), "names no format"),
    ]:
        status, _, err = run(capsys, *arguments)
        assert status == 2, arguments
        assert said in " ".join(err.split()), err
        assert "Traceback" not in err
    assert not (tmp_path / "new").exists()
    assert RunFolder.open(out).has("metrics")


@pytest.mark.long
def test_the_whole_way_to_the_pages(folder, tmp_path, capsys):
    """All indices, trees, finer classes, the reasons and every page; the parameters come from a catalogue."""
    out, catalogue, rng = tmp_path / "run", tmp_path / "stars.csv", np.random.default_rng(1)
    rows = [f"good{k:02d}.fits,{rng.normal(9000 - 2500 * (k // GOOD), 100):.0f}" for k in range(3 * GOOD)]
    catalogue.write_text("file,teff\n" + "\n".join(rows) + "\n")
    given = ["--levels", "subclass", "--labels", catalogue, "--compare", "logistic"]
    status, said, err = run(capsys, "train", folder, "--out", out, *given, "--estimator", "forest")
    assert status == 0, err
    assert "75 spectra used, 7 left out" in said
    for name in ("confusion", "curves", "reliability", "sets", "parameters"):
        assert (out / "figures" / f"classes_{name}.png").is_file()
    status, said, err = run(capsys, "explain", out, "--quick", "--spectra", "J000030,J000060")
    assert status == 0, err
    assert said.startswith("Claim: ")
    pages = sorted(out.glob("class_*.html"))
    assert [str(p) for p in pages] == [w for w in said.splitlines() if "class_" in w]
    assert [p.name for p in pages] == ["class_1030.html", "class_1060.html"]
    assert "given class G" in pages[0].read_text()
    html = (out / "report.html").read_text()
    titles = (
        "Classes",
        "Probabilities and sets",
        "Finer classes and parameters",
        "What it goes by",
        "Left out",
    )
    for title in titles:
        assert f"{title}</h2>" in html
    assert "truncated.fits" in html
    table = tmp_path / "new.csv"
    assert run(capsys, "predict", out, folder, "--out", table)[0] == 0
    found = pd.read_csv(table)
    assert len(found) == 75
    assert np.corrcoef(found["teff"], [9000 - 2500 * (k // GOOD) for k in range(75)])[0, 1] > 0.8
    status, said, err = run(capsys, "explain", out, "--spectra", "J999999")
    assert status == 2
    assert "no spectrum of this run is of star 'J999999'" in " ".join(err.split())
