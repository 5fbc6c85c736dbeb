"""Which stars a dataset has, by name and by position, without its table in memory."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..data import Spectra, same_star
from ..surveys.internal import standard_columns, star_columns

if TYPE_CHECKING:
    from ._dataset import Dataset

__all__ = ["KnownIds", "KnownSky"]

READ_AT_ONCE = 65_536
RADIUS_DEG = 3.0 / 3600

Ids = Callable[[np.ndarray], np.ndarray]


class KnownIds:
    """Hashes of all identifiers, in order, with the rows that they are of: 16 bytes for each star.

    A star whose hash is there is looked up, so that no two stars are taken for one. The reverse, that one of two stars
    with the same hash of 64 bits is not found, happens once in 300,000 datasets of ten million stars.

    Parameters
    ----------
    read : callable
        Identifiers of these rows, (row,) to (row,).
    rows : (star,) array of int
        Of all stars.
    """

    def __init__(self, read: Ids, rows: np.ndarray):
        self._hashes, self._rows = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        hashes = [_hashed(read(rows[at : at + READ_AT_ONCE])) for at in range(0, len(rows), READ_AT_ONCE)]
        if hashes:
            self._put(np.concatenate(hashes), rows)

    def add(self, ids: np.ndarray, rows: np.ndarray) -> None:
        """Stars that came in these rows."""
        self._put(_hashed(ids), rows)

    def has(self, ids: np.ndarray, read: Ids) -> np.ndarray:
        """Which of these are there, (star,) bool."""
        hashes = _hashed(ids)
        at = np.minimum(np.searchsorted(self._hashes, hashes), max(len(self._hashes) - 1, 0))
        found = self._hashes[at] == hashes if len(self._hashes) else np.zeros(len(hashes), bool)
        if found.any():
            found[found] = read(self._rows[at[found]]) == np.asarray(ids, object)[found].astype(str)
        return found

    def _put(self, hashes: np.ndarray, rows: np.ndarray) -> None:
        hashes, rows = np.concatenate([self._hashes, hashes]), np.concatenate([self._rows, rows])
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._rows = hashes[order], rows[order]


def _hashed(ids: np.ndarray) -> np.ndarray:
    return pd.util.hash_array(np.asarray(ids, object).astype(str).astype(object))


class KnownSky:
    """Positions of all stars of a dataset, by declination: 24 bytes for each star.

    Only the rows near a new star are read from the table, so an identifier or a proper motion that links two stars
    further apart than the radius is not seen here; within one part of the files `same_star` sees both.
    """

    def __init__(self, dataset: "Dataset"):
        self.dataset = dataset
        columns = dataset.select(slice(0, 1)).table().columns if len(dataset) else []
        self._columns = star_columns(columns)
        self._dec, self._ra, self._rows = np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
        if len(dataset):
            self._put(dataset.table(["id", *self._columns]), 0)

    def has(self, spectra: Spectra) -> np.ndarray:
        """Which of these stars are there, (star,) bool."""
        new = standard_columns(pd.DataFrame(spectra.table), spectra.ids)
        rows = self._near(new)
        if not len(rows):
            return np.zeros(len(spectra), bool)
        table = self.dataset.select(rows).table(["id", *self._columns])
        ids = table["id"].to_numpy(object).astype(str)
        both = pd.concat([standard_columns(table, ids), new], ignore_index=True)
        star = same_star(both, ids=np.concatenate([ids, spectra.ids]))
        return np.isin(star[len(rows) :], star[: len(rows)])

    def add(self, spectra: Spectra) -> None:
        """Stars that have just been appended."""
        table = pd.DataFrame(spectra.table)
        self._columns = star_columns(table.columns)
        self._put(table.assign(id=spectra.ids), len(self.dataset) - len(spectra))

    def _put(self, table: pd.DataFrame, first: int) -> None:
        frame = standard_columns(table, table["id"].to_numpy(object).astype(str))
        if not {"ra", "dec"} <= set(frame):
            return
        ra, dec = frame["ra"].to_numpy(float), frame["dec"].to_numpy(float)
        known = np.isfinite(ra) & (np.abs(dec) <= 90)
        rows = first + np.flatnonzero(known)
        dec, ra = np.concatenate([self._dec, dec[known]]), np.concatenate([self._ra, ra[known]])
        order = np.argsort(dec, kind="stable")
        self._dec, self._ra = dec[order], ra[order]
        self._rows = np.concatenate([self._rows, rows])[order]

    def _near(self, frame: pd.DataFrame) -> np.ndarray:
        """Rows of the dataset within the radius of any of these stars, in order."""
        if not len(self._dec) or not {"ra", "dec"} <= set(frame):
            return np.zeros(0, np.int64)
        found = []
        for ra, dec in frame[["ra", "dec"]].to_numpy(float):
            low, high = np.searchsorted(self._dec, [dec - RADIUS_DEG, dec + RADIUS_DEG])
            # Half the chord between two directions, by the haversine formula.
            a, b = np.radians(self._dec[low:high]), np.radians(dec)
            turn = np.radians(self._ra[low:high] - ra) / 2
            half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(turn) ** 2
            found.append(self._rows[low:high][half <= np.sin(np.radians(1.01 * RADIUS_DEG) / 2) ** 2])
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
