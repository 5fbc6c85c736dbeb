"""A few spectra of a classifier's run, kept to be looked at: of each class the surest, and the surest error."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...core import InputError
from ...core.internal import join_names
from ...data import Spectra
from ...surveys import read_lamost
from .._folder import RunFolder
from ._data import ClassData
from ._dataset import spectra_output

__all__ = [
    "ClassExamples",
    "choose_examples",
    "examples_of",
    "find_examples",
    "pack_examples",
    "write_examples",
]

FILE = "class_spectra.npz"


@dataclass(frozen=True, eq=False)
class ClassExamples:
    """Spectra in memory.

    Parameters
    ----------
    rows : (spectrum,) int array
        Row of each among the features of the run.
    spectra : Spectra
        Not at rest.
    """

    rows: np.ndarray
    spectra: Spectra


def choose_examples(judged: pd.DataFrame) -> np.ndarray:
    """Rows worth a look, (spectrum,): of each true class the surest right one, and the surest error or else the least sure one."""
    chosen: list[int] = []
    for _, part in judged.groupby("truth", sort=False):
        part = part.sort_values("probability")
        wrong = part[part["class"] != part["truth"]]
        right = part[part["class"] == part["truth"]]
        for rows in (right["row"].tail(1), wrong["row"].tail(1) if len(wrong) else part["row"].head(1)):
            chosen += [int(r) for r in rows if r not in chosen]
    return np.array(chosen, dtype=int)


def write_examples(run: RunFolder, data: ClassData, rows: np.ndarray) -> None:
    """Keep the spectra of these rows, if they are in memory."""
    if data.spectra is not None:
        run.write_arrays(FILE, pack_examples(ClassExamples(rows, data.spectra.select(rows))))


def pack_examples(examples: ClassExamples) -> dict[str, np.ndarray]:
    """Spectra as named arrays."""
    few = examples.spectra
    return {
        "rows": examples.rows,
        "wavelength": few.wavelength,
        "flux": few.flux,
        "ivar": few.ivar,
        "ids": few.ids,
    }


def examples_of(arrays: Mapping[str, np.ndarray]) -> ClassExamples:
    """Spectra from what `pack_examples` made."""
    return ClassExamples(
        arrays["rows"], _spectra(*(arrays[k] for k in ("flux", "ivar", "wavelength", "ids")))
    )


def find_examples(run: RunFolder, table: pd.DataFrame, wanted: Sequence[str] = ()) -> ClassExamples | None:
    """The spectra that were kept (None if the run kept none), or others by their star, read from their files again.

    Parameters
    ----------
    run : RunFolder
    table : DataFrame
        The run's ``spectra.csv``.
    wanted : sequence of str
        Identifiers (or obsids) of stars; default: those that were kept.
    """
    kept = _kept(run)
    if not wanted:
        return kept
    here = {} if kept is None else {int(r): k for k, r in enumerate(kept.rows)}
    rows, parts = [], []
    for name in wanted:
        found = np.flatnonzero((table["id"] == name) | (table["obsid"] == name))
        if not len(found):
            raise InputError(
                f"no spectrum of this run is of star '{name}'; there are {join_names(table['id'])}."
            )
        row = int(found[0])
        rows.append(row)
        parts.append(kept.spectra.select([here[row]]) if row in here else _read_again(run, table, row, here))  # type: ignore[union-attr]
    return ClassExamples(np.array(rows), Spectra.stack(parts))


def _kept(run: RunFolder) -> ClassExamples | None:
    if not (run.path / FILE).is_file():  # the run went on from features alone
        return None
    return run.arrays(FILE, "spectra", examples_of)


def _spectra(flux, ivar, wavelength, ids) -> Spectra:
    return Spectra(flux, ivar, wavelength, "vacuum", ids, frame="barycentric", survey="lamost")


def _read_again(run: RunFolder, table: pd.DataFrame, row: int, kept: Iterable[int]) -> Spectra:
    """A spectrum of the run's dataset or of a file, where it is still there."""
    star, file = table["id"][row], table["file"][row]
    if "dataset" in run.config:
        from ...dataset import open_dataset

        dataset = open_dataset(run.config["files"][0])
        name = spectra_output(dataset, run.config["spectra_name"] or None)
        one = dataset.select([str(star)]).catalog(name).spectra(name)
    elif not file:
        raise InputError(
            f"the spectrum of '{star}' was simulated and not kept; those kept are of {join_names(table['id'][list(kept)])}."
        )
    else:
        one = read_lamost([file], need_class=False, min_good=0).spectra
    return _spectra(one.flux, one.ivar, one.wavelength, one.ids)
