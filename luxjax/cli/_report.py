"""The command that draws the page of a run, ``luxjax report``, and results as lines of text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ._options import Browser
from ._program import Steps, app

__all__ = ["class_scores", "losses", "outside_told", "report"]


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


def class_scores(found: dict[str, Any]) -> str:
    """Scores as lines of text."""
    names = {found["about"]["estimator"]: found["scores"], **found["others"]}
    lines = [f"{'':20}" + "".join(f"{n:>26}" for n in [*names, "shares of classes only"])]
    for score, entry in found["scores"].items():
        cells = [names[n][score] for n in names]
        said = [f"{c['value']:.3f} [{c['lower']:.3f}, {c['upper']:.3f}]" for c in cells]
        lines.append(
            f"{score.replace('_', ' '):20}" + "".join(f"{s:>26}" for s in [*said, f"{entry['baseline']:.3f}"])
        )
    return "\n".join(lines)


def losses(kept: int, reasons: Mapping[Any, int], file: Path | str) -> str:
    """How many were left out, and why, the most frequent first."""
    lost = sum(reasons.values())
    if not lost:
        return f"{kept} spectra used, none left out"
    most = [f"{n:6} {reason}" for reason, n in list(reasons.items())[:12]]
    more = [f"       and {len(reasons) - 12} other reasons"] if len(reasons) > 12 else []
    return "\n".join([f"{kept} spectra used, {lost} left out ({file}):", *most, *more])


def outside_told(n: int) -> str:
    """How many spectra the classifier was not trained for."""
    return f"{n} are unlike the training spectra (column outside): their classes mean little"
