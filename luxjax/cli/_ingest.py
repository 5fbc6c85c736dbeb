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
        Path, typer.Option("--out", "-o", help="Catalogue folder of the stars with labels (or of all).")
    ] = Path("catalog"),
    unlabelled: Annotated[
        Path | None,
        typer.Option(help="Catalogue folder of the stars without labels. Default: OUT-unlabelled."),
    ] = None,
    labels: Annotated[
        str,
        typer.Option(
            help="Labels wanted (comma-separated), such as teff,logg,fe_h. Default: the usual ones."
        ),
    ] = "",
    label_catalog: Annotated[
        Path | None,
        typer.Option(
            help="Catalogue that the labels come from, of a survey or your own: FITS, CSV, VOTable, ECSV or parquet."
        ),
    ] = None,
    survey: Annotated[
        str, typer.Option(help="Survey of the label catalogue or the .npz, where it does not tell.")
    ] = "",
    cuts: Annotated[
        str | None, typer.Option(help="Quality cuts on the label catalogue: a preset such as galah-dr3.")
    ] = None,
    join: Annotated[
        str, typer.Option(help="How spectra and labels are paired: auto, id, file or crossmatch.")
    ] = "auto",
    rest: Annotated[bool, typer.Option(help="Shift the spectra to the rest frame.")] = True,
    classes: Annotated[
        str,
        typer.Option(
            help="Classes of objects to keep (comma-separated), as the survey's files name them, such as STAR,QSO; any keeps all."
        ),
    ] = "STAR",
    wavelength_range: Annotated[
        str,
        typer.Option(
            help="Wavelengths to keep, LOW,HIGH in Angstrom. Default: all; of LAMOST's low resolution 3900,8800."
        ),
    ] = "",
    like: Annotated[
        Path | None,
        typer.Option(
            help="Run, model, catalogue or dataset folder whose grid, frame, continuum and pixels left out are taken, so that a model can be used on the new spectra."
        ),
    ] = None,
    normalization: Annotated[
        str,
        typer.Option(
            help="How the continuum is found: quantile, polynomial, none, or auto: quantile where the files are not normalised."
        ),
    ] = "auto",
    binning: Annotated[
        int | None,
        typer.Option(min=1, help="Pixels to average. Default: 1; of LAMOST's low resolution 3."),
    ] = None,
    noise_limit: Annotated[
        float,
        typer.Option(
            help="Leave out pixels whose median error is over this many times that of the others; inf: none."
        ),
    ] = 5.0,
    error_factor: Annotated[
        float, typer.Option(help="Factor that multiplies the stated errors of the spectra.")
    ] = 1.0,
    spectra_name: Annotated[str, typer.Option(help="Name of the spectra in the catalogue.")] = "spectra",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that read. Default: 4. With --dataset: processes. Default: 1."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Add all stars to a dataset instead: a folder or an address such as s3://bucket/name. Rerun the same command to resume."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="--dataset: a Dask scheduler whose workers read, such as tcp://host:8786."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="--dataset: stars that are read and committed together.")
    ] = 256,
    medium: Annotated[str | None, typer.Option(help=".npz: air or vacuum.")] = None,
    frame: Annotated[
        str,
        typer.Option(help=".npz: velocity frame of its spectra: rest, barycentric or observed."),
    ] = "rest",
    normalized: Annotated[
        bool,
        typer.Option(
            "--normalized/--not-normalized", help=".npz: whether the continuum has been divided out."
        ),
    ] = True,
    array: Annotated[
        list[str] | None,
        typer.Option(
            help=".npz: NAME=ENTRY, the entry for flux, ivar, error, wavelength, ids, labels, label_names or label_errors, such as error=flux_err; repeat."
        ),
    ] = None,
    label_error: Annotated[
        list[str] | None,
        typer.Option(
            help="One error for all stars, for a label whose table has none, such as teff=100; repeat."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=COLUMN: what the label catalogue calls a label, its error (teff_err), or id, file, ra, dec, gaia_dr3, tmass_id, snr, such as teff=my_teff; repeat."
        ),
    ] = None,
) -> None:
    """Make catalogues of raw spectra, or a dataset: rest frame, one grid, labels joined, every loss listed."""
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
