"""Folders and the system: nothing foreign is lost, a failed run blocks nothing, and errors are one sentence."""

import errno
import os
import subprocess
import sys
import threading
import time
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import luxjax
from luxjax.cli import _app as cli
from luxjax.cli._errors import in_options
from luxjax.core import InputError, _progress
from luxjax.core.internal import Display
from luxjax.data import Catalog, LabelTable, Spectra, load_catalog, save_catalog
from luxjax.dataset import Dataset, ingest_dataset, open_dataset
from luxjax.dataset._location import Location
from luxjax.files.internal import check_place
from luxjax.prediction import transfer_dataset
from luxjax.runs import RunFolder
from luxjax.simulation import bilinear
from luxjax.surveys import ingest

from ..dataset.stars import lamost_file, stars

WHOLE = {"wavelength_range": (3700, 3900), "binning": 1, "normalization": "none"}


@pytest.fixture(scope="module")
def catalog():
    """Stars on a log-linear grid, with labels."""
    made = bilinear(60, {"flux": 60, "labels": 3}, 2, key=1).catalog
    grid = 10 ** (3.6 + 1e-4 * np.arange(60))
    return Catalog({"flux": made.spectra("flux").replace(wavelength=grid), "labels": made.labels()})


@pytest.fixture(scope="module")
def fitted(catalog):
    return luxjax.fit(luxjax.Lux.linear(catalog.sizes, 2), catalog, key=1)


def run(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    monkeypatch.setattr(sys, "argv", ["luxjax", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


def is_sentence(err: str) -> bool:
    """Whether the last line alone tells what is wrong."""
    told = [line for line in err.splitlines() if line.startswith("luxjax: ")]
    return len(told) == 1 and "Traceback" not in err and err.rstrip().endswith(told[0])


# The system.


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(monkeypatch, capsys, tmp_path):
    out = tmp_path / "cat"
    assert run(monkeypatch, capsys, "simulate", out, "--n-stars", 5, "--windows", "galah")[0] == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        status, _, err = run(patch, capsys, "simulate", out, "--n-stars", 6, "--windows", "galah")
    assert (status, is_sentence(err)) == (1, True), err
    assert "the disk is full" in err
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["cat"]


def test_a_full_disk_leaves_a_dataset_as_it_was(monkeypatch, tmp_path):
    first = stars(0, 3)
    dataset = Dataset.create(tmp_path / "d", first.outputs)
    dataset.append(first)
    with monkeypatch.context() as patch:
        patch.setattr(Location, "write", full)
        with pytest.raises(OSError, match="No space"):
            dataset.append(stars(3, 6))
    read = open_dataset(tmp_path / "d")
    assert (len(read), read.check()) == (3, [])
    dataset.append(stars(3, 6))
    assert len(open_dataset(tmp_path / "d")) == 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused_before_the_work(monkeypatch, capsys, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    status, _, err = run(monkeypatch, capsys, "simulate", tmp_path / "closed" / "cat", "--n-stars", 5)
    assert (status, is_sentence(err)) == (2, True)
    assert "no permission" in err


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "no permission"),
        (errno.EROFS, "read-only"),
        (errno.EBUSY, "in use"),
        (9999, "check the path"),
    ],
)
def test_every_error_of_the_system_is_a_sentence(monkeypatch, capsys, tmp_path, number, words):
    def fail(*_, **__):
        raise OSError(number, "what the system says", str(tmp_path / "b\udce9"))

    monkeypatch.setattr("luxjax.runs.RunFolder.open", fail)
    status, _, err = run(monkeypatch, capsys, "report", tmp_path)
    assert (status, is_sentence(err)) == (1, True)
    assert words in err
    assert r"b\xe9" in err


def test_a_path_through_a_file_is_refused_before_the_work(monkeypatch, capsys, tmp_path, fitted, catalog):
    (tmp_path / "file").write_text("x")
    save_catalog(catalog, tmp_path / "cat")
    luxjax.save(fitted, tmp_path / "m")
    monkeypatch.setattr("luxjax.runs.transfer_run", lambda *_, **__: pytest.fail("predicted"))
    for out, words in (
        (tmp_path / "file" / "x.fits", "is a file"),
        (tmp_path / "q.txt", "names no format"),
        (tmp_path, "no format"),
    ):
        status, _, err = run(monkeypatch, capsys, "transfer", tmp_path / "m", tmp_path / "cat", "--out", out)
        assert (status, is_sentence(err)) == (2, True), err
        assert words in err
    for command in (
        ["simulate", tmp_path / "file" / "x"],
        ["fit", tmp_path / "cat", "--out", tmp_path / "file" / "x"],
    ):
        status, _, err = run(monkeypatch, capsys, *command)
        assert (status, is_sentence(err)) == (2, True), err
    with pytest.raises(InputError, match="is a file, not a folder"):
        check_place(tmp_path / "file" / "a" / "b")


def test_interrupts_are_quiet(monkeypatch, capsys, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("luxjax.runs.RunFolder.open", interrupted)
    assert run(monkeypatch, capsys, "report", tmp_path) == (130, "", "luxjax: interrupted\n")
    program = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from luxjax.cli import main; "
        "sys.meta_path.insert(0, type('F', (), {'find_spec': lambda *a: sys.meta_path.pop(0) and os.kill(os.getpid(), signal.SIGINT)})()); main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "luxjax: interrupted\n")


# Odd files.


def test_links_and_odd_names_are_followed_read_or_listed(tmp_path):
    folder, other = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    other.mkdir()
    lamost_file(folder, 0)
    lamost_file(other, 1)
    os.rename(lamost_file(folder, 2), os.fsencode(folder) + b"/caf\xe9.fits")
    (folder / "linked").symlink_to(other)
    (folder / "again").symlink_to(folder)
    (folder / "nowhere.fits").symlink_to(tmp_path / "gone.fits")
    made = ingest(folder, **WHOLE, progress=False)
    added = ingest_dataset(folder, tmp_path / "d", **WHOLE)
    assert len(made.unlabelled) == len(added.dataset) == 3
    for lost in (made.lost, added.lost):
        assert [Path(f).name for f in lost["file"]] == ["nowhere.fits"]
        assert "link" in lost["reason"][0]
    assert any(f.endswith(r"caf\xe9.fits") for f in added.dataset.table()["file"])
    made.save(tmp_path / "c")
    assert len(load_catalog(tmp_path / "c")) == 3
    assert ingest_dataset(folder, tmp_path / "d", **WHOLE).n_read == 0


# Runs.


def test_a_failed_run_leaves_no_folder_and_an_unfinished_one_blocks_nothing(tmp_path, monkeypatch, capsys):
    path = tmp_path / "run"

    def broken_off(error, keep=()):
        with RunFolder.create(path, config={}, seed=1).filling(keep=keep) as made:
            made.write_metrics({"a": 1})
            raise error

    with pytest.raises(ZeroDivisionError):
        broken_off(ZeroDivisionError)
    assert not path.exists()
    with pytest.raises(KeyboardInterrupt):
        broken_off(KeyboardInterrupt, keep=("metrics.json",))
    with pytest.raises(InputError, match="has not finished"):
        RunFolder.open(path)
    assert run(monkeypatch, capsys, "report", path)[0] == 2
    (path / "unfinished").write_text("999999999 elsewhere\n")  # of a process that was killed
    with RunFolder.create(path, config={}, seed=2).filling():
        assert not (path / "metrics.json").exists()
    assert RunFolder.open(path).seed == 2
    with pytest.raises(InputError, match="already holds a run"):
        RunFolder.create(path, config={}, seed=3)


def test_two_writers_of_a_run(tmp_path):
    import platform

    made = RunFolder.create(tmp_path / "run", config={}, seed=1)
    (made.path / "unfinished").write_text(f"{os.getppid()} {platform.node()}\n")
    with pytest.raises(InputError, match="another process is writing"):
        RunFolder.create(made.path, config={}, seed=1, overwrite=True)
    assert made.seed == 1


def test_a_folder_that_only_looks_like_a_run_is_left_alone(tmp_path):
    foreign = tmp_path / "project"
    (foreign / "figures").mkdir(parents=True)
    for name in ("config.toml", "versions.json", "figures/plot.png"):
        (foreign / name).write_text("{}")
    with pytest.raises(InputError, match="not a luxjax run"):
        RunFolder.create(foreign, config={}, seed=1, overwrite=True)
    made = RunFolder.create(tmp_path / "run", config={}, seed=1)
    (made.figures / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"figures/thesis\.tex, which luxjax did not write"):
        RunFolder.create(made.path, config={}, seed=1, overwrite=True)
    assert (foreign / "figures" / "plot.png").exists()
    assert (made.figures / "thesis.tex").exists()


def test_one_star_is_not_enough_and_leaves_nothing(monkeypatch, capsys, tmp_path, catalog):
    save_catalog(catalog.select(slice(0, 1)), tmp_path / "cat")
    status, _, err = run(monkeypatch, capsys, "fit", tmp_path / "cat", "--out", tmp_path / "run")
    assert (status, is_sentence(err)) == (2, True)
    assert "1 of 1 stars have labels" in err
    assert not (tmp_path / "run").exists()


# Provenance.


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frame": "observed"}, "rest frame.*observed frame"),
        ({"normalized": False}, "was divided out.*was not divided out"),
        ({"survey": "other"}, "of bilinear.*of other"),
        ({"medium": "air"}, "vacuum.*air"),
        ({"wavelength": 4000.0 + np.arange(60)}, "luxjax ingest --like"),
    ],
)
def test_spectra_of_another_kind_are_refused(fitted, catalog, tmp_path, changes, words):
    other = Catalog({"flux": catalog.spectra("flux").replace(**changes)})
    with pytest.raises(InputError, match=words):
        luxjax.transfer(fitted, other)
    dataset = Dataset.create(tmp_path / "d", other.outputs)
    dataset.append(other)
    with pytest.raises(InputError, match=words):
        transfer_dataset(fitted, dataset, tmp_path / "labels")


def test_units_resolution_and_continuum_are_compared(catalog):
    spectra = catalog.spectra("flux").replace(normalized=False, flux_unit="Jy", resolution=2000.0)
    model = luxjax.fit(
        luxjax.Lux.linear(catalog.sizes, 2), Catalog({"flux": spectra, "labels": catalog.labels()}), key=1
    )
    for changes in ({"flux_unit": "counts"}, {"resolution": 20000.0}):
        with pytest.raises(InputError, match="was fitted on spectra"):
            luxjax.transfer(model, Catalog({"flux": spectra.replace(**changes)}))
    unknown = spectra.replace(flux_unit="", resolution=None, survey="")
    np.testing.assert_array_equal(
        luxjax.transfer(model, Catalog({"flux": unknown})).value,
        luxjax.transfer(model, Catalog({"flux": spectra})).value,
    )
    labels = catalog.labels()
    kelvin = LabelTable(
        labels.value, labels.error, labels.names, labels.ids, dict.fromkeys(labels.names, "K")
    )
    model = luxjax.fit(
        luxjax.Lux.linear(catalog.sizes, 2), Catalog({"flux": spectra, "labels": kelvin}), key=1
    )
    celsius = LabelTable(
        labels.value, labels.error, labels.names, labels.ids, dict.fromkeys(labels.names, "deg_C")
    )
    with pytest.raises(InputError, match="fitted in K and is given in deg_C"):
        model.batch(Catalog({"flux": spectra, "labels": celsius}))


@pytest.mark.parametrize(("first", "stop"), [(-7, 80), (0, 63), (-3, 58), (10, 60), (5, 90), (12, 50)])
def test_another_part_of_the_same_grid_is_taken(fitted, catalog, tmp_path, first, stop):
    """Longer, shorter, begun late or early, in single precision, as a catalogue and as a dataset."""
    spectra, number = catalog.spectra("flux"), np.arange(first, stop)
    inside = (number >= 0) & (number < 60)
    flux, ivar = np.full((60, len(number)), 9.0), np.ones((60, len(number)))
    flux[:, inside], ivar[:, inside] = spectra.flux[:, number[inside]], spectra.ivar[:, number[inside]]
    grid = (10 ** (3.6 + 1e-4 * number)).astype("f4").astype(float)
    other = Catalog({"flux": Spectra(flux, ivar, grid, spectra.medium, spectra.ids, normalized=True)})
    expected = spectra.replace(ivar=np.where(np.isin(np.arange(60), number), spectra.ivar, 0))
    found = luxjax.transfer(fitted, other).value
    np.testing.assert_allclose(found, luxjax.transfer(fitted, Catalog({"flux": expected})).value, rtol=1e-6)
    dataset = Dataset.create(tmp_path / "d", other.outputs)
    dataset.append(other)
    stored = transfer_dataset(fitted, dataset, tmp_path / "labels").prediction().value
    np.testing.assert_allclose(stored, found, rtol=1e-4, atol=1e-4)


def test_too_little_or_every_second_pixel_of_a_grid_is_refused(fitted, catalog):
    for pixels in (slice(0, 20), slice(0, 60, 2)):
        with pytest.raises(InputError, match="bring them to the model's grid"):
            luxjax.transfer(fitted, Catalog({"flux": catalog.spectra("flux").pixels(pixels)}))


def test_like_a_dataset(tmp_path):
    for number in range(3):
        lamost_file(tmp_path, number)
    made = ingest_dataset(tmp_path, tmp_path / "d", **WHOLE)
    for like in (tmp_path / "d", made.dataset):
        other = ingest(tmp_path, like=like, progress=False).unlabelled
        np.testing.assert_array_equal(other.spectra("spectra").wavelength, made.dataset.wavelength("spectra"))


def test_a_run_is_loaded_as_its_model(tmp_path, fitted, catalog):
    luxjax.save(fitted, tmp_path / "run" / "model")
    again = luxjax.load(tmp_path / "run")
    np.testing.assert_array_equal(
        luxjax.transfer(again, catalog).value, luxjax.transfer(fitted, catalog).value
    )


# The command line.


def test_check_reads_other_folders_too(monkeypatch, capsys, tmp_path, fitted, catalog):
    save_catalog(catalog, tmp_path / "cat")
    luxjax.save(fitted, tmp_path / "m")
    for name, what in (("cat", "catalogue"), ("m", "model")):
        status, out, _ = run(monkeypatch, capsys, "check", tmp_path / name)
        assert (status, what in out, "nothing damaged" in out) == (0, True, True)
    file = next((tmp_path / "cat").glob("*.ivar.npy"))
    file.write_bytes(file.read_bytes()[:200])
    status, _, err = run(monkeypatch, capsys, "check", tmp_path / "cat")
    assert (status, "damaged" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name it: survey=apogee, galah.", "name it: --survey apogee, galah."),
        ("name it with survey=.", "name it with --survey."),
        ("state medium='air' or medium='vacuum'.", "state --medium air or --medium vacuum."),
        ("say rest=False to leave them", "say --no-rest to leave them"),
        ("try join='crossmatch'.", "try --join crossmatch."),
        ("goes to label_catalog.", "goes to --label-catalog."),
        ("overwrite it: --overwrite, in Python overwrite=True.", "overwrite it: --overwrite."),
        (
            "state one (--survey x; in Python survey={'x': 1}): they count.",
            "state one (--survey x): they count.",
        ),
        ("do this; in Python: f(a, b=1) does it, too.", "do this, too."),
        ("name it: --array survey=ENTRY; in Python: survey='ENTRY'.", "name it: --array survey=ENTRY."),
        ("give --medium; in Python luxjax.runs.spectra_data.", "give --medium."),
        ("'/data/label_catalog/survey=x' is no file", "'/data/label_catalog/survey=x' is no file"),
    ],
)
def test_messages_speak_of_options(text, expected):
    options = ["--survey", "--medium", "--rest", "--no-rest", "--join", "--label-catalog", "--overwrite"]
    assert in_options(text, options) == expected


def test_help_shows_what_stands_in_brackets(monkeypatch, capsys):
    assert "[alpha/Fe]" in run(monkeypatch, capsys, "classify", "train", "--help")[1]


def test_a_line_a_minute_where_nobody_watches(monkeypatch):
    monkeypatch.setattr(_progress, "EVERY", 0.05)
    stream = StringIO()
    with Display("fit", Console(file=stream, width=200)) as display:
        display("cycles", 3, 60)
        time.sleep(0.4)
    lines = stream.getvalue().splitlines()
    assert len(lines) >= 2
    assert lines[0].endswith("fit: 3 of 60 cycles")
    time.sleep(0.2)
    assert not [t for t in threading.enumerate() if "tell_now" in t.name and t.is_alive()]
