"""Where a table keeps what ingest wants of it: labels, their errors and flags, and the name of the star.

A survey's catalogue is looked up in its vocabulary; in a table of the user's, whatever its columns are called, names are recognised by
their letters (``Teff``, ``T_eff``, ``[Fe/H]``, ``e_Teff``, ``teff_err``), or stated (``teff=my_teff``).
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core import InputError, check_name
from ...core.internal import choose_from, join_names
from ...data.internal import STAR_COLUMNS
from ._vocabulary import BASIC, DEFAULT, IDS, LABELS, LabelColumns, label_columns

__all__ = [
    "FILE_COLUMNS",
    "ID_COLUMNS",
    "SNR_COLUMNS",
    "Resolved",
    "Table",
    "check_columns",
    "column_called",
    "resolve",
]

ID_COLUMNS = (
    *(
        "id",
        "star",
        "star_id",
        "sobject_id",
        "obsid",
        "apogee_id",
        "designation",
        "name",
        "object",
        "main_id",
    ),
    *("identifier", "tmass_id", "2mass", "2mass_id", "ap_id", "sdss_id", "source_id", "apogee"),
    *("kic", "epic", "tic", "kepler_id", "kic_id", "epic_number", "hd", "hip", "file", "filename"),
)
FILE_COLUMNS = ("filename", "file", "spectrum", "spectrum_file", "combined_file")
# What the surveys call the signal-to-noise ratio that they quote.
SNR_COLUMNS = ("snr", "snr_c3_iraf", "snr_px_ccd3", "snr_c2_iraf", "snrg")
ERRORS = (
    "{}err",
    "{}error",
    "e{}",
    "err{}",
    "s{}",
    "sig{}",
    "sigma{}",
    "{}sigma",
    "{}unc",
    "{}std",
    "{}sig",
    "u{}",
)
OTHER_NAMES = {
    "teff": ("temperature", "teffk", "efftemp"),
    "logg": ("loggcgs", "surfacegravity"),
    "fe_h": ("metallicity", "feoverh"),
}
USUAL = (*BASIC, "m_h", "alpha_fe", "alpha_m")
SPECIAL = ("id", "file", "snr", *STAR_COLUMNS)
"""What else than labels, errors and flags a column can be named for."""
EVERY = {name: place for known in reversed(LABELS.values()) for name, place in known.items()}
# Letters in common, of all letters, from which on a column may be a misspelt label.
NEAR = 0.85


@dataclass(frozen=True)
class Resolved:
    """Where a table keeps what is wanted of it.

    Parameters
    ----------
    survey, release : str
        Empty for a table of the user's.
    star : str
        Column that names the stars.
    labels : mapping of str to LabelColumns
        By label. The error column is empty where the error was stated as a number.
    absent : tuple of str
        Labels usual in such a catalogue that this one does not have.
    named : mapping of str to str
        What the user said of other columns (file, ra, gaia_dr3, snr, ...).
    """

    survey: str
    release: str
    star: str
    labels: Mapping[str, LabelColumns]
    absent: tuple[str, ...]
    named: Mapping[str, str]


def letters(name: Any) -> str:
    """A name without case and marks: ``[Fe/H]``, ``Fe_H`` and ``feh`` are one."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def column_called(names: Sequence[str], have: Sequence[str]) -> str | None:
    """The first of these columns that there is, whatever its case, and else whatever its marks."""
    for form in (lambda n: str(n).lower(), letters):
        known: dict[str, str] = {}
        for column in have:
            known.setdefault(form(column), column)
        if found := next((known[form(n)] for n in names if form(n) in known), None):
            return found
    return None


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise `InputError` unless this says what a table calls something."""
    for name, column in columns.items():
        if not (isinstance(name, str) and isinstance(column, str) and name and column):
            raise InputError(
                f"columns say what the label catalogue calls something, such as teff=my_teff; given: {name!r}={column!r}."
            )


def resolve(
    have: Sequence[str],
    labels: Sequence[str] | None,
    *,
    survey: str = "",
    release: str = "",
    columns: Mapping[str, str] | None = None,
    label_errors: Mapping[str, float] | None = None,
    where: str = "the label catalogue",
    need_errors: bool = True,
) -> Resolved:
    """Where a table with these columns keeps the labels wanted. Default: the usual ones.

    Raises
    ------
    InputError
        A label that is named, or that every catalogue has, is not there, or has no error; the message has the nearest names.
    """
    stated = dict(label_errors or {})
    known = label_columns(survey, release) if survey else {}
    if survey:
        release = release or max(r for s, r in LABELS if s == survey)
    table = Table(list(have), dict(columns or {}), where, f"{survey} {release}".strip(), known)
    wanted = tuple(labels) if labels else table.usual(DEFAULT.get(survey, USUAL))
    star = table.star(IDS.get(survey))
    found: dict[str, LabelColumns] = {}
    absent = []
    for name in wanted:
        if (value := table.value_column(name)) is not None:
            found[name] = table.label(name, value, name not in stated and need_errors)
        elif labels or (survey and name in BASIC) or table.near(name):
            raise InputError(table.no_label(name, expected=not labels))
        elif survey or name in BASIC:
            absent.append(name)
    if not found:
        raise InputError(
            f"{where} has none of the labels {join_names(wanted)} (it has {join_names(have)}); name those wanted and their "
            "columns (--labels teff --column teff=NAME)."
        )
    for name in stated:
        check_name("label for the error", name, found)
    return Resolved(survey, release, star, found, tuple(absent), table.others(found))


class Table:
    """Names of columns, and what is known of them."""

    def __init__(
        self,
        have: list[str],
        columns: dict[str, str],
        where: str,
        survey: str,
        known: Mapping[str, LabelColumns],
    ):
        self.have, self.where, self.survey, self.known = have, where, survey, known
        check_columns(columns)
        self.columns = {name: self._said(name, column) for name, column in columns.items()}

    def _said(self, name: str, column: str) -> str:
        found = column if column in self.have else column_called((column,), self.have)
        if found is None:
            raise InputError(
                choose_from(
                    f"column of {self.where} for {name}", column, self.have, "Name a column that it has"
                )
            )
        return found

    def usual(self, names: Sequence[str]) -> tuple[str, ...]:
        """Labels usual in such a table, and those whose columns the user named."""
        named = [n for n in self.columns if n not in SPECIAL and not n.endswith(("_err", "_flag"))]
        return tuple(dict.fromkeys((*(n for n in names if not self.known or n in self.known), *named)))

    def value_column(self, name: str) -> str | None:
        if name in self.columns:
            return self.columns[name]
        place = self.known.get(name)
        if self.known and place is None:  # a survey's catalogue says what its labels are called
            return next((c for c in self.have if c.lower() == name.lower()), None)
        names = (place.value, name) if place else (name,)
        return column_called((*names, *OTHER_NAMES.get(name, ())), self.have)

    def label(self, name: str, value: str, need_error: bool) -> LabelColumns:
        place = self.known.get(name) or EVERY.get(name, LabelColumns("", "", unit=""))
        error = self._error_column(name, value, place) if need_error else ""
        if error is None:
            raise InputError(
                f"label '{name}' has no error column in {self.where} (looked for {join_names(self._error_names(name, value, place), 4)}); "
                f"name it (--column {name}_err=NAME), or state one error for all stars (--label-error {name}=NUMBER; in Python "
                f"label_errors={{'{name}': NUMBER}}): labels are weighted by their errors."
            )
        flag = self.columns.get(f"{name}_flag", place.flag)
        # A survey's catalogue is expected to have its flags; in a table of the user's they would be luck.
        flag = column_called((flag,), self.have) or (flag if self.known else "") if flag else ""
        return replace(place, value=value, error=error, flag=flag)

    def _error_names(self, name: str, value: str, place: LabelColumns) -> list[str]:
        stems = dict.fromkeys((letters(value), letters(name)))
        own = [place.error] if place.error and name in self.known else []
        return [*own, *(form.format(stem) for stem in stems for form in ERRORS)]

    def _error_column(self, name: str, value: str, place: LabelColumns) -> str | None:
        if f"{name}_err" in self.columns:
            return self.columns[f"{name}_err"]
        return column_called(self._error_names(name, value, place), [c for c in self.have if c != value])

    def near(self, name: str) -> list[str]:
        """Columns that may be a label misspelt, or its error without it."""
        place = self.known.get(name) or EVERY.get(name, LabelColumns("", "", unit=""))
        taken = {c for n in (*self.known, *BASIC) if n != name and (c := self.value_column(n))}
        error = self._error_column(name, place.value or name, place)
        forms = {letters(c): c for c in self.have if c not in taken and c != error}
        likely = difflib.get_close_matches(letters(name), forms, n=3, cutoff=NEAR)
        return [forms[k] for k in likely] + ([error] if error else [])

    def no_label(self, name: str, expected: bool) -> str:
        """The sentence for a label that is not there."""
        if self.known and name not in self.known:
            return choose_from(
                f"label of {self.survey}", name, self.known, f"Or name its column (--column {name}=NAME)"
            )
        column = self.known[name].value if name in self.known else name
        near = self.near(name) or difflib.get_close_matches(column, self.have, n=3, cutoff=0.5)
        has = f"near names: {join_names(near)}" if near else f"it has {join_names(self.have)}"
        labels = " or the labels wanted (--labels teff,logg)" if expected else " or leave the label out"
        return (
            f"label '{name}'{' is expected and' if expected else ''} is not in {self.where}: there is no column '{column}' "
            f"({has}); name its column (--column {name}=NAME; in Python columns={{'{name}': 'NAME'}}),{labels}."
        )

    def star(self, usual: str | None) -> str:
        """The column that names the stars."""
        names = (usual, *ID_COLUMNS) if usual else ID_COLUMNS
        found = self.columns.get("id") or column_called(names, self.have)
        if found is None:
            unknown = "" if usual else ", and its columns do not tell which survey this is"
            raise InputError(
                f"{self.where} has no column '{usual or 'id'}' to name its stars by{unknown} (it has {join_names(self.have)}); name "
                "the one that does (--column id=NAME; in Python columns={'id': 'NAME'})."
            )
        return found

    def others(self, labels: Mapping[str, LabelColumns]) -> dict[str, str]:
        """What the user said of columns that are no labels; refused where it is of nothing that is wanted."""
        parts = {n + end for n in labels for end in ("", "_err", "_flag")}
        for name in self.columns:
            check_name(
                "use of a column", name, (*parts, *SPECIAL), "Name a label that is wanted, or one of these"
            )
        return {name: column for name, column in self.columns.items() if name in SPECIAL}
