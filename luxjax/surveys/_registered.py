"""Formats that users register: a function that recognises a file and one that reads it, and what becomes of what these do."""

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..core import InputError
from ..core.internal import choose_from, join_names
from ..data import Spectra

__all__ = ["RegisteredFormat", "add", "endings", "names", "recognised"]


@dataclass(frozen=True)
class RegisteredFormat:
    """A format of a user's.

    Parameters
    ----------
    name : str
    detect : callable
        Whether the file at a path has this format.
    read : callable
        The `Spectra` of the file at a path.
    endings : tuple of str
        Endings of the names of its files, by which folders are searched.
    """

    name: str
    detect: Callable[[Path], bool]
    read: Callable[..., Spectra]
    endings: tuple[str, ...] = ()

    def load(self, path: Path, options: dict[str, Any]) -> Spectra:
        """The spectra of a file, with its name in their table; `InputError` for whatever goes wrong in the user's function."""
        self._check(options)
        try:
            with _ONE_AT_A_TIME:
                found = self.read(path, **options)
        except InputError:
            raise
        except Exception as error:  # the function may fail in any way
            raise InputError(
                f"'{path}' is of the registered format {self.name}, whose function fails on it ({_told(error)}); correct the function or the file."
            ) from error
        if not isinstance(found, Spectra) or not len(found):
            given = (
                "Spectra of no star"
                if isinstance(found, Spectra)
                else f"an object of type {type(found).__name__}"
            )
            raise InputError(
                f"the function that reads the registered format {self.name} gave {given} for '{path}'; it must return a luxjax.Spectra."
            )
        table = pd.DataFrame(found.table)
        return found if "file" in table else found.replace(table=table.assign(file=str(path)))

    def forget(self) -> None:
        """Forget this format; nothing, where that is done or another one took its place."""
        if _FORMATS.get(self.name) is self:
            del _FORMATS[self.name]

    def _check(self, options: dict[str, Any]) -> None:
        """Refuse options that the function does not take."""
        known = list(inspect.signature(self.read).parameters.values())[1:]
        if any(p.kind is p.VAR_KEYWORD for p in known):
            return
        accepted = [p.name for p in known if p.kind is not p.VAR_POSITIONAL]
        for name in options:
            if name not in accepted:
                raise InputError(choose_from(f"option for {self.name} files named", name, accepted))


_FORMATS: dict[str, RegisteredFormat] = {}
# Files are read by several threads, and functions of users need not be written for that.
_ONE_AT_A_TIME = threading.RLock()


def add(found: RegisteredFormat, *, replace: bool) -> None:
    if found.name in _FORMATS and not replace:
        raise InputError(
            f"there is a registered format '{found.name}' already; choose another name, or say replace=True to put this one in its place."
        )
    _FORMATS[found.name] = found


def names() -> list[str]:
    return list(_FORMATS)


def endings() -> tuple[str, ...]:
    """Endings of files of all registered formats."""
    return tuple(dict.fromkeys(end for found in _FORMATS.values() for end in found.endings))


def recognised(path: Path) -> tuple[RegisteredFormat | None, str]:
    """The first registered format that says a file is its own; and which of them failed to say, in words."""
    failed = []
    for found in list(_FORMATS.values()) if path.is_file() else ():
        try:
            with _ONE_AT_A_TIME:
                yes = bool(found.detect(path))
        except Exception as error:  # a file of another kind may make it fail in any way
            failed.append(f"{found.name} ({_told(error)})")
            continue
        if yes:
            return found, ""
    return None, f"registered formats that could not look at it: {join_names(failed)}" if failed else ""


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
