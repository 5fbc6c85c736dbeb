"""Is what is on disk what was committed? Everything is read once and compared with its checksum."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ._location import Location
from ._manifest import Manifest
from ._zarr import Arrays, checksum

__all__ = ["Damage", "damages"]


@dataclass(frozen=True)
class Damage:
    """An object of a dataset that is not what was committed.

    Parameters
    ----------
    name : str
        Of the object, below the location.
    rows : (start, stop)
        The stars that it holds.
    problem, remedy : str
        What is wrong, and what to do.
    """

    name: str
    rows: tuple[int, int]
    problem: str
    remedy: str

    def __str__(self) -> str:
        start, stop = self.rows
        stars = f" (stars {start} to {stop - 1})" if stop > start else ""
        return f"{self.name}{stars}: {self.problem}; {self.remedy}"


def damages(location: Location, manifest: Manifest) -> list[Damage]:
    """Everything damaged, in the order of outputs, then tables and journals."""
    found = [*_grids(location, manifest), *_arrays(location, manifest)]
    return [*found, *_objects(location, manifest)]


def _grids(location: Location, manifest: Manifest) -> Iterator[Damage]:
    arrays = Arrays(location, manifest.chunk, manifest.shard)
    for name, right in manifest.grids.items():
        problem = _problem(partial(arrays.grid, name), right)
        if problem:
            remedy = "restore the folder from a copy, or create the dataset again from its files"
            yield Damage(f"{name}/wavelength", (0, 0), problem, remedy)


def _arrays(location: Location, manifest: Manifest) -> Iterator[Damage]:
    arrays = Arrays(location, manifest.chunk, manifest.shard)
    for name, sums in manifest.checksums.items():
        expected = -(-manifest.n_stars // manifest.shard)
        if len(sums) != expected:
            problem = f"the manifest has {len(sums)} checksums for {expected} shards"
            yield Damage(name, (0, manifest.n_stars), problem, "restore manifest.json from a copy")
        for k, right in enumerate(sums):
            start, stop = k * manifest.shard, min((k + 1) * manifest.shard, manifest.n_stars)
            problem = _problem(partial(arrays.read, name, slice(start, stop)), right)
            if problem:
                remedy = (
                    f"restore it from a copy, or leave these stars out: dataset.select(...) without rows {start} to "
                    f"{stop - 1}"
                )
                yield Damage(arrays.object(name, start), (start, stop), problem, remedy)


def _objects(location: Location, manifest: Manifest) -> Iterator[Damage]:
    start = 0
    for n, part in enumerate(manifest.parts):
        stop = start + part.n_stars
        for name, right in ((manifest.table_name(n), part.table), (manifest.journal_name(n), part.journal)):
            content = location.read(name) if right else b""
            if content is None:
                problem = "is missing"
            else:
                problem = "" if not right or checksum(content) == right else "differs from what was committed"
            if problem:
                yield Damage(
                    name,
                    (start, stop),
                    problem,
                    "restore it from a copy, or ingest its files again elsewhere",
                )
        start = stop


def _problem(read: Callable[[], np.ndarray], right: str) -> str:
    """What is wrong with values that have this checksum; empty if nothing is."""
    try:
        values = np.asarray(read())
    except Exception as error:  # codecs, zarr and file systems raise whatever they like for damaged bytes
        why = error.__cause__ or error
        return f"cannot be read ({type(why).__name__}: {why})"
    return "" if checksum(values) == right else "differs from what was committed (or is missing)"
