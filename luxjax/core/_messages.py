"""One sentence for every kind of bad input: what was given, what was expected, what to do."""

import dataclasses
import difflib
import math
import os
from collections.abc import Iterable
from typing import Any

__all__ = [
    "InputError",
    "LuxWarning",
    "RowError",
    "check_name",
    "choose_from",
    "join_names",
    "path_text",
    "rounded",
    "short_repr",
]


class InputError(ValueError):
    """Input that cannot be used; the message says what was given, what is accepted and what to do.

    Examples
    --------
    >>> import luxjax
    >>> try:
    ...     luxjax.load("nowhere")
    ... except luxjax.InputError as error:
    ...     print(error)
    no model at 'nowhere': there is no model.json; give the folder that luxjax wrote it to.
    """


class RowError(InputError, IndexError):
    """A row that is not there; an `IndexError` too, for those who expect one."""


class LuxWarning(UserWarning):
    """Warning that something was left out or done differently from what was asked; the message says what and why."""


def path_text(path: str | os.PathLike) -> str:
    r"""A path as text that can be printed and stored: bytes that are not UTF-8, as in old file names, are written ``\xe9``.

    Examples
    --------
    >>> import os
    >>> from luxjax.core.internal import path_text
    >>> print(path_text(os.fsdecode(b"caf\xe9.fits")))
    caf\xe9.fits
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def join_names(names: Iterable[Any], limit: int = 12) -> str:
    """Names joined for a message, shortened past `limit`.

    Examples
    --------
    >>> from luxjax.core.internal import join_names
    >>> join_names(["teff", "logg", "fe_h"], limit=2)
    'teff, logg, ... (3 in all)'
    """
    names = [str(n) for n in names]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown}, ... ({len(names)} in all)"


def choose_from(kind: str, given: Any, accepted: Iterable[str], hint: str = "") -> str:
    """The sentence for a name that is not among those known.

    Parameters
    ----------
    kind : str
        What the name stands for, such as ``"output"`` or ``"column"``.
    given : object
        What was given.
    accepted : iterable of str
        The names that would have been accepted.
    hint : str
        What to do next, as a clause without a full stop.

    Examples
    --------
    >>> from luxjax.core.internal import choose_from
    >>> choose_from("label", "tef", ["teff", "logg"])
    "there is no label 'tef' (known: teff, logg). Did you mean 'teff'?"
    """
    accepted = list(accepted)
    near = difflib.get_close_matches(str(given), [str(a) for a in accepted], n=1, cutoff=0.6)
    guess = f" Did you mean '{near[0]}'?" if near else ""
    known = f"known: {join_names(accepted)}" if accepted else "there are none"
    return f"there is no {kind} '{given}' ({known}).{guess}" + (f" {hint}." if hint else "")


def check_name(kind: str, given: Any, accepted: Iterable[str], hint: str = "") -> None:
    """Raise `InputError` unless `given` is among `accepted`.

    Parameters
    ----------
    kind : str
        What the name is of, for the message.
    given : str
        The name given.
    accepted : iterable of str
        The names accepted.
    hint : str
        What to do, appended to the message.

    Examples
    --------
    >>> from luxjax.core import check_name
    >>> check_name("label", "teff", ["teff", "logg"])  # silent: it is known
    """
    accepted = list(accepted)
    if given not in accepted:
        raise InputError(choose_from(kind, given, accepted, hint))


def rounded(value: float, figures: int = 2) -> str:
    """A number with two significant figures, or as many as asked for, as papers print it: no exponent unless it is far from 1.

    Parameters
    ----------
    value : float
    figures : int
        Default: 2.

    Examples
    --------
    >>> from luxjax.core.internal import rounded
    >>> [rounded(v) for v in (1136.2, 0.05564, -0.0269, 12.3)]
    ['1,100', '0.056', '-0.027', '12']
    """
    value = float(value)
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    decimals = figures - 1 - math.floor(math.log10(abs(value)))
    if not -7 < figures - 1 - decimals < 7:
        return f"{value:.{figures - 1}e}"
    return f"{round(value, decimals):,.{max(decimals, 0)}f}"


def short_repr(found: Any) -> str:
    """A dataclass in one line: numbers and words as they are, arrays by their shapes, and how many of anything else there are.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from luxjax.core.internal import short_repr
    >>> @dataclass(repr=False)
    ... class Found:
    ...     label: str
    ...     values: np.ndarray
    ...     __repr__ = short_repr
    >>> Found("teff", np.zeros((3, 2)))
    Found(label='teff', values: (3, 2) array)
    """

    def of(value: Any) -> str:
        if hasattr(value, "shape"):
            return f": {tuple(value.shape)} array"
        few = isinstance(value, tuple) and len(value) <= 6 and all(isinstance(v, str) for v in value)
        if few or value is None or isinstance(value, str | int | float):
            return f"={value!r}"
        return f": {len(value)}" if hasattr(value, "__len__") else f": {type(value).__name__}"

    return f"{type(found).__name__}({', '.join(f.name + of(getattr(found, f.name)) for f in dataclasses.fields(found))})"
