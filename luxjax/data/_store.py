"""Catalogues on disk: a folder that is readable without luxjax. Loading one never runs code.

    catalog.json                     what the outputs are: kind, medium, frame, names, units, history, mask bits
    ids.npy                          star identifiers, text
    <k>_<output>.<array>.npy         flux, ivar, wavelength, mask of spectra; value, error of labels and measurements
    table.ecsv, <k>_<output>.table.ecsv    star-level facts, with types (the ECSV of astropy)

Fluxes and masks are mapped from the file when loaded, so a catalogue need not fit into memory to be opened.
"""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..files.internal import FolderKind
from ._catalog import Catalog, Output
from ._labels import LabelTable
from ._measurements import Measurements
from ._spectra import Spectra
from .tables._table_files import read_table, write_table

__all__ = ["CATALOG_FOLDER", "load_catalog", "save_catalog"]

# Per kind: what goes to the header, and what to arrays (True: mapped from the file instead of read).
_FACTS = {
    "spectra": ("medium", "frame", "survey", "normalized", "flux_unit", "bits", "history"),
    "labels": ("names", "units", "species", "survey"),
    "measurements": ("names", "units", "survey"),
}
_LATER = ("resolution", "scale")  # facts of spectra that older folders may lack
_ARRAYS = {
    "spectra": {"flux": True, "ivar": True, "wavelength": False, "mask": True},
    "labels": {"value": False, "error": False},
    "measurements": {"value": False, "error": False, "correlation": False, "whitening": False},
}
_NAMES = "|".join(name for arrays in _ARRAYS.values() for name in arrays)
CATALOG_FOLDER = FolderKind(
    "catalogue",
    "catalog.json",
    schema=1,
    files=(
        r"ids\.npy",
        r"table\.ecsv",
        rf"\d+_[A-Za-z0-9_-]*\.({_NAMES})\.npy",
        r"\d+_[A-Za-z0-9_-]*\.table\.ecsv",
        r"ingest\.txt",  # these two are the account of what ingestion left out
        r"ingest_lost\.csv",
    ),
    keys=("luxjax_catalog",),
    remedy="save or ingest it again",
)


def save_catalog(catalog: Catalog, folder: str | os.PathLike) -> Path:
    """Write a catalogue to a folder.

    Everything is written next to the folder first and moved into place, so that an interrupted save leaves no half
    catalogue. A catalogue already there is replaced; a folder that holds anything else, or more, is refused.

    Parameters
    ----------
    catalog : Catalog
    folder : path

    Returns
    -------
    Path
        The folder.

    Notes
    -----
    In the tables of star-level facts missing text comes back as empty text, and text without the blanks around it; dates come back
    as pandas dates. Everything else comes back as it was, bit for bit.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(10, {"flux": 20, "labels": 2}, 2, key=1).catalog
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = luxjax.load_catalog(luxjax.save_catalog(stars, f"{folder}/stars"))
    ...     print(len(again), again.sizes)
    10 {'flux': 20, 'labels': 2}
    """
    with CATALOG_FOLDER.replacing(folder) as part:
        CATALOG_FOLDER.put(part, _write(catalog, part))
    return Path(folder)


def load_catalog(folder: str | os.PathLike) -> Catalog:
    """Read a catalogue back as it was saved; fluxes, inverse variances and masks stay on disk until used.

    Raises
    ------
    InputError
        If there is no catalogue, it was written by a newer luxjax, or its files are damaged.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(10, {"flux": 20, "labels": 2}, 2, key=1).catalog
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = luxjax.load_catalog(luxjax.save_catalog(stars, f"{folder}/stars"))
    ...     print(bool((again.spectra("flux").flux == stars.spectra("flux").flux).all()))
    True
    """
    folder = Path(folder)
    header = CATALOG_FOLDER.read(folder)
    with CATALOG_FOLDER.reading(folder, refusals=False):
        ids = np.load(folder / "ids.npy", allow_pickle=False)
        outputs = {name: _read_output(entry, ids, folder) for name, entry in header["outputs"].items()}
        return Catalog(outputs, read_table(folder / "table.ecsv", header["table"], len(ids)))


def _write(catalog: Catalog, folder: Path) -> dict[str, Any]:
    """Write arrays and tables; return what the header says of them."""
    outputs: dict[str, Any] = {}
    for k, (name, output) in enumerate(catalog.outputs.items()):
        kind = "spectra" if isinstance(output, Spectra) else f"{output.noun}s"
        stem = f"{k}_{re.sub(r'[^A-Za-z0-9_-]', '_', name)}"
        files = {}
        for array in _ARRAYS[kind]:
            values = getattr(output, array)
            if values is not None:
                files[array] = f"{stem}.{array}.npy"
                np.save(folder / files[array], values, allow_pickle=False)
        outputs[name] = {
            "kind": kind,
            **{fact: _plain(getattr(output, fact)) for fact in _FACTS[kind]},
            **({f: getattr(output, f) for f in _LATER} if isinstance(output, Spectra) else {}),
            "arrays": files,
            "table": {
                "file": f"{stem}.table.ecsv",
                "columns": write_table(output.table, folder / f"{stem}.table.ecsv"),
            },
        }
    np.save(folder / "ids.npy", np.asarray(catalog.ids, dtype=str), allow_pickle=False)
    return {
        "n_stars": len(catalog),
        "outputs": outputs,
        "table": write_table(catalog.table, folder / "table.ecsv"),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): int(v) if isinstance(v, np.integer) else v for k, v in value.items()}
    return list(value) if isinstance(value, tuple) else bool(value) if isinstance(value, np.bool_) else value


def _read_output(entry: dict[str, Any], ids: np.ndarray, folder: Path) -> Output:
    kind = entry["kind"]
    arrays = {
        name: np.load(folder / entry["arrays"][name], allow_pickle=False, mmap_mode="r" if mapped else None)
        for name, mapped in _ARRAYS[kind].items()
        if name in entry["arrays"]
    }
    facts = {name: entry[name] for name in _FACTS[kind]}
    table = read_table(folder / entry["table"]["file"], entry["table"]["columns"], len(ids))
    if kind != "spectra":
        facts["names"] = tuple(facts["names"])
        made = LabelTable if kind == "labels" else Measurements
        return made(**arrays, ids=ids, table=table, **facts)
    facts["history"] = tuple(facts["history"])
    # Before spectra had a scale it was 1.
    later = {"scale": 1.0} | {f: entry[f] for f in _LATER if f in entry}
    return Spectra(**arrays, ids=ids, table=table, **later, **facts)
