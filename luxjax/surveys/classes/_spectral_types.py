"""Spectral types as the literature writes them, read into a class; the one place where this is done.

What LAMOST writes (``A7V``, ``dM1``) is read by `parse_subclass`. Of the rest:

=====================  ============================================================================================
``G2V``, ``K0III``     the letter; subtype and luminosity class are kept. Marks of doubt and peculiarity do not matter
                       (``G5:``, ``B9pSi``, ``M4.5Ve``, ``F8VFe-0.7``); blanks and a leading ``~`` neither.
``G8/K0III``           no class: two letters. ``G8/9V`` and ``K0III-IV`` have one.
``F5V+G``, ``K0&A``    a composite has the class of its first type, which is that of the brighter star.
``A5mA7-F2``           a metallic-line star has the class by its hydrogen lines where it is given (``kA5hF0mF2`` is F), else the first.
``sdM1``               a cool subdwarf has its letter, and luminosity class VI. ``sdB1``, ``sdO``, ``sdOB``: hot subdwarfs, ``sdB`` or ``sdO``.
``DA2``, ``WD``        white dwarfs, ``WD``.
``L5``, ``T2``, ``Y0`` their letter.
``C-N5``, ``C5,4``     carbon stars (also ``CH``, ``R3``, ``N0``), ``C``. ``S4/2``, ``SC7``: ``S``. ``WN5``, ``WC8``, ``WO``: ``WR``.
=====================  ============================================================================================

Anything else has no class, and says why.
"""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..formats._lamost_files import parse_subclass

__all__ = ["parse_spectral_types"]

_END = r"(?![A-Za-z])"
# What may follow a letter without a digit, so that words such as 'Galaxy' or 'None' are no types.
_MARKS = rf"(?:$|[\s:?()\[\]/~.,_+-]|(?:e|em|ep|p|pec|m|n|nn|s|v|var|k|w|f){_END})"
_MAIN = re.compile(
    rf"(?P<prefix>usd|esd|sd|d|g|c)?:?(?P<main>[OBAFGKMLTY])(?:(?P<digit>\d(?:\.\d+)?)|(?=[IV])|(?={_MARKS}))(?P<rest>.*)"
)
_CLASS_OF = (
    (re.compile(rf"(?:He-?)?sd:?(?:O[AB]?|B[OA]?)(?:\d|{_END})"), ""),  # sdB or sdO, by the letter
    (re.compile(rf"WD|D[ABOZQCX][ABOZQCXHPEVe]*(?:\d|{_END})"), "WD"),
    (re.compile(rf"W[NCO](?:\d|[ELs]|{_END})|WR{_END}"), "WR"),
    (re.compile(rf"C-?[RNJH](?:\d|{_END})|C(?:\d|[,:(]|$)|[RN]\d|Carbon{_END}"), "C"),
    (re.compile(r"S(?:\d|-)|SC\d"), "S"),
)  # fmt: skip
_ROMAN = re.compile(r"(VI|IV|V|III|II|Iab|Ia|Ib|I)")
_METALLIC = re.compile(r"k[OBAFGKM][\d.]*(?:h(?P<hydrogen>[OBAFGKM][\d.]*))?m?")
_OTHER = re.compile(r"[-/](?:sd|d|g)?([OBAFGKMLTY])(?=\d|$|[IV:])")
_BLANK = ("", "nan", "none", "null", "n/a", "na", "--", "-", "?", "...")


def parse_spectral_types(types: Iterable[str]) -> pd.DataFrame:
    """Classes of spectral types, row for row.

    Returns
    -------
    pandas.DataFrame
        ``raw``; ``main`` (the class, blank where there is none), ``subclass`` (letter, subtype and luminosity class, such as ``G2V``),
        ``luminosity`` (I to VI, or blank), ``composite`` (whether there is a second type), ``reason`` (why there is no class, else blank).
    """
    raw = ["" if value is None or value is pd.NA else str(value) for value in types]
    found = {text: _parsed(text) for text in dict.fromkeys(raw)}
    rows = [(text, *found[text]) for text in raw]
    return pd.DataFrame(rows, columns=["raw", "main", "subclass", "luminosity", "composite", "reason"])


def _parsed(raw: str) -> tuple[str, str, str, bool, str]:
    """Class, subclass, luminosity class, whether it is a composite, and why there is no class."""
    text = re.sub(r"\s+", "", raw).lstrip("~(':\"")
    if text.lower() in _BLANK:
        return "", "", "", False, "it has no spectral type"
    first, *others = re.split(r"[+&]", text)
    composite = any(re.search("[A-Za-z]", other) for other in others)
    if composite and not first:
        first = others[0]
    if (known := _special(first)) is not None:
        return known, "", "", composite, ""
    plain = parse_subclass([first]).iloc[0]
    if plain["main"]:
        digit = "" if np.isnan(plain["subtype"]) else f"{plain['subtype']:g}"
        sort = str(plain["luminosity"])
        return str(plain["main"]), f"{plain['main']}{digit}{sort}", sort, composite, ""
    metallic = _METALLIC.match(first)
    if metallic:
        first = metallic["hydrogen"] or first[1:]
    found = _MAIN.fullmatch(first)
    if found is None:
        return "", "", "", composite, f"spectral type '{_short(raw)}' names no class"
    main, rest = found["main"], found["rest"]
    # After an m stand the types of metallic lines, which are no second opinion on the class.
    second = _OTHER.search(rest.split("m")[0]) or (_OTHER.match(first[first.index(main) + 1 :]))
    if second is not None and second[1] != main:
        return "", "", "", composite, f"spectral type '{_short(raw)}' lies between {main} and {second[1]}"
    return main, *_finer(found), composite, ""


def _special(text: str) -> str | None:
    """The class of what is no star of O to Y."""
    for pattern, name in _CLASS_OF:
        if pattern.match(text):
            return name or ("sdO" if re.match(r"(?:He-?)?sd:?O(?!B)", text) else "sdB")
    return None


def _finer(found: re.Match[str]) -> tuple[str, str]:
    """Subclass and luminosity class of a type of O to Y."""
    roman = _ROMAN.search(found["rest"])
    sort = "VI" if (found["prefix"] or "").endswith("sd") else ""
    if roman:
        sort = "I" if roman[1].startswith("I") and roman[1][1:] in ("", "a", "b", "ab") else roman[1]
    sort = sort or {"d": "V", "g": "III", "c": "I"}.get(found["prefix"] or "", "")
    return f"{found['main']}{found['digit'] or ''}{sort}", sort


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:19] + "\N{HORIZONTAL ELLIPSIS}"
