"""Commands that make catalogues and datasets: ``luxjax simulate``, ``luxjax ingest`` and ``luxjax check``."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["folder_name", "names_in", "register"]


def register(app: typer.Typer, steps: Callable[[], Any]) -> None:
    """Add the commands to a program; `steps` makes an object that names stages while they run."""

    @app.command()
    def simulate(
        out: Annotated[
            Path, typer.Argument(help="Folder of the catalogue; made, or replaced if it holds one.")
        ],
        stars: Annotated[int, typer.Option(min=1, help="Number of stars.")] = 2000,
        seed: Annotated[int, typer.Option(help="Another seed, another survey.")] = 1,
        windows: Annotated[
            str, typer.Option(help="Surveys whose spectra are made, comma-separated: apogee, galah.")
        ] = "apogee,galah",
        snr: Annotated[float, typer.Option(min=0.1, help="Median signal-to-noise ratio per pixel.")] = 120.0,
        train: Annotated[
            int | None, typer.Option(min=0, help="Stars of the training part; half unless given.")
        ] = None,
        files: Annotated[
            Path | None,
            typer.Option(
                help="Also write the survey's files here: aspcapStar spectra, allStar.fits, and a GALAH DR3 catalogue of the training part."
            ),
        ] = None,
    ) -> None:
        """Make a survey with known truth, as a catalogue folder."""
        from ..data import save_catalog
        from ..simulation import simulate as observe
        from ..simulation import write_survey_files

        step = steps()
        with step(f"observe {stars} stars"):
            survey = observe(stars, key=seed, windows=names_in(windows), snr=snr, n_train=train)
        with step("write the catalogue"):
            save_catalog(survey.with_truth(), out)
        if files is not None:
            with step("write the survey's files"):
                write_survey_files(survey, files)
        typer.echo(out)

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
            typer.Option(help="Catalogue folder of the stars without; OUT-unlabelled unless given."),
        ] = None,
        labels: Annotated[Path | None, typer.Option(help="Survey catalogue, FITS or CSV.")] = None,
        names: Annotated[str, typer.Option(help="Labels, comma-separated, such as teff,logg,fe_h.")] = "",
        cuts: Annotated[str | None, typer.Option(help="Quality preset, such as galah-dr3.")] = None,
        join: Annotated[str, typer.Option(help="auto, id, file or crossmatch.")] = "auto",
        rest: Annotated[bool, typer.Option(help="Shift to the rest frame.")] = True,
        limits: Annotated[
            tuple[float, float] | None, typer.Option(help="Wavelengths to keep, two numbers in Angstrom.")
        ] = None,
        normalize: Annotated[str, typer.Option(help="none, quantile or polynomial.")] = "none",
        error_factor: Annotated[
            float, typer.Option(help="Multiplies the stated errors of the spectra.")
        ] = 1.0,
        output: Annotated[str, typer.Option(help="Name of the spectra in the catalogue.")] = "spectra",
        workers: Annotated[
            int | None,
            typer.Option(min=1, help="Threads that read, 4 unless given; with --dataset, processes (1)."),
        ] = None,
        dataset: Annotated[
            str | None,
            typer.Option(
                help="Add all stars to a dataset instead: a folder or an address such as s3://bucket/name. May be killed and run again."
            ),
        ] = None,
        scheduler: Annotated[
            str | None,
            typer.Option(help="--dataset: a Dask scheduler whose workers read, such as tcp://host:8786."),
        ] = None,
        at_once: Annotated[
            int, typer.Option(min=1, help="--dataset: stars that are read and committed together.")
        ] = 256,
        medium: Annotated[str | None, typer.Option(help=".npz: air or vacuum.")] = None,
        key: Annotated[
            list[str] | None,
            typer.Option(
                help=".npz: entry for flux, ivar, error, wavelength, ids, labels, label_names or label_errors, such as error=flux_err; repeat."
            ),
        ] = None,
        label_error: Annotated[
            list[str] | None, typer.Option(help=".npz: error of a label, such as teff=80; repeat.")
        ] = None,
        survey: Annotated[
            str, typer.Option(help="Survey of the label catalogue or the .npz, where it does not tell.")
        ] = "",
    ) -> None:
        """Make catalogues of raw spectra, or a dataset: rest frame, one grid, labels joined, every loss listed."""
        from ..surveys import ingest as take_in
        from ..surveys import read_arrays

        step, wanted = steps(), names_in(names)
        if dataset is not None:
            from ..dataset import ingest_dataset

            with step("read, reduce, join and append"):
                added = ingest_dataset(
                    source,
                    dataset,
                    labels=labels,
                    label_names=wanted or None,
                    survey=survey,
                    cuts=cuts,
                    join=join,
                    rest=rest,
                    limits=limits,
                    normalization=normalize,
                    error_factor=error_factor,
                    output=output,
                    files_at_once=at_once,
                    workers=workers or 1,
                    scheduler=scheduler,
                )
            typer.echo(added.summary)
            return
        options: dict[str, Any] = {"labels": labels, "label_names": wanted or None, "survey": survey}
        spectra: Any = source
        if len(source) == 1 and source[0].suffix.lower() == ".npz":
            entries: dict[str, Any] = _pairs(key)
            if wanted:
                entries["label_names"] = wanted
            if label_error:
                entries["label_errors"] = {k: float(v) for k, v in _pairs(label_error, number=True).items()}
            spectra, own = read_arrays(source[0], medium=medium, survey=survey, **entries)
            if labels is None:
                options |= {"labels": own, "label_names": None}
        with step("read, reduce and join"):
            result = take_in(
                spectra,
                **options,
                cuts=cuts,
                join=join,
                rest=rest,
                limits=limits,
                normalization=normalize,
                error_factor=error_factor,
                output=output,
                workers=workers,
                progress=False,
            )
        with step("write the catalogue"):
            result.save(out, unlabelled)
        typer.echo(result.summary)

    @app.command()
    def check(
        location: Annotated[str, typer.Argument(help="Dataset: a folder, or an address.", metavar="FOLDER")],
    ) -> None:
        """Compare all of a dataset with its checksums; name what is damaged, and what to do. Exit status 1 then."""
        from ..dataset import open_dataset

        step, dataset = steps(), open_dataset(location)
        with step("read and compare"):
            found = dataset.check()
        for damage in found:
            typer.echo(damage)
        typer.echo(f"{dataset!r}: {len(found) or 'nothing'} damaged")
        if found:
            raise typer.Exit(1)


def folder_name(out: str) -> str:
    """Where results for a dataset go; raises where a table was named."""
    from ..core import InputError

    if Path(out).suffix.lower() in (".fits", ".parquet", ".csv"):
        raise InputError(
            f"results for a dataset are a folder of parquet files; '{out}' names a table: name a folder."
        )
    return out


def names_in(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(n.strip() for n in text.split(",") if n.strip())


_ENTRIES = ("flux", "ivar", "error", "wavelength", "ids", "labels", "label_names", "label_errors")


def _pairs(given: list[str] | None, *, number: bool = False) -> dict[str, str]:
    """``name=value`` options as a mapping."""
    from ..core import InputError, check_name

    out = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise InputError(f"'{text}' is not of the form NAME=VALUE; write it so, without blanks.")
        if number:
            try:
                float(value)
            except ValueError:
                raise InputError(f"'{text}' gives no number; write an error such as teff=80.") from None
        else:
            check_name("entry", name, _ENTRIES)
        out[name] = value
    return out
