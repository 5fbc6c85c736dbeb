"""What tells the stars of a table: their names in the surveys of several missions, and where they are."""

import numpy as np
import pandas as pd

from ...core import InputError
from ...data.internal import find_star_columns, star_identifiers
from ..catalogs._stars import standard_columns

__all__ = ["IDS", "MISSIONS", "OWN", "completed", "keys_of_labels", "missions_of", "names_in", "star_keys"]

IDS = ("gaia_dr3", "gaia_dr2", "tmass_id")
MISSIONS = {
    "kic": ("kic", "kic_id", "kepid", "kepler_id", "kepler id"),
    "tic": ("tic", "ticid", "tic_id"),
}
OWN = ("id", "star", "sobject_id", "obsid")  # columns with a star's name in its own table
PLACE = ("ra", "dec", "pmra", "pmdec", "epoch")


def star_keys(table: pd.DataFrame | None, ids: np.ndarray) -> pd.DataFrame:
    """One row for each star: ``name`` and what else it is called, identifiers and position under standard names."""
    frame = pd.DataFrame(table).reset_index(drop=True)
    column = find_star_columns(frame.columns)
    known: dict[str, np.ndarray] = {"name": np.asarray(ids, str)}
    known |= {f"name {c}": _text(frame[c]) for c in frame.columns if str(c).lower() in OWN}
    known |= missions_of(frame, ids) | star_identifiers(frame, column)
    if "tmass_id" not in known:  # APOGEE names its stars by them
        known |= star_identifiers(pd.DataFrame({"tmass_id": ids}), {"tmass_id": "tmass_id"})
    known = {key: v for key, v in known.items() if key == "name" or (v != np.zeros((), v.dtype)).any()}
    if {"ra", "dec"} <= set(column):
        places = standard_columns(frame, ids)
        known |= {key: places[key].to_numpy() for key in PLACE if key in places}
    return pd.DataFrame(known)


def missions_of(frame: pd.DataFrame, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers of the input catalogues of Kepler and TESS, as text, empty where there is none; kinds that no row has are left out."""
    lower = {str(c).lower(): c for c in reversed(list(frame.columns))}
    out = {}
    for key, names in MISSIONS.items():
        found = _digits(pd.Series(np.asarray(ids, str)), rf"(?i)^{key}[\s_-]*0*([1-9]\d*)$")
        column = next((lower[n] for n in names if n in lower), None)
        if column is not None:
            text = pd.Series(_text(frame[column]))
            found = np.where(
                found == "", _digits(text, rf"(?i)^(?:{key})?[\s_-]*0*([1-9]\d*)(?:\.0)?$"), found
            )
        if (found != "").any():
            out[key] = found
    return out


def names_in(keys: pd.DataFrame) -> list[str]:
    """Those columns of keys that are names in a table's own words."""
    return [c for c in keys.columns if c.split()[0] == "name"]


def completed(left: pd.DataFrame, right: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Keys of the left and what the right knows of the same stars; `rows` are those of the right, -1 for none."""
    has, out = rows >= 0, left.copy()
    for key in (*IDS, *MISSIONS):
        if key not in right:
            continue
        more = right[key].to_numpy()
        none = 0 if more.dtype.kind in "iu" else ""
        own = out[key].to_numpy() if key in out else np.full(len(out), none, more.dtype)
        out[key] = np.where(has & (own == none), more[np.maximum(rows, 0)], own)
    for name in names_in(right):
        new = f"name {len(names_in(out))}"
        out[new] = np.where(has, right[name].to_numpy()[np.maximum(rows, 0)], "")
    if "ra" not in out and {"ra", "dec"} <= set(right):
        for key in (k for k in PLACE if k in right):
            out[key] = right[key].to_numpy(object)[np.maximum(rows, 0)]
            out.loc[~has, key] = np.nan
            out[key] = out[key].infer_objects()
    return out


def keys_of_labels(table: pd.DataFrame | None, ids: np.ndarray) -> pd.DataFrame:
    """As `star_keys`, where the table may have identifiers or positions that cannot be used: whoever joined by them was told."""
    try:
        return star_keys(table, ids)
    except InputError:
        return star_keys(None, ids)


def _text(column: pd.Series) -> np.ndarray:
    return column.astype("string").fillna("").str.strip().to_numpy(str)


def _digits(text: pd.Series, pattern: str) -> np.ndarray:
    return text.str.extract(pattern)[0].fillna("").to_numpy(str)
