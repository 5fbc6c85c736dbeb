"""The program that commands belong to, and the stages that they show while they run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from ._names import PARAMETERS_OF, check_old_options

__all__ = ["Steps", "app", "error_console", "make_app", "pace"]


class Commands(TyperGroup):
    """A group of commands that answers old names of options with the new ones."""

    def list_commands(self, ctx):
        order = list(PARAMETERS_OF) if ctx.parent is None else []
        return sorted(super().list_commands(ctx), key=lambda n: order.index(n) if n in order else len(order))

    def resolve_command(self, ctx, args):
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            groups = [ctx.info_name or ""] if ctx.parent is not None else []
            options = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
            check_old_options(" ".join([*groups, name or ""]), rest, options)
        return name, command, rest


def make_app(**given: Any) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **given,
    )


app = make_app(
    name="luxjax",
    help="Learn one model of stellar spectra and labels, carry labels to other stars, and ask what they rest on.",
    add_completion=True,
)


def error_console() -> Console:
    """Standard error, as it is now."""
    return Console(stderr=True, highlight=False)


class Steps:
    """The stages of a command: each is named while it runs, and its seconds are shown and kept in `timings`."""

    def __init__(self, console: Console | None = None):
        self.console = console or error_console()
        self.timings: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[Callable[[str, int, int], None]]:
        """Run a stage called `name`; what it gives shows progress: (task, how much is done, how much there is)."""
        begun = time.perf_counter()
        with self.console.status(Text(name)) as status:
            yield lambda task, done, total: status.update(Text(f"{name}: {task} {done:,} of {total:,}"))
        self.timings[name] = time.perf_counter() - begun
        self.console.print(Text(f"{self.timings[name]:7.1f} s  {name}"), soft_wrap=True)


def pace(show: Callable[[str, int, int], None]) -> Callable[[int, int], None]:
    """Progress over stars, shown with stars per second and the time left."""
    begun: list[tuple[float, int]] = []

    def progress(done: int, total: int) -> None:
        now = time.perf_counter()
        if not begun:
            begun.append((now, done))
        rate = (done - begun[0][1]) / max(now - begun[0][0], 1e-9)
        left = (
            f"{rate:,.0f} stars/s, {timedelta(seconds=round((total - done) / rate))} left; " if rate else ""
        )
        show(f"{left}stars", done, total)

    return progress
