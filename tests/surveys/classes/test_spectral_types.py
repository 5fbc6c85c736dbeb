"""Spectral types of the literature: which class each has, and which have none and why."""

import numpy as np
import pytest

from luxjax.surveys.classes._spectral_types import parse_spectral_types
from luxjax.surveys.internal import parse_subclass

CLASSES = {
    "G2V": "G", "K0III": "K", "A5mA7-F2": "A", "F5V+G": "F", "sdM1": "M", "DA2": "WD", "kA5hF0mF2": "F", "kA2mF0": "A", "F2Vm": "F",
    "G8/9V": "G", "K0III-IV": "K", "K2/K3III": "K", "A0/A1V": "A", "M3-M4V": "M", "B9pSi": "B", "M4.5Ve": "M", "F8VFe-0.7": "F", "G8:IIIw...": "G",
    "K2IIICN+?": "K", "A0 V (HB)": "A", "~G2": "G", "K0 III": "K", "G": "G", "Ap": "A", "Be": "B", "gM0": "M", "esdM1": "M", "A0V&K0": "A",
    "sdB1": "sdB", "sdO": "sdO", "sdOB": "sdB", "He-sdO": "sdO", "WD": "WD", "DZ7": "WD", "DA+M": "WD", "L5": "L", "T2": "T", "Y0": "Y",
    "C-N5": "C", "C5,4": "C", "R3": "C", "Carbon": "C", "S4/2": "S", "SC7": "S", "WN5": "WR", "WNs...": "WR", "WC8": "WR",
}  # fmt: skip
NONE = {
    "G8/K0III": "between G and K", "A7-F2": "between A and F", "K/M": "between K and M", "": "no spectral type", "nan": "no spectral type",
    "pec": "names no class", "Galaxy": "names no class", "AGN": "names no class", "None": "no spectral type", "Non": "names no class",
    "OB": "names no class", "MS": "names no class", "CV": "names no class", "SN": "names no class", "DoubleStar": "names no class",
    "DM1": "names no class", "Binary": "names no class", "Flat": "names no class", "8.6": "names no class",
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), CLASSES.items())
def test_a_type_has_its_class(given, expected):
    found = parse_spectral_types([given]).iloc[0]
    assert (found["main"], found["reason"]) == (expected, "")


@pytest.mark.parametrize(("given", "said"), NONE.items())
def test_what_names_no_class_says_why(given, said):
    found = parse_spectral_types([given]).iloc[0]
    assert found["main"] == found["subclass"] == ""
    assert said in found["reason"]


def test_parts_of_a_type_are_kept():
    given = ["G2V", "K0 III", "B2Iab", "dM1", "sdM1", "M4.5Ve", "F5V+G", "DA2", "cF5", "G8III/IV", None]
    found = parse_spectral_types(given)
    assert found["subclass"].tolist() == ["G2V", "K0III", "B2I", "M1V", "M1VI", "M4.5V", "F5V", "", "F5I", "G8III", ""]  # fmt: skip
    assert found["luminosity"].tolist() == ["V", "III", "I", "V", "VI", "V", "V", "", "I", "III", ""]
    assert found["composite"].tolist() == [False] * 6 + [True] + [False] * 4
    again = parse_subclass(found["subclass"])["main"]  # finer levels read them as they read LAMOST's
    assert again.tolist() == ["G", "K", "B", "M", "M", "M", "F", "", "F", "G", ""]


@pytest.mark.slow
def test_types_of_real_libraries(real_data):
    """MILES and STELIB: what has no class is no type, a misprint, or between two classes."""
    odd = {"", "GB", "HB", "AGB", "07Ia", "08 Ib", "G8/K0III", "G8/K0IIIw."}
    for name, least in (("miles", 520), ("stelib", 140)):
        with np.load(real_data / "library" / name / f"{name}.npz", allow_pickle=False) as stored:
            types = stored["sptype"].astype(str)
        found = parse_spectral_types(types)
        assert (found["main"] != "").sum() >= least
        assert set(found["raw"][found["main"] == ""]) <= odd
