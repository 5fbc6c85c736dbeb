"""Progress of long work: one protocol for all of it, and its display on standard error."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Display", "Progress", "reporting"]

LONG = 10.0  # seconds; shorter work leaves no line where nobody watches
EVERY = 60.0  # seconds between two lines of work without a terminal


@runtime_checkable
class Progress(Protocol):
    """Function that long work calls while it runs. Every ``progress=`` takes True, False, None or a function like this.

    Some call it before anything is done, with `done` 0 or what an earlier run left.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.fitting import EM
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> told = []
    >>> def tell(what, done, total, **numbers):
    ...     told.append(f"{what}: {done} of {total}")
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, EM(), key=1, progress=tell)
    >>> told[:2]
    ['cycles: 0 of 60', 'cycles: 1 of 60']
    """

    def __call__(self, task: str, done: int, total: int | None = None, **facts: float) -> None:
        """Take note.

        Parameters
        ----------
        task : str
            What is counted, such as ``"stars"``, ``"cycles"``, ``"steps"`` or ``"files"``.
        done : int
            How many are done.
        total : int, optional
            How many there are; of cycles and steps how many there are at most.
        **facts : float
            More numbers by name, such as ``objective`` of a fit.
        """


@contextmanager
def reporting(progress: "bool | Progress | None", name: str) -> Iterator[Progress]:
    """What a caller gave as `progress`, as something to call: True shows work called `name`, None and False nothing."""
    if progress is True:
        with Display(name) as shown:
            yield shown
    else:
        yield progress or _silent


def _silent(task: str, done: int, total: int | None = None, **facts: float) -> None:
    pass


class Display:
    """Progress on standard error: a line that changes on a terminal; elsewhere a line a minute, and one after ten seconds or more.

    Parameters
    ----------
    name : str
        Name of the work.
    console : rich.console.Console, optional
        Default: standard error.
    closing : bool
        Whether to leave a line at the end of long work.
    """

    def __init__(self, name: str, console: "Console | None" = None, *, closing: bool = True):
        from rich.console import Console

        self.name, self.closing = name, closing
        self.console = console or Console(stderr=True, highlight=False)
        self.begun = time.perf_counter()
        self._task, self._first, self._since, self._said = "", 0, self.begun, ""
        self._ended = threading.Event()

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return time.perf_counter() - self.begun

    def __enter__(self) -> "Display":
        from rich.text import Text

        self._status = self.console.status(Text(self.name))
        if self.console.is_terminal:
            self._status.start()
        else:
            threading.Thread(target=self._tell_now_and_then, daemon=True).start()
        return self

    def _tell_now_and_then(self) -> None:
        """A line every minute, so that a log shows that the work continues."""
        while not self._ended.wait(EVERY):
            with suppress(ValueError, OSError):  # the stream is closed
                self.leave_line(f"{self.name}: {self._said or 'at work'}")

    def __exit__(self, kind, *_: object) -> None:
        self._status.stop()
        self._ended.set()
        if self.closing and kind is None and self.seconds >= LONG:
            self.leave_line(f"{self.name}: {self._said}" if self._said else self.name)

    def __call__(self, task: str, done: int, total: int | None = None, **facts: float) -> None:
        from rich.text import Text

        self._said = f"{done:,} {task}" if total is None else f"{done:,} of {total:,} {task}"
        self._said += "".join(f", {name} {value:.8g}" for name, value in facts.items())
        self._status.update(Text(f"{self.name}: {self._said}{self._pace(task, done, total)}"))

    def _pace(self, task: str, done: int, total: int | None) -> str:
        """How many a second since this task was first heard of, and the time left."""
        now = time.perf_counter()
        if task != self._task or done < self._first:
            self._task, self._first, self._since = task, done, now
        rate = (done - self._first) / max(now - self._since, 1e-9)
        if rate <= 0:
            return ""
        left = "" if total is None else f", {timedelta(seconds=round((total - done) / rate))} left"
        return f", {rate:,.0f} {task}/s{left}" if rate >= 10 else f", {rate:.2g} {task}/s{left}"

    def leave_line(self, text: str) -> None:
        """A line that stays: seconds and what took them."""
        from rich.text import Text

        self.console.print(Text(f"{self.seconds:7.1f} s  {text}"), soft_wrap=True)
