import json
import sys

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax.cli import _app as cli
from luxjax.cli._model import _table
from luxjax.data import load_catalog, save_catalog
from luxjax.fitting import Gradient
from luxjax.prediction.internal import describe_flags
from luxjax.runs import RunFolder
from luxjax.simulation import bilinear

pytestmark = pytest.mark.slow


def run(capsys, *arguments) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["luxjax", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    out, err = capsys.readouterr() if capsys else ("", "")
    return stopped.value.code or 0, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A catalogue on disk, and a run fitted to it."""
    here = tmp_path_factory.mktemp("cli")
    world = bilinear(240, {"flux": 40, "labels": 2}, 3, key=5, label_error=0.1, snr=1500)
    save_catalog(world.catalog, here / "cat")
    assert run(None, "fit", here / "cat", "-o", here / "fit", "--latents", "1,3")[0] == 0
    return here


def test_fit_writes_a_report_and_chooses_the_latents(folder):
    made = RunFolder.open(folder / "fit")
    assert made.metrics["fit"]["n_latents"] == 3
    assert made.config["latents"] == [1, 3]
    assert (folder / "fit" / "report.html").stat().st_size > 10_000
    assert made.metrics["stars"] == {"all": 240}
    assert sorted(p.name for p in (folder / "fit" / "folds").iterdir()) == ["0", "1", "2", "3", "4"]


def test_transfer_writes_calibrated_labels(folder, capsys):
    table = folder / "labels.csv"
    status, out, err = run(capsys, "transfer", folder / "fit", folder / "cat", "-o", table)
    from luxjax.runs import transfer_run

    frame, _ = transfer_run(folder / "fit", load_catalog(folder / "cat"))
    assert (status, out) == (0, f"240 stars in {table}; {describe_flags(frame['flag'].to_numpy())}\n"), err
    columns = [c for c in frame.columns if c != "id"]
    written = np.genfromtxt(table, delimiter=",", names=True, comments="#")
    np.testing.assert_allclose(written[columns[0]], frame[columns[0]], rtol=1e-5)


def test_transfer_of_a_dataset(folder, capsys):
    """The numbers of the catalogue, calibrated, in a folder that the same command leaves as it is."""
    from luxjax.dataset import Dataset
    from luxjax.runs import transfer_run

    catalog, out = load_catalog(folder / "cat"), folder / "all"
    Dataset.create(folder / "stars", catalog.outputs).append(catalog)
    frame, _ = transfer_run(folder / "fit", catalog)
    for _ in range(2):
        status, said, err = run(capsys, "transfer", folder / "fit", folder / "stars", "-o", out)
        assert (status, said) == (0, f"240 stars in {out}; {describe_flags(frame['flag'].to_numpy())}\n"), err
    pd.testing.assert_frame_equal(pd.read_parquet(out)[list(frame)], frame, check_dtype=False, rtol=1e-12)
    for arguments, what in [
        ((folder / "stars", "-o", folder / "x.fits"), "name a folder"),
        ((folder / "stars", "-o", out, "--replace-shortcuts"), "labels made with other settings"),
    ]:
        status, said, err = run(capsys, "transfer", folder / "fit", *arguments)
        assert (status, said) == (2, "")
        assert what in err.replace("\n", " ")


def test_evaluate(folder, capsys):
    done = run(capsys, "evaluate", folder / "cat", "--folds", 2, "-d", 3, "-o", folder / "eval", "--seed", 4)
    assert done[0] == 0, done[2]
    *says, head, first, second, page = done[1].splitlines()
    rows = [first, second]
    assert says
    assert "ridge regression on the same stars" in says[0]
    assert head.split() == ["label", "n", "rmse", "bias", "ridge", "cannon", "cover68", "cover95"]
    metrics = json.loads((folder / "eval" / "metrics.json").read_text())
    assert [r.split()[:2] for r in rows] == [[n, "240"] for n in metrics["labels"]]
    assert page == str(folder / "eval" / "report.html")
    again = run(capsys, "evaluate", folder / "cat", "--folds", 2, "-o", folder / "eval")
    assert again[0] == 2
    assert "already holds a run" in again[2]


@pytest.mark.long
def test_decoders_with_hidden_layers(folder, capsys, monkeypatch):
    """Fitted, saved, loaded and transferred as a user would; few and small steps, since only the way is tested."""
    from luxjax.training import _plan

    monkeypatch.setattr(_plan, "Gradient", lambda: Gradient(steps=20, check=10, batch_size=64))
    fitted = folder / "mlp"
    status, out, err = run(capsys, "fit", folder / "cat", "--decoder", "mlp", "-d", 3, "-o", fitted)
    assert status == 0, err
    assert out.splitlines()[-1] == str(fitted / "report.html")
    made = RunFolder.open(fitted)
    assert (made.metrics["fit"]["decoder"], made.metrics["fit"]["fitter"]) == ("mlp", "Gradient")
    for name, entry in made.metrics["labels"].items():
        assert entry["rmse"] < 0.5 * entry["spread"], (
            name
        )  # not worse than linear by much, where all is linear
    table = folder / "mlp.csv"
    status, out, err = run(capsys, "transfer", fitted, folder / "cat", "-o", table)
    assert (status, out.partition(";")[0]) == (0, f"240 stars in {table}"), err
    written = np.genfromtxt(table, delimiter=",", names=True, comments="#")
    expected = luxjax.transfer(luxjax.load(made.model), load_catalog(folder / "cat"))
    np.testing.assert_allclose(written["label_1"], expected.value[:, 0], rtol=1e-4, atol=1e-4)


def test_bad_input_is_one_sentence(folder, capsys):
    cat, out = folder / "cat", folder / "bad"
    for arguments, said in [
        (("fit", cat, "--decoder", "cubic", "-o", out), "cubic"),
        (("fit", cat, "--inputs", "apogee", "-o", out), "apogee"),
        (("fit", cat, "--latents", "8,x", "-o", out), "'x' is not a whole number"),
        (("fit", folder / "nowhere", "-o", out), "nowhere"),
        (("evaluate", cat, "--inputs", "labels", "-o", out), "labels"),
        (("evaluate", cat, "--decoder", "cubic", "-o", out), "cubic"),
        (("evaluate", cat, "--folds", 1000, "-o", out), "1000 folds"),
        (("transfer", folder / "fit", cat, "--inputs", "galah", "-o", folder / "x.csv"), "galah"),
        (("transfer", folder / "nowhere", cat, "-o", folder / "x.csv"), "nowhere"),
        (("transfer", folder / "fit", cat, "-o", folder / "x.doc"), "x.doc"),
    ]:
        status, written, err = run(capsys, *arguments)
        assert (status, written) == (2, ""), (arguments, err)
        assert said in err.replace("\n", " "), err
        assert "Traceback" not in err
        assert not out.exists(), arguments  # nothing is left in the way of another try
    assert not (folder / "x.csv").exists()


def test_demo_in_small(tmp_path, capsys, monkeypatch):
    from luxjax.runs import _demo

    small = {**_demo.QUICK, "stars": 300, "latents": 4, "tol": 1e-3, "bound_stars": 2}
    monkeypatch.setattr(_demo, "QUICK", small)
    status, out, err = run(capsys, "demo", "--quick", "--seed", 3, "-o", tmp_path / "demo")
    assert status == 0, err
    metrics = json.loads((tmp_path / "demo" / "metrics.json").read_text())
    assert metrics["wall_s"] > 0
    for name in ("teff", "logg", "fe_h", "alpha_fe", "eu_fe"):
        entry = metrics["labels"][name]
        assert entry["against"] == "truth"
        assert set(entry["baselines"]) == {"ridge", "cannon", "labels_only"}
        assert 0 < entry["bound_rmse"] < entry["rmse"] * 1.5
        assert 0 < entry["coverage68_truth"] < 1
    assert out.splitlines()[-1] == str(tmp_path / "demo" / "report.html")


def test_scores_are_rounded_as_their_rmse():
    one = {
        "n": 471,
        "rmse": 0.30004,
        "bias": -0.000881,
        "baselines": {"ridge": 0.31812},
        "coverage68": 0.6789,
        "coverage95": 0.9,
    }
    two = one | {"rmse": 1523.4, "bias": 4.7, "baselines": {"ridge": 1651.3}}
    rows = [line.split() for line in _table({"logg": one, "teff": two}).splitlines()]
    assert rows[1] == ["logg", "471", "0.300", "-0.001", "0.318", "0.679", "0.900"]
    assert rows[2] == ["teff", "471", "1523", "+5", "1651", "0.679", "0.900"]
