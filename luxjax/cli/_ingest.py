"""The command that makes catalogues and datasets of spectra: ``luxjax ingest``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._options import names_in, pairs_in, range_in
from ._program import Steps, app, echo

__all__ = ["ingest"]


@app.command()
def ingest(
    source: Annotated[
        list[Path],
        typer.Argument(help="Folders or FITS files of spectra, or one .npz archive of arrays."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Catalogue folder to write, of the stars with labels. Without labels, of all stars.",
        ),
    ] = Path("catalog"),
    unlabelled: Annotated[
        Path | None,
        typer.Option(help="Catalogue folder to write, of the stars without labels. Default: OUT-unlabelled."),
    ] = None,
    labels: Annotated[
        str,
        typer.Option(
            help="Labels to read (comma-separated), such as teff,logg,fe_h. Default: the usual ones."
        ),
    ] = "",
    label_catalog: Annotated[
        Path | None,
        typer.Option(
            help="Catalogue of labels, of a survey or your own: FITS, CSV, VOTable, ECSV or parquet. Default: none."
        ),
    ] = None,
    survey: Annotated[
        str,
        typer.Option(
            help="Survey of the label catalogue or of the .npz archive. Default: recognised by its columns."
        ),
    ] = "",
    cuts: Annotated[
        str | None,
        typer.Option(help="Quality cuts on the label catalogue: a preset such as galah-dr3. Default: none."),
    ] = None,
    join: Annotated[
        str,
        typer.Option(
            help="Matching of spectra with labels: by id, file (file name), crossmatch (Gaia or 2MASS id, position), or auto."
        ),
    ] = "auto",
    rest: Annotated[bool, typer.Option(help="Shift the spectra to the rest frame.")] = True,
    classes: Annotated[
        str,
        typer.Option(
            help="Classes of objects to keep (comma-separated), as the survey's files name them, such as STAR,QSO. any: keep all."
        ),
    ] = "STAR",
    wavelength_range: Annotated[
        str,
        typer.Option(
            help="Wavelength range to keep, LOW,HIGH in Angstrom. Default: all; 3900,8800 for low-resolution LAMOST spectra, 3850,9150 for SDSS."
        ),
    ] = "",
    like: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a run, model, catalogue or dataset. The new spectra get its grid, frame, continuum and left-out pixels, so that its model can be used on them. Default: none."
        ),
    ] = None,
    normalization: Annotated[
        str,
        typer.Option(
            help="Method to find the continuum: quantile, polynomial, none, or auto (quantile for files that are not normalised)."
        ),
    ] = "auto",
    binning: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of neighbouring pixels to average. Default: 1; 3 for low-resolution LAMOST spectra.",
        ),
    ] = None,
    noise_limit: Annotated[
        float,
        typer.Option(
            help="Largest median error of a pixel, as a multiple of that of the other pixels. Noisier pixels are left out. inf: keep all."
        ),
    ] = 5.0,
    error_factor: Annotated[
        float, typer.Option(help="Factor by which to multiply the stated errors of the spectra.")
    ] = 1.0,
    spectra_name: Annotated[str, typer.Option(help="Name of the spectra in the catalogue.")] = "spectra",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of threads that read files; with --dataset, of processes, which save time from about a thousand files on. Default: 4 threads, 1 process.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Dataset to add all stars to, in place of a catalogue: a folder or an address such as s3://bucket/name. Rerun the same command to resume. Default: none."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Dask scheduler whose workers read files, such as tcp://host:8786; with --dataset only. Default: none."
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Number of stars read and committed together; with --dataset only.")
    ] = 256,
    medium: Annotated[
        str | None,
        typer.Option(
            help="Wavelength medium: air or vacuum; for .npz archives only. Default: as the archive states."
        ),
    ] = None,
    frame: Annotated[
        str,
        typer.Option(
            help="Velocity frame of the spectra: rest, barycentric or observed; for .npz archives only."
        ),
    ] = "rest",
    normalized: Annotated[
        bool,
        typer.Option(
            "--normalized/--not-normalized",
            help="Whether the continuum has been divided out; for .npz archives only.",
        ),
    ] = True,
    array: Annotated[
        list[str] | None,
        typer.Option(
            help="Entry of the archive, as NAME=ENTRY, such as error=flux_err; for .npz archives only. NAME is flux, ivar, error, wavelength, ids, labels, label_names or label_errors. Can be repeated. Default: found by name."
        ),
    ] = None,
    label_error: Annotated[
        list[str] | None,
        typer.Option(
            help="One-sigma error of a label for all stars, such as teff=100, where the catalogue has none. Can be repeated. Default: none."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the label catalogue, as NAME=COLUMN, such as teff=my_teff. NAME is a label, its error (teff_err), id, file, ra, dec, gaia_dr3, tmass_id or snr. Can be repeated. Default: found by name."
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="Further instrument of the same stars, as NAME=PATH, such as photometry=gaia.csv: a table of Gaia's archive, its BP and RP spectra, a table of luxjax lightcurve, or columns with errors in pairs (J, J_err or e_J). Matched by identifier, else by position. Can be repeated. Default: none."
        ),
    ] = None,
) -> None:
    """Make a catalogue or dataset from raw spectra: at rest, on one grid, with labels. Everything left out is listed."""
    from ..core.internal import path_text
    from ..data.internal import CATALOG_FOLDER
    from ..surveys import IngestOptions, read_arrays
    from ..surveys import ingest as make_catalogues

    step, wanted = Steps(), names_in(labels)
    options = IngestOptions(
        labels=wanted,
        label_catalog=label_catalog,
        survey=survey,
        cuts=cuts,
        join=join,
        classes=() if classes.lower() == "any" else names_in(classes),
        rest=rest,
        wavelength_range=range_in(wavelength_range) if wavelength_range else None,
        like=like,
        normalization=normalization,
        binning=binning,
        noise_limit=noise_limit,
        error_factor=error_factor,
        spectra_name=spectra_name,
        columns=pairs_in(column),
        label_errors=(errors := _numbers(label_error)),
        also=_once("--also", also),
    )
    if dataset is not None:
        from ..dataset import ingest_dataset

        with step("read, reduce, join and append") as told:
            added = ingest_dataset(
                source,
                dataset,
                options,
                batch_size=batch_size,
                workers=workers or 1,
                scheduler=scheduler,
                progress=told,
            )
        echo(added.summary)  # which begins with the dataset
        return
    second = unlabelled or out.with_name(f"{out.name}-unlabelled")
    for folder in (out, second) if label_catalog or source[0].suffix.lower() == ".npz" else (out,):
        CATALOG_FOLDER.check_replaceable(folder)  # hours of reading must not end in a refusal
    spectra: Any = source
    if len(source) == 1 and source[0].suffix.lower() == ".npz":
        entries: dict[str, Any] = _entries(array)
        if wanted:
            entries["label_names"] = wanted
        if errors and label_catalog is None:
            entries["label_errors"] = errors
        spectra, own = read_arrays(
            source[0], medium=medium, survey=survey, frame=frame, normalized=normalized, **entries
        )
        if label_catalog is None:
            options = options.replace(label_catalog=own, labels=(), label_errors={})
    with step("read, reduce and join") as told:
        result = make_catalogues(spectra, options, workers=workers, progress=told)
    with step("write the catalogue"):
        written = result.save(out, unlabelled)
    *account, labelled, without = result.summary.splitlines()
    lines = [*account, f"written: {', '.join(map(path_text, written))}", labelled, without]
    echo("\n".join(lines))


_ENTRIES = ("flux", "ivar", "error", "wavelength", "ids", "labels", "label_names", "label_errors")


def _entries(given: list[str] | None) -> dict[str, str]:
    """Entries of an archive by what they hold."""
    from ..core import check_name

    out = pairs_in(given)
    for name in out:
        check_name("entry", name, _ENTRIES)
    return out


def _once(option: str, given: list[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping; a name that is given twice would lose a value in silence."""
    from ..core import InputError

    out = pairs_in(given)
    if len(out) < len(given or []):
        raise InputError(f"{option} gives a name twice; name each once.")
    return out


def _numbers(given: list[str] | None) -> dict[str, float]:
    """``NAME=NUMBER`` options as a mapping."""
    from ..core import InputError

    out = {}
    for name, value in pairs_in(given).items():
        try:
            out[name] = float(value)
        except ValueError:
            raise InputError(f"'{name}={value}' gives no number; write an error such as teff=80.") from None
    return out
