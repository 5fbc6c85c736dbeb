"""Photometry and parallax as families of features: columns of a table that the user joins to the spectra, never a survey's own.

They are features only where they are asked for, and only columns whose names begin with the family (``photometry: bp_rp``) count, so
that a magnitude that happens to stand in the table of a survey cannot enter.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ...core import InputError
from ...core.internal import join_names
from ...data import Spectra
from ._learned import FeatureFamily, register_family

__all__ = ["METADATA", "metadata_columns"]


def metadata_columns(table: pd.DataFrame | None, family: str) -> list[str]:
    """The columns of a table that are of this family."""
    return [] if table is None else [str(c) for c in table if str(c).startswith(f"{family}: ")]


class Metadata(FeatureFamily):
    """Columns of the table of the spectra, taken as they are; their errors are not known, and missing values stay missing."""

    def __init__(self, names: tuple[str, ...]):
        self.names = names

    @classmethod
    def learn(cls, spectra: Spectra, seed: int) -> "Metadata":
        names = metadata_columns(spectra.table, cls.family)
        if not names:
            raise InputError(
                f"the table of the spectra has no column of {cls.family} ('{cls.family}: NAME'); join one by --metadata, or do not ask for it."
            )
        return cls(tuple(names))

    def measure(self, spectra: Spectra) -> tuple[pd.DataFrame, pd.DataFrame]:
        have = metadata_columns(spectra.table, self.family)
        if missing := [name for name in self.names if name not in have]:
            raise InputError(
                f"this classifier sees {join_names(missing)} of a table too, and these spectra come without; join the table by --metadata."
            )
        assert spectra.table is not None
        values = spectra.table[list(self.names)].apply(pd.to_numeric, errors="coerce").astype(float)
        values = values.reset_index(drop=True)
        return values, values * np.nan

    def arrays(self) -> dict[str, np.ndarray]:
        return {"names": np.array(self.names, dtype=str)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Metadata":
        return cls(tuple(arrays["names"].tolist()))


class Photometry(Metadata):
    """Colours, and magnitudes if the user insists."""

    family = "photometry"


class Parallax(Metadata):
    """Parallax, or the luminosity that it gives."""

    family = "parallax"


METADATA = (Photometry.family, Parallax.family)
"""The families, the first to be named first."""

for _kind in (Photometry, Parallax):
    register_family(_kind)
