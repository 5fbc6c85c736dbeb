"""Formats of users: read like luxjax's own, and whatever their functions do costs no other file."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.dataset import ingest_dataset
from luxjax.surveys import detect_format, ingest, read, read_many, register_format
from luxjax.surveys._registered import _FORMATS, names

from ..fixtures import write_lamost
from ..test_velocities import _simulated

WAVE = 10.0 ** (3.5682 + 1e-4 * np.arange(3909))


def is_mine(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(8) == b"# MYSPEC"


def read_mine(path: Path, *, scale: float = 1.0) -> luxjax.Spectra:
    wavelength, flux, error = np.loadtxt(path, unpack=True)
    facts = pd.DataFrame(
        {"z": [2e-4], "snr": [50.0], "class": ["GALAXY" if "galaxy" in path.name else "STAR"]}
    )
    given = {"frame": "barycentric", "survey": "mine", "table": facts}
    return luxjax.Spectra.from_error(scale * flux, error, wavelength, "vacuum", [path.stem], **given)


def write_mine(path, z=2e-4):
    template = _simulated("lamost").select([4])
    flux = np.interp(WAVE / (1 + z), template.wavelength, template.flux[0])
    np.savetxt(path, np.column_stack([WAVE, flux, 0.01 + 0 * flux]), header="MYSPEC")
    return path


@pytest.fixture
def registry():
    """Whatever a test registers is forgotten."""
    yield
    _FORMATS.clear()


@pytest.fixture
def mine(registry):
    return register_format("mine", detect=is_mine, read=read_mine, endings=[".spec"])


def test_its_files_are_read_like_those_of_surveys(mine, tmp_path):
    path = write_mine(tmp_path / "HD1.spec")
    assert detect_format(path) == "mine"
    spectra = read(path)
    assert spectra.ids.tolist() == ["HD1"]
    assert spectra.table["file"].tolist() == [str(path)]
    assert read(path, scale=2.0).flux[0, 0] == pytest.approx(2 * spectra.flux[0, 0])
    write_mine(tmp_path / "HD2.spec")
    write_mine(tmp_path / "galaxy.spec")
    made = ingest(tmp_path, progress=False)
    assert sorted(made.unlabelled.ids) == ["HD1", "HD2"]
    assert made.unlabelled.spectra("spectra").frame == "rest"
    assert made.failures["reason"].tolist() == ["its class is GALAXY, not STAR"]
    mine.forget()
    assert names() == []
    with pytest.raises(InputError, match="not a FITS file"):
        read(path)


def test_a_dataset_takes_them_in_this_process_alone(mine, tmp_path):
    write_mine(tmp_path / "HD1.spec")
    with pytest.raises(InputError, match=r"registered \(mine\) are known to this process alone"):
        ingest_dataset(tmp_path, tmp_path / "set", workers=2)
    assert len(ingest_dataset(tmp_path, tmp_path / "set").dataset) == 1


def fails(path, **_):
    raise KeyError("no such\nthing")


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (fails, "registered format odd, whose function fails on it (KeyError: 'no such"),
        (lambda path: np.ones(3), "gave an object of type ndarray for"),
        (lambda path: None, "gave an object of type NoneType for"),
        (lambda path: read_mine(path).select([]), "gave Spectra of no star for"),
    ],
)
def test_a_function_that_fails_costs_its_own_files_alone(registry, tmp_path, reader, said):
    good = write_lamost(tmp_path / "spec.fits", np.ones(400), np.ones(400))
    path = write_mine(tmp_path / "x.spec")
    register_format("odd", detect=is_mine, read=reader)
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        read(path)
    assert "\n" not in str(refused.value)
    found = read_many([path, good], progress=False)
    assert len(found.spectra) == 1
    assert found.failures["path"].tolist() == [str(path)]
    assert said[:20] in found.failures["reason"][0]


def test_options_are_those_of_the_function(mine, tmp_path):
    with pytest.raises(InputError, match="no option for mine files named 'scael'"):
        read(write_mine(tmp_path / "x.spec"), scael=2)


def test_a_detector_that_fails_is_a_no_and_told_where_nothing_else_reads(registry, tmp_path):
    register_format("odd", detect=fails, read=read_mine)
    good = write_lamost(tmp_path / "spec.fits", np.ones(400), np.ones(400))
    assert detect_format(good) == "lamost-lrs"
    assert len(read(good)) == 1
    for action in (read, detect_format):
        with pytest.raises(InputError, match=r"not a FITS file.*could not look at it: odd \(KeyError"):
            action(write_mine(tmp_path / "x.spec"))
    with pytest.raises(InputError, match=r"there is no file '[^']*none.fits'; check the path"):
        read(tmp_path / "none.fits")


def test_names_that_are_taken_and_what_is_no_function(mine):
    with pytest.raises(InputError, match="registered format 'mine' already"):
        register_format("mine", detect=is_mine, read=read_mine)
    register_format("mine", detect=is_mine, read=read_mine, replace=True)
    mine.forget()  # whose place was taken
    assert names() == ["mine"]
    for taken in ("apStar", "sdss-spec", "catalogue"):
        with pytest.raises(InputError, match="luxjax itself recognises"):
            register_format(taken, detect=is_mine, read=read_mine)
    for wrong, said in [
        ({"name": "my format"}, "letters, digits"),
        ({"detect": "*.spec"}, "detect of a format is a function"),
        ({"read": None}, "read of a format is a function"),
        ({"endings": "spec"}, "begin with a dot"),
    ]:
        given = {"name": "other", "detect": is_mine, "read": read_mine} | wrong
        with pytest.raises(InputError, match=said):
            register_format(given.pop("name"), **given)
