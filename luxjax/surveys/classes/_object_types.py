"""Object types of SIMBAD, short codes (``WD*``) or labels (``WhiteDwarf``), read into a few classes by a dated map.

The map is ``simbad_otypes.csv``; its first lines say which list of SIMBAD it is of, and of when. A type that is not in it, such as one of
SIMBAD's older lists, has no class: it is never guessed.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from io import StringIO

import pandas as pd

__all__ = ["object_type_map", "parse_object_types"]

_BLANK = ("", "nan", "none", "--", "<na>")


@cache
def _text() -> str:
    return (files(__package__) / "simbad_otypes.csv").read_text(encoding="utf-8")


def object_type_map() -> tuple[pd.DataFrame, dict[str, str]]:
    """The map (``code``, ``label``, ``path``, ``class``, ``why``), and what its first lines say: ``list``, ``state``, ``map``."""
    lines = _text().splitlines(keepends=True)
    head = [line[1:].strip() for line in lines if line.startswith("#")]
    table = pd.read_csv(
        StringIO("".join(lines[len(head) :])), dtype=str, keep_default_na=False, na_filter=False
    )
    facts = dict(line.split(": ", 1) for line in head if line.split(":")[0] in ("list", "state", "map"))
    return table, facts


@cache
def _known() -> dict[str, tuple[str, str]]:
    """Class and reason by code and by label; a code goes before a label."""
    table, _ = object_type_map()
    of = list(zip(table["class"], table["why"], strict=True))
    return dict(zip(table["label"], of, strict=True)) | dict(zip(table["code"], of, strict=True))


def parse_object_types(types: Iterable[str]) -> pd.DataFrame:
    """Classes of object types, row for row.

    Returns
    -------
    pandas.DataFrame
        ``raw``; ``main`` (the class, blank where there is none) and ``reason`` (why there is none, else blank).
    """
    state = object_type_map()[1]["state"].split()[0]
    rows = []
    for value in types:
        raw = "" if value is None or value is pd.NA else str(value).strip()
        if raw.lower() in _BLANK:
            rows.append((raw, "", "it has no object type"))
        elif raw in _known():
            name, why = _known()[raw]
            rows.append((raw, name, "" if name else f"object type '{raw}' {why}"))
        else:
            rows.append((raw, "", f"object type '{raw}' is not in SIMBAD's list of {state}"))
    return pd.DataFrame(rows, columns=["raw", "main", "reason"])
