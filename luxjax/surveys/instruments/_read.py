"""Measurements from a file: a table of Gaia, BP and RP spectra, seismic results, or columns with their errors in pairs."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError
from ...core.internal import identifiers, join_names, path_text
from ...data import Measurements
from ...data.internal import STAR_COLUMNS, find_star_columns
from ..catalogs._catalogs import read_catalog
from ._keys import MISSIONS, OWN, missions_of

__all__ = ["also_of", "read_instrument"]

SEISMIC = {"id", "accepted", "nu_max", "log_nu_max_err", "granulation", "granulation_err"}
PARALLAX = ("parallax", "plx")
# Where a star is and how it moves says nothing of what it is.
PLACES = {name for key in ("ra", "dec", "pmra", "pmdec", "epoch") for name in STAR_COLUMNS[key]}
PLACES |= {"de_icrs", "pmde", "pm", "glon", "glat", "l", "b"}


def also_of(given: object, taken: tuple[str, ...]) -> dict[str, str | Path | Measurements]:
    """Instruments by name as `IngestOptions` takes them; `taken` are the names of spectra and labels."""
    if not isinstance(given, Mapping | None):
        raise InputError(
            f"also is a mapping of name to a path or Measurements, such as {{'photometry': 'gaia.csv'}}; given: {given!r}."
        )
    for name, source in (given or {}).items():
        if not isinstance(name, str) or not name or name in taken:
            raise InputError(
                f"the name of another instrument is text other than {' and '.join(taken)}; given: {name!r}."
            )
        if not isinstance(source, str | Path | Measurements):
            raise InputError(f"also '{name}' is a path or Measurements; given: {source!r}.")
        if isinstance(source, Measurements) and source.whitening is not None:
            raise InputError(f"also '{name}' is whitened already; give the measurements as they were made.")
    return dict(given or {})


def read_instrument(name: str, source: str | Path | Measurements) -> dict[str, Measurements]:
    """Outputs by name. All have the same rows; their tables have what tells the stars.

    The first of photometry, parallax and other columns that a table has is called `name`, the others
    ``<name>_parallax`` and ``<name>_other``.
    """
    if isinstance(source, Measurements):
        _refuse_repeated(source.ids, f"also '{name}'")
        return {name: source}
    path = Path(source)
    if not path.is_file():
        raise InputError(f"there is no file {path_text(path)} for also '{name}'; check the path.")
    found = _of_gaia(path) or _of_columns(path)
    # The first output is the instrument itself.
    named = {name if k == 0 else f"{name}_{kind}": m for k, (kind, m) in enumerate(found.items())}
    if not len(named[name]):
        raise InputError(f"{path_text(path)} has no rows; give a table of stars for also '{name}'.")
    return {key: dataclasses.replace(m, table=_storable(m.table)) for key, m in named.items()}


def _of_gaia(path: Path) -> dict[str, Measurements]:
    """Outputs of a table of Gaia's archive by kind; none where it is another."""
    from ...photometry import read_gaia_sources
    from ...photometry.internal import is_xp, read_gaia_table, xp_measurements

    try:
        frame = read_gaia_table(path)
    except InputError:  # of another kind; whoever reads it next says what is wrong with it
        return {}
    lower = {str(c).lower() for c in frame.columns}
    if is_xp(frame):
        xp = xp_measurements(frame, path_text(path))
        return {"xp": dataclasses.replace(xp, table=pd.concat([_stars(frame), xp.table], axis=1))}
    if "source_id" not in lower or not (
        "phot_g_mean_mag" in lower or {"parallax", "parallax_error"} <= lower
    ):
        return {}
    plain = _storable(frame)
    found, stars = read_gaia_sources(plain), _stars(plain)
    if "parallax" in found:
        table = pd.concat([stars, found["parallax"].table], axis=1)
        found["parallax"] = dataclasses.replace(found["parallax"], table=table)
    if "photometry" in found:
        rest = [c for c in plain.columns if c not in stars and str(c).lower() != "source_id"]
        table = pd.concat([stars, plain[rest]], axis=1)
        found["photometry"] = dataclasses.replace(found["photometry"], table=table)
    others = _pairs(plain, next(iter(found.values())).ids, stars)
    return found | {kind: m for kind, m in others.items() if kind not in found}


def _stars(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that tell stars of Gaia: its ids under the name of their release, DR3 where nothing says otherwise."""
    kept = find_star_columns(frame.columns)
    source = next(c for c in frame.columns if str(c).lower() == "source_id")
    said = (
        str(frame[designation].iloc[0])
        if (designation := _column(frame, "designation")) and len(frame)
        else ""
    )
    old = "DR2" in said or (
        "epoch" in kept and bool((pd.to_numeric(frame[kept["epoch"]], errors="coerce") == 2015.5).all())
    )
    release = "gaia_dr2" if old else "gaia_dr3"
    own = [c for c in frame.columns if str(c).lower() in OWN]
    others = [c for key, c in kept.items() if key != "gaia" and c != source]
    stars = frame[list(dict.fromkeys([*own, *others, *_mission_columns(frame)]))]
    return stars if release in kept else stars.assign(**{release: frame[source]})


def _of_columns(path: Path) -> dict[str, Measurements]:
    """Outputs of any other table by kind."""
    frame = read_catalog(path)
    if {str(c) for c in frame.columns} >= SEISMIC:
        return {"seismic": _seismic(frame, path)}
    ids = _ids(frame)
    _refuse_repeated(ids, path_text(path))
    found = _pairs(frame, ids, frame)
    if not found:
        raise InputError(
            f"{path_text(path)} holds no measurements that are known: give a table of Gaia's archive (source_id with phot_g_mean_mag or parallax), its BP and RP "
            "spectra, a table that luxjax lightcurve wrote, or columns with errors in pairs such as J and J_err (or e_J); "
            f"it has {join_names(frame.columns, 8)}."
        )
    return found


def _seismic(frame: pd.DataFrame, path: Path) -> Measurements:
    """The stars of a table of `luxjax lightcurve` that were accepted."""
    from ...lightcurves import seismic_measurements

    accepted = frame["accepted"].astype(str).str.strip().str.lower().isin(("true", "t", "1", "1.0"))
    kept = frame[accepted.to_numpy()].reset_index(drop=True)
    if not len(kept):
        raise InputError(f"{path_text(path)} has {len(frame)} stars, none of which was accepted.")
    ids = identifiers("column 'id'", kept["id"])
    _refuse_repeated(ids, path_text(path))
    survey = "tess" if all(i.upper().startswith("TIC") for i in ids) else "kepler"
    return seismic_measurements(kept.assign(accepted=True), survey=survey)


def _pairs(frame: pd.DataFrame, ids: np.ndarray, table: pd.DataFrame) -> dict[str, Measurements]:
    """Columns NAME that have NAME_err or e_NAME; a parallax apart, on its own scale."""
    from ...photometry import parallax_scale

    lower = {str(c).lower(): c for c in frame.columns}
    error = {}
    for low, column in lower.items():
        stated = next((lower[e] for e in (f"{low}_err", f"e_{low}") if e in lower), None)
        if stated is not None and low not in PLACES:
            error[str(column)] = str(stated)
    plx = next((c for c in error if c.lower() in PARALLAX), None)
    others = [c for c in error if c != plx]
    found = {}
    if others:
        made = Measurements.from_frame(
            frame.assign(_ids=ids), id_column="_ids", columns=others, errors={c: error[c] for c in others}
        )
        found["other"] = dataclasses.replace(made, table=table)
    if plx is not None:
        made = parallax_scale(frame[plx], frame[error[plx]], ids, survey="")
        found["parallax"] = dataclasses.replace(made, table=table)
    return found


def _ids(frame: pd.DataFrame) -> np.ndarray:
    """One name for every row, by the most telling column of identifiers; the number of the row where it has none."""
    stars = find_star_columns(frame.columns)
    own = next((c for c in (_column(frame, n) for n in OWN) if c), None)
    catalogued = next((stars[k] for k in ("gaia_dr3", "gaia_dr2", "gaia") if k in stars), None)
    rows = np.array([f"row {k}" for k in range(1, len(frame) + 1)])
    if own or catalogued:
        found = identifiers(f"column '{own or catalogued}'", frame[own or catalogued], optional=True)
    elif known := missions_of(frame, rows):
        key, numbers = next(iter(known.items()))
        found = np.where(numbers == "", "", np.char.add(f"{key.upper()} ", numbers))
    elif "tmass_id" in stars:
        found = identifiers(f"column '{stars['tmass_id']}'", frame[stars["tmass_id"]], optional=True)
    else:
        return rows
    return np.where(found == "", rows, found)


def _column(frame: pd.DataFrame, name: str) -> str | None:
    return next((c for c in frame.columns if str(c).lower() == name), None)


def _mission_columns(frame: pd.DataFrame) -> list[str]:
    names = {n for known in MISSIONS.values() for n in known}
    return [c for c in frame.columns if str(c).lower() in names]


def _refuse_repeated(ids: np.ndarray, what: str) -> None:
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        raise InputError(
            f"{what} has identifiers more than once: {join_names(unique[counts > 1])}. Keep one row of each star."
        )


def _storable(table: pd.DataFrame | None) -> pd.DataFrame:
    """The table without columns of arrays; whole numbers and truths in types that can be missing."""
    frame = pd.DataFrame(table)
    known = frame.loc[:, [not _arrays(frame[c]) for c in frame.columns]]
    kinds = {c: "Int64" for c in known if known[c].dtype.kind in "iu"}
    kinds |= {c: "boolean" for c in known if known[c].dtype.kind == "b"}
    return known.astype(kinds)


def _arrays(column: pd.Series) -> bool:
    return column.dtype == object and any(isinstance(v, np.ndarray | list | tuple) for v in column)
