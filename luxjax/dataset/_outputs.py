"""What a dataset says of its outputs, and how stars go into its table and come back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError
from ..core.internal import join_names
from ..data import Catalog, LabelTable, Measurements, Spectra
from ..data.internal import Output

__all__ = [
    "facts_of",
    "is_table",
    "label_columns",
    "mismatch",
    "output_from",
    "scale_of",
    "stars_table",
    "table_from",
]

Facts = Mapping[str, Any]
# What must agree between a dataset and what is appended.
_FIXED = {
    "spectra": ("medium", "frame", "survey", "normalized", "flux_unit"),
    "labels": ("names", "units", "species"),
    "measurements": ("names", "units", "correlation", "whitening"),
}


def facts_of(output: Output) -> dict[str, Any]:
    """What the manifest keeps of an output, as JSON holds it."""
    if isinstance(output, Spectra):
        facts = {name: getattr(output, name) for name in _FIXED["spectra"]}
        facts["normalized"] = bool(output.normalized)
        facts |= {"history": list(output.history), "resolution": output.resolution}
        facts["scale"] = float(output.scale or 1.0)
        return {"kind": "spectra", "size": output.n_pixels, **facts}
    kind = f"{output.noun}s"
    facts = {name: getattr(output, name) for name in (*_FIXED[kind], "survey")}
    facts |= {k: v.tolist() for k, v in facts.items() if isinstance(v, np.ndarray)}
    return {"kind": kind, "size": len(output.names), **facts, "names": list(output.names)}


def is_table(facts: Facts) -> bool:
    """Whether an output is values by name, which the table of the stars holds too."""
    return bool(facts["kind"] != "spectra")


def mismatch(name: str, facts: Facts, output: Output) -> str:
    """What keeps an output from being appended to one with these facts, in words; empty if nothing does."""
    given = facts_of(output)
    if given["kind"] != facts["kind"]:
        return f"output '{name}' holds {given['kind']}, that of the dataset {facts['kind']}"
    for what in (*_FIXED[facts["kind"]], "size"):
        if given[what] != facts[what]:
            return f"the {what} of output '{name}' is {given[what]!r}, that of the dataset {facts[what]!r}"
    return ""


def stars_table(catalog: Catalog) -> pd.DataFrame:
    """One row per star: ``id``, the catalogue's table, labels with errors, and what the outputs' own tables add.

    Columns of an output carry its name: ``labels_teff``, ``labels_teff_err``.
    """
    parts = [pd.DataFrame({"id": catalog.ids}), catalog.table]
    for name, output in catalog.outputs.items():
        own = pd.DataFrame(output.table)
        known = [c for c in own if c in catalog.table and own[c].equals(catalog.table[c])]
        if not isinstance(output, Spectra):
            labels = output.to_frame().drop(columns="id")
            parts.append(labels.add_prefix(f"{name}_"))
            known += [c for c in own if c in labels]  # the same labels before quality cuts
        parts.append(own.drop(columns=known).add_prefix(f"{name}_"))
    table = pd.concat([p.reset_index(drop=True) for p in parts], axis=1)
    table.columns = [str(c) for c in table.columns]
    if table.columns.has_duplicates:
        twice = join_names(table.columns[table.columns.duplicated()])
        raise InputError(f"the table of these stars would have the column {twice} twice; rename or drop one.")
    return table


def scale_of(facts: Facts) -> float:
    """By what the fluxes of an output are divided on disk; 1 for labels, and for what earlier versions wrote."""
    return float(facts.get("scale", 1.0))


def label_columns(name: str, facts: Facts) -> list[str]:
    return [c for label in facts["names"] for c in (f"{name}_{label}", f"{name}_{label}_err")]


def table_from(table: pd.DataFrame, outputs: Mapping[str, Facts]) -> pd.DataFrame:
    """Star-level facts for a catalogue: the table without ids and labels."""
    inside = [c for n, f in outputs.items() if is_table(f) for c in label_columns(n, f)]
    return table.drop(columns=["id", *inside]).reset_index(drop=True)


def output_from(name: str, facts: Facts, table: pd.DataFrame, arrays: Sequence[np.ndarray]) -> Output:
    """An output of the stars in these rows of the table; arrays: flux, ivar and wavelength of spectra."""
    ids = table["id"].to_numpy()
    fixed = {what: facts[what] for what in _FIXED[facts["kind"]]}
    if facts["kind"] == "spectra":
        flux, ivar, wavelength = arrays
        fixed |= {"history": tuple(facts["history"]), "resolution": facts.get("resolution")}
        scale = scale_of(facts)
        if scale != 1:  # in the unit of the flux, in double precision: nothing is rounded twice
            flux, ivar = np.asarray(flux, np.float64) * scale, np.asarray(ivar, np.float64) / scale / scale
        return Spectra(flux, ivar, wavelength, ids=ids, scale=scale, **fixed)
    numbers = table[label_columns(name, facts)].to_numpy(np.float64)
    made = LabelTable if facts["kind"] == "labels" else Measurements
    return made(numbers[:, ::2], numbers[:, 1::2], ids=ids, survey=facts["survey"], **fixed)
