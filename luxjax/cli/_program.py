"""The program that commands belong to, and the stages that they show while they run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text
from typer.core import TyperGroup

from ._errors import in_options
from ._names import PARAMETERS_OF, check_old_options

if TYPE_CHECKING:
    from ..core import Progress

__all__ = ["Steps", "app", "current_options", "echo", "error_console", "make_app"]

#: The options of the command that runs, in whose words messages are told.
current_options: set[str] = set()


class Commands(TyperGroup):
    """A group of commands that answers old names of options with the new ones."""

    def list_commands(self, ctx):
        order = list(PARAMETERS_OF) if ctx.parent is None else []
        return sorted(super().list_commands(ctx), key=lambda n: order.index(n) if n in order else len(order))

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            error_console().print(Text("luxjax: interrupted", style="red"))
            raise typer.Exit(130) from None

    def get_command(self, ctx, cmd_name):
        command: Any = super().get_command(ctx, cmd_name)
        if command is not None and not hasattr(command, "is_escaped"):
            for one in (command, *command.params):
                if getattr(one, "help", None):
                    one.help = escape(one.help)  # [alpha/Fe] is no markup
            command.is_escaped = True
        return command

    def resolve_command(self, ctx, args):
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            groups = [ctx.info_name or ""] if ctx.parent is not None else []
            options = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
            current_options.clear()
            current_options.update(options)
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
    help="Learn one model of stellar spectra and labels, predict labels of other stars, and test what these rest on.",
    add_completion=True,
)


def echo(text: str) -> None:
    """Say something on standard output, in the words of the command line."""
    typer.echo(in_options(text, current_options))


def error_console() -> Console:
    """Standard error, as it is now."""
    return Console(stderr=True, highlight=False)


class Steps:
    """The stages of a command: each is named while it runs, and its seconds are shown and kept in `timings`."""

    def __init__(self, console: Console | None = None):
        self.console = console or error_console()
        self.timings: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> "Iterator[Progress]":
        """Run a stage called `name`; what it gives shows the progress of the work."""
        from ..core.internal import Display  # with JAX, which --help does without

        with Display(name, self.console, closing=False) as shown:
            yield shown
        self.timings[name] = shown.seconds
        shown.leave_line(name)
