"""The command that draws the page of a run: ``luxjax report``."""

from pathlib import Path
from typing import Annotated

import typer

from ._options import Browser
from ._program import Steps, app

__all__ = ["report"]


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Run folder that another command wrote.", metavar="RUN")],
    browser: Browser = False,
) -> None:
    """Draw the figures of a run and write its report.html. Can be repeated at any time."""
    from ..report import render
    from ..runs import RunFolder

    folder, step = RunFolder.open(run), Steps()
    with step("draw the report"):
        page = render(folder)
    typer.echo(page)
    if browser:
        typer.launch(page.resolve().as_uri())
