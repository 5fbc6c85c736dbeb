"""Labels out of survey catalogues: one vocabulary of names, each with its error, unit, species and quality flag.

Names: ``teff`` (K), ``logg`` (dex), ``fe_h``, ``<element>_fe`` (dex). GALAH's ``alpha_fe`` and APOGEE's ``alpha_m``
are different quantities and keep different names. Columns: APOGEE DR12 (Holtzman et al. 2015) and DR17 (Abdurro'uf
et al. 2022); GALAH DR3 (Buder et al. 2021) and DR4 (Buder et al. 2024); LAMOST (Luo et al. 2015).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import InputError, LuxWarning
from ...core.internal import choose_from, join_names
from ...data import LabelTable
from ._catalogs import catalog_columns, detect_release, read_catalog

__all__ = ["LABELS", "LabelColumns", "label_columns", "labels_from_catalog", "read_labels"]


@dataclass(frozen=True)
class LabelColumns:
    """Where a label is found: value, error and (where the survey has one) flag columns; unit and species."""

    value: str
    error: str
    flag: str = ""
    unit: str = "dex"
    species: str = ""


# Columns that mean another ionisation stage or other lines of an element, besides the element's own.
_APOGEE_ELEMENTS = {
    e.lower(): e.capitalize()
    for e in [
        "C",
        "N",
        "O",
        "NA",
        "MG",
        "AL",
        "SI",
        "P",
        "S",
        "K",
        "CA",
        "TI",
        "V",
        "CR",
        "MN",
        "CO",
        "NI",
        "CU",
        "CE",
        "YB",
    ]
}
_APOGEE_ELEMENTS |= {"ci": "C", "tiii": "Ti"}
_GALAH_ELEMENTS = {
    e.lower(): e
    for e in [
        "Li",
        "C",
        "O",
        "Na",
        "Mg",
        "Al",
        "Si",
        "K",
        "Ca",
        "Sc",
        "Ti",
        "V",
        "Cr",
        "Mn",
        "Co",
        "Ni",
        "Cu",
        "Zn",
        "Rb",
        "Sr",
        "Y",
        "Zr",
        "Mo",
        "Ru",
        "Ba",
        "La",
        "Ce",
        "Nd",
        "Sm",
        "Eu",
    ]
}
_DR12_ELEMENTS = {
    e.lower(): e.capitalize()
    for e in ["AL", "CA", "C", "K", "MG", "MN", "NA", "NI", "N", "O", "SI", "S", "TI", "V"]
}

_GALAH = {
    "teff": LabelColumns("teff", "e_teff", unit="K"),
    "logg": LabelColumns("logg", "e_logg"),
    "fe_h": LabelColumns("fe_h", "e_fe_h", "flag_fe_h", species="Fe"),
}


def _galah(elements: dict[str, str], lower: bool = False) -> dict[str, LabelColumns]:
    """Columns of ``{label stem: element symbol}``; DR4 writes the symbols in lower case."""
    out = {}
    for stem, element in elements.items():
        e = stem if lower else stem.capitalize()
        out[f"{stem}_fe"] = LabelColumns(f"{e}_fe", f"e_{e}_fe", f"flag_{e}_fe", species=element)
    return out


LABELS: dict[tuple[str, str], dict[str, LabelColumns]] = {
    ("apogee", "dr17"): {
        "teff": LabelColumns("TEFF", "TEFF_ERR", unit="K"),
        "logg": LabelColumns("LOGG", "LOGG_ERR"),
        "m_h": LabelColumns("M_H", "M_H_ERR"),
        "alpha_m": LabelColumns("ALPHA_M", "ALPHA_M_ERR", species="O,Mg,Si,S,Ca,Ti"),
        "fe_h": LabelColumns("FE_H", "FE_H_ERR", "FE_H_FLAG", species="Fe"),
    }
    | {
        f"{k}_fe": LabelColumns(f"{k.upper()}_FE", f"{k.upper()}_FE_ERR", f"{k.upper()}_FE_FLAG", species=e)
        for k, e in _APOGEE_ELEMENTS.items()
    },
    ("apogee", "dr12"): {
        "teff": LabelColumns("TEFF", "TEFF_ERR", unit="K"),
        "logg": LabelColumns("LOGG", "LOGG_ERR"),
        "m_h": LabelColumns("PARAM_M_H", "PARAM_M_H_ERR"),
        "alpha_m": LabelColumns("PARAM_ALPHA_M", "PARAM_ALPHA_M_ERR", species="O,Mg,Si,S,Ca,Ti"),
        "fe_h": LabelColumns("FE_H", "FE_H_ERR", "FE_H_FLAG", species="Fe"),
    }
    | {
        f"{k}_h": LabelColumns(f"{k.upper()}_H", f"{k.upper()}_H_ERR", f"{k.upper()}_H_FLAG", species=e)
        for k, e in _DR12_ELEMENTS.items()
    },
    ("galah", "dr3"): _GALAH
    | {"alpha_fe": LabelColumns("alpha_fe", "e_alpha_fe", "flag_alpha_fe", species="Mg,Si,Ca,Ti")}
    | _galah(_GALAH_ELEMENTS | {"sc2": "Sc", "ti2": "Ti", "cr2": "Cr"}),
    ("galah", "dr4"): _GALAH | _galah(_GALAH_ELEMENTS | {"n": "N"}, lower=True),
    ("lamost", ""): {
        "teff": LabelColumns("teff", "teff_err", unit="K"),
        "logg": LabelColumns("logg", "logg_err"),
        "fe_h": LabelColumns("feh", "feh_err", species="Fe"),
        "alpha_m": LabelColumns("alpha_m", "alpha_m_err", species="Mg,Si,Ca,Ti"),  # from DR8 on
    },
}
IDS = {"apogee": "APOGEE_ID", "galah": "sobject_id", "lamost": "obsid"}
DEFAULT = {
    "apogee": ("teff", "logg", "fe_h", "alpha_m"),
    "galah": ("teff", "logg", "fe_h", "alpha_fe", "eu_fe"),
    "lamost": ("teff", "logg", "fe_h"),
}


def label_columns(
    survey: str, release: str = "", labels: Sequence[str] | None = None
) -> dict[str, LabelColumns]:
    """Where the labels of a survey are found, by label name; all known ones by default.

    Parameters
    ----------
    survey : "apogee", "galah" or "lamost"
    release : str
        As in `LABELS`; the newest by default.
    labels : sequence of str, optional
        Label names.
    """
    releases = [r for s, r in LABELS if s == survey]
    if not releases:
        raise InputError(choose_from("survey", survey, sorted({s for s, _ in LABELS})))
    release = release or max(releases)
    if release not in releases:
        raise InputError(choose_from(f"table of labels for {survey} release", release, releases))
    known = LABELS[survey, release]
    for name in labels or ():
        if name not in known:
            raise InputError(choose_from(f"label of {survey} {release}".rstrip(), name, known))
    return {name: known[name] for name in labels or known}


def labels_from_catalog(
    frame: pd.DataFrame,
    labels: Sequence[str] | None = None,
    *,
    survey: str = "",
    release: str = "",
    flagged: str = "missing",
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

    Notes
    -----
    Flags of the whole star (ASPCAPFLAG, flag_sp) are not looked at here.
    """
    if flagged not in ("missing", "keep"):
        raise InputError(choose_from("way to treat flagged labels", flagged, ("missing", "keep")))
    found = detect_release(frame.columns)
    survey = survey or frame.attrs.get("survey") or found[0]
    release = release or frame.attrs.get("release") or (found[1] if found[0] == survey else "")
    if not survey:
        raise InputError(
            f"the columns ({join_names(frame.columns)}) do not tell which survey this is; "
            f"name it: survey={join_names(sorted({s for s, _ in LABELS}))}."
        )
    at = {str(c).lower(): c for c in reversed(frame.columns)}
    if labels is None:
        known = label_columns(survey, release)
        labels = [n for n in DEFAULT[survey] if n in known and known[n].value.lower() in at]
    chosen = label_columns(survey, release, labels)
    star = at.get(IDS[survey].lower())
    if star is None:
        raise InputError(
            f"the catalogue has no column '{IDS[survey]}' to name its stars by; read it with that column."
        )
    ids = _ids(frame[star])
    if (nameless := ids == "").any():
        warnings.warn(
            f"{nameless.sum()} of {len(ids)} rows of the catalogue have no '{star}' and are left out.",
            LuxWarning,
            stacklevel=2,
        )
        ids, frame = ids[~nameless], frame[~nameless].reset_index(drop=True)
    data, errors, unflagged = pd.DataFrame({"id": ids}), {}, []
    for name, where in chosen.items():
        for column in (where.value, where.error):
            if column.lower() not in at:
                raise InputError(
                    f"label '{name}' needs the columns '{where.value}' and '{where.error}', and '{column}' is not "
                    "among those read; name it in read_catalog(columns=...), or leave the label out."
                )
        data[name] = pd.to_numeric(frame[at[where.value.lower()]], errors="coerce").to_numpy(
            float, na_value=np.nan
        )
        data[f"{name}_err"] = pd.to_numeric(frame[at[where.error.lower()]], errors="coerce").to_numpy(
            float, na_value=np.nan
        )
        errors[name] = f"{name}_err"
        if where.flag and flagged == "missing":
            if where.flag.lower() in at:
                flag = frame[at[where.flag.lower()]]
                data.loc[(flag.isna() | (flag != 0).fillna(True)).to_numpy(bool), name] = np.nan
            else:
                unflagged.append(where.flag)
    if unflagged:
        warnings.warn(
            f"the quality flags {join_names(unflagged)} are not among the columns read, so flagged labels could not be "
            "left out; read these columns too, or say flagged='keep'.",
            LuxWarning,
            stacklevel=2,
        )
    table = LabelTable.from_frame(
        data,
        id_column="id",
        labels=list(chosen),
        errors=errors,
        units={n: c.unit for n, c in chosen.items() if c.unit},
        species={n: c.species for n, c in chosen.items() if c.species},
        survey=survey,
    )
    return LabelTable(
        table.value, table.error, table.names, table.ids, table.units, table.species, survey, table=frame
    )


def _ids(column: pd.Series) -> np.ndarray:
    """Identifiers as text; blanks for missing ones."""
    return column.astype("string").fillna("").str.strip().to_numpy(object)


def read_labels(
    path: str | Path,
    labels: Sequence[str] | None = None,
    *,
    columns: Sequence[str] = (),
    survey: str = "",
    release: str = "",
    flagged: str = "missing",
) -> LabelTable:
    """Labels straight from a catalogue file, reading only the columns they need and `columns`."""
    have = catalog_columns(path)
    found = detect_release(have)
    survey, release = survey or found[0], release or found[1]
    if not survey:
        raise InputError(f"the columns of '{path}' do not tell which survey this is; name it with survey=.")
    lower = {c.lower() for c in have}
    if labels is None:
        known = label_columns(survey, release)
        labels = [n for n in DEFAULT[survey] if n in known and known[n].value.lower() in lower]
    chosen = label_columns(survey, release, labels)
    wanted = [IDS[survey]]
    for where in chosen.values():
        wanted += [where.value, where.error]
        wanted += [where.flag] if where.flag.lower() in lower else []
    frame = read_catalog(path, list(dict.fromkeys([*wanted, *columns])))
    frame.attrs = {"survey": survey, "release": release}
    return labels_from_catalog(frame, labels, survey=survey, release=release, flagged=flagged)
