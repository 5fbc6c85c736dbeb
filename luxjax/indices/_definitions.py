"""Definitions of spectral indices, each with its unit and its medium.

The table shipped with the package, ``spectral_indices.csv``, holds the Lick/IDS system (Trager et al. 1998, ApJS 116, 1;
Worthey & Ottaviani 1997, ApJS 111, 377), the bands of M dwarfs (Reid, Hawley & Gizis 1995, AJ 110, 1838; Lepine, Rich & Shara
2003, AJ 125, 1598), the calcium triplet (Cenarro et al. 2001, MNRAS 326, 959), the 4000-Angstrom break (Bruzual 1983; Balogh et
al. 1999) and others, with the source of every row. Windows of lines without a published definition are set there, and
say so.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..core.internal import join_names
from ..data.internal import Medium
from ..preprocessing import air_to_vacuum

__all__ = ["UNITS", "Index", "builtin_indices", "choose_indices", "line_shapes", "read_indices"]

#: What an index is, by its unit. F is the flux, C the straight line through the mean fluxes of the two side bands.
UNITS = {
    "A": "equivalent width, the integral of 1 - F/C over the index band, Angstrom",
    "mag": "-2.5 log10 of the mean of F/C over the index band",
    "ratio": "mean F of the index band over that of its side band, or of the average of two",
    "ratio_fnu": "mean F_nu of the red over that of the blue band",
    "ratio_blue_over_red": "mean F of the blue over that of the red band",
    "slope": "-2.5 log10 of the mean F of the blue over that of the red band, mag",
    "curvature": "-2.5 log10 of the mean F of the index band over the geometric mean of the side bands, mag",
    "depth": "mean of 1 - F/C over one resolution element (R = 1800) at the line",
    "width": "equivalent width over depth, Angstrom",
    "asymmetry": "equivalent width redward of the line minus that blueward, Angstrom",
}
_TWO_SIDES = set(UNITS) - {"ratio"}
_NO_INDEX = {"ratio_fnu", "ratio_blue_over_red", "slope"}
_LINE = {"depth", "width", "asymmetry"}
_COLUMNS = ("name", "unit", "medium", "index_lo", "index_hi", "blue_lo", "blue_hi", "red_lo", "red_hi")
RESOLUTION = 1800.0  # of LAMOST's low-resolution spectra, for the width of a line's core

Band = tuple[float, float]


@dataclass(frozen=True)
class Index:
    """One spectral index.

    Parameters
    ----------
    name : str
    unit : str
        One of `UNITS`, which also says how it is computed.
    medium : "air" or "vacuum"
        What the limits were given in. Mandatory: it is never guessed.
    band, blue, red : (low, high), optional
        Index band and side bands, Angstrom, in the star's rest frame.
    line : float, optional
        Wavelength of the line, for depth, width and asymmetry.
    family, source : str
        What the index is made by (``"balmer"``, ``"tio"``, ...), and who defined it.

    Examples
    --------
    >>> from luxjax.indices import Index
    >>> sides = {"blue": (4990.0, 5000.0), "red": (5020.0, 5030.0)}
    >>> index = Index("line", "A", "vacuum", band=(5005.0, 5015.0), **sides)
    >>> index.name, index.unit
    ('line', 'A')
    """

    name: str
    unit: str
    medium: Medium
    band: Band | None = None
    blue: Band | None = None
    red: Band | None = None
    line: float | None = None
    family: str = ""
    source: str = ""

    def __post_init__(self):
        check_name(f"unit of index '{self.name}'", self.unit, UNITS)
        if self.medium not in get_args(Medium):
            raise InputError(
                f"index '{self.name}' does not say whether its bands are in air or vacuum (given {self.medium!r}); the two "
                "differ by 1 to 2.5 Angstrom in the optical, so say medium='air' or 'vacuum' as its source does."
            )
        sides = [s for s in (self.blue, self.red) if s is not None]
        if len(sides) < (2 if self.unit in _TWO_SIDES else 1):
            raise InputError(
                f"index '{self.name}' ({self.unit}) needs {'both side bands' if self.unit in _TWO_SIDES else 'a side band'}."
            )
        if self.band is None and self.unit not in _NO_INDEX:
            raise InputError(f"index '{self.name}' ({self.unit}) needs an index band.")
        if self.unit in _LINE and self.line is None:
            raise InputError(f"index '{self.name}' ({self.unit}) needs the wavelength of its line.")
        for low, high in self.bands:
            if not 0 < low < high:
                raise InputError(
                    f"index '{self.name}' has a band from {low:g} to {high:g} Angstrom; give low < high."
                )

    @property
    def bands(self) -> list[Band]:
        """The bands that it has: index, blue, red."""
        return [b for b in (self.band, self.blue, self.red) if b is not None]

    def vacuum(self) -> "Index":
        """The same index with its limits in vacuum."""
        if self.medium == "vacuum":
            return self

        def moved(band: Band | None) -> Band | None:
            return None if band is None else tuple(float(x) for x in air_to_vacuum(np.array(band)))  # type: ignore[return-value]

        line = None if self.line is None else float(air_to_vacuum(np.array(self.line)))
        return dataclasses.replace(
            self,
            medium="vacuum",
            band=moved(self.band),
            blue=moved(self.blue),
            red=moved(self.red),
            line=line,
        )


def line_shapes(index: Index) -> list[Index]:
    """Depth, width and asymmetry of the line in an equivalent-width index; none where it names no line."""
    if index.line is None or index.unit != "A":
        return []
    return [
        dataclasses.replace(index, name=f"{index.name}_{unit}", unit=unit)
        for unit in ("depth", "width", "asymmetry")
    ]


def read_indices(path: str | Path) -> list[Index]:
    """Definitions from a CSV table with columns as in the package's own.

    ``name, unit, medium, index_lo, index_hi, blue_lo, blue_hi, red_lo, red_hi``, blank for a band that an index does not
    have, and where known ``line``, ``family``, ``source``.

    Raises
    ------
    InputError
        A column is missing, or a row does not define an index; the message names it.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from luxjax.indices import read_indices
    >>> index = {"name": "H_beta", "unit": "A", "medium": "air", "index_lo": 4847.875, "index_hi": 4876.625}
    >>> index |= {"blue_lo": 4827.875, "blue_hi": 4847.875, "red_lo": 4876.625, "red_hi": 4891.625}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pd.DataFrame([index]).to_csv(f"{folder}/indices.csv", index=False)
    ...     print(read_indices(f"{folder}/indices.csv")[0].name)
    H_beta
    """
    frame = pd.read_csv(path)
    for column in _COLUMNS:
        check_name("column", column, frame.columns, "A table of indices needs it")
    repeated = frame["name"][frame["name"].duplicated()]
    if len(repeated):
        raise InputError(
            f"'{path}' defines {join_names(repeated)} more than once; give every index its own name."
        )
    return [_of_row(row) for row in frame.to_dict("records")]


def _of_row(row: dict) -> Index:
    def band(side: str) -> Band | None:
        low, high = row[f"{side}_lo"], row[f"{side}_hi"]
        return None if pd.isna(low) or pd.isna(high) else (float(low), float(high))

    def text(name: str) -> str:
        value = row.get(name, "")
        return "" if pd.isna(value) else str(value).strip()

    line = row.get("line")
    return Index(
        name=text("name"),
        unit=text("unit"),
        medium=text("medium"),  # type: ignore[arg-type]
        band=band("index"),
        blue=band("blue"),
        red=band("red"),
        line=None if line is None or pd.isna(line) else float(line),
        family=text("family"),
        source=text("source"),
    )


@functools.lru_cache(maxsize=1)
def _builtin() -> tuple[Index, ...]:
    with resources.as_file(resources.files(__package__) / "spectral_indices.csv") as path:
        return tuple(read_indices(path))


def builtin_indices(*, shapes: bool = True) -> list[Index]:
    """The indices shipped with the package, and with `shapes` the depth, width and asymmetry of the lines among them.

    Examples
    --------
    >>> from luxjax.indices import builtin_indices
    >>> len(builtin_indices()) > len(builtin_indices(shapes=False)) > 20
    True
    """
    given = list(_builtin())
    return given + [shape for index in given for shape in line_shapes(index)] if shapes else given


def choose_indices(names: "Iterable[str | Index] | None") -> Sequence[Index]:
    """Indices by name or as they are; all built-in ones when none is named.

    Examples
    --------
    >>> from luxjax.indices import choose_indices
    >>> [index.name for index in choose_indices(["Mg_b"])]
    ['Mg_b']
    """
    known = {index.name: index for index in builtin_indices()}
    if names is None:
        return list(known.values())
    chosen = []
    for name in names:
        if isinstance(name, str):
            check_name("spectral index", name, known)
            name = known[name]
        chosen.append(name)
    if not chosen:
        raise InputError(
            "no spectral index was asked for; name some, or leave them out for all built-in ones."
        )
    return chosen
