"""What a dataset remembers of the options that it was made with, so that later files are treated alike."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..surveys import IngestOptions
from ..surveys.internal import LabelSelection
from ._zarr import checksum

__all__ = ["current_names", "recorded"]

# Names that earlier versions wrote, and what these options are called now.
_RENAMED = {"limits": "wavelength_range", "output": "spectra_name", "files_at_once": "batch_size"}


def recorded(options: IngestOptions, chosen: LabelSelection | None, batch_size: int) -> dict[str, Any]:
    """All that decides what the stars of a dataset are, as JSON holds it."""
    kept = options.wavelength_range
    return {
        "rest": bool(options.rest),
        "normalization": options.normalization,
        "error_factor": options.error_factor,
        "wavelength_range": None if kept is None else list(kept),
        "grid": None if options.grid is None else checksum(np.asarray(options.grid, "<f8")),
        "spectra_name": options.spectra_name,
        "labels": None if chosen is None else [options.labels_name, *chosen.labels.names],
        "cuts": getattr(options.cuts, "name", options.cuts),
        "join": options.join,
        "batch_size": batch_size,
    }


def current_names(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a dataset recorded them, under the names of this version."""
    return {_RENAMED.get(name, name): value for name, value in asked.items()}
