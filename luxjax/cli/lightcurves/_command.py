"""The command from light curves to seismic log g: ``luxjax lightcurve``."""

from pathlib import Path
from typing import Annotated

import typer

from .._program import Steps, app, echo

__all__ = ["lightcurve"]

_IDS = ("id", "star", "kic", "kepler id", "kepid", "tic", "ticid", "tic_id")


@app.command()
def lightcurve(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Light curves: Kepler llc or slc, TESS lc, or text (time in days, flux, error); folders are searched through. Files of one star are joined."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Table to write: .csv, .fits, .ecsv, .vot, .xml or .parquet."),
    ] = Path("lightcurves.csv"),
    flux: Annotated[
        str, typer.Option(help="Flux column of Kepler and TESS files: pdcsap (corrected) or sap.")
    ] = "pdcsap",
    drop_flag: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of a quality flag whose cadences are taken out, such as 'manual exclude'; may be repeated. Default: all flags."
        ),
    ] = None,
    time_standard: Annotated[
        str,
        typer.Option(
            help="Time standard of text files: bkjd, btjd or bjd. Default: none, so that text is refused."
        ),
    ] = "",
    teff: Annotated[
        Path | None,
        typer.Option(
            help="Table of effective temperatures with columns id and teff (K), in any format of catalogues. Default: those of the files' headers."
        ),
    ] = None,
    teff_err: Annotated[
        float, typer.Option(min=1.0, help="One-sigma error of the effective temperatures, K.")
    ] = 100.0,
    lowest: Annotated[float, typer.Option(min=0.1, help="Lowest frequency used, in microhertz.")] = 5.0,
    figures: Annotated[
        Path | None,
        typer.Option(
            help="Folder for a figure of every star's power spectrum with its template. Default: none."
        ),
    ] = None,
) -> None:
    """Measure nu_max and the seismic log g of stars from their light curves; each is accepted, or the table says why not."""
    from ...files import write_table
    from ...files.internal import check_place, check_table_name, provenance_of
    from ...lightcurves import measure_files
    from ...lightcurves.internal import UNITS

    check_table_name(out)
    if figures is not None:
        check_place(figures / "figure.png")
    temperatures = None if teff is None else _temperatures(teff)
    step = Steps()
    with step("read light curves and fit power spectra") as told:
        table, spectra = measure_files(
            paths,
            flux=flux,
            drop_flags=drop_flag or None,
            time_standard=time_standard,
            teff=temperatures,
            teff_err=teff_err,
            lowest=lowest,
            progress=told,
        )
    write_table(table, UNITS, out, provenance_of())
    if figures is not None:
        from ...plots.internal import draw_power_spectra

        with step("draw power spectra"):
            draw_power_spectra(spectra, table, figures, lowest)
    for row in table[~table["accepted"].astype(bool)].itertuples():
        echo(f"{row.id}: {row.reason}")
    echo(f"{int(table['accepted'].sum())} of {len(table)} accepted, in {out}")


def _temperatures(file: Path) -> dict[str, float]:
    """Effective temperature by identifier of a table."""
    from ...core import InputError
    from ...core.internal import doubles, identifiers, join_names
    from ...surveys import read_catalog

    frame = read_catalog(file)
    names = {str(name).strip().lower(): name for name in reversed(list(frame.columns))}
    id_column = next((names[n] for n in _IDS if n in names), None)
    if id_column is None or "teff" not in names:
        raise InputError(
            f"'{file}' has the columns {join_names(frame.columns)}; effective temperatures need a column id (or kic, tic) and a column teff, in K."
        )
    stars = identifiers(f"column '{id_column}'", frame[id_column])
    return dict(zip(stars.tolist(), doubles("teff", frame[names["teff"]], "K").tolist(), strict=True))
