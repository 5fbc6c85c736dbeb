"""Identifiers of stars in other catalogues, brought to one form."""

from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError
from ..core.internal import join_names
from ..system.internal import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["gaia_ids", "tmass_ids"]

# How catalogues write "none" in a column of identifiers, besides empty text and NaN.
_NONE = ("", "nan", "none", "null", "<na>", "n/a", "0", "-1", "-999", "-9999")


def gaia_ids(column: "pd.Series") -> np.ndarray:
    """Gaia source ids as int64, 0 where there is none.

    Parameters
    ----------
    column : Series of whole numbers or text
        Text may carry a prefix such as ``Gaia DR3``. Missing: empty, NaN, 0, or negative.

    Raises
    ------
    InputError
        The column holds floats: a float64 holds 15 to 16 digits, so the ids have been rounded to other stars' ids.
    """
    if pd.api.types.is_float_dtype(column):
        if column.isna().all():
            return np.zeros(len(column), np.int64)
        raise InputError(
            f"column '{column.name}' holds Gaia ids as {column.dtype}, and float64 cannot hold their 19 digits, so they no "
            "longer name the right stars; read the column again as int64 or text (pandas: dtype={"
            f"'{column.name}': 'Int64'}})."
        )
    if pd.api.types.is_integer_dtype(column):
        whole = column.fillna(0).to_numpy()
        if len(whole) and whole.max() > np.iinfo(np.int64).max:
            raise InputError(
                f"column '{column.name}' should hold Gaia source ids; {whole.max()} is too large for one."
            )
        return np.maximum(whole.astype(np.int64), 0)
    if pd.api.types.is_bool_dtype(column):
        raise InputError(f"column '{column.name}' holds true and false; name the column of Gaia source ids.")
    text = _text(column).str.replace(r"^gaia\s*(e?dr\d)?\s*", "", case=False, regex=True)
    out = np.zeros(len(text), np.int64)
    digits = np.array([one.isascii() and one.isdigit() and int(one) < 2**63 for one in text], bool)
    out[digits] = text[digits].to_numpy(str).astype(np.int64)
    strange = ~digits & ~text.str.lower().isin(_NONE).to_numpy() & ~text.str.startswith("-").to_numpy()
    if strange.any():
        raise InputError(
            f"column '{column.name}' should hold Gaia source ids, whole numbers of up to 19 digits; it also holds "
            f"{join_names(text[strange].unique(), 3)}. Clear these, or name the right column."
        )
    return out


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
