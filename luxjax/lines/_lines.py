"""Line lists: the lines of elements, with their wavelengths and medium."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..core.internal import chosen_rows, doubles
from ..data.internal import Medium
from ..preprocessing import air_to_vacuum, vacuum_to_air
from ._line_files import read_line_file

__all__ = ["LineList"]

_COLUMNS = ("element", "ion", "wavelength", "medium", "excitation_potential", "log_gf", "source")
_STAGES = {"I": 0, "II": 1}


@dataclass(frozen=True, eq=False)
class LineList:
    """Absorption lines in order of wavelength. Host arrays, never changed in place.

    Parameters
    ----------
    element, ion : (line,) sequences of str
        Symbol, and ``"I"`` (neutral) or ``"II"`` (singly ionised).
    wavelength : (line,) array
        Angstrom.
    medium : "air" or "vacuum"
        What the wavelengths were measured in. Mandatory: it is never guessed.
    excitation_potential : (line,) array
        Energy of the lower level, eV; NaN where not known.
    log_gf : (line,) array
        log10 of statistical weight times oscillator strength; NaN where not known. A line without it has a place to
        be matched but no strength to be computed (see `complete`).
    source : (line,) sequence of str
        Where the numbers come from.
    n_skipped : int
        Rows left out on reading: molecules and higher ions, or (`from_frame`) lines without log gf.

    Examples
    --------
    >>> from luxjax.lines import LineList
    >>> lines = LineList.builtin("air").of("Eu").within(6640.0, 6650.0)
    >>> lines.species.tolist(), lines.wavelength.round(2).tolist()
    (['Eu II'], [6645.06])
    """

    element: np.ndarray
    ion: np.ndarray
    wavelength: np.ndarray
    medium: Medium
    excitation_potential: np.ndarray
    log_gf: np.ndarray
    source: np.ndarray
    n_skipped: int = 0

    def __post_init__(self):
        if self.medium not in ("air", "vacuum"):
            raise InputError(f"line list medium {self.medium!r} is not known; say 'air' or 'vacuum'.")
        wavelength = np.atleast_1d(doubles("line wavelengths", self.wavelength, "Angstrom"))
        if not np.all(np.isfinite(wavelength) & (wavelength > 0)):
            raise InputError("line wavelengths must be finite and positive, in Angstrom.")
        order = np.argsort(wavelength, kind="stable")
        object.__setattr__(self, "wavelength", wavelength[order])
        for name in ("excitation_potential", "log_gf"):
            column = np.broadcast_to(
                doubles(name, getattr(self, name), "eV" if name == "excitation_potential" else ""),
                wavelength.shape,
            )
            object.__setattr__(self, name, column[order])
        for name in ("element", "ion", "source"):
            column = np.broadcast_to(np.asarray(getattr(self, name), dtype=str), wavelength.shape)
            object.__setattr__(self, name, column[order])
        for ion in np.unique(self.ion):
            check_name("ion", str(ion), _STAGES, "Neutral is I, singly ionised II")

    @classmethod
    def builtin(cls, medium: Medium = "vacuum") -> "LineList":
        """The table shipped with the package: 41 species, 3,700-9,100 Angstrom and the H band."""
        with (resources.files(__package__) / "lines.csv").open() as file:
            return cls.from_frame(pd.read_csv(file), medium)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, medium: Medium = "vacuum") -> "LineList":
        """Build from columns named as in ``lines.csv``, each row with its own medium, converted to one `medium`.

        Rows with blank log gf or excitation potential are left out and counted in `n_skipped`.
        """
        for column in _COLUMNS:
            check_name("column", column, frame.columns, "A line table needs it")
        unknown = set(frame["medium"]) - {"air", "vacuum"}
        if unknown:
            raise InputError(
                f"line medium {sorted(map(str, unknown))} is not known; every row says 'air' or 'vacuum'."
            )
        usable = frame[["excitation_potential", "log_gf"]].notna().all(axis=1)
        kept = frame[usable]
        media: tuple[Medium, Medium] = ("air", "vacuum")
        parts = [_of_frame(kept[kept["medium"] == m], m).to(medium) for m in media]
        return dataclasses.replace(cls.stack(parts).to(medium), n_skipped=int((~usable).sum()))

    @classmethod
    def read(cls, path: str | Path, medium: Medium | None = None, format: str | None = None) -> "LineList":
        """Read a VALD extract, a MOOG line list or a CSV table.

        Lines of neutral and singly ionised atoms are kept, others (molecules, higher ions) left out and counted in
        `n_skipped`. Lines without log gf are kept: they can be matched, though no strength can be computed.

        Parameters
        ----------
        path : str or Path
            Text, or the same compressed as ``.gz``.
        medium : "air" or "vacuum", optional
            What the file's wavelengths are in, where it does not say: always for MOOG, never for VALD3. It does not
            convert; see `to`.
        format : "vald", "moog" or "csv", optional
            Default: recognised from the file. VALD: short or long, "extract all" or "extract stellar", with its header.
            CSV: columns ``element``, ``ion``, ``wavelength``, and where known ``medium``, ``excitation_potential``,
            ``log_gf``, ``source``.

        Returns
        -------
        LineList
            In the medium of the file; in vacuum where the rows of a table differ.

        Raises
        ------
        InputError
            The file is missing or of another kind, does not state its medium, or contradicts the one given.
        """
        frame, n_skipped = read_line_file(path, medium, format)
        media = frame["medium"].unique()
        found: Medium = media[0] if len(media) == 1 else "vacuum"
        parts = [_of_frame(frame[frame["medium"] == m], m).to(found) for m in media]
        return dataclasses.replace(cls.stack(parts), n_skipped=n_skipped)

    def __len__(self) -> int:
        return len(self.wavelength)

    def __repr__(self) -> str:
        return (
            f"LineList({len(self)} lines of {len(set(self.species))} species, {self.medium}; "
            f"{self.n_skipped} rows left out)"
        )

    @property
    def species(self) -> np.ndarray:
        """Element and ion, such as ``"Fe I"``, (line,)."""
        return np.array([f"{e} {i}" for e, i in zip(self.element, self.ion, strict=True)])

    @property
    def complete(self) -> np.ndarray:
        """Whether excitation potential and log gf of each line are known, (line,) bool."""
        return np.isfinite(self.excitation_potential) & np.isfinite(self.log_gf)

    @property
    def stage(self) -> np.ndarray:
        """Ionisation stage, 0 for neutral, (line,) int."""
        return np.array([_STAGES[i] for i in self.ion], dtype=int)

    def to(self, medium: Medium) -> "LineList":
        """The same lines with wavelengths in air or vacuum."""
        if medium == self.medium:
            return self
        return dataclasses.replace(self, wavelength=_convert(self.wavelength, medium), medium=medium)

    def select(self, index) -> "LineList":
        """The lines chosen by a slice, integer array or boolean mask."""
        rows = chosen_rows(index, len(self))
        columns = ("element", "ion", "wavelength", "excitation_potential", "log_gf", "source")
        return dataclasses.replace(self, **{c: getattr(self, c)[rows] for c in columns})

    def within(self, low: float, high: float) -> "LineList":
        """The lines from `low` to `high` Angstrom, in this list's medium."""
        return self.select((self.wavelength >= low) & (self.wavelength <= high))

    def of(self, *names: str) -> "LineList":
        """The lines of these elements (``"Fe"``) or species (``"Fe II"``)."""
        for name in names:
            check_name(
                "species",
                name,
                sorted({*self.element, *self.species}),
                "Name one that has lines in this list",
            )
        return self.select(np.isin(self.element, names) | np.isin(self.species, names))

    def shifted(self, offset: float) -> "LineList":
        """Every wavelength moved by `offset` Angstrom: a list that is wrong on purpose, as a null."""
        return dataclasses.replace(self, wavelength=self.wavelength + offset)

    @staticmethod
    def stack(lists: Sequence["LineList"]) -> "LineList":
        """Several lists as one, in the medium of the first."""
        if not lists:
            raise InputError("there are no line lists to stack; give at least one.")
        lists = [part.to(lists[0].medium) for part in lists]
        columns = ("element", "ion", "wavelength", "excitation_potential", "log_gf", "source")
        joined = {c: np.concatenate([getattr(part, c) for part in lists]) for c in columns}
        return LineList(**joined, medium=lists[0].medium, n_skipped=sum(part.n_skipped for part in lists))


def _of_frame(frame: pd.DataFrame, medium: Medium) -> LineList:
    column: dict[str, Any] = {name: frame[name].to_numpy() for name in _COLUMNS if name != "medium"}
    return LineList(medium=medium, **column)


def _convert(wavelength: np.ndarray, medium: Medium) -> np.ndarray:
    return np.asarray((air_to_vacuum if medium == "vacuum" else vacuum_to_air)(wavelength))
