"""Stars that are added to a dataset, and those that no longer count: what `Dataset` does under its lock."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from ..core import InputError
from ..core.internal import identifiers, join_names
from ..data import Catalog
from ._append import appended, check_fits, check_table, dropped, dropped_rows
from ._location import Location
from ._manifest import Manifest
from ._table import KnownIds, StarTable

__all__ = ["GrowingStars"]


class GrowingStars:
    """The stars at a location, by its manifest: all that count, or a selection, to which nothing is added."""

    def __init__(self, location: Location, manifest: Manifest, rows: np.ndarray | None = None):
        self.location, self.manifest, self.rows = location, manifest, rows
        self._tidy = self._whole = False

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def wavelength(self, name: str) -> np.ndarray:
        """Wavelengths of an output, Angstrom, (pixel,)."""

    @cached_property
    def _stars(self) -> StarTable:
        return StarTable(self.location, self.manifest)

    @classmethod
    def _of(cls, location: Location, manifest: Manifest) -> Self:
        """All stars that count."""
        dataset = cls(location, manifest)
        dataset._whole = True
        dataset._take(manifest)
        return dataset

    def _take(self, manifest: Manifest) -> None:
        """Another manifest of the same place, with the stars that count by it."""
        without = dropped_rows(self.location, manifest)
        self.manifest = manifest
        self.rows = np.setdiff1d(np.arange(manifest.n_stars), without) if len(without) else None
        for outdated in ("_arrays", "_stars"):
            self.__dict__.pop(outdated, None)

    def append(self, catalog: Catalog | None, *, journal: pd.DataFrame | None = None) -> None:
        """Add stars; they are there, all of them, once this returns, and none of them before.

        Parameters
        ----------
        catalog : Catalog or None
            With the outputs of the dataset; masks of pixels are not kept. None commits a journal alone.
        journal : pandas.DataFrame, optional
            What is to be remembered of the files that were read for it.

        Raises
        ------
        InputError
            The outputs do not agree, a column of the table holds other values than that of the dataset, or a star is there
            already. Nothing is added then.
        """
        self._commit(catalog, journal)

    def _commit(
        self, catalog: Catalog | None, journal: pd.DataFrame | None, replaced: np.ndarray | None = None
    ) -> None:
        """`append`, after which the stars in the rows `replaced` no longer count."""
        if not self._whole:
            raise InputError(
                "stars are appended to a whole dataset; this is a selection of one: open it again."
            )
        with self.location.lock():
            manifest = Manifest.read(self.location)
            if manifest is None:
                raise InputError(f"the dataset at '{self.location}' is gone; make it again.")
            if _state(manifest) != _state(self.manifest):  # another process added stars meanwhile
                self.__dict__.pop("_known", None)
                self._take(manifest)
            if not self._tidy:  # once: looking through a large folder takes time
                self.location.tidy()
                self._tidy = True
            if replaced is not None and len(replaced):
                self._known.remove(replaced)
            try:
                if catalog is not None:
                    check_fits(catalog, manifest, self.wavelength)
                    twice = catalog.ids[self.has(catalog.ids)]
                    if len(twice):
                        raise InputError(
                            f"already in the dataset: {join_names(twice, 5)}; leave these stars out."
                        )
                self._take(appended(self.location, manifest, catalog, journal, replaced))
            except BaseException:
                self.__dict__.pop("_known", None)
                raise
            if catalog is not None:
                self._known.add(catalog.ids, np.arange(manifest.n_stars, self.manifest.n_stars))

    def check_columns(self, table: pd.DataFrame) -> None:
        """Raise `InputError` if stars with these columns in their table could not be appended."""
        if self.manifest.n_stars:
            check_table(self.location, self.manifest, table)

    def drop(self, parts: Sequence[int]) -> None:
        """Leave all stars that these appends brought out from now on, such as those that `check` finds damaged.

        Nothing is removed from the disk. Files that they came from count as not read, so ``luxjax ingest --dataset`` reads
        them again.

        Parameters
        ----------
        parts : sequence of int
            Numbers of appends, from 0, as `Damage.parts` has them.
        """
        with self.location.lock():
            manifest = Manifest.read(self.location)
            if manifest is None:
                raise InputError(f"the dataset at '{self.location}' is gone; make it again.")
            for part in parts:
                if not 0 <= part < len(manifest.parts):
                    raise InputError(
                        f"there is no part {part} in the dataset at '{self.location}'; it has {len(manifest.parts)}, from 0."
                    )
            if parts:
                manifest = dropped(self.location, manifest, parts)
            self.__dict__.pop("_known", None)
            self._take(manifest)

    @cached_property
    def _known(self) -> KnownIds:
        rows = np.arange(len(self)) if self.rows is None else self.rows
        return KnownIds(self._stars.ids, rows)

    def has(self, ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """Which of these stars are in the dataset, (star,) bool."""
        return self._known.has(identifiers("ids", ids), self._stars.ids)


def _state(manifest: Manifest) -> tuple[int, int, Any]:
    """What changes with every commit."""
    return manifest.n_stars, len(manifest.parts), manifest.dropped.get("number")
