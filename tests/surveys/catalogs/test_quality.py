"""Quality cuts against hand-made catalogues whose good stars are known one by one."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, Table

from luxjax.core import InputError
from luxjax.surveys import apply_cuts, flag_names, presets
from luxjax.surveys.catalogs._quality import Cut, Preset, flag_bits

GOOD = {"ASPCAPFLAG": 0, "STARFLAG": 0, "EXTRATARG": 0, "SNR": 120.0, "FE_H_FLAG": 0, "MG_FE_FLAG": 0}


def apogee(*changes: dict) -> pd.DataFrame:
    """A catalogue with one good star, then one star per set of changes."""
    frame = pd.DataFrame([GOOD] + [GOOD | change for change in changes])
    flags = [c for c in frame if c != "SNR"]
    return frame.astype({c: np.int64 for c in flags})


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"ASPCAPFLAG": 1 << 23}, False),
        ({"ASPCAPFLAG": 1 << 31}, False),
        ({"ASPCAPFLAG": 1 << 7}, True),  # STAR_WARN
        ({"ASPCAPFLAG": 1 << 41}, True),  # MULTIPLE_SUSPECT
        ({"ASPCAPFLAG": (1 << 41) | (1 << 23)}, False),
        ({"STARFLAG": 1 << 0}, False),
        ({"STARFLAG": 1 << 3}, False),
        ({"STARFLAG": 1 << 18}, False),
        ({"STARFLAG": 1 << 22}, False),
        ({"STARFLAG": (1 << 9) | (1 << 2)}, True),
        ({"EXTRATARG": 1 << 4}, False),
        ({"EXTRATARG": 1 << 3}, True),
        ({"EXTRATARG": -9999}, False),
        ({"SNR": 50.0}, False),
        ({"SNR": 50.1}, True),
        ({"SNR": np.nan}, False),
        ({"SNR": -9999.0}, False),
        ({"FE_H_FLAG": 1}, False),
        ({"MG_FE_FLAG": 1}, True),  # costs the star one label, not its place
    ],
)
def test_apogee_dr17(change, kept):
    assert apply_cuts(apogee(change), "apogee-dr17").keep.tolist() == [True, kept]


def test_counts_alone_and_in_sequence():
    table = apogee({"SNR": 1.0}, {"SNR": 1.0, "STARFLAG": 1}, {"STARFLAG": 1, "ASPCAPFLAG": 1 << 23}, {})
    report = apply_cuts(table, "apogee-dr17")
    counts = report.counts.set_index("cut")
    assert counts["alone"].tolist() == [1, 2, 0, 2, 0]
    assert counts["remaining"].tolist() == [4, 3, 3, 2, 2]
    assert report.keep.tolist() == [True, False, False, False, True]
    assert "apogee-dr17: 2 of 5 stars kept" in str(report)
    assert "SNR > 50" in str(report)


def test_labels_are_judged_one_by_one():
    table = apogee({"MG_FE_FLAG": 32}, {"MG_FE_FLAG": 0})
    report = apply_cuts(table, "apogee-dr17", labels=["TEFF", "MG_FE"])
    assert report.keep.all()
    assert report.labels["TEFF"].tolist() == [True, True, True]
    assert report.labels["MG_FE"].tolist() == [True, False, True]
    assert "MG_FE: usable in 2 of them" in str(report)


def test_galah_dr3_recommendation():
    table = pd.DataFrame(
        {
            "flag_sp": [0, 0, 1, 0, 0],
            "flag_fe_h": [0, 1, 0, 0, 0],
            "flag_eu_fe": [0, 0, 0, 1, 0],
            "snr_c3_iraf": [40.0, 40, 40, 40, 30],
        }
    )
    report = apply_cuts(table, "galah-dr3", labels=["fe_h", "eu_fe"])
    assert report.keep.tolist() == [True, False, False, True, True]
    assert report.labels["eu_fe"].tolist() == [True, True, True, False, False]
    assert report.labels["fe_h"].all()


def test_galah_dr4_ignores_flag_fe_h():
    table = pd.DataFrame(
        {"flag_sp": [0, 1], "flag_fe_h": [1, 0], "flag_eu_fe": [0, 0], "snr_px_ccd3": [31.0, 31]}
    )
    report = apply_cuts(table, "galah-dr4", labels=["eu_fe"])
    assert report.keep.tolist() == [True, False]
    assert report.labels["eu_fe"].all()


def test_lux_limits_are_exclusive():
    row = {"teff": 4500.0, "logg": 2.0, "fe_h": 0.0, "mg_fe": 0.0} | {
        f"snr_c{k}_iraf": 30.0 for k in (1, 2, 3, 4)
    }
    changes = [
        {},
        {"teff": 3800.0},
        {"teff": 6000.0},
        {"logg": 3.5},
        {"fe_h": -2.0},
        {"mg_fe": 1.2},
        {"snr_c4_iraf": 20.0},
    ]
    keep = apply_cuts(pd.DataFrame([row | c for c in changes]), "lux-galah").keep
    assert keep.tolist() == [True] + [False] * 6


@pytest.mark.parametrize("limit", [10, 30, 50])
def test_lamost_limits(limit):
    table = pd.DataFrame({"snrg": [limit - 1.0, limit, limit + 1, 99.0, -9999.0]})
    assert apply_cuts(table, f"lamost-snr{limit}").keep.tolist() == [False, False, True, True, False]


def test_the_same_bits_mean_other_things_in_another_release():
    assert flag_names(1 | 2 | 1024, flag_bits("galah-dr3", "flag_sp")) == ("RUWE", "BROADENING", "GRID_LIMIT")
    assert flag_names(1 | 2 | 1024, flag_bits("galah-dr4", "flag_sp")) == ("EMISSION", "CCD_MISSING", "FE_H")
    assert flag_names(32, flag_bits("galah-dr3", "flag_eu_fe")) == ("NO_MEASUREMENT",)
    assert flag_names(16, flag_bits("galah-dr3", "flag_fe_h")) == ("NO_MEASUREMENT",)
    assert flag_names((1 << 41) | (1 << 23), flag_bits("apogee-dr17", "ASPCAPFLAG")) == (
        "STAR_BAD",
        "MULTIPLE_SUSPECT",
    )
    assert flag_names(1 << 4, flag_bits("apogee-dr17", "MG_FE_FLAG")) == ("PARAM_MISMATCH_BAD",)


@pytest.mark.parametrize("release", ["galah-dr3", "galah-dr4"])
def test_bits_of_galah_are_whole(release):
    bits = sorted(flag_bits(release, "flag_sp").values())
    assert bits == list(range({"galah-dr3": 11, "galah-dr4": 15}[release]))


def test_every_preset_is_usable_and_has_a_source():
    for name, preset in presets().items():
        assert preset.name == name
        assert preset.about
        assert preset.source
        columns = {c.column: np.zeros(2, dtype=np.int64) for c in preset.cuts}
        assert apply_cuts(columns, name).counts["cut"].is_unique


@pytest.mark.parametrize("kind", ["table", "masked", "record", "nullable", "text"])
def test_other_kinds_of_table(kind):
    flags = [0, 1 << 40, 1 << 23]
    preset = Preset(
        "mine", "apogee-dr17", (Cut("ASPCAPFLAG", without=("PROBLEM_TARGET",)), Cut("SNR", above=1.0))
    )
    snr = np.array([5.0, 5.0, 5.0], dtype=">f4")
    expected = [True, False, True]
    if kind == "table":
        table = Table({"ASPCAPFLAG": np.array(flags, dtype=">i8"), "SNR": snr, "PARAM": np.zeros((3, 9))})
    elif kind == "masked":
        table = Table({"ASPCAPFLAG": MaskedColumn(flags, mask=[0, 0, 1], dtype=np.int64), "SNR": snr})
        expected = [True, False, False]
    elif kind == "record":
        table = np.rec.fromarrays([np.array(flags, dtype=">i8"), snr], names=["ASPCAPFLAG", "SNR"])
    elif kind == "nullable":
        table = pd.DataFrame({"ASPCAPFLAG": pd.array([0, 1 << 40, None], dtype="Int64"), "SNR": [5.0] * 3})
        expected = [True, False, False]
    else:
        table = pd.DataFrame({"ASPCAPFLAG": [str(f) for f in flags], "SNR": ["5", "5", "5"]})
    assert apply_cuts(table, preset).keep.tolist() == expected


def test_missing_columns_are_all_named():
    with pytest.raises(InputError, match=r"columns FE_H_FLAG, MG_FE_FLAG, which the table does not have"):
        apply_cuts(apogee().drop(columns=["FE_H_FLAG", "MG_FE_FLAG"]), "apogee-dr17", labels=["MG_FE"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: apply_cuts(apogee(), "apogee"), "there is no quality preset 'apogee'"),
        (lambda: flag_bits("galah-dr5", "flag_sp"), "there is no release with flag tables 'galah-dr5'"),
        (lambda: flag_bits("galah-dr4", "flagsp"), "there is no flag column of galah-dr4 'flagsp'"),
        (
            lambda: apply_cuts(apogee(), Preset("x", "apogee-dr17", (Cut("STARFLAG", without=("BAD",)),))),
            "there is no bit of STARFLAG 'BAD'",
        ),
        (
            lambda: apply_cuts(apogee().astype({"STARFLAG": np.float32}), "apogee-dr17"),
            "must be integers; they came as float32",
        ),
        (lambda: apply_cuts(apogee().assign(STARFLAG=0.5), "apogee-dr17"), "must be integers"),
        (
            lambda: apply_cuts(
                Table({"SNR": np.zeros((2, 3))}), Preset("x", "lamost", (Cut("SNR", above=1),))
            ),
            "one value per star",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_real_galah_rows(real_data):
    table = pd.read_csv(real_data / "galah" / "catalogue" / "galah_dr3_allstar_m67_lite.csv")
    report = apply_cuts(table, "galah-dr3")
    expected = (table["flag_sp"] == 0) & (table["flag_fe_h"] == 0)
    assert report.keep.tolist() == expected.tolist()
    assert 400 < report.keep.sum() < len(table)
