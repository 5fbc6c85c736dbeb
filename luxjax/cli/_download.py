"""The command that fetches spectra from archives: ``luxjax download``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._program import app

__all__ = ["download"]

NEWEST = {"apogee": "dr17", "galah": "dr3", "lamost": "dr10"}


@app.command()
def download(
    survey: Annotated[str, typer.Argument(help="Survey: apogee, galah or lamost.")],
    objects: Annotated[
        list[str] | None, typer.Argument(help="Identifiers: APOGEE_IDs, GALAH sobject_ids or LAMOST obsids.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="Folder for the files.")] = Path("spectra"),
    release: Annotated[
        str | None,
        typer.Option(
            help="Data release: dr17 (APOGEE), dr3 (GALAH), dr10 or dr5 (LAMOST). Default: dr17, dr3 or dr10."
        ),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--list", help="Text file with more identifiers, one per line. Default: none."),
    ] = None,
    catalog: Annotated[
        Path | None,
        typer.Option(
            help="Survey catalogue, FITS or CSV; needed for APOGEE (allStar) and LAMOST DR5. Default: none."
        ),
    ] = None,
    field: Annotated[
        str | None,
        typer.Option(help="APOGEE field, all of whose stars in the catalogue are fetched. Default: none."),
    ] = None,
    kind: Annotated[
        str, typer.Option(help="Kind of APOGEE spectra: aspcapStar (normalised) or apStar.")
    ] = "aspcapStar",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="LUXJAX_LAMOST_TOKEN",
            show_envvar=True,
            help="LAMOST user token; it is safer in the environment variable. Default: none.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Number of files fetched at the same time.")] = 4,
) -> None:
    """Fetch spectra of named objects from a survey's archive. Safe to interrupt and repeat.

    Files that are there already are kept. Exit status 1 if any file is missing or failed; the others are there.
    """
    from ..files.internal import check_place
    from ..surveys import download_objects

    wanted = [*(objects or []), *(_lines(listed) if listed else [])]
    check_place(to / "file")
    listing = None if catalog is None else _catalog(catalog)
    result = download_objects(
        survey,
        release or NEWEST.get(survey, ""),
        wanted or (None if field else []),
        to,
        catalog=listing,
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
