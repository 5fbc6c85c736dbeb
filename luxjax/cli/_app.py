"""The command line: ``luxjax COMMAND --help``.

Commands import what they need when they run, so that ``--help`` is quick. Results go to standard output, progress
and messages to standard error. Bad input ends with one sentence and exit status 2.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from .. import __version__
from .._exports import MissingExtra
from ..system import _compilation as compilation
from ..system import _memory as memory
from . import _classify as cli_classify
from . import _data as cli_data
from . import _explain as cli_explain
from . import _model as cli_model
from . import _posterior as cli_posterior

if TYPE_CHECKING:
    from ..core import Progress

__all__ = ["Steps", "app", "main"]

app = typer.Typer(
    name="luxjax",
    help="Learn one model of stellar spectra and labels, carry labels to other stars, and ask what they rest on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The program ``luxjax``; turns bad input into a sentence.

    Compiled programs are kept for the next command, and freed memory for the next arrays.
    """
    compilation.keep_for_program()
    if "jax" not in sys.modules:  # not in a test
        memory.keep_freed_memory()
    try:
        app()
    except ValueError as error:
        # Loaded already wherever an InputError can come from; imported here to keep --help quick.
        from ..core import InputError

        if not isinstance(error, InputError):
            raise
        _console().print(Text(f"luxjax: {error}", style="red"), soft_wrap=True)
        sys.exit(2)
    except MissingExtra as missing:
        _console().print(Text(f"luxjax: {missing}", style="red"), soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        _console().print(Text("luxjax: interrupted", style="red"))
        sys.exit(130)


def _console() -> Console:
    """Standard error, as it is now."""
    return Console(stderr=True, highlight=False)


class Steps:
    """The stages of a command: each is named while it runs, and its seconds are shown and kept in `timings`."""

    def __init__(self, console: Console | None = None):
        self.console = console or _console()
        self.timings: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> "Iterator[Progress]":
        """Run a stage called `name`; what it gives shows the progress of the work."""
        from ..core.internal import Display  # with JAX, which --help does without

        with Display(name, self.console, closing=False) as shown:
            yield shown
        self.timings[name] = shown.seconds
        shown.leave_line(name)


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


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder that another command wrote.", metavar="RUN")],
    browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser afterwards.")] = False,
) -> None:
    """Draw the figures of a run and write its report.html, again if need be."""
    from ..report import render
    from ..runs import RunFolder

    steps = Steps()
    folder = RunFolder.open(run)
    with steps("drawing the report"):
        page = render(folder)
    typer.echo(page)
    if browser:
        typer.launch(page.resolve().as_uri())


_NEWEST = {"apogee": "dr17", "galah": "dr3", "lamost": "dr10"}


@app.command()
def download(
    survey: Annotated[str, typer.Argument(help="apogee, galah or lamost.")],
    objects: Annotated[
        list[str] | None, typer.Argument(help="APOGEE_IDs, GALAH sobject_ids or LAMOST obsids.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="Folder for the files; made if need be.")] = Path(
        "spectra"
    ),
    release: Annotated[
        str | None, typer.Option(help="Data release: dr17 (APOGEE), dr3 (GALAH), dr10 or dr5 (LAMOST).")
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", help="Text file with one more identifier per line.")
    ] = None,
    catalog: Annotated[
        Path | None,
        typer.Option(
            help="Survey catalogue, FITS or CSV: allStar for APOGEE, the DR5 catalogue for LAMOST DR5."
        ),
    ] = None,
    field: Annotated[
        str | None, typer.Option(help="APOGEE: all stars of this field of the catalogue.")
    ] = None,
    kind: Annotated[str, typer.Option(help="APOGEE: aspcapStar (normalised) or apStar.")] = "aspcapStar",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="LUXJAX_TOKEN", show_envvar=True, help="LAMOST user token; better given by environment."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Files fetched at the same time.")] = 4,
) -> None:
    """Fetch spectra of named objects from a survey's archive; safe to interrupt and repeat.

    Files that are there already are kept. Exit status 1 if any file is missing or failed; the others are there.
    """
    from ..surveys import download_objects

    wanted = [*(objects or []), *(_lines(listed) if listed else [])]
    result = download_objects(
        survey,
        release or _NEWEST.get(survey, ""),
        wanted or (None if field else []),
        to,
        catalog=None if catalog is None else _catalog(catalog),
        field=field,
        kind=kind,
        token=token,
        workers=workers,
    )
    typer.echo(str(result))
    if not result.ok:
        raise typer.Exit(1)


def _lines(file: Path) -> list[str]:
    """Lines of a text file that are neither empty nor comments."""
    from ..core import InputError

    if not file.is_file():
        raise InputError(f"there is no file {file}; give a text file with one identifier per line.")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _catalog(file: Path) -> Any:
    """A survey catalogue as a record array (FITS, read as it is needed) or a data frame (CSV)."""
    from ..core import InputError

    if not file.is_file():
        raise InputError(f"there is no catalogue {file}; give the path of a FITS or CSV file.")
    if file.suffix.lower() == ".csv":
        import pandas as pd

        return pd.read_csv(file, low_memory=False)
    from astropy.io import fits

    try:
        return fits.getdata(file, 1)
    except (OSError, IndexError) as error:
        raise InputError(
            f"{file} cannot be read as a FITS table ({error}); give a FITS or CSV catalogue."
        ) from None


cli_data.register(app, Steps)
cli_model.register(app, Steps)
cli_explain.register(app, Steps)
cli_posterior.register(app, Steps)
cli_classify.register(app, Steps)


if __name__ == "__main__":
    main()
