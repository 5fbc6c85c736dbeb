"""Work of the host divided among its cores."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

from ._machine import usable_cores

__all__ = ["in_threads", "one_blas_thread"]

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_threads(function: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """``map(function, items)``, in a thread on every core: for NumPy's work on large arrays, which lets threads run."""
    with ThreadPoolExecutor(usable_cores()) as threads:
        yield from threads.map(function, items)


def one_blas_thread() -> AbstractContextManager[object]:
    """While it lasts, NumPy's linear algebra takes one thread a call: for matrices so small that threads wait for each other.

    On cores that others use too, factorisations of a few hundred rows take ten times as long in two threads as in one.
    """
    from threadpoolctl import threadpool_limits  # scikit-learn brings it

    return threadpool_limits(1, "blas")
