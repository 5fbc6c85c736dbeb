"""The command that makes a survey with known truth: ``luxjax simulate``."""

from pathlib import Path
from typing import Annotated

import typer

from ._options import names_in
from ._program import Steps, app

__all__ = ["simulate"]


@app.command()
def simulate(
    out: Annotated[
        Path, typer.Argument(help="Catalogue folder to write. An earlier catalogue there is replaced.")
    ],
    n_stars: Annotated[int, typer.Option(min=1, help="Number of stars.")] = 2000,
    seed: Annotated[int, typer.Option(help="Random seed of the survey.")] = 1,
    windows: Annotated[
        str, typer.Option(help="Surveys whose spectra to simulate (comma-separated): apogee, galah.")
    ] = "apogee,galah",
    snr: Annotated[float, typer.Option(min=0.1, help="Median signal-to-noise ratio per pixel.")] = 120.0,
    n_train: Annotated[
        int | None, typer.Option(min=0, help="Number of training stars. Default: half of the stars.")
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write survey files to as well: aspcapStar spectra, allStar.fits and a GALAH DR3 catalogue of the training stars. Default: none."
        ),
    ] = None,
) -> None:
    """Simulate a survey whose true labels are known, and write it as a catalogue folder."""
    from ..data import save_catalog
    from ..data.internal import CATALOG_FOLDER
    from ..files.internal import check_place
    from ..simulation import simulate as observe
    from ..simulation import write_survey_files

    step = Steps()
    CATALOG_FOLDER.check_replaceable(out)
    if files is not None:
        check_place(files / "allStar.fits")
    with step(f"observe {n_stars} stars"):
        survey = observe(n_stars, key=seed, windows=names_in(windows), snr=snr, n_train=n_train)
    with step("write the catalogue"):
        save_catalog(survey.with_truth(), out)
    if files is not None:
        with step("write the survey's files"):
            write_survey_files(survey, files)
    typer.echo(out)
