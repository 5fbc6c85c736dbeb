"""Results for every star of a dataset, written incrementally: a folder of parquet parts and a manifest.

    _luxjax.json               what was asked, and which parts are there; replaced last, after every part
    part-000000.parquet, ...   one row per star, in the order of the dataset
    _sums-<n>.parquet          where sums over stars are kept too: those over the first n parts

Whatever reads a folder of parquet files, such as ``pandas.read_parquet``, passes over names that begin with an underscore.
A part whose number is not in the manifest does not count, and is written again.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from ..core import InputError, Progress
from ..core.internal import join_names, reporting
from ..files.internal import parse_header
from ._dataset import Dataset
from ._location import Location
from ._parquet import columns_from_parquet, columns_to_parquet
from ._prefetch import ahead
from ._zarr import checksum

__all__ = ["Results", "Work"]

MANIFEST = "_luxjax.json"
SCHEMA = 1
STEP = 64  # stars; a small number of them is handled in blocks of a multiple of it
# How the message names what differs.
OTHERS = {"model": "another model", "dataset": "other stars", "settings": "other settings"}

Columns = Mapping[str, np.ndarray]
Work = Callable[[np.ndarray, Iterable[Any]], tuple[Columns, Columns]]


@dataclass(frozen=True)
class _Part:
    """A part that is there: its stars, and checksums of its rows and of the sums up to it."""

    n_stars: int
    rows: str
    sums: str = ""


class Results:
    """Results for the stars of a dataset on disk. Make or continue one with `begin`, read one with `open`.

    Attributes
    ----------
    location : Location
    kind : str
        What they are, in a word, such as ``"labels"``.
    identity : dict of str to text, numbers or mappings of these
        What tells them from others: model, dataset, settings.
    facts : dict
        What else is to be known of them, as JSON holds it.
    n_stars : int
        Stars that there are results for.
    total : int
        Stars that there will be results for.
    """

    def __init__(self, location: Location, header: Mapping[str, Any]):
        self.location = location
        self.kind, self.identity = header["luxjax_results"], dict(header["identity"])
        self.total, self.facts = int(header["total"]), dict(header["facts"])
        self._parts = [_Part(**part) for part in header["parts"]]

    @classmethod
    def begin(
        cls,
        address: str | os.PathLike,
        kind: str,
        identity: Mapping[str, Any],
        total: int,
        facts: Mapping[str, Any],
    ) -> "Results":
        """Results that are there already, as far as they go, or new ones.

        Raises
        ------
        InputError
            The folder holds other results, or something else.
        """
        place = Location(address)
        there = cls._read(place, kind)
        if there is not None:
            was, now = there.identity, json.loads(json.dumps(dict(identity)))
            others = [OTHERS.get(what, what) for what in {**was, **now} if was.get(what) != now.get(what)]
            if others:
                raise InputError(
                    f"'{place}' holds {kind} made with {join_names(others)}; name another folder, or remove this one to "
                    "start again."
                )
            return there
        if foreign := sorted(name for name in place.names() if not name.endswith(".partial")):
            raise InputError(
                f"'{place}' holds {join_names(foreign, 4)} and no {kind} of stars; name an empty place."
            )
        new = cls(
            place, {"luxjax_results": kind, "identity": identity, "total": total, "facts": facts, "parts": []}
        )
        new._write([])
        return new

    @classmethod
    def open(cls, address: str | os.PathLike, kind: str) -> "Results":
        """Results that are there."""
        place = Location(address)
        there = cls._read(place, kind)
        if there is None:
            raise InputError(
                f"no {kind} of stars at '{place}': there is no {MANIFEST}; give the folder that luxjax wrote."
            )
        return there

    @classmethod
    def _read(cls, place: Location, kind: str) -> "Results | None":
        content = place.read(MANIFEST)
        if content is None:
            return None
        where = f"{place}/{MANIFEST}"
        header = parse_header(content, where, "table of stars", SCHEMA)
        try:
            there = cls(place, header)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"'{where}' is damaged ({type(error).__name__}: {error}); remove the folder and run again."
            ) from error
        if there.kind != kind:
            raise InputError(f"'{place}' holds {there.kind} of stars, not {kind}; name another folder.")
        return there

    def _write(self, parts: Sequence[_Part]) -> None:
        """Commit."""
        from .. import __version__

        head = {
            "luxjax_results": self.kind,
            "schema": SCHEMA,
            "luxjax": __version__,
            "identity": self.identity,
        }
        rest = {"total": self.total, "facts": self.facts, "parts": [asdict(part) for part in parts]}
        self.location.write(MANIFEST, (json.dumps(head | rest, indent=1) + "\n").encode())

    @property
    def n_stars(self) -> int:
        return sum(part.n_stars for part in self._parts)

    def __len__(self) -> int:
        return self.n_stars

    # Writing

    @staticmethod
    def names(address: str | os.PathLike) -> set[str]:
        """Names of everything directly in a folder."""
        return Location(address).names()

    @staticmethod
    def sizes(n_stars: int, block: int, part: int) -> tuple[int, int]:
        """Blocks no larger than this many stars ask for, and parts of whole blocks."""
        block = min(block, -(-n_stars // STEP) * STEP)
        return block, -(-part // block) * block

    def attach(self, name: str, columns: Callable[[], Columns]) -> None:
        """Keep a table that is not of stars with the results, unless it is there already."""
        if self.location.read(f"_{name}.parquet") is None:
            self.location.write(f"_{name}.parquet", columns_to_parquet(columns()))

    def attached(self, name: str) -> dict[str, np.ndarray]:
        """The columns that `attach` kept."""
        content = self.location.read(f"_{name}.parquet")
        if content is None:
            raise InputError(f"'_{name}.parquet' of '{self.location}' is missing; run again to continue.")
        return columns_from_parquet(content)

    def fill(
        self,
        dataset: Dataset,
        blocks: Callable[[int], Iterator[Any]],
        work: Work,
        *,
        block: int,
        part: int,
        notes: Mapping[str, Mapping[str, str]],
        progress: bool | Progress | None = None,
    ) -> None:
        """Work out what is missing. Stars are read ahead of the work, and what is ready is written behind it.

        Parameters
        ----------
        dataset : Dataset
        blocks : callable
            From the number of a star to all stars from there on, `block` of them at a time, such as `Dataset.batches`.
        work : callable
            From the ids of a part's stars and the blocks of them to the part's columns and its sums over stars.
        block : int
        part : int
            Stars of a part, a multiple of `block`.
        notes : mapping
            By column, what its metadata say.
        progress : bool or Progress, optional
            Told of the stars done and in all, first before anything is done.
        """
        if block < 1 or part % block:
            raise InputError(
                f"a part holds whole blocks of stars; given parts of {part} and blocks of {block}."
            )
        with self.location.lock():
            self.location.tidy()
            if (there := self._read(self.location, self.kind)) is not None:
                self._parts = there._parts  # another process may have gone on meanwhile
            if self._parts:  # what a commit that was interrupted at its very end left
                self.location.remove(_sums_name(len(self._parts) - 1))
            done = self.n_stars
            stars = blocks(done)

            def worked(number: int, start: int) -> tuple[int, Columns, Columns]:
                ids = dataset.select(slice(start, start + part)).ids
                return number, *work(ids, islice(stars, part // block))

            jobs = (worked(*job) for job in enumerate(range(done, self.total, part), len(self._parts)))
            sums = self.sums() if self._parts else {}
            with reporting(progress, f"{self.kind} of stars") as tell, ThreadPoolExecutor(1) as writer:
                tell("stars", done, self.total)
                for done in ahead(writer, lambda job: self._commit(*job, sums, notes), jobs, 1):
                    tell("stars", done, self.total)

    def _commit(self, number: int, columns: Columns, new: Columns, sums: dict[str, np.ndarray], notes) -> int:
        """Write a part, bring the sums up to it, and say so in the manifest; the number of stars done."""
        if number != len(self._parts):
            raise RuntimeError(
                f"part {number} cannot follow {len(self._parts)} parts: the one before it failed"
            )
        rows = columns_to_parquet(columns, notes)
        self.location.write(_part_name(number), rows)
        total = b""
        for name, values in new.items():
            sums[name] = sums.get(name, 0) + values
        if sums:
            total = columns_to_parquet(sums)
            self.location.write(_sums_name(number + 1), total)
        n = len(next(iter(columns.values())))
        parts = [*self._parts, _Part(n, checksum(rows), checksum(total) if total else "")]
        self._write(parts)
        self._parts = parts
        self.location.remove(_sums_name(number))
        return self.n_stars

    # Reading

    def read(self, stars: Any = None, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Columns of all stars, or of those chosen by a slice, integer array or boolean mask.

        Only the parts that hold these stars are read.
        """
        wanted = np.arange(self.n_stars)
        if stars is not None:
            wanted = np.atleast_1d(wanted[stars])
        ends = np.cumsum([0, *(part.n_stars for part in self._parts)])
        holder = np.searchsorted(ends, wanted, side="right") - 1
        used = np.unique(holder) if len(wanted) else np.arange(min(1, len(self._parts)))
        pieces = [self._columns(k, names) for k in used]
        if not pieces:
            raise InputError(f"there are no {self.kind} at '{self.location}' yet; run again to continue.")
        begin = np.cumsum([0, *(self._parts[k].n_stars for k in used)])
        row = wanted - ends[holder] + begin[np.searchsorted(used, holder)]
        return {name: np.concatenate([p[name] for p in pieces])[row] for name in pieces[0]}

    def parts(self, names: Sequence[str] | None = None) -> Iterator[dict[str, np.ndarray]]:
        """Columns part by part, for more stars than memory holds."""
        for number in range(len(self._parts)):
            yield self._columns(number, names)

    def sums(self) -> dict[str, np.ndarray]:
        """The sums over all stars that there are results for."""
        if not self._parts or not self._parts[-1].sums:
            return {}
        return columns_from_parquet(self._object(_sums_name(len(self._parts)), self._parts[-1].sums))

    def _columns(self, number: int, names: Sequence[str] | None) -> dict[str, np.ndarray]:
        return columns_from_parquet(self._object(_part_name(number), self._parts[number].rows), names)

    def _object(self, name: str, right: str) -> bytes:
        content = self.location.read(name)
        if content is None or checksum(content) != right:
            state = "is missing" if content is None else "is damaged"
            raise InputError(
                f"'{name}' of '{self.location}' {state}; restore it, or remove the folder and run again."
            )
        return content


def _part_name(number: int) -> str:
    return f"part-{number:06d}.parquet"


def _sums_name(n_parts: int) -> str:
    return f"_sums-{n_parts:06d}.parquet"
