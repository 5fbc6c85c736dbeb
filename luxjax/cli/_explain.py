"""The command that asks what labels rest on, of a sample or of every star: ``luxjax explain``."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ._data import folder_name, names_in, pace

__all__ = ["register"]


def register(app: typer.Typer, steps: Callable[[], Any]) -> None:
    """Add the command to a program; `steps` makes an object that names stages while they run."""

    @app.command()
    def explain(
        run: Annotated[Path, typer.Argument(help="Run folder that demo or fit wrote.", metavar="RUN")],
        label: Annotated[
            str, typer.Option("--label", "-l", help="The label to explain, such as eu_fe; all unless given.")
        ] = "",
        catalog: Annotated[
            Path | None,
            typer.Option(
                help="Catalogue folder of stars with labels; the run's own unless given. Stars that trained the model are left out."
            ),
        ] = None,
        lines: Annotated[
            Path | None,
            typer.Option(help="Line list, VALD, MOOG or CSV; the package's own unless given."),
        ] = None,
        medium: Annotated[
            str, typer.Option(help="Medium of that list where it does not say: air or vacuum.")
        ] = "",
        others: Annotated[
            str, typer.Option(help="Labels to hold fixed, comma-separated; chosen unless given.")
        ] = "",
        species: Annotated[
            str,
            typer.Option(help="Elements whose lines are the label's own, such as Mg,Si; known unless given."),
        ] = "",
        resolution: Annotated[
            float | None,
            typer.Option(min=1.0, help="Wavelength over line width; known for APOGEE, GALAH, LAMOST."),
        ] = None,
        error: Annotated[
            list[str] | None,
            typer.Option(
                help="Assumed one-sigma error of a label, such as eu_fe=0.08; those stated unless given."
            ),
        ] = None,
        dataset: Annotated[
            str,
            typer.Option(
                help="Every star of this dataset instead, folder or address: what each label owes to its element lines and to the rest."
            ),
        ] = "",
        out: Annotated[
            str, typer.Option("--out", "-o", help="--dataset: folder of parquet files (explained).")
        ] = "",
    ) -> None:
        """Was a label measured, or guessed from others? Writes the evidence, on stars kept out of training, into RUN.

        With --dataset: what the labels of every star rest on, written as it comes; a command that was killed goes on where it
        was when given again.
        """
        from ..core import InputError
        from ..report import render
        from ..runs import RunFolder, explain_run
        from ..runs.internal import explain_run_dataset, page_name

        step = steps()
        if medium and lines is None:
            raise InputError("--medium is about a line list; give one with --lines.")
        if out and not dataset:
            raise InputError("--out is the folder for the stars of a dataset; give one with --dataset.")
        folder = RunFolder.open(run)
        if dataset:
            from ..dataset import open_dataset

            if label or catalog or others or species or error:
                raise InputError(
                    "--label, --catalog, --others, --species and --error are for the evidence of a label; leave them out with "
                    "--dataset, or leave that out."
                )
            to, stars = folder_name(out or "explained"), open_dataset(dataset)
            listed = None if lines is None else _lines(lines, medium)
            with step("explain stars") as show:
                made = explain_run_dataset(
                    folder, stars, to, lines=listed, resolution=resolution, progress=pace(show)
                )
            typer.echo(f"{len(made)} stars in {to}")
            return
        with step("weigh the evidence"):
            found = explain_run(
                folder,
                label=label or None,
                catalog=catalog,
                lines=None if lines is None else _lines(lines, medium),
                others=names_in(others) or None,
                species=names_in(species) or None,
                resolution=resolution,
                errors=dict(map(_assumed, error or [])),
            )
        with step("draw the pages"):
            render(folder)
        for name, explanation in found.items():
            typer.echo(str(explanation.verdict))
            typer.echo(folder.path / page_name(name))


def _lines(file: Path, medium: str):
    from ..lines import LineList

    return LineList.read(file, medium or None)  # type: ignore[arg-type]  # checked there


def _assumed(text: str) -> tuple[str, float]:
    from ..core import InputError

    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InputError(f"'{text}' is no assumed error; write LABEL=NUMBER, such as eu_fe=0.08.") from None
