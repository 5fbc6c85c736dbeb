"""Identifiers and positions as catalogues have them: releases of Gaia that never meet, epochs, sexagesimal text."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from luxjax.core import InputError
from luxjax.data import crossmatch, same_star

GAIA = 2584290038276303745
ARCSEC = 1 / 3600


def pairs(match):
    return list(zip(match.left.tolist(), match.right.tolist(), match.how.tolist(), strict=True))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"gaia_dr3": ["Gaia DR2 5"]}, {"gaia_dr3": ["Gaia DR3 5"]}),
        ({"gaia_dr3": [5]}, {"gaia_dr2": [5]}),
        ({"dr2_source_id": [5]}, {"dr3_source_id": [5]}),
        ({"gaia_dr2": ["5"]}, {"gaia_dr2": ["Gaia EDR3 5"]}),
        ({"designation": ["Gaia DR2 5"]}, {"gaia_dr3": [5]}),
        ({"source_id": [5], "ref_epoch": [2015.5]}, {"source_id": [5], "ref_epoch": [2016.0]}),
    ],
)
def test_ids_of_two_releases_of_gaia_never_meet(left, right):
    far = {"ra": [1.0], "dec": [1.0]}, {"ra": [9.0], "dec": [1.0]}
    match = crossmatch(pd.DataFrame(left | far[0]), pd.DataFrame(right | far[1]), allow_empty=True)
    assert len(match) == 0


@pytest.mark.parametrize(
    ("left", "right", "how"),
    [
        ({"gaia_dr3": ["Gaia EDR3 5"]}, {"GAIAEDR3_SOURCE_ID": [5]}, "gaia_dr3"),
        ({"gaia_dr2": ["gaiadr2_5"]}, {"dr2_source_id": ["5"]}, "gaia_dr2"),
        ({"designation": ["Gaia DR3 5"]}, {"gaiadr3_source_id": [5]}, "gaia_dr3"),
        ({"source_id": [GAIA], "ref_epoch": [2016.0]}, {"gaia_dr3": [str(GAIA)]}, "gaia_dr3"),
        ({"APOGEE_ID": ["2M08482003+1114207"]}, {"star_id": ["08482003+1114207"]}, "tmass_id"),
        ({"2MASS": ["J08482003+1114207"]}, {"tmass_id": ["08482003+1114207"]}, "tmass_id"),
        ({"RAJ2000": [10.0], "DEJ2000": [5.0]}, {"ra_dr2": [10.0], "dec_dr2": [5.0]}, "position"),
        ({"ra": ["00:40:00"], "dec": ["+05 00 00"]}, {"ra": [10.0], "dec": [5.0]}, "position"),
        ({"ra": ["0h40m00.0s"], "dec": ["-0d30m00s"]}, {"ra": [10.0], "dec": [-0.5]}, "position"),
    ],
)
def test_columns_that_surveys_have(left, right, how):
    assert pairs(crossmatch(pd.DataFrame(left), pd.DataFrame(right))) == [(0, 0, how)]


def test_ids_that_are_none(rng):
    for values in (["9999999999999999999"], np.array([2**63 + 5], np.uint64), ["Gaia"]):
        with pytest.raises(InputError, match="should hold Gaia source ids"):
            crossmatch(pd.DataFrame({"gaia_dr3": values}), pd.DataFrame({"gaia_dr3": [5]}))
    good = crossmatch(
        pd.DataFrame({"gaia_dr3": np.array([GAIA], np.uint64)}), pd.DataFrame({"gaia_dr3": [str(GAIA)]})
    )
    assert len(good) == 1


@pytest.mark.parametrize("ra", [[np.nan], []])
def test_a_table_without_positions_says_so(ra):
    left = pd.DataFrame({"ra": ra, "dec": np.zeros(len(ra))})
    with pytest.raises(InputError, match="positions are known for 0 and 1 rows"):
        crossmatch(left, pd.DataFrame({"ra": [1.0], "dec": [1.0]}))


def test_positions_are_compared_at_one_epoch():
    """A star of 2 arcsec a year, in 2MASS (2000) and in Gaia DR3 (2016), 32 arcsec apart; another lies where it was."""
    moved = 5.0 + 32 * ARCSEC
    gaia = {
        "gaia_dr3": [1, 2],
        "ra": [10.0, 10.0],
        "dec": [moved, 5.0],
        "pmra": [0.0, 0.0],
        "pmdec": [2000.0, 0.0],
    }
    apogee = pd.DataFrame({"APOGEE_ID": ["2M00400000+0500000"], "RA": [10.0], "DEC": [5.0 + 0.2 * ARCSEC]})
    only = pd.DataFrame(gaia).iloc[:1]
    assert pairs(crossmatch(apogee, only)) == [(0, 0, "position")]
    assert crossmatch(apogee, only).separation_arcsec[0] == pytest.approx(0.2, abs=0.01)
    assert pairs(crossmatch(only, apogee)) == [(0, 0, "position")]
    plain = apogee.rename(columns={"APOGEE_ID": "star"})
    assert len(crossmatch(plain, only, allow_empty=True)) == 0  # nobody says when
    assert len(crossmatch(plain, only, left_epoch=2000.0)) == 1
    assert len(crossmatch(plain.assign(epoch=2000.0), only)) == 1
    both = crossmatch(apogee, pd.DataFrame(gaia), allow_empty=True)
    assert len(both) == 0  # two candidates at that epoch: not decided
    assert len(both.ambiguous) == 2


def test_epochs_near_the_pole_and_zero():
    left = pd.DataFrame({"ra": [359.9999], "dec": [0.0], "epoch": [2000.0], "pmra": [100.0], "pmdec": [0.0]})
    right = pd.DataFrame({"ra": [359.9999 + 1.6 * ARCSEC - 360], "dec": [0.0], "epoch": [2016.0]})
    assert crossmatch(left, right).separation_arcsec[0] == pytest.approx(0, abs=1e-3)
    pole = pd.DataFrame({"ra": [0.0], "dec": [89.9999]}), pd.DataFrame({"ra": [180.0], "dec": [89.9999]})
    assert crossmatch(*pole).separation_arcsec[0] == pytest.approx(0.72, abs=1e-3)


def test_repeats_by_either_release_of_gaia():
    table = pd.DataFrame({"gaia_dr2": [7, 7, 8, 0], "gaia_dr3": [0, 0, 7, 7]})
    assert same_star(table).tolist() == [0, 0, 1, 1]


def test_astropy_tables():
    left = Table({"ra": [10.0], "dec": [5.0]})
    assert len(crossmatch(left, left)) == 1
