"""The command that tests what labels rest on, for a sample or for every star: ``luxjax explain``."""

from pathlib import Path
from typing import Annotated

import typer

from ._options import folder_name, names_in, value_of
from ._program import Steps, app

__all__ = ["explain"]


@app.command()
def explain(
    run: Annotated[Path, typer.Argument(help="Run folder that demo or fit wrote.", metavar="RUN")],
    label: Annotated[
        str, typer.Option("--label", "-l", help="Label to explain, such as eu_fe. Default: every label.")
    ] = "",
    catalog: Annotated[
        Path | None,
        typer.Option(
            help="Catalogue folder of stars with labels. Stars that trained the model are left out. Default: the run's catalogue."
        ),
    ] = None,
    lines: Annotated[
        Path | None, typer.Option(help="Line list: a VALD, MOOG or CSV file. Default: the list of luxjax.")
    ] = None,
    medium: Annotated[
        str,
        typer.Option(help="Wavelength medium of the line list: air or vacuum. Default: as the list states."),
    ] = "",
    condition_on: Annotated[
        str,
        typer.Option(
            help="Labels to condition on (comma-separated). Default: every label that is not a shortcut itself."
        ),
    ] = "",
    species: Annotated[
        str,
        typer.Option(
            help="Elements whose lines measure the label (comma-separated), such as Mg,Si. Default: the element in the label's name."
        ),
    ] = "",
    resolution: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            help="Resolving power: wavelength over line width. Default: that of the survey (APOGEE, GALAH or LAMOST).",
        ),
    ] = None,
    label_error: Annotated[
        list[str] | None,
        typer.Option(
            help="One-sigma error to assume for a label, such as eu_fe=0.08. Can be repeated. Default: the errors in the catalogue."
        ),
    ] = None,
    dataset: Annotated[
        str,
        typer.Option(
            help="Dataset (folder or address) to explain star by star: how much of each label comes from its element lines, and how much from the rest of the spectrum. Default: none."
        ),
    ] = "",
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="Folder of parquet files to write, with --dataset only. Default: explained."
        ),
    ] = "",
) -> None:
    """Test whether a label was measured from the spectrum or guessed from other labels. The evidence, from stars kept out of training, is written into RUN.

    With --dataset, each label of every star is split into what its element lines say and what the rest says.
    Results are written incrementally; rerun the same command to resume.
    """
    from ..core import InputError
    from ..report import render
    from ..runs import RunFolder, explain_run
    from ..runs.internal import explain_run_dataset, page_name

    step = Steps()
    if medium and lines is None:
        raise InputError("--medium is about a line list; give one with --lines.")
    if out and not dataset:
        raise InputError("--out is the folder for the stars of a dataset; give one with --dataset.")
    folder = RunFolder.open(run)
    if dataset:
        from ..dataset import open_dataset

        if label or catalog or condition_on or species or label_error:
            raise InputError(
                "--label, --catalog, --condition-on, --species and --label-error are for the evidence of a label; leave them out "
                "with --dataset, or leave that out."
            )
        to, stars = folder_name(out or "explained"), open_dataset(dataset)
        listed = None if lines is None else _lines(lines, medium)
        with step("explain stars") as show:
            made = explain_run_dataset(folder, stars, to, lines=listed, resolution=resolution, progress=show)
        typer.echo(f"{len(made)} stars in {to}")
        return
    with step("weigh the evidence"):
        found = explain_run(
            folder,
            label=label or None,
            catalog=catalog,
            lines=None if lines is None else _lines(lines, medium),
            condition_on=names_in(condition_on) or None,
            species=names_in(species) or None,
            resolution=resolution,
            label_errors=dict(map(value_of, label_error or [])),
        )
    with step("draw the pages"):
        render(folder)
    for name, explanation in found.items():
        typer.echo(str(explanation.verdict))
        typer.echo(folder.path / page_name(name))


def _lines(file: Path, medium: str):
    from ..lines import LineList

    return LineList.read(file, medium or None)  # type: ignore[arg-type]  # checked there
