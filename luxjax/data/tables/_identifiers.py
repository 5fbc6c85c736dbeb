"""Identifiers of stars in other catalogues, brought to one form."""

from typing import TYPE_CHECKING

import numpy as np

from ...core import InputError
from ...core.internal import join_names
from ...system.internal import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["gaia_ids", "tmass_ids"]

# How catalogues write "none" in a column of identifiers, apart from empty text and NaN.
_LARGEST = 2**63 - 1
_NONE = ("", "nan", "none", "null", "<na>", "n/a", "0", "-1", "-999", "-9999")


def gaia_ids(column: "pd.Series", release: str = "dr3", *, own: bool = True) -> np.ndarray:
    """Gaia source ids of one release as int64, 0 where there is none.

    Parameters
    ----------
    column : Series of whole numbers or text
        Text may carry a prefix such as ``Gaia DR3``; one of another release counts as none. Missing: empty, NaN, 0, or
        negative.
    release : "dr3" or "dr2"
        EDR3 has the ids of DR3.
    own : bool
        Whether ids without a prefix are of this release.

    Raises
    ------
    InputError
        The column holds floats: a float64 holds 15 to 16 digits, so the ids have been rounded to other stars' ids.
    """
    if pd.api.types.is_float_dtype(column):
        if column.isna().all() or not own:
            return np.zeros(len(column), np.int64)
        raise InputError(
            f"column '{column.name}' holds Gaia ids as {column.dtype}, and float64 cannot hold their 19 digits, so they no "
            "longer name the right stars; read the column again as int64 or text (pandas: dtype={"
            f"'{column.name}': 'Int64'}})."
        )
    if pd.api.types.is_integer_dtype(column):
        values = column.fillna(0).to_numpy()
        if own and len(values) and values.max() > _LARGEST:
            raise InputError(
                f"column '{column.name}' should hold Gaia source ids; {values.max()} is too large for one."
            )
        return np.maximum(values.astype(np.int64), 0) if own else np.zeros(len(column), np.int64)
    if own and pd.api.types.is_bool_dtype(column):
        raise InputError(f"column '{column.name}' holds true and false; name the column of Gaia source ids.")
    text = _text(column)
    parts = text.str.extract(r"(?i)^(?:gaia[\s_-]*(e?dr\d)?[\s_-]*)?(\d{1,19})$")
    said = parts[0].fillna("").str.lower().str.removeprefix("e").to_numpy(str)
    digits = parts[1].notna().to_numpy(bool)
    number = [int(d) if known else 0 for d, known in zip(parts[1], digits, strict=True)]
    large = np.array([n > _LARGEST for n in number], bool)
    odd = (~digits | large) & ~text.str.lower().isin(_NONE).to_numpy() & ~text.str.startswith("-").to_numpy()
    if own and odd.any():
        raise InputError(_strange(column, text[odd].unique()))
    out = np.array([0 if big else n for n, big in zip(number, large, strict=True)], np.int64)
    return np.where((said == release) | ((said == "") & own), out, 0)


def _strange(column: "pd.Series", values: np.ndarray) -> str:
    return (
        f"column '{column.name}' should hold Gaia source ids, whole numbers of up to 19 digits (at most {_LARGEST}); it also "
        f"holds {join_names(values, 3)}. Clear these, or name the right column."
    )


def tmass_ids(column: "pd.Series") -> np.ndarray:
    """2MASS designations as ``HHMMSSss+DDMMSSs``, empty where there is none.

    Prefixes (``2M``, ``2MASS``, ``J``), blanks and bytes are removed; what is then no designation (APOGEE also has stars
    named otherwise) counts as none.
    """
    if pd.api.types.is_bool_dtype(column):
        raise InputError(f"column '{column.name}' holds true and false; name the column of Gaia source ids.")
    text = _text(column).str.replace(r"^(?:2M(?:ASS)?)?[\s_-]*J?(?=\d{8}[+-])", "", case=False, regex=True)
    return np.where(text.str.fullmatch(r"\d{8}[+-]\d{7}"), text, "").astype(str)


def _text(column: "pd.Series") -> "pd.Series":
    """The column as stripped text, empty where missing. Value by value: pandas turns [int, None] into floats."""
    given = column.astype(object).to_numpy()
    values = [v.decode("ascii", "replace") if isinstance(v, bytes) else v for v in given]
    missing = column.isna()
    text = ["" if none else str(v).strip() for v, none in zip(values, missing, strict=True)]
    return pd.Series(text, index=column.index, name=column.name, dtype=object)
