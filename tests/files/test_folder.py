"""Every kind of folder that luxjax writes: it replaces its own, refuses a stranger's, and is whole or as before."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.files.internal import FolderKind

PACKAGE = Path(luxjax.__file__).parent


def kinds() -> dict[str, FolderKind]:
    """Every `FolderKind` of the library, found in its sources, so that none can be forgotten."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        if "= FolderKind(" in file.read_text(encoding="utf-8"):
            name = ".".join(("luxjax", *file.relative_to(PACKAGE).with_suffix("").parts))
            values = vars(importlib.import_module(name)).values()
            found |= {kind.name: kind for kind in values if isinstance(kind, FolderKind)}
    return found


KINDS = kinds()
ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
OLD, NEW = {"values": np.arange(3.0)}, {"values": np.arange(4.0)}
# Headers as earlier versions wrote them, before all said `what`.
BEFORE = {
    "catalogue": {
        "luxjax_catalog": "stars with named outputs: spectra and labels",
        "schema": 1,
        "luxjax": "0.1",
    },
    "classifier": {
        "schema": 1,
        "luxjax": "0.1",
        "classes": [],
        "families": {},
        "calibrator": None,
        "about": {},
    },
    "set of class levels": {
        "schema": 1,
        "luxjax": "0.1",
        "coarse": [],
        "fine": {},
        "staged": [],
        "notes": {},
    },
    "model of parameters": {"schema": 1, "luxjax": "0.1", "level": 0.9, "families": {}, "parameters": {}},
    "model": {"what": "luxjax model", "schema": 1, "luxjax": "0.1"},
    "posterior": {"what": "luxjax posterior", "schema": 1, "luxjax": "0.1"},
    "explanation": {"what": "luxjax explanation", "schema": 1, "luxjax": "0.1"},
}


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_all_kinds_are_found():
    assert set(BEFORE) == set(KINDS)
    assert len({kind.header for kind in KINDS.values()}) == len(KINDS)


@ALL
def test_an_earlier_one_is_replaced(kind, tmp_path):
    assert kind.write(tmp_path / "deep" / "x", {"n": 1}, OLD) == tmp_path / "deep" / "x"
    kind.write(tmp_path / "deep" / "x", {"n": 2}, NEW)
    header = kind.read(tmp_path / "deep" / "x")
    assert (header["what"], header["schema"], header["n"]) == (f"luxjax {kind.name}", kind.schema, 2)
    np.testing.assert_array_equal(kind.arrays(tmp_path / "deep" / "x")["values"], NEW["values"])
    assert [f.name for f in (tmp_path / "deep").iterdir()] == ["x"]  # nothing left next to it


@ALL
def test_one_of_an_earlier_version_is_known(kind, tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / kind.header).write_text(json.dumps(BEFORE[kind.name]))
    kind.read(folder)
    kind.write(folder, {}, NEW)
    assert "what" in kind.read(folder)


@ALL
@pytest.mark.parametrize(
    "header",
    [
        None,
        "no JSON at all",
        '{"class_name": "Sequential", "config": {"layers": []}}',  # model.json of Keras
        '{"type": "Catalog", "id": "x", "stac_version": "1.0.0", "links": []}',  # catalog.json of STAC
        '{"schema": 1}',
        '{"schema": 1, "what": "luxjax dataset"}',
        "[]",
    ],
)
def test_a_strangers_folder_is_refused(kind, header, tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "weights.h5").write_bytes(b"years of work")
    if header is not None:
        (folder / kind.header).write_text(header)
    before = content(folder)
    with pytest.raises(InputError, match=f"exists and holds no {kind.name}; name a new folder"):
        kind.write(folder, {}, NEW)
    assert content(folder) == before
    with pytest.raises(InputError, match=rf"no {kind.name} at|not the header of a {kind.name}"):
        kind.read(folder)


@ALL
@pytest.mark.parametrize("stranger", ["notes.txt", "figures/one.png", "model/notes.txt", "2024_spectra.npy"])
def test_a_file_of_the_user_is_kept_by_refusing(kind, stranger, tmp_path):
    folder = kind.write(tmp_path / "x", {}, OLD)
    (folder / stranger).parent.mkdir(exist_ok=True)
    (folder / stranger).write_text("mine")
    before = content(folder)
    with pytest.raises(InputError, match=rf"also {stranger.split('/')[0]}.*move that elsewhere"):
        kind.write(folder, {}, NEW)
    assert content(folder) == before
    assert [f.name for f in tmp_path.iterdir()] == ["x"]


@ALL
def test_a_link_inside_is_a_stranger(kind, tmp_path):
    folder = kind.write(tmp_path / "x", {}, OLD)
    (tmp_path / "big.npz").write_bytes(b"elsewhere")
    (folder / "arrays.npz").unlink()
    (folder / "arrays.npz").symlink_to(tmp_path / "big.npz")
    with pytest.raises(InputError, match=r"also arrays\.npz"):
        kind.write(folder, {}, NEW)


@ALL
def test_a_file_that_comes_while_writing_is_kept(kind, tmp_path):
    folder = kind.write(tmp_path / "x", {}, OLD)

    def fill():
        with kind.replacing(folder) as part:
            kind.put(part, {}, NEW)
            (folder / "late.txt").write_text("mine")

    with pytest.raises(InputError, match="also late.txt"):
        fill()
    assert (folder / "late.txt").read_text() == "mine"
    assert len(kind.arrays(folder)["values"]) == 3


@ALL
def test_a_link_to_a_folder_is_followed(kind, tmp_path):
    real = kind.write(tmp_path / "disk" / "real", {}, OLD)
    (tmp_path / "x").symlink_to(real)
    kind.write(tmp_path / "x", {}, NEW)
    assert (tmp_path / "x").is_symlink()
    assert not real.is_symlink()
    assert len(kind.arrays(real)["values"]) == 4
    assert [f.name for f in (tmp_path / "disk").iterdir()] == ["real"]
    (tmp_path / "y").symlink_to(tmp_path / "disk" / "not there yet")
    kind.write(tmp_path / "y", {}, NEW)
    assert (tmp_path / "y").is_symlink()
    assert len(kind.arrays(tmp_path / "disk" / "not there yet")["values"]) == 4


@ALL
@pytest.mark.parametrize("when", ["filling", "moving"])
def test_a_write_that_fails_leaves_the_old_one(kind, when, tmp_path, monkeypatch):
    folder = kind.write(tmp_path / "x", {"n": 1}, OLD)
    before = content(folder)
    if when == "moving":
        moves = iter([False, True, False])
        original = luxjax.files._folder.os.rename

        def rename(old, new):
            if next(moves):
                raise OSError("the disk is gone")
            original(old, new)

        monkeypatch.setattr(luxjax.files._folder.os, "rename", rename)

    def fill():
        with kind.replacing(folder) as part:
            kind.put(part, {"n": 2}, NEW)
            if when == "filling":
                raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        fill()
    assert content(folder) == before
    assert [f.name for f in tmp_path.iterdir()] == ["x"]


@ALL
def test_a_file_in_its_place_is_refused(kind, tmp_path):
    (tmp_path / "x").write_text("a file")
    with pytest.raises(InputError, match="exists and holds no"):
        kind.write(tmp_path / "x", {}, NEW)
    assert (tmp_path / "x").read_text() == "a file"


def test_what_is_inside_is_judged_by_its_own_kind(tmp_path):
    posterior, model = KINDS["posterior"], KINDS["model"]
    with posterior.replacing(tmp_path / "x") as part:
        posterior.put(part, {}, OLD)
        model.write(part / "model", {}, OLD)
    posterior.write(tmp_path / "x", {}, NEW)
    assert not (tmp_path / "x" / "model").exists()
    model.write(tmp_path / "x" / "model", {}, OLD)
    (tmp_path / "x" / "model" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"also model/notes\.txt"):
        posterior.write(tmp_path / "x", {}, NEW)


@ALL
def test_damage_is_one_sentence(kind, tmp_path):
    folder = kind.write(tmp_path / "x", {}, OLD)
    for damage in (b"", b"PK\x03\x04 cut", (folder / "arrays.npz").read_bytes()[:-30]):
        (folder / "arrays.npz").write_bytes(damage)
        with (
            pytest.raises(InputError, match=f"the {kind.name} at .* is damaged .*; .* again"),
            kind.reading(folder),
        ):
            kind.arrays(folder)
    np.savez(folder / "arrays.npz", values=np.array([{}], object))  # would need pickle
    with pytest.raises(InputError, match="is damaged"), kind.reading(folder):
        kind.arrays(folder)
    (folder / kind.header).write_text(json.dumps(kind.read(folder) | {"schema": 99, "luxjax": "7.0"}))
    with pytest.raises(InputError, match=r"schema 99, written by luxjax 7\.0.*install a newer"):
        kind.read(folder)
