import subprocess
import sys

import numpy as np
import pytest

from luxjax.cli import _app as cli
from luxjax.data import load_catalog

from ..surveys import fixtures


def run(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    monkeypatch.setattr(sys, "argv", ["luxjax", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


def test_simulate_then_ingest(monkeypatch, capsys, tmp_path):
    options = ["--n-stars", 12, "--seed", 3, "--windows", "apogee", "--snr", 60, "--n-train", 8]
    files = tmp_path / "files"
    status, out, _ = run(monkeypatch, capsys, "simulate", tmp_path / "sim", *options, "--files", files)
    assert (status, out) == (0, f"{tmp_path / 'sim'}\n")
    made = load_catalog(tmp_path / "sim")
    assert list(made.outputs) == ["apogee", "labels"]
    assert np.abs(made.labels()["teff"] - made.table["true_teff"]).max() < 400
    status, out, err = run(
        monkeypatch,
        capsys,
        "ingest",
        files / "aspcapStar",
        "--label-catalog",
        files / "galah_dr3.fits",
        "--cuts",
        "galah-dr3",
        "--labels",
        "teff, eu_fe",
        "--wavelength-range",
        "15200,15300",
        "--spectra-name",
        "apogee",
        "-o",
        tmp_path / "cat",
    )
    assert status == 0, err
    assert out.splitlines()[-2:] == ["labelled: 8 stars", "unlabelled: 4 stars"]
    labelled = load_catalog(tmp_path / "cat")
    assert labelled.labels().names == ("teff", "eu_fe")
    assert 15200 <= labelled.spectra("apogee").wavelength[0] < 15201
    assert len(load_catalog(tmp_path / "cat-unlabelled")) == 4
    assert "unlabelled: 4 stars" in (tmp_path / "cat" / "ingest.txt").read_text()


def test_ingest_arrays(monkeypatch, capsys, tmp_path, rng):
    flux = rng.normal(1, 0.1, (5, 4))
    np.savez(
        tmp_path / "x.npz", flux=flux, sig=np.full((5, 4), 0.1), wave=np.arange(4.0) + 5000, y=np.ones((5, 2))
    )
    keys = ["--array", "error=sig", "--array", "labels=y"]
    stated = [*keys, "--medium", "air", "--labels", "teff,logg", "--label-error", "teff=80"]
    status, out, err = run(
        monkeypatch,
        capsys,
        "ingest",
        tmp_path / "x.npz",
        *stated,
        "--label-error",
        "logg=0.2",
        "-o",
        tmp_path / "c",
    )
    assert status == 0, err
    catalog = load_catalog(tmp_path / "c")
    np.testing.assert_array_equal(catalog.spectra("spectra").flux, flux)
    np.testing.assert_array_equal(catalog.labels().error, np.broadcast_to([80, 0.2], (5, 2)))
    for options, said in [
        (stated, "no error was stated for logg"),
        (keys, "state --medium air or --medium vacuum"),
        (["--array", "flux"], "'flux' is not of the form NAME=VALUE"),
        (["--array", "flx=a"], "no entry 'flx'"),
        (["--wavelength-range", "5000"], "no range of wavelengths"),
        (["--normalization", "spline"], "no normalization 'spline'"),
        (["--label-error", "teff=x"], "gives no number"),
    ]:
        status, out, err = run(
            monkeypatch, capsys, "ingest", tmp_path / "x.npz", *options, "-o", tmp_path / "d"
        )
        assert (status, out) == (2, "")
        assert said in err
    assert not (tmp_path / "d").exists()


def test_spectra_like_those_of_a_catalogue(monkeypatch, capsys, tmp_path):
    for folder, n in (("a", 700), ("b", 740)):
        (tmp_path / folder).mkdir()
        wave = 10.0 ** (3.5682 + 1e-4 * np.arange(n))
        fixtures.write_lamost(tmp_path / folder / "spec-1.fits", wave, np.ones(n))
    first = [tmp_path / "a", "--binning", 2, "--wavelength-range", "3800,4200", "--noise-limit", "inf"]
    status, out, err = run(monkeypatch, capsys, "ingest", *first, "-o", tmp_path / "one")
    assert status == 0, err
    assert out.splitlines()[:3] == [
        "grid: 217 pixels from 3800.6 to 4198.1 A vacuum, rest frame, each the weighted mean of 2 pixels of the files",
        "continuum: divided out (a running 90% quantile over 100 A)",
        "no pixel left out",
    ]
    second = [tmp_path / "b", "--like", tmp_path / "one", "-o", tmp_path / "two"]
    status, out, err = run(monkeypatch, capsys, "ingest", *second)
    assert status == 0, err
    assert f"as in '{tmp_path / 'one'}'" in out
    one, two = (load_catalog(tmp_path / name).spectra("spectra") for name in ("one", "two"))
    np.testing.assert_array_equal(one.wavelength, two.wavelength)
    for options, said in [
        (["--like", tmp_path], "is no folder of a run, a model or a catalogue"),
        (["--like", tmp_path / "one", "--binning", 3], "like decides about binning"),
        (["--noise-limit", "0.5"], "--noise-limit is a number above 1"),
    ]:
        status, _, err = run(monkeypatch, capsys, "ingest", tmp_path / "b", *options, "-o", tmp_path / "x")
        assert (status, said in err) == (2, True)


def test_further_instruments(monkeypatch, capsys, tmp_path):
    files = tmp_path / "files"
    options = ["--n-stars", 6, "--seed", 3, "--windows", "apogee", "--n-train", 4, "--files", files]
    assert run(monkeypatch, capsys, "simulate", tmp_path / "sim", *options)[0] == 0
    stars = load_catalog(tmp_path / "sim").table
    gaia = tmp_path / "gaia.csv"
    rows = [
        f"{i},2016.0,{r!r},{d!r},{10.0 + k},500.0"
        for k, (i, r, d) in enumerate(zip(stars["gaia_source_id"], stars["ra"], stars["dec"], strict=True))
    ]
    head = "source_id,ref_epoch,ra,dec,phot_g_mean_mag,phot_g_mean_flux_over_error"
    gaia.write_text("\n".join([head, *rows[1:]]) + "\n")
    labels = ["--label-catalog", files / "galah_dr3.fits", "--wavelength-range", "15200,15210"]
    base = ["ingest", files / "aspcapStar", *labels, "-o", tmp_path / "cat"]
    status, out, err = run(monkeypatch, capsys, *base, "--also", f"photometry={gaia}")
    assert status == 0, err
    assert (
        "photometry: 5 of 6 stars have one of its 5 rows (3 by Gaia DR3 id, 2 by position), 3 of 4 with labels"
        in out
    )
    made = [load_catalog(tmp_path / name) for name in ("cat", "cat-unlabelled")]
    assert [list(c.outputs) for c in made] == [["spectra", "photometry", "labels"], ["spectra", "photometry"]]
    magnitude = dict(zip(stars["gaia_source_id"].astype("Int64"), 10.0 + np.arange(6), strict=True))
    for catalog in made:
        photometry = catalog["photometry"]
        has = np.isfinite(photometry["G"])
        assert [magnitude[i] for i in photometry.table["gaia_dr3"][has]] == photometry["G"][has].tolist()
    for more, said in [
        (["--also", gaia], "is not of the form NAME=VALUE"),
        (["--also", f"a={gaia}", "--also", f"a={gaia}"], "--also gives a name twice"),
        (["--also", f"spectra={gaia}"], "text other than spectra and labels"),
        (["--also", f"a={gaia}", "--dataset", tmp_path / "d"], "a dataset holds spectra and labels"),
    ]:
        status, _, err = run(monkeypatch, capsys, *base, *more)
        assert (status, said in err) == (2, True), err


def test_ingest_bad_input(monkeypatch, capsys, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    status, _, err = run(monkeypatch, capsys, "ingest", tmp_path / "none", "-o", tmp_path / "mine")
    assert (status, "holds no catalogue" in err) == (2, True)  # before anything is read
    status, _, err = run(monkeypatch, capsys, "ingest", tmp_path, "-o", tmp_path / "c")
    assert status == 2
    assert "no spectra in" in err
    assert run(monkeypatch, capsys, "simulate", tmp_path / "c", "--windows", "kepler", "--n-stars", 2)[0] == 2


def test_help_loads_nothing_heavy():
    program = """
import sys
from luxjax.cli import app
for command in ("simulate", "ingest"):
    try:
        app([command, "--help"])
    except SystemExit:
        pass
heavy = {"jax", "numpy", "scipy", "pandas", "astropy"}
print("loaded:", *sorted(heavy & {m.split(".")[0] for m in sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"
    assert done.stdout.count("Usage:") == 2
