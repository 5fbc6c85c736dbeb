"""The stars of a dataset that a further spectrum may be of: by name, Gaia and 2MASS identifier, and position.

Of every star the best spectrum counts, whichever part of the files it came in, so that a dataset ends with the same stars as a
catalogue of the same files, whatever the size of the parts.
"""

import numpy as np
import pandas as pd

from ...data import Spectra, same_star
from ...surveys.internal import standard_columns, star_columns
from .._dataset import Dataset

__all__ = ["KnownStars"]

RADIUS_DEG = 3.0 / 3600  # of `same_star`
MAS_DEG = 1 / 3_600_000
NAMES = ("id", "gaia_dr3", "tmass_id")
PLACES = ("ra", "dec", "pmra", "pmdec", "epoch")

Index = dict[str, np.ndarray]


class KnownStars:
    """Where the stars of a dataset are, what they are called, and how good their spectra are: 82 bytes for each.

    Rows are those on the disk. Those that no longer count are known too: they link others. The identifiers themselves are
    read from the table of the dataset, of the few stars that may be one with a new one.
    """

    def __init__(self, dataset: Dataset):
        self.dataset, manifest = dataset, dataset.manifest
        lost = [np.asarray(manifest.rows_of(part), int) for part in sorted(manifest.dropped_parts)]
        rows = np.setdiff1d(np.arange(manifest.n_stars), np.concatenate([np.zeros(0, int), *lost]))
        known = list(map(str, dataset._stars.read(rows[:1]))) if len(rows) else []
        self._columns = ["id", *star_columns(known), *({"snr", "file"} & set(known))]
        table = dataset._stars.read(rows, self._columns) if len(rows) else pd.DataFrame({"id": []}, dtype=str)
        self._index = _indexed(table, rows)
        if dataset.rows is not None:
            self._index["counts"] = np.isin(self._index["row"], dataset.rows)

    def compared(self, spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
        """Which of these spectra are to be added, (star,) bool, and the rows of the dataset that they take the place of."""
        better, replaced = np.ones(len(spectra), bool), np.zeros(0, np.int64)
        new = pd.DataFrame(spectra.table).assign(id=spectra.ids)
        at = self._candidates(_indexed(new, np.arange(len(new))))
        if not len(at):
            return better, replaced
        rows = self._index["row"][at]
        old = self.dataset._stars.read(rows, self._columns)
        n, file = len(old), np.concatenate([_text(old, "file"), _text(new, "file")])
        ids = np.concatenate([_text(old, "id"), _text(new, "id")])
        sides = [standard_columns(table, _text(table, "id")) for table in (old, new)]
        star = same_star(pd.concat(sides, ignore_index=True), ids=ids)
        snr = np.concatenate([self._index["snr"][at], _numbers(new, "snr")])
        # A file that has changed since is read in its new state alone.
        snr[:n][np.isin(file[:n], file[n:]) & (file[:n] != "")] = np.nan
        snr = np.where(np.isnan(snr), -np.inf, snr)
        counts = np.append(self._index["counts"][at], np.ones(len(new), bool))
        for number in np.unique(star[n:]):
            same = np.flatnonzero((star == number) & counts)
            old_ones, new_ones = same[same < n], same[same >= n]
            # The first of several equal ones, but the new state of a file.
            best = same[np.argmax(snr[same])] if np.isfinite(snr[same]).any() else new_ones[0]
            if best < n:
                better[new_ones - n] = False
                replaced = np.append(replaced, rows[old_ones[old_ones != best]])
            else:
                better[new_ones[new_ones != best] - n] = False
                replaced = np.append(replaced, rows[old_ones])
        return better, np.sort(replaced).astype(np.int64)

    def facts(self, rows: np.ndarray) -> pd.DataFrame:
        """Identifier and file of the stars in these rows."""
        if not len(rows):
            return pd.DataFrame({"id": [], "file": []}, dtype=str)
        table = self.dataset._stars.read(rows, self._columns)
        return pd.DataFrame({"id": _text(table, "id"), "file": _text(table, "file")})

    def add(self, table: pd.DataFrame, first: int, replaced: np.ndarray) -> None:
        """Stars that have just been appended from row `first` on, in place of those in the rows `replaced`."""
        self._columns = list(
            dict.fromkeys([*self._columns, *star_columns(table.columns), *({"snr", "file"} & set(table))])
        )
        new = _indexed(table, first + np.arange(len(table)))
        joined = {name: np.concatenate([self._index[name], values]) for name, values in new.items()}
        order = np.argsort(joined["dec"], kind="stable")
        self._index = {name: values[order] for name, values in joined.items()}
        self._index["counts"][np.isin(self._index["row"], replaced)] = False

    def _candidates(self, look: Index) -> np.ndarray:
        """Places in the index of stars that may be one with these, or with such a one."""
        found = np.zeros(0, np.int64)
        while len(self._index["row"]) and len(look["row"]):
            more = np.union1d(self._alike(look), self._near(look))
            fresh = np.setdiff1d(more, found)
            look, found = (
                {name: values[fresh] for name, values in self._index.items()},
                np.union1d(found, fresh),
            )
        return found

    def _alike(self, look: Index) -> np.ndarray:
        """Those of the same name or identifier, by their hashes."""
        same = np.zeros(len(self._index["row"]), bool)
        for name in NAMES:
            same |= np.isin(self._index[name], look[name][look[name] != 0])
        return np.flatnonzero(same)

    def _near(self, look: Index) -> np.ndarray:
        """Those that may lie within the radius at some epoch."""
        both = [self._index, look]
        epochs = np.concatenate([s["epoch"][np.isfinite(s["epoch"])] for s in both])
        fastest = max(float(np.nanmax(np.hypot(s["pmra"], s["pmdec"]), initial=0.0)) for s in both)
        reach = RADIUS_DEG + fastest * MAS_DEG * (np.ptp(epochs) if len(epochs) else 0.0)
        ra, dec, found = self._index["ra"], self._index["dec"], []
        known = int(np.isfinite(dec).sum())  # those without a position stand last
        for at_ra, at_dec in zip(look["ra"], look["dec"], strict=True):
            if not np.isfinite(at_dec):
                continue
            low, high = np.searchsorted(dec[:known], [at_dec - reach, at_dec + reach])
            # Half the chord between two directions, by the haversine formula.
            a, b, turn = np.radians(dec[low:high]), np.radians(at_dec), np.radians(ra[low:high] - at_ra) / 2
            half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(turn) ** 2
            found.append(low + np.flatnonzero(half <= np.sin(np.radians(1.01 * reach) / 2) ** 2))
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _indexed(table: pd.DataFrame, rows: np.ndarray) -> Index:
    """What tells stars from one another, by declination; names as hashes, 0 where there is none."""
    frame = standard_columns(table, _text(table, "id")).assign(id=_text(table, "id"))
    index = {name: _hashed(frame, name) for name in NAMES} | {name: _numbers(frame, name) for name in PLACES}
    outside = ~((np.abs(index["dec"]) <= 90) & np.isfinite(index["ra"]))
    index["dec"] = np.where(outside, np.nan, index["dec"])
    index |= {
        "snr": _numbers(table, "snr"),
        "row": np.asarray(rows, np.int64),
        "counts": np.ones(len(rows), bool),
    }
    order = np.argsort(index["dec"], kind="stable")
    return {name: values[order] for name, values in index.items()}


def _hashed(frame: pd.DataFrame, name: str) -> np.ndarray:
    text = np.char.strip(_text(frame, name))
    missing = np.isin(np.char.lower(text), ("", "nan", "none", "<na>", "0", "-1", "-999", "-9999"))
    return np.where(missing, np.uint64(0), pd.util.hash_array(text.astype(object)))


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[name], errors="coerce").astype("float64"), float).copy()


def _text(frame: pd.DataFrame, name: str) -> np.ndarray:
    return frame[name].to_numpy(object).astype(str) if name in frame else np.full(len(frame), "", str)
