"""What the files of a run hold, between Python values and plain numbers and text."""

import math
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import __version__
from ..core import InputError
from ..data.internal import Example
from ..files.internal import write_fits, write_parquet

__all__ = ["example_arrays", "examples_of", "plain", "versions", "whole", "write_label_tables"]

_LIBRARIES = [
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "numpyro",
    "numpy",
    "scipy",
    "astropy",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "pyarrow",
]


def versions() -> dict[str, str]:
    """Versions of Python, the system and the libraries, found without importing them."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    found["luxjax"] = __version__  # which need not be installed
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """A path to write to; what was written takes the place of `file` at the end, and nothing is left after an error."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        yield part
        if part.exists():
            os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def write_label_tables(folder: Path, name: str, labels: pd.DataFrame, units: Mapping[str, str]) -> None:
    """Write a table of labels as FITS and, where pyarrow is installed, Parquet; errors have the unit of their label."""
    ends = ("", "_err", "_obs", "_obs_err", "_true")
    by_column = {c: u for label, u in units.items() for e in ends if (c := label + e) in labels}
    with whole(folder / f"{name}.fits") as part:
        write_fits(labels, by_column, part)
    with whole(folder / f"{name}.parquet") as part:
        write_parquet(labels, by_column, part)


def example_arrays(examples: Mapping[str, Example]) -> dict[str, np.ndarray]:
    """Example spectra as named arrays of numbers and text."""
    arrays: dict[str, np.ndarray] = {}
    for output, e in examples.items():
        for what in ("wavelength", "flux", "ivar", "model"):
            arrays[f"{output}/{what}"] = np.asarray(getattr(e, what))
        arrays[f"{output}/ids"] = np.asarray(e.ids, dtype=str)
        arrays[f"{output}/medium"] = np.array(e.medium)
        arrays[f"{output}/line_names"] = np.array(list(e.lines), dtype=str)
        arrays[f"{output}/line_wavelengths"] = np.array(list(e.lines.values()), dtype=float)
    return arrays


def examples_of(arrays: Mapping[str, np.ndarray]) -> dict[str, Example]:
    """Example spectra by output name, from what `example_arrays` made."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for key, value in arrays.items():
        output, _, what = key.rpartition("/")
        groups.setdefault(output, {})[what] = value
    return {output: _example(a) for output, a in groups.items()}


def _example(a: Mapping[str, np.ndarray]) -> Example:
    lines = dict(zip(a["line_names"].tolist(), a["line_wavelengths"].tolist(), strict=True))
    return Example(a["ids"], a["wavelength"], str(a["medium"]), a["flux"], a["ivar"], a["model"], lines)


def plain(value: Any) -> Any:
    """JSON's own types only; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    array = np.asarray(value)  # NumPy scalars, NumPy and JAX arrays
    if array.dtype.kind not in "biufU":
        raise InputError(
            f"a metric of type {type(value).__name__} cannot be written as JSON; give numbers or text."
        )
    return plain(array.tolist())
