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
from ._label_losses import FLAGGED, AccountOfLabels, error_values, example_of_text, label_values
from ._resolve import FILE_COLUMNS, Resolved, Table, column_called, resolve
from ._vocabulary import label_columns

__all__ = ["columns_of", "labels_and_losses", "labels_from_catalog", "read_labels", "read_parameters"]


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
        Label names. Default: the parameters and abundances most asked for that the frame has.
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
    return _warned(*labels_and_losses(frame, places, label_errors=label_errors, flagged=flagged))


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
    ids = _ids(frame[places.star])
    nameless = int((ids == "").sum())
    if nameless:
        frame, ids = frame[ids != ""].reset_index(drop=True), ids[ids != ""]
    n, names = len(frame), tuple(places.labels)
    value, error = np.full((n, len(names)), np.nan), np.full((n, len(names)), np.nan)
    reasons, examples, unflagged = np.full((n, len(names)), "", object), {}, []
    for j, (name, where) in enumerate(places.labels.items()):
        value[:, j], reasons[:, j] = label_values(frame[where.value])
        if example := example_of_text(frame[where.value], reasons[:, j]):
            examples[name] = example
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
    value = np.where(reasons == "", value, np.nan)
    table = LabelTable(
        value,
        error,
        names,
        ids,
        {n: c.unit for n, c in places.labels.items() if c.unit},
        {n: c.species for n, c in places.labels.items() if c.species},
        places.survey,
        table=frame,
    )
    return table, AccountOfLabels(names, reasons, places.absent, examples, unflagged, nameless)


def _warned(table: LabelTable, account: AccountOfLabels) -> LabelTable:
    """The labels, after a warning where flags of the survey could not be looked at."""
    if account.unflagged:
        warnings.warn(
            f"the quality flags {join_names(account.unflagged)} are not among the columns of the catalogue, so labels that the survey "
            "flagged could not be left out; use a catalogue that has them.",
            LuxWarning,
            stacklevel=3,
        )
    if account.nameless:
        warnings.warn(
            f"{account.nameless} of {len(table) + account.nameless} rows of the catalogue have no name of a star and are left out.",
            LuxWarning,
            stacklevel=3,
        )
    return table


def _ids(column: pd.Series) -> np.ndarray:
    """Identifiers as text; blanks for missing ones."""
    if pd.api.types.is_float_dtype(column):
        values = column.to_numpy(float, na_value=np.nan)
        known = values[np.isfinite(values)]
        if np.any(known % 1) or np.any(np.abs(known) > 2**53):
            raise InputError(
                f"column '{column.name}' names the stars by floating-point numbers such as {known[0]!r}, which do not hold "
                "identifiers; name another column (--column id=NAME), or get this one as text."
            )
        column = pd.Series(values, name=column.name).astype("Int64")
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

    Examples
    --------
    >>> import tempfile
    >>> from astropy.table import Table
    >>> from luxjax.surveys import read_labels
    >>> table = Table({"id": ["a", "b"], "teff": [4500.0, 5100.0], "e_teff": [50.0, 60.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table.write(f"{folder}/mine.fits")
    ...     labels = read_labels(f"{folder}/mine.fits", ["teff"])
    >>> labels.value.tolist(), labels.error.tolist()
    ([[4500.0], [5100.0]], [[50.0], [60.0]])
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
    return _warned(*labels_and_losses(frame, places, label_errors=label_errors, flagged=flagged))


def read_parameters(
    path: str | Path, names: Sequence[str], columns: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, AccountOfLabels]:
    """Labels without errors from a catalogue: the names of its stars (``file``, ``obsid``, ``id``) and a column for each label.

    Labels that the catalogue does not have are left out; a misspelt one is refused.
    """
    have = catalog_columns(path)
    survey, release = detect_release(have)
    table = Table(
        have, dict(columns or {}), f"'{path}'", survey, label_columns(survey, release) if survey else {}
    )
    found = {}
    for name in names:
        place = table.value_column(name) or (table.value_column("alpha_m") if name == "alpha_fe" else None)
        if place is not None:
            found[name] = place
        elif table.near(name):
            raise InputError(table.no_label(name, expected=True))
    keys = {"file": FILE_COLUMNS, "obsid": ("obsid",), "id": ("id", "designation", "desig", "star")}
    key = {k: c for k, n in keys.items() if (c := table.columns.get(k) or column_called(n, have))}
    if not found or not key:
        raise InputError(
            f"'{path}' needs a column file, obsid or id and one of {join_names(names)} (it has {join_names(have)}); name them with "
            "--column, such as --column teff=NAME."
        )
    frame = read_catalog(path, list(dict.fromkeys([*key.values(), *found.values()])))
    out = pd.DataFrame({k: _ids(frame[c]) for k, c in key.items()})
    reasons = np.full((len(frame), len(found)), "", object)
    for j, (name, column) in enumerate(found.items()):
        out[name], reasons[:, j] = label_values(frame[column])
    examples = {
        n: e for n, c in found.items() if (e := example_of_text(frame[c], reasons[:, list(found).index(n)]))
    }
    return out, AccountOfLabels(tuple(found), reasons, [n for n in names if n not in found], examples)


def columns_of(places: Resolved, have: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """The columns to read: of the star, the labels, their errors and flags, and others."""
    wanted = [places.star, *places.named.values()]
    for where in places.labels.values():
        wanted += [c for c in (where.value, where.error, where.flag) if c in have]
    return list(dict.fromkeys([*wanted, *extra]))
