"""A few spectra of a classifier's run, kept to be looked at: of each class the surest, the least sure and the surest error."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..core import InputError, listing
from ..data import Spectra
from ..surveys import read_lamost
from ._class_data import ClassData
from ._run import RunFolder

__all__ = ["ClassExamples", "choose_examples", "find_examples", "write_examples"]

FILE = "class_spectra.npz"


@dataclass(frozen=True, eq=False)
class ClassExamples:
    """Spectra at hand.

    Parameters
    ----------
    rows : (spectrum,) int array
        Row of each among the features of the run.
    wavelength : (pixel,) array
        Angstrom in vacuum, not at rest.
    flux, ivar : (spectrum, pixel) arrays
    z : (spectrum,) array
        Redshift.
    """

    rows: np.ndarray
    wavelength: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    z: np.ndarray


def choose_examples(judged: pd.DataFrame) -> np.ndarray:
    """Rows worth a look, (spectrum,): of each true class the surest right one, the least sure one and the surest error."""
    chosen: list[int] = []
    for _, part in judged.groupby("truth", sort=False):
        part = part.sort_values("probability")
        wrong = part[part["class"] != part["truth"]]
        right = part[part["class"] == part["truth"]]
        for rows in (right["row"].tail(1), part["row"].head(1), wrong["row"].tail(1)):
            chosen += [int(r) for r in rows if r not in chosen]
    return np.array(chosen, dtype=int)


def write_examples(run: RunFolder, data: ClassData, rows: np.ndarray) -> None:
    """Keep the spectra of these rows, if they are in memory."""
    if data.spectra is None:
        return
    few = data.spectra.select(rows)
    arrays = {"rows": rows, "wavelength": few.wavelength, "flux": few.flux, "ivar": few.ivar}
    run.write_arrays(FILE, {**arrays, "z": data.table["z"].to_numpy(float)[rows]})


def find_examples(run: RunFolder, table: pd.DataFrame, wanted: tuple[str, ...] = ()) -> ClassExamples:
    """The spectra that were kept, or others by the identifier of their star, read from their files again.

    Parameters
    ----------
    run : RunFolder
    table : DataFrame
        The run's ``spectra.csv``.
    wanted : tuple of str
        Identifiers (or obsids) of stars; those that were kept unless given.
    """
    kept = _kept(run)
    if not wanted:
        return kept
    rows = []
    for name in wanted:
        found = np.flatnonzero((table["id"] == name) | (table["obsid"].astype(str) == name))
        if not len(found):
            raise InputError(
                f"no spectrum of this run is of star '{name}'; there are {listing(table['id'])}."
            )
        rows.append(int(found[0]))
    here = {int(r): k for k, r in enumerate(kept.rows)}
    missing = [r for r in rows if r not in here]
    lost = [str(table["id"][r]) for r in missing if not table["file"][r]]
    if lost:
        raise InputError(
            f"the spectrum of '{lost[0]}' was simulated and not kept; those kept are of {listing(table['id'][kept.rows])}."
        )
    at = [here[r] for r in rows if r in here]
    parts = [_taken(kept, at)] if at else []
    parts += [_read(table, r) for r in missing]
    return ClassExamples(
        np.concatenate([p.rows for p in parts]),
        parts[0].wavelength,
        np.concatenate([p.flux for p in parts]),
        np.concatenate([p.ivar for p in parts]),
        np.concatenate([p.z for p in parts]),
    )


def _kept(run: RunFolder) -> ClassExamples:
    if not (run.path / FILE).is_file():  # the run went on from features alone
        return ClassExamples(np.empty(0, int), np.empty(0), np.empty((0, 0)), np.empty((0, 0)), np.empty(0))
    try:
        with np.load(run.path / FILE, allow_pickle=False) as stored:
            return ClassExamples(*(stored[k] for k in ("rows", "wavelength", "flux", "ivar", "z")))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{run.path / FILE} cannot be read as spectra ({error}); train again.") from None


def _taken(examples: ClassExamples, at: list[int]) -> ClassExamples:
    e = examples
    return ClassExamples(e.rows[at], e.wavelength, e.flux[at], e.ivar[at], e.z[at])


def _read(table: pd.DataFrame, row: int) -> ClassExamples:
    one: Spectra = read_lamost([table["file"][row]], need_class=False, min_good=0).spectra
    z = np.array([float(table["z"][row])])
    return ClassExamples(np.array([row]), one.wavelength, one.flux, one.ivar, z)
