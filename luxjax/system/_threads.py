"""Work of the host shared out over its cores."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ._machine import usable_cores

__all__ = ["in_threads"]

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_threads(function: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """``map(function, items)``, in a thread on every core: for NumPy's work on large arrays, which lets threads run."""
    with ThreadPoolExecutor(usable_cores()) as threads:
        yield from threads.map(function, items)
