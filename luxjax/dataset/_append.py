"""What is written to a dataset, and in which order: everything beyond the committed stars first, the manifest last."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError
from ..core.internal import divided, join_names, usable
from ..data import Catalog, Spectra
from ..data.internal import Output
from ._location import Location
from ._manifest import MANIFEST, Manifest, Part
from ._outputs import facts_of, mismatch, scale_of, stars_table
from ._parquet import columns_from_parquet, columns_to_parquet, from_parquet, kinds_of_parquet, to_parquet
from ._zarr import Arrays, checksum

__all__ = ["appended", "check_fits", "check_table", "created", "dropped", "dropped_rows"]


def created(
    place: Location,
    outputs: Mapping[str, Output],
    chunk: int,
    shard: int,
    recipe: Mapping[str, Any],
) -> Manifest:
    """An empty dataset, as `Dataset.create` describes it; its manifest."""
    if not (1 <= chunk <= shard and shard % chunk == 0):
        raise InputError(
            f"shards hold a whole number of chunks of stars; given: chunk {chunk}, shard {shard}."
        )
    if not outputs:
        raise InputError("a dataset needs at least one output; give spectra or labels by name.")
    for name in outputs:
        if not name.replace("_", "").replace("-", "").isalnum():
            raise InputError(f"output '{name}' cannot name a folder; use letters, digits, _ and -.")
    facts = {name: facts_of(output) for name, output in outputs.items()}
    grids = {name: o.wavelength for name, o in outputs.items() if isinstance(o, Spectra)}
    with place.lock():
        _check_empty(place)
        arrays = Arrays(place, chunk, shard, write=True)
        attributes = {"luxjax_dataset": f"{MANIFEST} says what is committed"}
        arrays.create(attributes, {name: (f["size"], f) for name, f in facts.items()})
        for name, grid in grids.items():
            arrays.put_grid(name, grid)
        manifest = Manifest(
            facts,
            chunk,
            shard,
            grids={name: checksum(grid) for name, grid in grids.items()},
            checksums={f"{name}/{part}": () for name in facts for part in ("value", "ivar")},
            recipe=recipe,
        )
        manifest.write(place)
    return manifest


def _check_empty(place: Location) -> None:
    there = place.names()
    if MANIFEST in there:
        raise InputError(
            f"there is a dataset at '{place}' already; open and append to it, or name another place."
        )
    if there & {"table", "journal"} and b"luxjax_dataset" in (place.read("zarr.json") or b""):
        raise InputError(
            f"'{place}' holds the stars of a dataset, and its {MANIFEST} is missing; restore that from a copy, or name "
            "another place."
        )
    # A creation that was interrupted left arrays without a manifest.
    if there and b"luxjax_dataset" not in (place.read("zarr.json") or b""):
        raise InputError(
            f"'{place}' holds {join_names(sorted(there), 4)} and no dataset; name an empty place."
        )


def check_fits(catalog: Catalog, manifest: Manifest, wavelength: Callable[[str], np.ndarray]) -> None:
    """Refuse stars whose outputs are not those of the dataset; `wavelength` gives the grid of an output."""
    outputs = manifest.outputs
    if set(catalog.outputs) != set(outputs):
        raise InputError(
            f"the dataset has outputs {join_names(outputs)}, the stars to append {join_names(catalog.outputs)}; "
            "give the same."
        )
    for name, output in catalog.outputs.items():
        wrong = mismatch(name, outputs[name], output)
        if not wrong and isinstance(output, Spectra):
            same = np.allclose(output.wavelength, wavelength(name), rtol=1e-9, atol=0)
            wrong = "" if same else f"the wavelengths of output '{name}' are not those of the dataset"
        if wrong:
            raise InputError(f"{wrong}; bring them to agree, or make another dataset.")


def appended(
    place: Location,
    was: Manifest,
    catalog: Catalog | None,
    journal: pd.DataFrame | None,
    replaced: np.ndarray | None = None,
) -> Manifest:
    """Write stars, their table and the journal beyond what is committed, then commit; the new manifest.

    The tables are written first: they are refused where their columns are not what the dataset holds. The rows `replaced` no
    longer count from then on.
    """
    number, written, sums = len(was.parts), [], dict(was.checksums)
    columns = {what: dict(kinds) for what, kinds in (was.columns or _known_columns(place, was)).items()}
    table = listed = ""
    if catalog is not None:
        table, columns["table"] = _put(
            place, was, was.table_name(number), stars_table(catalog), "table", columns
        )
    if journal is not None:
        listed, columns["journal"] = _put(place, was, was.journal_name(number), journal, "journal", columns)
    if catalog is not None:
        arrays = Arrays(place, was.chunk, was.shard, write=True)
        if not was.n_stars:  # the first stars say how large fluxes are
            was = replace(was, outputs=_scaled(was.outputs, catalog, arrays))
        for name, output in catalog.outputs.items():
            values = output.flux if isinstance(output, Spectra) else output.value
            stored = divided(values, output.ivar, scale_of(was.outputs[name]))
            for part, rows in zip(("value", "ivar"), usable(*stored, what=f"output '{name}'"), strict=True):
                array = f"{name}/{part}"
                put = list(arrays.put(array, was.n_stars, rows, _head(place, was, array)))
                written += [f"{array}/zarr.json", *(at for at, _ in put)]
                whole = was.n_stars // was.shard
                sums[array] = (*was.checksums[array][:whole], *(s for _, s in put))
    place.flush(written)
    new = 0 if catalog is None else len(catalog)
    parts = (*was.parts, Part(new, table, listed))
    now = replace(was, n_stars=was.n_stars + new, checksums=sums, parts=parts, columns=columns)
    return _committed(place, was, now, replaced)


def check_table(place: Location, manifest: Manifest, table: pd.DataFrame) -> None:
    """Refuse columns that hold other values than those of the dataset's table."""
    known = manifest.columns or _known_columns(place, manifest)
    to_parquet(table, known["table"], partial(_largest, place, manifest, "table"))


def dropped(place: Location, was: Manifest, parts: Sequence[int]) -> Manifest:
    """Commit that all stars of these parts no longer count; the new manifest."""
    rows = [np.asarray(was.rows_of(part), np.int64) for part in parts]
    whole = {**was.dropped, "parts": sorted(was.dropped_parts | set(parts))}
    return _committed(place, was, replace(was, dropped=whole), np.concatenate(rows))


def dropped_rows(place: Location, manifest: Manifest) -> np.ndarray:
    """Rows that no longer count, in order, (row,)."""
    if not manifest.dropped.get("rows"):
        return np.zeros(0, np.int64)
    name = manifest.dropped_name(manifest.dropped["number"])
    content = place.read(name)
    if content is None or checksum(content) != manifest.dropped["checksum"]:
        raise InputError(
            f"'{name}' of the dataset at '{place}' is missing or damaged, so it is not known which stars count; restore it "
            "from a copy."
        )
    return columns_from_parquet(content)["row"]


def _committed(place: Location, was: Manifest, now: Manifest, without: np.ndarray | None) -> Manifest:
    """Write the manifest `now`, in which the rows `without` no longer count, nor those that did not before."""
    if without is not None and len(without):
        rows = np.union1d(dropped_rows(place, was), without)
        content, number = columns_to_parquet({"row": rows}), was.dropped.get("number", 0) + 1
        place.write(now.dropped_name(number), content)
        facts = {"number": number, "rows": len(rows), "checksum": checksum(content)}
        now = replace(now, dropped={**now.dropped, **facts})
    now.write(place)
    if now.dropped.get("number") != was.dropped.get("number") and was.dropped.get("rows"):
        place.remove(was.dropped_name(was.dropped["number"]))
    return now


def _scaled(
    outputs: Mapping[str, Mapping[str, Any]], catalog: Catalog, arrays: Arrays
) -> dict[str, Mapping[str, Any]]:
    """The facts of the outputs with the scale of these spectra, which is written next to the arrays too."""
    found = {}
    for name, facts in outputs.items():
        output = catalog[name]
        found[name] = {**facts, "scale": float(output.scale or 1.0)} if isinstance(output, Spectra) else facts
        if found[name] != facts:
            arrays.describe(name, {"scale": found[name]["scale"]})
    return found


def _known_columns(place: Location, manifest: Manifest) -> dict[str, dict[str, str]]:
    """What the columns of a dataset hold that an earlier version wrote: read from its parts, later ones widening."""
    kinds: dict[str, dict[str, str]] = {"table": {}, "journal": {}}
    for n, part in enumerate(manifest.parts):
        for what, name in (("table", manifest.table_name(n)), ("journal", manifest.journal_name(n))):
            if getattr(part, what) and n not in manifest.dropped_parts and (content := place.read(name)):
                for column, kind in kinds_of_parquet(content)[0].items():
                    before = kinds[what].get(column, kind)
                    kinds[what][column] = (
                        "numbers" if {before, kind} == {"numbers", "whole numbers"} else before
                    )
    return kinds


def _put(
    place: Location,
    was: Manifest,
    name: str,
    table: pd.DataFrame,
    what: str,
    columns: Mapping[str, dict[str, str]],
) -> tuple[str, dict[str, str]]:
    """Write a table; its checksum, and what its columns hold together with those before it."""
    content, kinds = to_parquet(table, columns[what], partial(_largest, place, was, what))
    place.write(name, content)
    return checksum(content), kinds


def _largest(place: Location, manifest: Manifest, what: str, column: str) -> float:
    """The largest absolute value of a column of whole numbers."""
    found = 0.0
    for n, part in enumerate(manifest.parts):
        file = manifest.table_name(n) if what == "table" else manifest.journal_name(n)
        if getattr(part, what) and n not in manifest.dropped_parts and (content := place.read(file)):
            values = from_parquet([content], [column])
            numbers = values[column].dropna().to_numpy() if column in values else ()
            found = max([found, *(abs(int(v)) for v in numbers)])
    return found


def _head(place: Location, manifest: Manifest, array: str) -> np.ndarray:
    """Committed rows in the last shard, which is rewritten with those that follow; refused if damaged."""
    n = manifest.n_stars
    start = n // manifest.shard * manifest.shard
    if start < n and np.isin(np.arange(start, n), dropped_rows(place, manifest)).all():
        place.remove(f"{array}/c/{start // manifest.shard}/0")  # which zarr would read, damaged as it may be
        return np.zeros((n - start, manifest.outputs[array.rpartition("/")[0]]["size"]), np.float32)
    rows = Arrays(place, manifest.chunk, manifest.shard).read(array, slice(start, n))
    if start < n and checksum(rows) != manifest.checksums[array][-1]:
        raise InputError(
            f"stars {start} to {n - 1} of '{array}' are damaged, so nothing can be added after them; run "
            f"luxjax check {place} --drop to leave them out."
        )
    return rows
