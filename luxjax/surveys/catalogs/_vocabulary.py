"""Labels of the surveys: one vocabulary of names, and the columns where each release keeps value, error and flag.

Names: ``teff`` (K), ``logg`` (dex), ``fe_h``, ``<element>_fe`` (dex). GALAH's ``alpha_fe`` and APOGEE's ``alpha_m``
are different quantities and keep different names. Columns: APOGEE DR12 (Holtzman et al. 2015) and DR17 (Abdurro'uf
et al. 2022); GALAH DR3 (Buder et al. 2021) and DR4 (Buder et al. 2024); LAMOST (Luo et al. 2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...core import InputError
from ...core.internal import choose_from

__all__ = ["BASIC", "DEFAULT", "IDS", "LABELS", "LabelColumns", "label_columns"]


@dataclass(frozen=True)
class LabelColumns:
    """Where a label is found: value, error and (where the survey has one) flag columns; unit and species."""

    value: str
    error: str
    flag: str = ""
    unit: str = "dex"
    species: str = ""


# Columns that mean another ionisation stage or other lines of an element, other than the usual ones.
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
BASIC = ("teff", "logg", "fe_h")
"""Labels that every catalogue is expected to have, where none are named."""
DEFAULT = {
    "apogee": ("teff", "logg", "fe_h", "alpha_m"),
    "galah": ("teff", "logg", "fe_h", "alpha_fe", "eu_fe"),
    "lamost": ("teff", "logg", "fe_h"),
}


def label_columns(
    survey: str, release: str = "", labels: Sequence[str] | None = None
) -> dict[str, LabelColumns]:
    """Where the labels of a survey are found, by label name. Default: all known ones.

    Parameters
    ----------
    survey : "apogee", "galah" or "lamost"
    release : str
        As in `LABELS`. Default: the newest.
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
