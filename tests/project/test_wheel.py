"""The wheel holds the library, all of it, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> list[str]:
    """Names inside a wheel built here, without network: hatchling is called directly."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_only_the_library(wheel):
    tops = {name.split("/")[0] for name in wheel}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"luxjax"}
    assert sum(t.endswith(".dist-info") for t in tops) == 1


def test_all_sources_and_data_are_inside(wheel):
    on_disk = {
        f.relative_to(ROOT).as_posix()
        for f in (ROOT / "luxjax").rglob("*")
        if f.is_file() and "__pycache__" not in f.parts and f.suffix != ".pyc"
    }
    inside = {name for name in wheel if name.startswith("luxjax/")}
    assert inside == on_disk
    assert any(name.endswith("_spectra.py") for name in inside)


def test_licence_and_command(wheel):
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert any(name.endswith("entry_points.txt") for name in wheel)
