import builtins
import json
import tomllib

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError, LuxWarning
from luxjax.data.internal import Example
from luxjax.runs import RunFolder
from luxjax.runs._contents import versions

CONFIG = {
    "name": 'a "quoted" star\n\\ é \x7f',
    "seed": 3,
    "sn": [1.5, 1e300, -2.0],
    "flag": True,
    "skipped": None,
    "fit": {"n latents": 16, "nested": {"path": "x/y", "empty": []}},
    "np": np.float64(0.1),
}


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", config=CONFIG, seed=7)


def test_config_seed_versions_come_back(run):
    read = RunFolder.open(run.path)
    want = {k: v for k, v in CONFIG.items() if k != "skipped"}
    assert read.config == want
    assert tomllib.loads((run.path / "config.toml").read_text()) == want
    assert read.seed == 7
    assert read.versions == versions()
    assert read.versions["numpy"] == np.__version__
    assert not [p for p in run.path.iterdir() if p.name.endswith(".part")]


def test_config_that_toml_cannot_hold(tmp_path):
    with pytest.raises(InputError, match=r"'fit\.x' is a object"):
        RunFolder.create(tmp_path / "r", config={"fit": {"x": object()}}, seed=0)


def test_metrics_become_plain_json(run):
    run.write_metrics(
        {"a": np.float32(0.5), "b": [np.int64(3), np.nan], "c": {"d": np.arange(2)}, "e": np.inf}
    )
    assert json.loads((run.path / "metrics.json").read_text()) == {
        "a": 0.5,
        "b": [3, None],
        "c": {"d": [0, 1]},
        "e": None,
    }
    with pytest.raises(InputError, match="cannot be written as JSON"):
        run.write_metrics({"a": object()})
    assert run.metrics["a"] == 0.5  # the failed write lost nothing


def test_labels_come_back_from_fits_and_parquet(run):
    frame = pd.DataFrame(
        {
            "id": ["2M0001", "b", ""],
            "snr": np.array([100, 50, 2], np.float32),
            "n_good": [1, 2, 2**40],
            "clean": [True, False, True],
            "teff": [5000.0, np.nan, 4000.5],
            "teff_err": [50.0, np.nan, 60],
        }
    )
    run.write_labels(frame, {"teff": "K", "snr": "", "logg": "dex"})
    read, units = run.labels
    pd.testing.assert_frame_equal(read, frame, check_dtype=False)
    assert read["snr"].dtype == np.float32
    assert read["n_good"].dtype == np.int64
    assert units == {"teff": "K", "teff_err": "K"}
    pd.testing.assert_frame_equal(pd.read_parquet(run.path / "labels.parquet"), frame, check_dtype=False)
    import pyarrow.parquet as pq

    assert pq.read_schema(run.path / "labels.parquet").field("teff_err").metadata[b"unit"] == b"K"
    with pytest.raises(InputError, match="'id'"):
        run.write_labels(frame.drop(columns="id"))


def test_labels_without_pyarrow_are_fits_only(run, monkeypatch):
    real = builtins.__import__

    def no_pyarrow(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_pyarrow)
    with pytest.warns(LuxWarning, match=r"luxjax\[report\]"):
        run.write_labels(pd.DataFrame({"id": ["a"], "teff": [1.0]}))
    assert run.has("labels")
    assert not (run.path / "labels.parquet").exists()


def test_examples_come_back_without_pickle(run):
    e = Example(
        np.array(["a", "b"]),
        np.arange(3.0),
        "air",
        np.ones((2, 3)),
        np.eye(2, 3),
        np.zeros((2, 3)),
        {"Eu II": 1.5},
    )
    run.write_examples({"galah": e, "a/b": e})
    read = run.examples
    assert list(read) == ["galah", "a/b"]
    for name in ("ids", "wavelength", "flux", "ivar", "model"):
        np.testing.assert_array_equal(getattr(read["a/b"], name), getattr(e, name))
    assert read["galah"].medium == "air"
    assert read["galah"].lines == {"Eu II": 1.5}
    with pytest.raises(InputError, match="ivar has shape"):
        Example(e.ids, e.wavelength, "air", e.flux, e.ivar[:1], e.model)


def test_missing_and_broken_files_say_so(run, tmp_path):
    with pytest.raises(InputError, match=r"no run folder at .*absent"):
        RunFolder.open(tmp_path / "absent")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"not a luxjax run.*thesis\.tex"):
        RunFolder.open(tmp_path / "other")
    assert not run.has("metrics")
    with pytest.raises(InputError, match=r"has no metrics\.json"):
        _ = run.metrics
    (run.path / "metrics.json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        _ = run.metrics
    (run.path / "metrics.json").write_text("[]")
    with pytest.raises(InputError, match="a list"):
        _ = run.metrics
    for name, attribute in [("labels.fits", "labels"), ("examples.npz", "examples")]:
        (run.path / name).write_bytes(b"rubbish")
        with pytest.raises(InputError, match="cannot be read"):
            getattr(run, attribute)


def test_create_overwrites_runs_only_and_only_when_asked(run, tmp_path):
    run.write_metrics({"a": 1})
    (run.path / "notes.txt").write_text("mine")
    (run.model).mkdir()
    with pytest.raises(InputError, match="already holds a run"):
        RunFolder.create(run.path, config={}, seed=0)
    again = RunFolder.create(run.path, config={}, seed=0, overwrite=True)
    assert again.config == {}
    assert not again.has("metrics")
    assert not again.model.exists()
    assert (run.path / "notes.txt").read_text() == "mine"
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="not a luxjax run"):
        RunFolder.create(tmp_path / "thesis", config={}, seed=0, overwrite=True)
    with pytest.raises(InputError, match="is a file"):
        RunFolder.create(tmp_path / "thesis" / "metrics.json", config={}, seed=0)


def test_log_adds_lines_with_times(run):
    run.log("one")
    run.log("two")
    lines = (run.path / "log.txt").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two"]
    assert all(line[:2] == "20" and "Z " in line for line in lines)
