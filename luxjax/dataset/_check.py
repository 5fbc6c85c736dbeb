"""Check of a dataset on disk: whether it is what was committed and can be used. Everything is read once, and tables are parsed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core import Progress
from ..core.internal import join_names
from ._append import dropped_rows
from ._location import Location
from ._manifest import Manifest
from ._parquet import kinds_of_parquet
from ._zarr import Arrays, checksum

__all__ = ["Damage", "damages"]

LARGE = "whole numbers above 2^53"


@dataclass(frozen=True)
class Damage:
    """An object of a dataset that is not what was committed, or that cannot be used.

    Parameters
    ----------
    name : str
        Name of the object, below the location.
    rows : (start, stop)
        The stars that it holds.
    problem, remedy : str
        What is wrong, and what to do.
    parts : tuple of int
        Numbers of the appends that brought these stars, as `Dataset.drop` takes them; empty where dropping does not help.
    """

    name: str
    rows: tuple[int, int]
    problem: str
    remedy: str
    parts: tuple[int, ...] = ()

    def __str__(self) -> str:
        start, stop = self.rows
        stars = f" (stars {start} to {stop - 1})" if stop > start else ""
        return f"{self.name}{stars}: {self.problem}; {self.remedy}"


def damages(location: Location, manifest: Manifest, tell: Progress) -> list[Damage]:
    """Everything damaged, in the order of outputs, then tables and journals."""
    total = sum(map(len, manifest.checksums.values())) + len(manifest.parts)
    counted = iter(range(1, total + 1))

    def done() -> None:
        tell("objects", next(counted, total), total)

    found = [*_grids(location, manifest), *_arrays(location, manifest, done)]
    return [*found, *_dropped(location, manifest), *_objects(location, manifest, done)]


def _grids(location: Location, manifest: Manifest) -> Iterator[Damage]:
    arrays = Arrays(location, manifest.chunk, manifest.shard)
    for name, right in manifest.grids.items():
        problem = _problem(partial(arrays.grid, name), right)
        if problem:
            remedy = "restore the folder from a copy, or create the dataset again from its files"
            yield Damage(f"{name}/wavelength", (0, 0), problem, remedy)


def _arrays(location: Location, manifest: Manifest, done: Callable[[], None]) -> Iterator[Damage]:
    arrays = Arrays(location, manifest.chunk, manifest.shard)
    counted = [part for part in range(len(manifest.parts)) if part not in manifest.dropped_parts]
    for name, sums in manifest.checksums.items():
        expected = -(-manifest.n_stars // manifest.shard)
        if len(sums) != expected:
            problem = f"the manifest has {len(sums)} checksums for {expected} shards"
            yield Damage(name, (0, manifest.n_stars), problem, "restore manifest.json from a copy")
        for k, right in enumerate(sums):
            done()
            start, stop = k * manifest.shard, min((k + 1) * manifest.shard, manifest.n_stars)
            parts = tuple(p for p in counted if _overlap(manifest.rows_of(p), start, stop))
            if not parts and start < stop:
                continue
            problem = _problem(partial(arrays.read, name, slice(start, stop)), right)
            if problem:
                yield Damage(arrays.object(name, start), (start, stop), problem, _leave_out(parts), parts)


def _dropped(location: Location, manifest: Manifest) -> Iterator[Damage]:
    try:
        dropped_rows(location, manifest)
    except Exception as error:
        name = manifest.dropped_name(manifest.dropped["number"])
        yield Damage(name, (0, 0), str(error), "restore it from a copy")


def _objects(location: Location, manifest: Manifest, done: Callable[[], None]) -> Iterator[Damage]:
    kinds: dict[str, dict[str, str]] = {"table": {}, "journal": {}}
    for n, part in enumerate(manifest.parts):
        done()
        if n in manifest.dropped_parts:
            continue
        rows = manifest.rows_of(n)
        for what, name, right in (
            ("table", manifest.table_name(n), part.table),
            ("journal", manifest.journal_name(n), part.journal),
        ):
            content = location.read(name) if right else b""
            if content is None:
                problem = "is missing"
            elif right and checksum(content) != right:
                problem = "differs from what was committed"
            else:
                problem = (
                    _unlike(content, kinds[what], len(rows) if what == "table" else None) if right else ""
                )
            if problem:
                yield Damage(name, (rows.start, rows.stop), problem, _leave_out((n,)), (n,))


def _unlike(content: bytes, kinds: dict[str, str], n_rows: int | None) -> str:
    """Why a table cannot be read together with those before it, in words; empty if it can."""
    try:
        found, large, n = kinds_of_parquet(content)
    except Exception as error:  # whatever the bytes are
        return f"cannot be read ({type(error).__name__}: {error})"
    if n_rows is not None and n != n_rows:
        return f"has {n} rows, not {n_rows}"
    found |= dict.fromkeys(large, LARGE)
    for column, kind in found.items():
        before = kinds.get(column, kind)
        pair = {kind, before}
        if len(pair) == 2 and pair not in ({"numbers", "whole numbers"}, {LARGE, "whole numbers"}):
            return f"its column '{column}' holds {kind}, that of earlier parts {before}"
        if kind != "whole numbers":
            kinds[column] = kind
        kinds.setdefault(column, kind)
    return ""


def _overlap(rows: range, start: int, stop: int) -> bool:
    return rows.start < stop and start < rows.stop


def _leave_out(parts: Sequence[int]) -> str:
    return (
        f"restore it from a copy, or leave the stars of part {join_names(parts, 4)} out: luxjax check --drop, in Python "
        f"dataset.drop([{join_names(parts, 4)}])"
    )


def _problem(read: Callable[[], np.ndarray], right: str) -> str:
    """What is wrong with values that have this checksum; empty if nothing is."""
    try:
        values = np.asarray(read())
    except Exception as error:  # codecs, zarr and file systems raise whatever they like for damaged bytes
        why = error.__cause__ or error
        return f"cannot be read ({type(why).__name__}: {why})"
    return "" if checksum(values) == right else "differs from what was committed (or is missing)"
