"""The command from light curves to seismic log g, on simulated stars."""

import sys

import numpy as np
import pandas as pd
import pytest

from luxjax.cli import _app as cli
from luxjax.simulation import simulate_oscillations


def run(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["luxjax", "lightcurve", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """Light curves of three stars as text, named by numbers with leading zeros."""
    folder = tmp_path_factory.mktemp("curves")
    stars = simulate_oscillations(3, key=2, days=45.0, nu_max=[30.0, 60.0, 120.0], teff=4800.0)
    for k in range(3):
        curve = stars.light_curve(k)
        np.savetxt(folder / f"00{k}.txt", np.column_stack([curve.time, curve.flux, curve.flux_err]))
    return folder


def test_a_table_with_ids_as_text_and_temperatures_of_another(curves, tmp_path, capsys):
    (tmp_path / "teff.csv").write_text("id,Teff\n000,4800\n001,4800\n")
    out = tmp_path / "made" / "table.csv"
    status, said, err = run(
        capsys, curves, "--time-standard", "bkjd", "--teff", tmp_path / "teff.csv", "--out", out
    )
    assert status == 0
    table = pd.read_csv(out, dtype={"id": str})
    assert table["id"].tolist() == ["000", "001", "002"]
    assert table["accepted"].tolist() == [True, True, False]
    np.testing.assert_allclose(table["nu_max"], [30, 60, 120], rtol=0.15)
    assert said.splitlines()[-1] == f"2 of 3 accepted, in {out}"
    assert said.splitlines()[0].startswith("002: No effective temperature is known")
    assert "read light curves" in err


@pytest.mark.slow
def test_figures(curves, tmp_path, capsys):
    status, _, _ = run(
        capsys,
        curves / "000.txt",
        "--time-standard",
        "bkjd",
        "--out",
        tmp_path / "t.fits",
        "--figures",
        tmp_path / "f",
    )
    assert status == 0
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == ["000.pdf", "000.png"]
    assert (tmp_path / "t.fits").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "t.csv"), "state --time-standard"),
        (("--out", "t.doc", "--time-standard", "bkjd"), "names no format"),
        (("--out", "t.csv", "--time-standard", "mjd"), "'mjd'"),
        (("--out", "t.csv", "--time-standard", "bkjd", "--teff", "none.csv"), "none.csv"),
    ],
)
def test_bad_input_is_one_sentence(curves, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, curves, *arguments)
    assert (status, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert not (tmp_path / "t.csv").exists()


def test_a_table_without_temperatures_names_its_columns(curves, tmp_path, capsys):
    (tmp_path / "teff.csv").write_text("id,mass\n000,1\n")
    status, _, err = run(
        capsys,
        curves,
        "--time-standard",
        "bkjd",
        "--teff",
        tmp_path / "teff.csv",
        "--out",
        tmp_path / "t.csv",
    )
    assert status == 2
    assert "need a column id (or kic, tic) and a column teff" in err
