"""What catalogues call the columns that tell one star from another, and when their positions hold."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...core import check_name
from ...system.internal import lazy_import
from .._sky import numbers
from ._identifiers import gaia_ids, tmass_ids

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["EPOCH", "IDENTIFIERS", "STAR_COLUMNS", "UNITS", "epochs", "find_star_columns", "star_identifiers"]

IDENTIFIERS = ("gaia_dr3", "gaia_dr2", "tmass_id")
# By the standard name, most wanted first; matched whatever their case.
STAR_COLUMNS = {
    "gaia_dr3": (
        *("gaia_dr3", "dr3_source_id", "gaiadr3_source_id", "gaiaedr3_source_id", "gaia_dr3_source_id"),
        *("gaia_edr3", "edr3_source_id", "gaia_edr3_source_id", "gaiadr3_id", "gaiadr3"),
    ),
    "gaia_dr2": ("gaia_dr2", "dr2_source_id", "gaiadr2_source_id", "gaia_dr2_source_id", "gaiadr2"),
    # Of a release that the value or the epoch must tell.
    "gaia": ("gaia", "gaia_id", "gaia_source_id", "source_id", "designation"),
    "tmass_id": ("tmass_id", "star_id", "apogee_id", "2mass", "2mass_id", "tmass", "twomass_id", "ap_id"),
    "ra": ("ra", "ra_icrs", "ra_dr2", "raj2000", "_raj2000", "radeg", "ra_deg", "ra_obs"),
    "dec": ("dec", "dec_icrs", "dec_dr2", "dej2000", "_dej2000", "dedeg", "dec_deg", "dec_obs"),
    "pmra": ("pmra", "pm_ra", "gaiaedr3_pmra", "pmra_dr2"),
    "pmdec": ("pmdec", "pm_dec", "gaiaedr3_pmdec", "pmdec_dr2"),
    "epoch": ("epoch", "ref_epoch"),
}
UNITS = {"ra": "deg", "dec": "deg", "pmra": "mas / yr", "pmdec": "mas / yr", "epoch": "yr"}
# Julian years to which positions of Gaia's releases belong; 2MASS observed from 1997 to 2001.
EPOCH = {"gaia_dr3": 2016.0, "gaia_dr2": 2015.5, "tmass_id": 2000.0}
_OF_2MASS = ("apogee_id", "2mass", "2mass_id", "ap_id")


def find_star_columns(columns: Iterable, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Columns of a table by their standard names; those `given` first."""
    columns = list(columns)
    lower = {str(c).lower(): c for c in reversed(columns)}
    for name in given or {}:
        check_name("standard column", name, [c for c in STAR_COLUMNS if c != "gaia"])
    found = {k: next((lower[n] for n in names if n in lower), None) for k, names in STAR_COLUMNS.items()}
    return {k: c for k, c in (found | dict(given or {})).items() if c is not None}


def star_identifiers(frame: "pd.DataFrame", column: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Identifiers of the rows by kind, (row,) each: Gaia DR3, Gaia DR2 and 2MASS. Those of two releases of Gaia never meet.

    A text that names its release, such as ``Gaia DR2 5``, counts for that release in whatever column it stands.
    """
    out: dict[str, np.ndarray] = {}
    for key in ("gaia_dr3", "gaia_dr2"):
        release = key.removeprefix("gaia_")
        found = [
            gaia_ids(frame[column[c]], release, own=c == key)
            for c in (key, "gaia_dr3", "gaia_dr2", "gaia")
            if c in column
        ]
        if "gaia" in column and "epoch" in column and pd.api.types.is_integer_dtype(frame[column["gaia"]]):
            dated = numbers(frame[column["epoch"]]) == EPOCH[key]
            found.append(np.where(dated, gaia_ids(frame[column["gaia"]], release), 0))
        known = [ids for ids in found if ids.any()]
        if known or key in column:
            ids = found[0].copy()
            for more in found[1:]:
                ids = np.where(ids == 0, more, ids)
            out[key] = ids
    if "tmass_id" in column:
        out["tmass_id"] = tmass_ids(frame[column["tmass_id"]])
    return out


def epochs(frame: "pd.DataFrame", column: Mapping[str, str]) -> np.ndarray:
    """Julian year of every position, NaN where nothing tells it, (row,).

    Without a column of epochs: that of Gaia DR2 where the column of positions says so, that of 2MASS in a table of 2MASS
    designations such as APOGEE's, that of the release of Gaia in a table with its identifiers and proper motions.
    """
    if "epoch" in column:
        return numbers(frame[column["epoch"]])
    year = np.nan
    if str(column.get("ra", "")).lower() == "ra_dr2":
        year = EPOCH["gaia_dr2"]
    elif str(column.get("tmass_id", "")).lower() in _OF_2MASS:
        year = EPOCH["tmass_id"]
    elif "pmra" in column:
        year = next((EPOCH[k] for k in ("gaia_dr3", "gaia_dr2") if k in column), np.nan)
    elif "tmass_id" in column and not {"gaia_dr3", "gaia_dr2", "gaia"} & set(column):
        year = EPOCH["tmass_id"]
    return np.full(len(frame), year)
