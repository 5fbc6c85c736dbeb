import json
import sys

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from luxjax.cli import _app as cli
from luxjax.core import InputError
from luxjax.data import LabelTable
from luxjax.dataset import _ingest, ingest_dataset, open_dataset
from luxjax.surveys import ingest, read

from .stars import content, lamost_file

Z = (0.0, 1e-4, -2e-4, 3e-4)
# The files are short: all of their few pixels, as they are.
WHOLE = {"wavelength_range": (3700, 3900), "binning": 1, "normalization": "none"}
QUIET = {"batch_size": 3, "chunk": 2, "shard": 4} | WHOLE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten stars, two of their files broken; the last star was observed twice before, in the same part and another."""
    folder = tmp_path_factory.mktemp("lamost")
    for number in range(10):
        lamost_file(folder, number, z=Z[number % 4])
    (folder / "spec-004.fits").write_bytes(b"not a spectrum")
    (folder / "spec-007.fits").write_bytes((folder / "spec-007.fits").read_bytes()[:4000])
    return folder


@pytest.fixture(scope="module")
def labels(folder):
    """Teff of every other star, with an identifier that no floating-point number holds."""
    ids = [read(p).ids[0] for n, p in enumerate(sorted(folder.glob("*.fits"))) if n in (0, 2, 5, 8)]
    table = pd.DataFrame({"gaia": (1 << 60) + np.arange(4) + 1})
    return LabelTable(5000.0 + np.arange(4)[:, None], 50.0, ("teff",), ids, {"teff": "K"}, table=table)


def test_a_dataset_holds_what_a_catalogue_does(folder, labels, tmp_path):
    options = {"label_catalog": labels, "join": "id", "normalization": "polynomial"}
    options |= {"wavelength_range": (3720, 3860), "binning": 1}
    made = ingest_dataset(folder, tmp_path / "d", **QUIET | options)
    expected = ingest(folder, **options, progress=False)
    for catalog in (expected.labelled, expected.unlabelled):
        rows = [list(made.dataset.ids).index(star) for star in catalog.ids]
        back = made.dataset.select(rows).catalog()
        good = catalog.spectra("spectra").good
        np.testing.assert_array_equal(back.spectra("spectra").good, good)
        flux, was = back.spectra("spectra").flux, catalog.spectra("spectra").flux
        np.testing.assert_allclose(flux[good], was[good], rtol=1e-6)
        assert back.table["file"].tolist() == catalog.table["file"].tolist()
        assert back.spectra("spectra").normalized
    value = made.dataset.select("labels_teff > 0").catalog().labels()
    assert dict(zip(value.ids, value["teff"], strict=True)) == dict(
        zip(labels.ids, labels["teff"], strict=True)
    )
    gaia = made.dataset.select("labels_teff > 0").table(["labels_gaia"])["labels_gaia"]
    assert sorted(gaia) == list(labels.table["gaia"])
    assert len(made.dataset) == 8
    assert [f.rsplit("/", 1)[1] for f in made.lost["file"]] == ["spec-004.fits", "spec-007.fits"]
    assert "10 given, 10 read now" in made.summary
    assert "labels: 4 stars have some" in made.summary


@pytest.mark.slow
def test_resumed_after_any_part(folder, labels, tmp_path, monkeypatch):
    """Files that are committed are not read again, and the folder ends as if nothing had happened."""
    whole = content(
        ingest_dataset(folder, tmp_path / "whole", label_catalog=labels, **QUIET).dataset.location.root
    )
    original = _ingest.commit_part
    for after in (1, 3):
        parts = iter(range(after))

        def commit(*args, parts=parts):
            if next(parts, None) is None:
                raise KeyboardInterrupt
            original(*args)

        with monkeypatch.context() as patch:
            patch.setattr(_ingest, "commit_part", commit)
            with pytest.raises(KeyboardInterrupt):
                ingest_dataset(folder, tmp_path / f"d{after}", label_catalog=labels, **QUIET)
        again = ingest_dataset(folder, tmp_path / f"d{after}", label_catalog=labels, **QUIET)
        assert again.n_read == 10 - 3 * after
        assert content(tmp_path / f"d{after}") == whole


def test_files_that_come_later_or_change(folder, tmp_path):
    spectra = tmp_path / "spectra"
    spectra.mkdir()
    for number in range(3):
        lamost_file(spectra, number)
    (spectra / "spec-001.fits").write_bytes(b"broken")
    assert len(ingest_dataset(spectra, tmp_path / "d", **QUIET).dataset) == 2
    assert ingest_dataset(spectra, tmp_path / "d", **QUIET).n_read == 0
    lamost_file(spectra, 1)  # mended
    lamost_file(spectra, 2, snr=20)  # changed
    lamost_file(spectra, 5)
    again = ingest_dataset(spectra, tmp_path / "d", **QUIET)
    assert (again.n_read, len(again.dataset), again.dataset.check()) == (3, 4, [])
    lost = again.lost
    assert lost["what"].tolist() == ["file", "spectrum"]
    assert "has changed since" in lost["reason"][1]
    assert sorted(again.dataset.table()["snr"]) == [20, 50, 50, 50]
    with pytest.raises(InputError, match="rest = True, now it is False"):
        ingest_dataset(spectra, tmp_path / "d", rest=False, **QUIET)


def test_of_two_spectra_the_better_one_is_kept(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    lamost_file(tmp_path / "a", 1, snr=30)
    better = lamost_file(tmp_path / "b", 1, snr=60)
    made = ingest_dataset([tmp_path / "a", tmp_path / "b"], tmp_path / "d", **QUIET)
    assert made.dataset.table()["file"].tolist() == [read(better).table["file"][0]]
    assert "higher" in made.lost["reason"][0]


def test_a_star_under_a_second_designation_is_known(tmp_path):
    """In one part and in two, and after the dataset has been opened again."""
    place = {"RA": 45.248042, "DEC": -1.5538333}
    for number, name in enumerate(["13.8", "13.7", "13.6"]):
        header = {"DESIG": f"LAMOST J030059.53-0133{name}", **place}
        lamost_file(tmp_path, number, snr=40 + number, **header)
    lamost_file(tmp_path, 3, RA=45.248042, DEC=-1.5538333 + 10 / 3600)
    files = sorted(tmp_path.glob("*.fits"))
    one = ingest_dataset(files, tmp_path / "one", **QUIET)
    assert list(one.dataset.ids) == ["J030059.53-013313.6", "J030003.53-013313.7"]
    many = ingest_dataset(files[:2], tmp_path / "many", **QUIET | {"batch_size": 1})
    assert list(many.dataset.ids) == ["J030059.53-013313.7"]
    many = ingest_dataset(files, tmp_path / "many", **QUIET | {"batch_size": 1})
    assert list(many.dataset.ids) == ["J030059.53-013313.6", "J030003.53-013313.7"]
    assert many.lost["reason"].str.contains("has a higher").tolist() == [True, True]
    both = ingest(files, progress=False, **WHOLE).unlabelled
    assert set(both.ids) == set(one.dataset.ids)


def test_a_dataset_begun_by_an_earlier_version_goes_on(folder, tmp_path):
    files, options = (
        sorted(folder.glob("*.fits")),
        {"wavelength_range": (3720, 3860), "spectra_name": "lamost"},
    )
    whole = ingest_dataset(files, tmp_path / "whole", **QUIET | options).dataset
    ingest_dataset(files[:4], tmp_path / "d", **QUIET | options)
    manifest = json.loads((tmp_path / "d" / "manifest.json").read_text())
    asked = manifest["recipe"]["asked"]
    for new, old in [
        ("wavelength_range", "limits"),
        ("spectra_name", "output"),
        ("batch_size", "files_at_once"),
    ]:
        asked[old] = asked.pop(new)
    for name in ("binning", "noise_limit", "like"):  # that version had none of these
        del asked[name]
    for name in ("binning", "noise_limit", "left_out", "origin"):
        del manifest["recipe"]["reduction"][name]
    (tmp_path / "d" / "manifest.json").write_text(json.dumps(manifest))
    again = ingest_dataset(files, tmp_path / "d", **QUIET | options)
    assert again.n_read == 6
    assert list(again.dataset.ids) == list(whole.ids)
    # Its own defaults of then hold, though others are the default now.
    now = {k: v for k, v in QUIET.items() if k not in ("normalization", "binning")} | options
    assert ingest_dataset(files, tmp_path / "d", **now).n_read == 0
    with pytest.raises(InputError, match="binning = 1, now it is 2"):
        ingest_dataset(files, tmp_path / "d", **now, binning=2)
    with pytest.raises(InputError, match="batch_size = 3, now it is 4"):
        ingest_dataset(files, tmp_path / "d", **QUIET | options | {"batch_size": 4})
    with pytest.raises(InputError, match=r"wavelength_range = \[3720.0, 3860.0\], now it is None"):
        ingest_dataset(files, tmp_path / "d", spectra_name="lamost", **QUIET | {"wavelength_range": None})


def test_defaults_are_those_of_a_catalogue(tmp_path, rng):
    """Continuum, bins and noisy pixels; settled by the first files, and kept for those that come later."""
    first, later = tmp_path / "first", tmp_path / "later"
    for folder, numbers, n in ((first, range(6), 400), (later, range(6, 9), 500)):
        folder.mkdir()
        for number in numbers:
            path = lamost_file(folder, number, n=n, z=1e-4)
            with fits.open(path, mode="update") as hdus:
                hdus[0].data[0] += rng.normal(0, 1, n)
                if folder == first:
                    hdus[0].data[1, 300:330] /= 400  # of the errors of 20
    made = ingest_dataset(first, tmp_path / "d", batch_size=2, wavelength_range=(3700, 4050))
    expected = ingest(first, wavelength_range=(3700, 4050), progress=False)
    was, now = expected.unlabelled.spectra("spectra"), made.dataset.catalog().spectra("spectra")
    assert (was.n_pixels, now.normalized) == (131, True)
    assert 8 <= (~was.good.any(axis=0)).sum() <= 12
    np.testing.assert_array_equal(now.good, was.good)
    np.testing.assert_allclose(now.flux[now.good], was.flux[was.good], rtol=1e-6)
    assert made.summary.splitlines()[1:4] == expected.summary.splitlines()[:3]
    assert now.history[-1] == was.history[-1]
    more = ingest_dataset([first, later], tmp_path / "d", batch_size=2, wavelength_range=(3700, 4050)).dataset
    all_ = more.catalog().spectra("spectra")
    assert len(all_) == 9
    np.testing.assert_array_equal(
        all_.good.any(axis=0), was.good.any(axis=0)
    )  # though the later are good there

    like = ingest_dataset(later, tmp_path / "like", like=expected.unlabelled)
    np.testing.assert_array_equal(like.dataset.wavelength("spectra"), was.wavelength)
    np.testing.assert_array_equal(
        like.dataset.catalog().spectra("spectra").good.any(axis=0), was.good.any(axis=0)
    )
    assert ingest_dataset(later, tmp_path / "like", like=expected.unlabelled).n_read == 0
    with pytest.raises(InputError, match="was made with like"):
        ingest_dataset(later, tmp_path / "like")


@pytest.mark.slow
def test_readers_on_a_dask_cluster(folder, tmp_path):
    distributed = pytest.importorskip("distributed")
    one = ingest_dataset(folder, tmp_path / "one", **QUIET)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        many = ingest_dataset(folder, tmp_path / "many", scheduler=cluster.scheduler_address, **QUIET)
    assert len(many.dataset) == 8
    assert content(many.dataset.location.root) == content(one.dataset.location.root)


@pytest.mark.long
@pytest.mark.parametrize("dask", [True, False])
def test_readers_in_processes(folder, tmp_path, monkeypatch, dask):
    one = ingest_dataset(folder, tmp_path / "one", **QUIET)
    if not dask:
        monkeypatch.setitem(sys.modules, "distributed", None)
    many = ingest_dataset(folder, tmp_path / "many", workers=2, **QUIET)
    assert content(many.dataset.location.root) == content(one.dataset.location.root)


def test_no_scheduler(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'luxjax\[cluster\]'"):
        ingest_dataset(folder, tmp_path / "d", scheduler="tcp://127.0.0.1:1", **QUIET)


def test_command_line(folder, tmp_path, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["luxjax", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return stopped.value.code or 0, *capsys.readouterr()

    options = [
        "--wavelength-range",
        "3720,3860",
        "--binning",
        1,
        "--batch-size",
        4,
        "--dataset",
        tmp_path / "d",
    ]
    status, out, err = run("ingest", folder, *options)
    assert (status, out.splitlines()[4]) == (0, "files: 10 given, 10 read now"), err
    assert 3720 <= open_dataset(tmp_path / "d").wavelength("spectra")[0] < 3721
    status, out, _ = run("check", tmp_path / "d")
    assert (status, out) == (0, f"Dataset at '{tmp_path / 'd'}': 8 stars; spectra 160: nothing damaged\n")
    (tmp_path / "d" / "spectra/ivar/c/0/0").unlink()
    status, out, _ = run("check", tmp_path / "d")
    assert status == 1
    assert out.startswith(
        "spectra/ivar/c/0/0 (stars 0 to 7): differs from what was committed (or is missing); restore"
    )
    assert run("check", tmp_path / "nothing")[0] == 2
