"""A hundred damaged files of the claim `fuzz_files`, in one process: each is read, or listed with a reason of one line."""

import os
import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest

VALIDATION = Path(__file__).resolve().parents[2] / "validation"


@pytest.fixture
def fuzz(monkeypatch):
    monkeypatch.syspath_prepend(str(VALIDATION))
    import fuzz_files

    yield fuzz_files
    sys.modules.pop("fuzz_files", None)
    sys.modules.pop("claims", None)


def real_folder() -> str | None:
    """Real survey files where there are some; simulated ones will do."""
    named = os.environ.get("LUXJAX_REAL_DATA")
    folder = Path(named) if named else VALIDATION.parents[1] / "shared" / "data" / "real"
    return str(folder) if folder.is_dir() else None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_hundred_damaged_files(fuzz, tmp_path):
    files = fuzz.base_files(real_folder(), tmp_path)
    fits = [f for f in files if f.suffix != ".csv" and "catalogue" not in f.parts]
    apogee = [f for f in fits if f.parent.name == "aspcapStar"]
    lamost = [f for f in fits if f.name.startswith("spec-")][:2] or apogee
    found = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (route, file, kind, content) in enumerate(fuzz.variants(files, 100)):
            damaged = tmp_path / f"{number}-{file.name}"
            damaged.write_bytes(content)
            outcome, said = fuzz.tried(route, damaged, lamost if "lamost" in file.parts else apogee)
            found[outcome] += 1
            assert outcome in ("read", "listed", "refused"), (route, file.name, kind, outcome, said)
            assert "\n" not in said.strip(), (route, file.name, kind, said)
            damaged.unlink()
    assert set(found) >= {"listed", "refused"}


@pytest.mark.parametrize(
    "card", ["NAXIS   = 2000000000", "NAXIS1  = -5", "PCOUNT  = -1000000", "TFIELDS = 99999999"]
)
def test_sizes_that_would_be_counted_for_ever(tmp_path, card):
    from astropy.io import fits

    from luxjax.core import InputError
    from luxjax.surveys import read

    table = fits.BinTableHDU.from_columns([fits.Column("FLUX", "E", array=[1.0, 2.0])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "x.fits")
    raw = (tmp_path / "x.fits").read_bytes()
    at = raw.rindex(card[:8].encode())
    (tmp_path / "x.fits").write_bytes(raw[:at] + card.ljust(80).encode() + raw[at + 80 :])
    with pytest.raises(InputError, match="damaged FITS header"):
        read(tmp_path / "x.fits")
