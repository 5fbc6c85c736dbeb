"""Measurements of further instruments brought to the rows of spectra: every spectrum stays, and what was matched is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import cast

import numpy as np
import pandas as pd

from ...core import InputError
from ...core.internal import join_names, path_text
from ...data import LabelTable, Match, Measurements, Spectra, crossmatch
from ...data.internal import taken
from ..catalogs._join import exact_pairs
from ._keys import IDS, MISSIONS, completed, keys_of_labels, names_in, star_keys

__all__ = ["Instruments", "match_instruments"]

WORDS = {
    "gaia_dr3": "Gaia DR3 id",
    "gaia_dr2": "Gaia DR2 id",
    "tmass_id": "2MASS designation",
    "kic": "KIC number",
    "tic": "TIC number",
    "id": "own id",
    "position": "position",
}


@dataclass(frozen=True, eq=False)
class Instruments:
    """Measurements by output, with the rows of the spectra, and how they came there.

    Parameters
    ----------
    outputs : mapping of str to Measurements
    account : tuple of str
        One line for each instrument, and for what is left out of it.
    inconclusive : pandas.DataFrame
        Columns ``id`` and ``reason``: stars that have a row in an instrument, if it is theirs.
    """

    outputs: Mapping[str, Measurements] = field(default_factory=dict)
    account: tuple[str, ...] = ()
    inconclusive: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"id": [], "reason": []}, dtype=str)
    )

    def select(self, rows: np.ndarray) -> dict[str, Measurements]:
        """The outputs of these rows of the spectra."""
        return {name: output.select(rows) for name, output in self.outputs.items()}


def match_instruments(
    spectra: Spectra,
    read: Mapping[str, Mapping[str, Measurements]],
    sources: Mapping[str, str | Path | Measurements],
    labels: LabelTable | None = None,
    match: Match | None = None,
    like: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Instruments:
    """Bring what was `read`, by instrument and output, to the rows of the spectra; of outputs in `like`, the names there.

    Stars are known by all that the spectra, their `labels` (by their `match`) and the instruments before say of them.
    """
    if not read:
        return Instruments()
    stars, labelled = star_keys(spectra.table, spectra.ids), np.ones(len(spectra), bool)
    if labels is not None and match is not None:
        rows = np.full(len(spectra), -1)
        rows[match.left] = match.right
        stars = completed(stars, keys_of_labels(labels.table, labels.ids), rows)
        labelled = rows >= 0
    outputs, account, inconclusive = {}, [], [Instruments().inconclusive]
    for name, parts in read.items():
        first = next(iter(parts.values()))
        theirs = _keys(first)
        rows, how, doubtful = _pair(stars, theirs)
        if not (rows >= 0).any():
            raise InputError(_none_in_common(name, sources[name], stars, theirs, len(doubtful)))
        stars = completed(stars, theirs, rows)
        account.append(
            _told(name, len(first), rows, how, len(doubtful), None if labels is None else labelled)
        )
        inconclusive.append(
            doubtful.assign(id=spectra.ids[doubtful["left"]], reason=f"{name}: " + doubtful["reason"])
        )
        for output, part in parts.items():
            whole = replace(cast(Measurements, taken(part, rows, spectra.ids)), ids=spectra.ids)
            if output in like:
                kept, left_out = _same(output, whole, like[output]), list[str]()
            else:
                kept, left_out = _measured(output, whole, labelled, () if labels is None else labels.names)
            outputs[output] = kept
            account += [f"  {output}: {kept.noun}s {join_names(kept.names, 6)}", *left_out]
    return Instruments(outputs, tuple(account), pd.concat(inconclusive, ignore_index=True)[["id", "reason"]])


def _keys(measurements: Measurements) -> pd.DataFrame:
    """Keys of an instrument's rows. Whole numbers that name stars of Gaia are of DR3 where nothing says otherwise."""
    keys = star_keys(measurements.table, measurements.ids)
    known = {"gaia_dr3", "gaia_dr2"} & set(keys)
    if measurements.survey == "gaia" and not known and all(i.isdigit() for i in measurements.ids):
        keys["gaia_dr3"] = measurements.ids.astype(np.int64)
    return keys


def _pair(left: pd.DataFrame, right: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Row of the right and what matched for each row of the left (-1 and "" for none), and the pairs not decided."""
    rows, how = np.full(len(left), -1), np.full(len(left), "", object)
    free = [np.ones(len(side), bool) for side in (left, right)]
    doubtful = []
    steps = [[key for key in IDS if key in left and key in right]]
    steps += [[key] for key in MISSIONS if key in left and key in right]
    steps += [[key] for key in names_in(left)]
    steps += [["position"]] if "ra" in left and "ra" in right else []
    for keys in filter(None, steps):
        at = [np.flatnonzero(f) for f in free]
        if not all(map(len, at)):
            break
        match = _agreeing(
            _step(left.iloc[at[0]], right.iloc[at[1]], keys), left.iloc[at[0]], right.iloc[at[1]]
        )
        rows[at[0][match.left]] = at[1][match.right]
        how[at[0][match.left]] = match.how
        unclear = match.ambiguous
        unclear = unclear.assign(
            left=at[0][unclear["left"].to_numpy(int)], right=at[1][unclear["right"].to_numpy(int)]
        )
        doubtful.append(unclear)
        # What an identifier named is settled: a position must not pick one of several.
        free[0][at[0][match.left]] = free[1][at[1][match.right]] = False
        free[0][unclear["left"]] = free[1][unclear["right"]] = False
    found = [d for d in doubtful if len(d)]
    empty = pd.DataFrame({"left": np.zeros(0, int), "right": np.zeros(0, int), "reason": np.zeros(0, str)})
    return rows, how, pd.concat(found, ignore_index=True) if found else empty


def _step(left: pd.DataFrame, right: pd.DataFrame, keys: list[str]) -> Match:
    (first, *_) = keys
    if first in IDS or first == "position":
        return crossmatch(left, right, keys=keys, allow_empty=True)
    if first in MISSIONS:
        return exact_pairs(first, left[first].to_numpy(str), right[first].to_numpy(str))
    theirs = max(
        (exact_pairs("id", left[first].to_numpy(str), right[n].to_numpy(str)) for n in names_in(right)),
        key=len,
    )
    return theirs


def _agreeing(match: Match, left: pd.DataFrame, right: pd.DataFrame) -> Match:
    """A match without the pairs whose identifiers in other surveys differ, which are not decided then."""
    reason = np.full(len(match), "", object)
    for key in IDS:
        if key in left and key in right:
            a, b = left[key].to_numpy()[match.left], right[key].to_numpy()[match.right]
            none = 0 if a.dtype.kind in "iu" else ""
            reason[(a != none) & (b != none) & (a != b)] = f"{key} differs"
    bad = reason != ""
    pairs = match.to_frame()
    unclear = pd.concat([match.ambiguous, pairs[bad].assign(reason=reason[bad])], ignore_index=True)
    good = pairs[~bad]
    return replace(
        match,
        left=good["left"].to_numpy(int),
        right=good["right"].to_numpy(int),
        how=good["how"].to_numpy(object),
        separation_arcsec=good["separation_arcsec"].to_numpy(float),
        ambiguous=unclear if len(unclear) else match.ambiguous,
    )


def _same(output: str, found: Measurements, names: tuple[str, ...]) -> Measurements:
    """These measurements, as a model of such an output wants them."""
    if lacking := [n for n in names if n not in found.names]:
        raise InputError(
            f"output '{output}' has the measurements {join_names(names, 8)} in what the spectra are to be like; the table lacks {join_names(lacking, 8)}."
        )
    return found.only(*names)


def _measured(
    output: str, found: Measurements, labelled: np.ndarray, labels: tuple[str, ...]
) -> tuple[Measurements, list[str]]:
    """What a model can learn from: no label under another name, nothing that no star with labels has."""
    known = {name.lower() for name in labels}
    own = [n for n in found.names if n.lower() in known]
    rest = [n for n in found.names if n not in own]
    seen = np.isfinite(found.value[labelled]).any(axis=0)
    never = [n for n in rest if not seen[found.names.index(n)]]
    kept = [n for n in rest if n not in never]
    whose = "star with labels" if labels else "star"
    if not rest:
        raise InputError(
            f"all measurements of '{output}' are labels of this catalogue; give a table of others."
        )
    if not kept:
        raise InputError(
            f"no {whose} has any measurement of '{output}', so a model cannot learn from it; leave it out, or give a table of these stars."
        )
    told = [f"  {output}: {join_names(own)} left out, a label of this catalogue"] if own else []
    told += [f"  {output}: {join_names(never, 6)} left out, which no {whose} has"] if never else []
    return (found if len(kept) == len(found.names) else found.only(*kept)), told


def _told(
    name: str, n_rows: int, rows: np.ndarray, how: np.ndarray, doubtful: int, labelled: np.ndarray | None
) -> str:
    has = rows >= 0
    by = [f"{int((how == key).sum())} by {word}" for key, word in WORDS.items() if (how == key).any()]
    line = f"{name}: {has.sum()} of {len(rows)} stars have one of its {n_rows} rows ({', '.join(by)})"
    line += (
        "" if labelled is None else f", {int((has & labelled).sum())} of {int(labelled.sum())} with labels"
    )
    return line + (f"; {doubtful} pairs not decided" if doubtful else "")


def _none_in_common(
    name: str, source: str | Path | Measurements, left: pd.DataFrame, right: pd.DataFrame, doubtful: int
) -> str:
    what = "the measurements" if isinstance(source, Measurements) else path_text(source)
    unclear = f" {doubtful} pairs could not be decided." if doubtful else ""
    return (
        f"no star of the spectra is in {what} ('{name}'): the spectra have {_known(left)}, it has {_known(right)}.{unclear} Give a table of the same stars with "
        "an identifier or a position (ra, dec) that both have, or name a label catalogue or a table of Gaia first that has both."
    )


def _known(keys: pd.DataFrame) -> str:
    """What tells the stars, in words."""
    words = [word for key, word in WORDS.items() if key in keys] + (["position"] if "ra" in keys else [])
    return " and ".join([f"ids such as {keys['name'].iloc[0]}", *(f"a {w}" for w in words)])
