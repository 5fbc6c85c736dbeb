"""Labels out of catalogues, of surveys and of the user: each with its error, unit and species, and every value lost with its reason."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError, LuxWarning
from ...core.internal import choose_from, join_names
from ...data import LabelTable
from ._catalogs import catalog_columns, detect_release, read_catalog
from ._label_losses import FLAGGED, TEXT, AccountOfLabels, error_values, label_values
from ._resolve import Resolved, resolve

__all__ = ["labels_and_losses", "labels_from_catalog", "read_labels"]


def labels_from_catalog(
    frame: pd.DataFrame,
    labels: Sequence[str] | None = None,
    *,
    survey: str = "",
    release: str = "",
    flagged: str = "missing",
    columns: Mapping[str, str] | None = None,
    label_errors: Mapping[str, float] | None = None,
) -> LabelTable:
    """Labels with errors, units and species from a catalogue read with `read_catalog`.

    Parameters
    ----------
    frame : pandas.DataFrame
        The catalogue; its other columns stay with the labels as their table.
    labels : sequence of str, optional
        Label names; by default the parameters and abundances most asked for that the frame has.
    survey, release : str
        Where the columns do not tell them.
    flagged : "missing" or "keep"
        Whether a label whose own quality flag is set counts as missing (as the surveys recommend).
    columns : mapping of str to str, optional
        What the table calls a label, its error or the star: ``{"teff": "my_teff", "teff_err": "my_error", "id": "name"}``.
    label_errors : mapping of str to float, optional
        One error for all stars, by label, in place of a column.

    Notes
    -----
    Flags of the whole star (ASPCAPFLAG, flag_sp) are not looked at here.
    """
    found = detect_release(frame.columns)
    survey = survey or frame.attrs.get("survey") or found[0]
    release = release or frame.attrs.get("release") or (found[1] if found[0] == survey else "")
    have = [str(c) for c in frame.columns]
    places = resolve(have, labels, survey=survey, release=release, columns=columns, label_errors=label_errors)
    return labels_and_losses(frame, places, label_errors=label_errors, flagged=flagged)[0]


def labels_and_losses(
    frame: pd.DataFrame,
    places: Resolved,
    *,
    label_errors: Mapping[str, float] | None = None,
    flagged: str = "missing",
) -> tuple[LabelTable, AccountOfLabels]:
    """Labels of a catalogue whose columns are known, and what was lost of them."""
    if flagged not in ("missing", "keep"):
        raise InputError(choose_from("way to treat flagged labels", flagged, ("missing", "keep")))
    n, names = len(frame), tuple(places.labels)
    value, error = np.full((n, len(names)), np.nan), np.full((n, len(names)), np.nan)
    reasons, examples, unflagged = np.full((n, len(names)), "", object), {}, []
    for j, (name, where) in enumerate(places.labels.items()):
        value[:, j], reasons[:, j] = label_values(frame[where.value])
        text = np.flatnonzero(reasons[:, j] == TEXT)
        if len(text):
            examples[name] = str(frame[where.value].iloc[text[0]])
        stated = (label_errors or {}).get(name)
        error[:, j], why = (
            (np.full(n, float(stated)), np.full(n, "", object))
            if stated is not None
            else error_values(frame[where.error])
        )
        reasons[:, j] = np.where(reasons[:, j] == "", why, reasons[:, j])
        if where.flag and flagged == "missing":
            if where.flag not in frame:
                unflagged.append(where.flag)
                continue
            flag = frame[where.flag]
            bad = (flag.isna() | (pd.to_numeric(flag, errors="coerce") != 0).fillna(True)).to_numpy(bool)
            reasons[:, j] = np.where((reasons[:, j] == "") & bad, FLAGGED, reasons[:, j])
    if unflagged:
        warnings.warn(
            f"the quality flags {join_names(unflagged)} are not among the columns read, so flagged labels could not be "
            "left out; read these columns too, or say flagged='keep'.",
            LuxWarning,
            stacklevel=3,
        )
    value = np.where(reasons == "", value, np.nan)
    table = LabelTable(
        value,
        error,
        names,
        _ids(frame[places.star]),
        {n: c.unit for n, c in places.labels.items() if c.unit},
        {n: c.species for n, c in places.labels.items() if c.species},
        places.survey,
        table=frame,
    )
    return table, AccountOfLabels(names, reasons, places.absent, examples)


def _ids(column: pd.Series) -> np.ndarray:
    """Identifiers as text; blanks for missing ones."""
    return column.astype("string").fillna("").str.strip().to_numpy(object)


def read_labels(
    path: str | Path,
    labels: Sequence[str] | None = None,
    *,
    columns: Sequence[str] | Mapping[str, str] = (),
    survey: str = "",
    release: str = "",
    flagged: str = "missing",
    label_errors: Mapping[str, float] | None = None,
) -> LabelTable:
    """Labels straight from a catalogue file, of a survey or of your own, reading only the columns they need.

    Parameters
    ----------
    path : path
        As for `read_catalog`.
    labels : sequence of str, optional
        Label names. Default: those most asked for that the catalogue has.
    columns : sequence of str, or mapping of str to str
        Other columns to keep with the labels; or what the catalogue calls a label, its error or the star:
        ``{"teff": "my_teff", "teff_err": "my_error", "id": "name"}``.
    survey, release : str
        Where the columns do not tell them. Without a survey, labels are recognised by the names of the columns.
    flagged : "missing" or "keep"
        Whether a label whose own quality flag is set counts as missing (as the surveys recommend).
    label_errors : mapping of str to float, optional
        One error for all stars, by label, in place of a column: ``{"teff": 100}``.

    Raises
    ------
    InputError
        A label that is named, or that every catalogue has, is not there, or has no error; the message has the nearest names.
    """
    mapping = dict(columns) if isinstance(columns, Mapping) else {}
    have = catalog_columns(path)
    found = detect_release(have)
    survey, release = survey or found[0], release or (found[1] if survey in ("", found[0]) else "")
    places = resolve(
        have,
        labels,
        survey=survey,
        release=release,
        columns=mapping,
        label_errors=label_errors,
        where=f"'{path}'",
    )
    extra = () if isinstance(columns, Mapping) else columns
    frame = read_catalog(path, columns_of(places, have, extra))
    frame.attrs = {"survey": survey, "release": release}
    return labels_and_losses(frame, places, label_errors=label_errors, flagged=flagged)[0]


def columns_of(places: Resolved, have: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """The columns to read: of the star, the labels, their errors and flags, and others."""
    wanted = [places.star, *places.named.values()]
    for where in places.labels.values():
        wanted += [c for c in (where.value, where.error, where.flag) if c in have]
    return list(dict.fromkeys([*wanted, *extra]))
