import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.surveys import read_lamost
from luxjax.surveys.formats._lamost_files import lamost_headers
from luxjax.surveys.internal import parse_subclass

from ..fixtures import write_lamost, write_lamost_mrs, write_lamost_table

N = 3909


def write(path, value=1.0, n=N, **header):
    header = {"SNRG": 30.0, "RA": 10.0, "DEC": 20.0} | header
    return write_lamost(path, np.full(n, value), np.full(n, 4.0), **header)


def test_bad_files_are_listed_and_the_good_ones_complete(tmp_path):
    good = [
        write(tmp_path / "a.fits", 1.0, RA=1.0),
        write(tmp_path / "b.fits", 2.0, n=3892, RA=2.0, gz=True),
        write_lamost_table(tmp_path / "c.fits", np.full(3908, 3.0), np.ones(3908), RA=3.0),
    ]
    (tmp_path / "corrupt.fits").write_bytes(b"no fits at all")
    whole = write(tmp_path / "whole.fits").read_bytes()
    (tmp_path / "truncated.fits").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "whole.fits").unlink()
    write(tmp_path / "short.fits", n=100)
    write_lamost(tmp_path / "masked.fits", np.ones(N), np.zeros(N), Z=0.0)
    write(tmp_path / "no_z.fits", Z=-9999.0)
    write(tmp_path / "no_z_either.fits", Z=-9999)
    write(tmp_path / "unknown.fits", CLASS="Unknown", SUBCLASS="Non")
    write(tmp_path / "shifted.fits", COEFF0=3.6)
    write_lamost_mrs(tmp_path / "med.fits", 1.0)
    found = read_lamost(tmp_path)
    reasons = {p.split("/")[-1].split(".")[0]: r for p, r in found.problems.itertuples(index=False)}
    expected = {
        "corrupt": "not a FITS file",
        "truncated": "truncated",
        "short": "wrong length: 100 pixels",
        "masked": "every pixel is masked",
        "no_z": "no redshift",
        "no_z_either": "no redshift",
        "unknown": "class 'Unknown', subclass 'Non'",
        "shifted": "not on the low-resolution grid",
        "med": "a medium-resolution spectrum (100 pixels)",
    }
    assert set(reasons) == set(expected)
    for name, text in expected.items():
        assert text in reasons[name]
    s = found.spectra
    assert len(s) == len(good)
    np.testing.assert_array_equal(np.sort(s.flux[:, 0]), [1, 2, 3])
    np.testing.assert_array_equal(np.sort(s.good.sum(axis=1)), [3892, 3908, N])
    assert set(s.table["main"]) == {"G"}
    with pytest.raises(InputError, match=r"none of 1 files can be used.*wrong length"):
        read_lamost([tmp_path / "short.fits"])
    with pytest.raises(InputError, match="is no folder"):
        read_lamost(tmp_path / "absent")


def test_several_folders_and_files(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    write(tmp_path / "a" / "x.fits", RA=1.0)
    write(tmp_path / "b" / "y.fits", RA=2.0)
    third = write(tmp_path / "z.fits", RA=3.0)
    found = read_lamost([tmp_path / "a", tmp_path / "b", third, tmp_path / "a" / "x.fits"])
    assert [Path(f).name for f in found.spectra.table["file"]] == ["x.fits", "y.fits", "z.fits"]


def test_unknown_classes_can_be_kept(tmp_path):
    write(tmp_path / "a.fits", CLASS="Unknown", SUBCLASS="Non")
    kept = read_lamost(tmp_path, need_class=False).spectra.table
    assert (kept["main"][0], kept["subclass"][0]) == ("", "Non")


def test_repeats_by_position(tmp_path):
    for k, (snr, dec) in enumerate([(20.0, 20.0), (50.0, 20.0 + 1 / 3600), (30.0, 20.0), (10.0, 20.01)]):
        write(tmp_path / f"{k}.fits", float(k), SNRG=snr, DEC=dec, DESIG=f"LAMOST J{k}")  # its own each time
    every = read_lamost(tmp_path).spectra
    np.testing.assert_array_equal(every.table["star"], [0, 0, 0, 1])
    best = read_lamost(tmp_path, repeats="best").spectra
    np.testing.assert_array_equal(best.flux[:, 0], [1, 3])


def test_subclasses_in_parts():
    raw = [
        "A7V",
        "G5",
        "dM1",
        "gM0",
        "sdK7",
        "A2IV",
        "F0III",
        "B",
        "M4.5VI",
        "Non",
        "WD",
        "Carbon",
        "DoubleStar",
        "OB",
        "EM",
    ]
    got = parse_subclass(raw)
    assert list(got["raw"]) == raw
    assert list(got["main"]) == ["A", "G", "M", "M", "K", "A", "F", "B", "M", *[""] * 6]
    np.testing.assert_array_equal(got["subtype"][:9], [7, 5, 1, 0, 7, 2, 0, np.nan, 4.5])
    assert list(got["luminosity"]) == ["V", "", "V", "III", "VI", "IV", "III", "", "VI", *[""] * 6]


def test_headers_have_one_row_per_file(tmp_path):
    paths = [
        write(tmp_path / "a.fits", MAG1=16.5, MAG2=99.0, Z=-9999),
        write(tmp_path / "b.fits", SNRG=99.0, OBSID=None),
    ]
    (tmp_path / "c.fits").write_bytes(b"")
    frame = lamost_headers([*paths, tmp_path / "c.fits"])
    assert list(frame["file"]) == [str(tmp_path / f"{n}.fits") for n in "abc"]
    assert frame["mag1"][0] == 16.5
    assert frame[["mag2", "z"]].iloc[0].isna().all()
    assert frame["snrg"][1] == 99.0  # a good signal-to-noise ratio, not a missing magnitude
    assert pd.isna(frame["obsid"][1])
    assert list(frame["problem"] == "") == [True, True, False]
    assert frame.iloc[2].drop(["file", "problem"]).isna().all()


@pytest.mark.slow
def test_every_real_file(real_data):
    found = read_lamost(real_data / "lamost")
    n = len(list(real_data.glob("lamost/*/*.fits*")))
    assert len(found.spectra) + len(found.problems) == n > 366
    assert len(found.spectra) > 350
    # the survey's own groups of repeats
    groups = pd.read_csv(next(real_data.glob("lamost/lrs_dr8_repeats/*.csv")))
    names = {f.split("/")[-1]: g for f, g in zip(groups["combined_file"], groups["GroupID"], strict=True)}
    table = found.spectra.table
    group = table["file"].map(lambda f: names.get(f.split("/")[-1]))
    repeated = table.assign(group=group).dropna(subset=["group"])
    assert len(repeated) > 140
    assert (repeated.groupby("group")["star"].nunique() == 1).all()
    assert repeated["group"].nunique() == repeated["star"].nunique()


def test_cut_real_file(real_data, tmp_path):
    source = next(real_data.glob("lamost/lrs_dr5/*.fits.gz"))
    shutil.copy(source, tmp_path / source.name)
    cut = tmp_path / f"cut-{source.name}"
    cut.write_bytes(source.read_bytes()[:20000])
    found = read_lamost(tmp_path, need_class=False, min_good=0.1)
    assert len(found.spectra) == 1
    assert "truncated" in found.problems["reason"][0]
