"""Which star was in which part of a run, so that evidence is never taken from stars that trained its model."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..core import InputError
from ..data import Catalog
from ._folder import RunFolder

__all__ = ["read_stars", "write_stars"]

STARS = "stars.csv"


def write_stars(run: RunFolder, parts: Mapping[str, Catalog]) -> None:
    """Note which star was in which part, so that evidence is never taken from stars that the model was fitted to."""
    frame = pd.DataFrame(
        {
            "id": np.concatenate([part.ids for part in parts.values()]),
            "part": np.repeat(list(parts), [len(part) for part in parts.values()]),
        }
    )
    run.write_csv(STARS, frame)


def read_stars(run: RunFolder) -> pd.DataFrame:
    """The stars of a run: columns ``id`` and ``part``."""
    if not (run.path / STARS).is_file():
        raise InputError(
            f"the run {run.path} does not say which stars it was fitted to (it has no {STARS}); fit it again."
        )
    return pd.read_csv(run.path / STARS, dtype=str)
