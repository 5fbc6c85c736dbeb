"""The command line: ``luxjax COMMAND --help``.

Commands import what they need when they run, so that ``--help`` is quick. Results go to standard output, progress
and messages to standard error. Bad input ends with one sentence and exit status 2.
"""

import sys
from typing import Annotated

import typer
from rich.text import Text

from .. import __version__
from .._exports import MissingExtra
from ..system import keep_freed_memory
from ..system.internal import keep_for_program
from . import _classify, _download, _explain, _ingest, _model, _posterior, _report, _simulate  # noqa: F401  # they add their commands
from ._program import Steps, app, error_console

__all__ = ["Steps", "app", "main"]


def main() -> None:
    """The program ``luxjax``; turns bad input into a sentence.

    Compiled programs are kept for the next command, and freed memory for the next arrays.
    """
    keep_for_program()
    if "jax" not in sys.modules:  # not in a test
        keep_freed_memory()
    try:
        app(prog_name="luxjax")
    except ValueError as error:
        # Loaded already wherever an InputError can come from; imported here to keep --help quick.
        from ..core import InputError

        if not isinstance(error, InputError):
            raise
        error_console().print(Text(f"luxjax: {error}", style="red"), soft_wrap=True)
        sys.exit(2)
    except MissingExtra as missing:
        error_console().print(Text(f"luxjax: {missing}", style="red"), soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        error_console().print(Text("luxjax: interrupted", style="red"))
        sys.exit(130)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"luxjax {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave."),
    ] = False,
) -> None:
    pass
