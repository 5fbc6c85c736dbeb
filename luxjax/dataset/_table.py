"""The table of the stars of a dataset, which lies in one parquet file for each append."""

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from ..core import InputError
from ._location import Location
from ._manifest import Manifest
from ._parquet import from_parquet

__all__ = ["StarTable"]

Columns = tuple[str, ...] | None


class StarTable:
    """Rows of the table at a location.

    Parameters
    ----------
    location : Location
    manifest : Manifest
        Which says how many stars each file holds.
    """

    def __init__(self, location: Location, manifest: Manifest):
        self.location, self.manifest = location, manifest

    def read(self, rows: slice | np.ndarray, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """These rows, with all columns or some, from the files that hold them."""
        ends = np.cumsum([0, *(part.n_stars for part in self.manifest.parts)])
        wanted = np.arange(self.manifest.n_stars)[rows]
        holders = np.unique(np.searchsorted(ends, wanted, side="right") - 1)
        # A file may hold the stars of many batches.
        read = self._last if len(holders) == 1 else self._parts
        frame = read(tuple(holders.tolist()), None if columns is None else tuple(columns))
        # Where each held part begins within the frame.
        begins = np.cumsum([0, *(self.manifest.parts[n].n_stars for n in holders)])
        at = np.searchsorted(ends[holders], wanted, side="right") - 1
        return frame.iloc[wanted - ends[holders][at] + begins[at]].reset_index(drop=True)

    def ids(self, rows: slice | np.ndarray) -> np.ndarray:
        """Identifiers of these rows, (row,)."""
        if not self.manifest.n_stars or not np.size(np.arange(self.manifest.n_stars)[rows]):
            return np.zeros(0, "U1")
        return self.read(rows, ["id"])["id"].to_numpy(object).astype(str)

    def journal(self) -> pd.DataFrame:
        """The journals of all appends, one below the other."""
        numbers = [n for n, part in enumerate(self.manifest.parts) if part.journal]
        return from_parquet([self._object(self.manifest.journal_name(n)) for n in numbers])

    @cached_property
    def _last(self):
        """`_parts`, which keeps the last one that it read."""
        return lru_cache(maxsize=1)(self._parts)

    def _parts(self, numbers: tuple[int, ...], columns: Columns) -> pd.DataFrame:
        return from_parquet((self._object(self.manifest.table_name(n)) for n in numbers), columns)

    def _object(self, name: str) -> bytes:
        content = self.location.read(name)
        if content is None:
            raise InputError(f"'{name}' of the dataset is missing; run luxjax check {self.location}.")
        return content
