"""Settings of a program from a TOML file; one that lists every option with its default is the pattern for all others."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core import InputError
from ..core.internal import choose_from

__all__ = ["merge_config", "read_config"]


def read_config(
    path: str | Path | None = None, *, defaults: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Settings from a TOML file.

    Parameters
    ----------
    path : path, optional
        TOML file.
    defaults : mapping, optional
        Every option with its default; the file may then hold any of these, and no others.

    Raises
    ------
    InputError
        The file is missing or no TOML, or has an option that the defaults have not, or one of another type.
    """
    given = {} if path is None else _load(Path(path))
    return given if defaults is None else merge_config(defaults, given, str(path))


def merge_config(defaults: Mapping[str, Any], given: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Defaults with the given options in their place; `source` names where these come from."""
    return _merged(defaults, given, source, "")


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no configuration '{path}'; give the path of a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' is not valid TOML ({error}).") from None


def _merged(defaults, given, source: str, table: str) -> dict[str, Any]:
    out = {k: dict(v) if isinstance(v, Mapping) else v for k, v in defaults.items()}
    for key, value in given.items():
        if key not in defaults:
            where = f"option in [{table}] of '{source}'" if table else f"option of '{source}'"
            raise InputError(choose_from(f"{where} named", key, defaults))
        name, default = f"{table}.{key}" if table else key, defaults[key]
        if isinstance(default, Mapping) and isinstance(value, Mapping):
            out[key] = _merged(default, value, source, name)
        elif _kind(default) != _kind(value) and (_kind(default), _kind(value)) != ("number", "whole number"):
            raise InputError(
                f"option '{name}' of '{source}' is {value!r}; a {_kind(default)} was expected, such as {default!r}."
            )
        else:
            out[key] = value
    return out


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "whole number", float: "number", str: "text", list: "list", dict: "table"}
    return kinds.get(type(value), type(value).__name__)
