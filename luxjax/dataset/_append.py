"""What is written to a dataset, and in which order: everything beyond the committed stars first, the manifest last."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError
from ..core.internal import divided, join_names, usable
from ..data import Catalog, LabelTable, Spectra
from ._location import Location
from ._manifest import MANIFEST, Manifest, Part
from ._outputs import facts_of, mismatch, scale_of, stars_table
from ._parquet import to_parquet
from ._zarr import Arrays, checksum

__all__ = ["appended", "check_fits", "created"]


def created(
    place: Location,
    outputs: Mapping[str, Spectra | LabelTable],
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
    place: Location, was: Manifest, catalog: Catalog | None, journal: pd.DataFrame | None
) -> Manifest:
    """Write stars, their table and the journal beyond what is committed, then commit; the new manifest."""
    number, written, sums = len(was.parts), [], dict(was.checksums)
    table = listed = ""
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
        table = _put(place, was.table_name(number), stars_table(catalog))
    if journal is not None:
        listed = _put(place, was.journal_name(number), journal)
    place.flush(written)
    new = 0 if catalog is None else len(catalog)
    parts = (*was.parts, Part(new, table, listed))
    now = replace(was, n_stars=was.n_stars + new, checksums=sums, parts=parts)
    now.write(place)
    return now


def _scaled(
    outputs: Mapping[str, Mapping[str, Any]], catalog: Catalog, arrays: Arrays
) -> dict[str, Mapping[str, Any]]:
    """The facts of the outputs with the scale of these spectra, which is written beside the arrays too."""
    found = {}
    for name, facts in outputs.items():
        output = catalog[name]
        found[name] = {**facts, "scale": float(output.scale or 1.0)} if isinstance(output, Spectra) else facts
        if found[name] != facts:
            arrays.describe(name, {"scale": found[name]["scale"]})
    return found


def _put(place: Location, name: str, table: pd.DataFrame) -> str:
    """Write a table; its checksum."""
    content = to_parquet(table)
    place.write(name, content)
    return checksum(content)


def _head(place: Location, manifest: Manifest, array: str) -> np.ndarray:
    """Committed rows in the last shard, which is written anew with those that follow; refused if damaged."""
    n = manifest.n_stars
    start = n // manifest.shard * manifest.shard
    rows = Arrays(place, manifest.chunk, manifest.shard).read(array, slice(start, n))
    if start < n and checksum(rows) != manifest.checksums[array][-1]:
        raise InputError(
            f"stars {start} to {n - 1} of '{array}' are damaged, so nothing can be added after them; run "
            f"luxjax check {place}."
        )
    return rows
