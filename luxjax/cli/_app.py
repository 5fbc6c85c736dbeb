"""The command line: ``luxjax COMMAND --help``.

Commands import what they need when they run, so that ``--help`` is quick. Results go to standard output, progress
and messages to standard error. Bad input ends with one sentence and exit status 2, an error of the operating system
(a full disk, no permission) with one sentence and exit status 1.
"""

import io
import sys
import warnings
from typing import Annotated, NoReturn

import typer
from rich.text import Text

from .. import __version__
from .._exports import MissingExtra
from ..system import keep_freed_memory
from ..system.internal import keep_for_program
from . import _check, _classify, _download, _explain, _ingest, _model, _posterior, _report, _simulate  # noqa: F401  # they add their commands
from ._errors import in_options, sentence_of, tell_warnings
from ._program import Steps, app, current_options, error_console
from .lightcurves import _command  # noqa: F401  # likewise

__all__ = ["Steps", "app", "main"]


def main() -> None:
    """The program ``luxjax``; turns bad input and errors of the system into a sentence.

    Compiled programs are kept for the next command, and freed memory for the next arrays.
    """
    keep_for_program()
    if "jax" not in sys.modules:  # not in a test
        keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # old file names hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        tell_warnings(sys.stderr, current_options)
        try:
            app(prog_name="luxjax")
        except ValueError as error:
            # Loaded already wherever an InputError can come from; imported here to keep --help quick.
            from ..core import InputError

            if not isinstance(error, InputError):
                raise
            _end(in_options(str(error), current_options), 2)
        except MissingExtra as missing:
            _end(str(missing), 2)
        except (OSError, MemoryError) as error:
            _end(sentence_of(error), 1)
        except KeyboardInterrupt:
            _end("interrupted", 130)


def _end(sentence: str, status: int) -> NoReturn:
    error_console().print(Text(f"luxjax: {sentence}", style="red"), soft_wrap=True)
    sys.exit(status)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"luxjax {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass
