"""Configurations as TOML text; the standard library reads TOML but does not write it."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core import InputError

__all__ = ["dumps"]


def dumps(config: Mapping[str, Any]) -> str:
    """TOML text of a configuration: tables of text, numbers, booleans and lists. None is left out."""
    lines: list[str] = []
    _table(config, (), lines)
    return "\n".join(lines).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    if path:
        lines += ["", f"[{'.'.join(map(_key, path))}]"]
    for key, value in table.items():
        if value is not None and not isinstance(value, Mapping):
            lines.append(f"{_key(key)} = {_value(value, '.'.join((*path, str(key))))}")
    for key, value in table.items():
        if isinstance(value, Mapping):
            _table(value, (*path, str(key)), lines)


def _key(key: str) -> str:
    return str(key) if re.fullmatch(r"[A-Za-z0-9_-]+", str(key)) else _text(str(key))


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value(value: Any, name: str) -> str:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Path):
        return _text(str(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v, name) for v in value) + "]"
    raise InputError(
        f"configuration entry '{name}' is a {type(value).__name__}; text, numbers, booleans, lists of these and "
        "tables can be written."
    )
