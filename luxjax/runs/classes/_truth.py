"""Classes to train on out of a table: joined to the spectra star by star, with all that is lost said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import InputError
from ...core.internal import join_names
from ...data import crossmatch, same_star
from ...stats.internal import star_means
from ...surveys.internal import StarRows, read_classes, standard_columns
from ._data import ClassData

__all__ = ["RADIUS", "TRUTH", "join_rows", "truth_entry", "truth_lines", "with_truth"]

TRUTH = "truth table: "
"""How every reason begins for which a spectrum has no class of the table."""
NO_ROW, DISAGREE, CLOSE = "no row of this star", "rows of this star disagree", "not decided, "
RADIUS = 3.0  # arcsec: the diameter of a LAMOST fibre
# What a survey calls classes of stars: others of a table cannot agree or disagree with them.
LETTERS = tuple("OBAFGKM")


def with_truth(
    data: ClassData,
    truth: str | Path,
    truth_columns: Mapping[str, str] | None = None,
    *,
    match_radius: float = RADIUS,
) -> ClassData:
    """Take the classes from a table; those of the survey stay as ``survey_class`` and ``survey_subclass``.

    Rows are joined by the names of files (without folders), by obsid or by designation, whichever pairs most; where none does, by
    `luxjax.crossmatch`, with proper motions where both sides have an epoch. Spectra without a class of the table are left out, each with
    its reason.

    Parameters
    ----------
    data : ClassData
        Spectra and their features, as from `lamost_data` or `dataset_data` with ``need_class=False``.
    truth : path
        Any table that `luxjax.surveys.read_catalog` reads, with a column of spectral types, of classes or of SIMBAD's object types.
    truth_columns : mapping of str to str, optional
        What the table calls something: ``sp_type``, ``class`` or ``otype``, ``file``, ``obsid``, ``id``, ``ra``, ``dec``, ``gaia_dr3``, ...
    match_radius : float
        Largest separation of positions, arcsec; rows of the table within it are of one star.

    Raises
    ------
    InputError
        The table has no classes, or none of a star of these spectra.
    """
    table = read_classes(truth, truth_columns)
    of, star, reasons = join_rows(data, table.rows, match_radius)
    verdicts = _verdicts(table.classes, star)
    found = verdicts.reindex(of).reset_index(drop=True).fillna("")
    why = np.where(of >= 0, found["reason"], reasons)
    kept = (found["main"] != "").to_numpy() & (of >= 0)
    if not kept.any():
        most = pd.Series(why).value_counts().index[:3]
        raise InputError(f"'{truth}' has a class of no star of these spectra ({join_names(list(most))}).")
    own = data.table
    survey = {f"survey_{name}": own[name] for name in ("class", "subclass") if f"survey_{name}" not in own}
    new = {"class": found["main"], "subclass": found["subclass"], "luminosity": found["luminosity"]}
    lost = own.loc[~kept, ["file", "id"]].astype(str).assign(reason=[TRUTH + w for w in why[~kept]])
    joined = ClassData(
        data.features,
        own.assign(**survey, **{name: column.to_numpy(str) for name, column in new.items()}),
        pd.concat([data.left_out, lost], ignore_index=True),
        data.spectra,
    )
    return joined.select(kept)


def join_rows(data: ClassData, rows: StarRows, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The star of each spectrum, -1 for none; the star of each row of the table; and why a spectrum has none."""
    none = np.full(len(data.table), NO_ROW, object)
    tried = [_by_name(data.table[key], rows.keys[key], key) for key in map(str, rows.keys)]
    best = max(tried, key=lambda pair: int((pair[0] >= 0).sum()), default=None)
    if best is not None and (best[0] >= 0).any():
        return *best, none
    has_place = [{"ra", "dec"} <= set(side) for side in (data.table, rows.stars)]
    if not all(has_place):
        by = f" by its column {join_names(rows.keys)}" if len(rows.keys.columns) else ""
        without = "the spectra have" if not has_place[0] else "it has"
        raise InputError(
            f"no spectrum is in '{rows.where}'{by}, and {without} no positions (ra, dec) to match by; name the columns of a table that "
            "has obsid, file or id of these spectra, or positions of both."
        )
    return _by_position(data.table, rows.stars, radius)


def _by_name(own: pd.Series, given: pd.Series, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Stars by one name: of the spectra, and of the rows of the table."""
    own, given = own.astype(str).str.strip(), given.astype(str).str.strip()
    if key == "file":
        own, given = (
            c.map(lambda f: Path(f).name.removesuffix(".gz").removesuffix(".fits")) for c in (own, given)
        )
    star, names = pd.factorize(given.mask(given == ""))
    return pd.Index(names).get_indexer(pd.Index(own.mask(own == ""))), star


def _by_position(
    own: pd.DataFrame, stars: pd.DataFrame, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stars by identifiers and positions, and why the others are not matched: one row of a star against one of another."""
    first = own.drop_duplicates("id").reset_index(drop=True)
    left = standard_columns(first.drop(columns="id"), first["id"].to_numpy())
    star = same_star(stars, radius_arcsec=radius)
    rows = np.unique(star, return_index=True)[1]
    match = crossmatch(left, stars.iloc[rows], radius_arcsec=radius, allow_empty=True)
    found, why = np.full(len(first), -1), np.full(len(first), NO_ROW, object)
    close = match.ambiguous["left"].to_numpy(int)
    why[close] = [CLOSE + str(reason) for reason in match.ambiguous["reason"]]
    found[match.left] = star[rows[match.right]]
    of = pd.Index(first["id"]).get_indexer(pd.Index(own["id"]))
    return found[of], star, why[of]


def _verdicts(rows: pd.DataFrame, star: np.ndarray) -> pd.DataFrame:
    """What the rows of each star say together: ``main``, ``subclass``, ``luminosity`` and ``reason``, by the number of the star."""
    rows = rows.assign(star=star)[["star", "main", "subclass", "luminosity", "reason"]]
    rows = rows[rows["star"] >= 0]
    usable = rows[rows["main"] != ""]
    names = usable.groupby("star")["main"].agg(lambda names: join_names(sorted(set(names))))
    several = usable.groupby("star")["main"].nunique() > 1
    first = pd.concat([usable, rows]).drop_duplicates("star").set_index("star")
    split = several.index[several]
    first.loc[split, ["main", "subclass", "luminosity"]] = ""
    first.loc[split, "reason"] = [f"{DISAGREE} ({names[k]})" for k in split]
    return first


def truth_entry(data: ClassData, seed: int = 0) -> dict[str, Any]:
    """What ``metrics.json`` says of classes from a table: what was lost, and how often the survey agrees; empty where they are the survey's own."""
    if "survey_class" not in data.table:
        return {}
    lost = data.left_out[data.left_out["reason"].str.startswith(TRUTH)]
    kinds = lost["reason"].str.removeprefix(TRUTH)
    counted = {
        "disagree": lost[kinds.str.startswith(DISAGREE)],
        "without_a_row": lost[kinds == NO_ROW],
        "not_decided": lost[kinds.str.startswith(CLOSE)],
    }
    entry: dict[str, Any] = {
        name: {"spectra": len(part), "stars": int(part["id"].nunique())} for name, part in counted.items()
    }
    entry["unusable"] = {"spectra": len(lost) - sum(len(part) for part in counted.values())}
    table, survey = data.table, data.table["survey_class"].astype(str)
    known = table["class"].isin(LETTERS).to_numpy() & survey.isin(LETTERS).to_numpy()
    if not known.any():
        return entry
    same = (survey == table["class"].astype(str)).to_numpy(float)[known]
    mean, draws = star_means(same[:, None], table["id"].to_numpy()[known], n_draws=1000, seed=seed)
    low, high = np.quantile(draws[:, 0], [0.025, 0.975])
    both = pd.crosstab(table["class"][known], survey[known])
    entry["agreement"] = {
        "value": float(mean[0]), "lower": float(low), "upper": float(high), "spectra": int(known.sum()),
        "stars": int(table["id"][known].nunique()), "table_then_survey": both.to_dict(orient="index"),
    }  # fmt: skip
    return entry


def truth_lines(entry: Mapping[str, Any]) -> list[str]:
    """The same in sentences, one a line; no line about what did not happen."""
    if not entry:
        return []
    said = {
        "disagree": "of which rows of the table disagree",
        "without_a_row": "without a row in the table",
        "not_decided": "near which are several rows or several stars",
    }
    lines = [
        f"left out: {_many(entry[name]['stars'], 'star', 'stars')} ({_many(entry[name]['spectra'])}) {words}"
        for name, words in said.items()
        if entry[name]["spectra"]
    ]
    if entry["unusable"]["spectra"]:
        lines.append(f"left out: {_many(entry['unusable']['spectra'])} whose row names no class")
    if "agreement" in entry:
        e = entry["agreement"]
        lines.append(
            f"the survey's own class agrees with the table for {e['value']:.3f} [{e['lower']:.3f}, {e['upper']:.3f}] of the {e['spectra']} spectra "
            f"({e['stars']} stars) for which both are of {join_names(LETTERS)}"
        )
    else:
        lines.append("the survey's own classes are of another kind, so there is no agreement to report")
    return lines


def _many(n: int, one: str = "spectrum", more: str = "spectra") -> str:
    return f"{n} {one if n == 1 else more}"
