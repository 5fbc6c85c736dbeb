"""Commands about spectral classes: ``luxjax classify train``, ``predict``, ``explain`` and ``report``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._options import OtherMedium, OtherResolution, Out, Overwrite, folder_name, names_in, pairs_in, values_in
from ._program import Steps, app, make_app
from ._report import class_scores, losses, outside_told, report
from .classes._estimator import Compare, Estimator, Groups, Learned, Setting
from .classes._inputs import dataset_of as _dataset_of
from .classes._inputs import logged as _logged
from .classes._tables import (
    Metadata,
    Parallax,
    Photometry,
    Radius,
    Tables,
    Truth,
    TruthColumn,
    metadata_like,
    table_lines,
)

__all__ = ["explain", "predict", "train"]

Run = Annotated[Path, typer.Argument(help="Run folder that classify train wrote.", metavar="RUN")]
FILES = (
    "LAMOST files of spectra, one folder to search for them, or a dataset that luxjax ingest made of such."
)
Repeats = Annotated[
    str, typer.Option(help="Repeated spectra of a star to use: all, or best (the one of highest S/N).")
]
SpectraName = Annotated[
    str,
    typer.Option(help="Output of the dataset to classify by. Default: the only one that is of spectra."),
]
Coverage = Annotated[
    float, typer.Option(min=0.01, max=0.999, help="Probability that a set of classes holds the true class.")
]

classify = make_app(help="Classify LAMOST stars by physical features, with calibrated probabilities.")
app.add_typer(classify, name="classify")


@classify.command()
def train(
    files: Annotated[list[str] | None, typer.Argument(help=FILES)] = None,
    out: Out = Path("runs/classify"),
    simulate: Annotated[
        int, typer.Option(min=0, help="Number of stars to simulate. Give either this or files.")
    ] = 0,
    estimator: Estimator = "average",
    setting: Setting = None,
    learned: Learned = "latent,pca",
    compare: Compare = "",
    classes: Annotated[
        str, typer.Option(help="Classes to keep, such as A,F,G,K,M. Default: all that have enough stars.")
    ] = "",
    min_per_class: Annotated[
        int, typer.Option(min=10, help="Minimum number of stars of a class. Rarer classes are left out.")
    ] = 20,
    repeats: Repeats = "all",
    reject_cosmic_rays: Annotated[
        bool, typer.Option("--reject-cosmic-rays", help="Reject cosmic rays before features are measured.")
    ] = False,
    folds: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of cross-validation folds; the classifier is then trained on all stars. 0: one split into training and test stars.",
        ),
    ] = 5,
    groups: Groups = "star",
    test_fraction: Annotated[
        float, typer.Option(help="Fraction of the stars to test on, without --folds.")
    ] = 0.25,
    calibration: Annotated[
        str, typer.Option(help="Method to calibrate the probabilities: temperature or isotonic.")
    ] = "temperature",
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Give every class the same weight, however rare it is.")
    ] = False,
    tune: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of random settings of the estimator to compare by cross-validation. 0: its standard settings.",
        ),
    ] = 0,
    coverage: Coverage = 0.9,
    levels: Annotated[
        str,
        typer.Option(
            help="Finer classifications to train too (comma-separated): subclass, luminosity, stage. Default: none."
        ),
    ] = "",
    parameters: Annotated[
        bool,
        typer.Option(
            "--parameters",
            help="Train models of Teff, log g, [Fe/H] and [alpha/Fe] too; their true values are simulated, or come from --labels.",
        ),
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Table of teff, logg, fe_h or alpha_fe, matched to spectra by file, obsid or id. Implies --parameters. Default: none."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the table of --labels, as NAME=COLUMN. NAME is teff, logg, fe_h, alpha_fe, file, obsid or id. Can be repeated. Default: found by name."
        ),
    ] = None,
    truth: Truth = None,
    truth_column: TruthColumn = None,
    metadata: Metadata = None,
    photometry: Photometry = None,
    parallax: Parallax = None,
    match_radius: Radius = 3.0,
    max_spectra: Annotated[
        int,
        typer.Option(
            min=100,
            help="Most spectra of a dataset to train on, chosen at random. Each needs 25 kB of memory.",
        ),
    ] = 10_000,
    spectra_name: SpectraName = "",
    seed: Annotated[int, typer.Option(help="Random seed of the simulation, the split and the training.")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Train a classifier and evaluate it on stars that it has not seen. Spectra that cannot be used are listed.

    Rerun the same command after an interruption to resume from the features measured so far.
    """
    from ..core import InputError
    from ..report import render
    from ..runs import (
        RunFolder,
        check_class_options,
        dataset_data,
        keep_classes,
        lamost_data,
        simulated_data,
        train_classes,
        with_parameters,
    )
    from ..runs.internal import read_class_data, write_class_data

    if bool(files) == bool(simulate):
        raise InputError("give files to train on, or --simulate with a number of stars (one of the two).")
    step = Steps()
    tables = Tables(truth, truth_column, metadata, photometry, parallax, match_radius).check(simulate)
    how: dict[str, Any] = {"estimator": estimator, "calibration": calibration, "balanced": balanced}
    how |= {"settings": values_in(setting), "learned": [] if learned == "none" else list(names_in(learned))}
    how |= {
        "tune": tune,
        "folds": folds,
        "groups": groups,
        "test_fraction": test_fraction,
        "coverage": coverage,
    }
    how |= {"compare": list(names_in(compare)), "levels": list(names_in(levels))}
    how |= {"parameters": parameters or labels is not None}
    check_class_options({**how, "simulate": simulate})
    if labels is not None and not labels.is_file():
        raise InputError(
            f"there is no catalogue {labels}; give a CSV file with columns such as teff, logg, fe_h."
        )
    reading: dict[str, Any] = {"repeats": repeats, "reject_cosmic_rays": reject_cosmic_rays}
    config = {"command": "classify train", "simulate": simulate, "files": files or []}
    config |= {**reading, "classes": list(names_in(classes)), "min_per_class": min_per_class}
    config |= {"labels": str(labels or ""), **tables.config, **how}
    dataset = _dataset_of(files)
    if dataset is not None:
        config |= {"max_spectra": max_spectra, "spectra_name": spectra_name, "dataset": dataset.fingerprint}
    run = RunFolder.resumed(out, config=config, seed=seed, needs="features.npz", lacks="metrics.json")
    if run is not None:
        with step("read the features that are there already"):
            data = read_class_data(run)
    else:
        RunFolder.check_free(out, overwrite=overwrite)
        with step(
            "simulate stars and measure features" if simulate else "read spectra and measure features"
        ) as told:
            if simulate:
                data = simulated_data(
                    simulate, seed=seed, reject_cosmic_rays=reject_cosmic_rays, progress=told
                )
            elif dataset is not None:
                few: dict[str, Any] = {"max_spectra": max_spectra, "spectra_name": spectra_name or None}
                few["need_class"] = truth is None
                data = dataset_data(
                    dataset, **few, reject_cosmic_rays=reject_cosmic_rays, seed=seed, progress=told
                )
            else:
                data = lamost_data(files or [], **reading, need_class=truth is None, progress=told)
        data = tables.join(data)
        data = data if labels is None else with_parameters(data, labels, pairs_in(column))
        keep_classes(data, names_in(classes), min_per_class)  # raises before anything is written
        run = RunFolder.create(out, config=config, seed=seed, overwrite=overwrite)
    with run.filling(keep=("features.npz",)):
        if not run.has("features"):
            write_class_data(run, data)
            run.log(f"read {len(data.features)} spectra, {len(data.left_out)} left out")
        data = keep_classes(data, names_in(classes), min_per_class)
        metrics = train_classes(run, data, **how, seed=seed, stage=_logged(step, run))
        with step("draw the report"):
            page = render(run)
    typer.echo(class_scores(metrics["classes"]))
    for line in table_lines(metrics["classes"]):
        typer.echo(line)
    if dataset is not None and len(dataset) > max_spectra:
        typer.echo(
            f"a random {max_spectra} of {len(dataset)} spectra; use more with --max-spectra, classify all with luxjax classify predict"
        )
    typer.echo(losses(len(data.features), metrics["classes"]["left_out"], run.path / "left_out.csv"))
    typer.echo(page)


@classify.command()
def predict(
    run: Run,
    files: Annotated[list[str], typer.Argument(help=FILES.replace("LAMOST files", "LAMOST or SDSS files"))],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="Table of classes to write: .csv, .fits or .parquet. For a dataset, a folder of parquet files. Default: classes.csv, or classes for a dataset.",
        ),
    ] = "",
    repeats: Repeats = "all",
    need_class: Annotated[
        bool,
        typer.Option(
            "--need-class/--any-class",
            help="Whether to leave out spectra that the survey did not classify as a star of class O to M.",
        ),
    ] = True,
    medium: OtherMedium = None,
    resolution: OtherResolution = None,
    coverage: Coverage = 0.9,
    metadata: Metadata = None,
    spectra_name: SpectraName = "",
) -> None:
    """Classify spectra. Writes a table of classes, and one of the spectra left out, with the reasons.

    For a dataset, results are written incrementally; rerun the same command to resume.
    """
    from ..core import InputError
    from ..files import write_table
    from ..files.internal import check_table_name
    from ..runs import RunFolder, classify_dataset, lamost_data, spectra_data
    from ..runs.internal import classify_data, of_another_survey

    step, folder = Steps(), RunFolder.open(run)
    tables = metadata_like(folder.config, metadata)
    if (dataset := _dataset_of(files)) is not None:
        if metadata is not None:
            raise InputError(
                "a dataset cannot be classified with --metadata yet; give the files of its spectra."
            )
        if medium is not None or resolution is not None or repeats != "all":
            raise InputError(
                "--medium, --resolution and --repeats are about files; a dataset knows its medium and holds one spectrum of each star. Leave them out."
            )
        to = folder_name(out or "classes")
        with step("classify") as told:
            made = classify_dataset(
                folder,
                dataset,
                to,
                coverage=coverage,
                need_class=need_class,
                spectra_name=spectra_name or None,
                progress=told,
            )
        if made.outside:
            typer.echo(outside_told(made.outside))
        typer.echo(losses(len(made) - sum(made.reasons.values()), made.reasons, to))
        return
    if resolution is not None and medium is None:
        raise InputError("--resolution is about spectra of other origin; state their --medium too.")
    file = check_table_name(Path(out or "classes.csv"))
    trained = (
        folder.config
    )  # spectra are treated as those of the training were; `clean` is what it was called
    clean = bool(trained.get("reject_cosmic_rays", trained.get("clean", False)))
    with step("read spectra and measure features") as told:
        how: dict[str, Any] = {"reject_cosmic_rays": clean, "progress": told}
        if medium is None and not of_another_survey(files):
            data = lamost_data(files, repeats=repeats, need_class=need_class, **how)
        else:
            data = spectra_data(files, medium=medium, resolution=resolution, need_class=need_class, **how)
    data = tables.join(data)
    with step("classify"):
        table = classify_data(folder, data, coverage=coverage)
    write_table(table, {}, file)
    lost = file.with_name(f"{file.stem}-left-out.csv")
    write_table(data.left_out, {}, lost)
    reasons = data.left_out["reason"].value_counts().to_dict()
    typer.echo(f"{len(table)} spectra in {file}")
    if guessed := int((table["errors_from"] == "scatter").sum()) if medium else 0:
        typer.echo(f"{guessed} had no errors in their files; these come from the scatter of the flux")
    if far := int(table["outside"].sum()) if "outside" in table else 0:
        typer.echo(outside_told(far))
    typer.echo(losses(len(table), reasons, lost))


@classify.command()
def explain(
    run: Run,
    spectra: Annotated[
        str,
        typer.Option(
            help="Stars or obsids to write a page for (comma-separated). Default: some of each class."
        ),
    ] = "",
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain/--quick",
            help="Whether to retrain without each family of features and with it alone, which takes minutes.",
        ),
    ] = True,
    dataset: Annotated[
        str,
        typer.Option(
            help="Dataset (folder or address) to explain spectrum by spectrum: how much each family of features speaks for the class. Default: none."
        ),
    ] = "",
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="Folder of parquet files to write, with --dataset only. Default: explained-classes.",
        ),
    ] = "",
    spectra_name: SpectraName = "",
    seed: Annotated[int, typer.Option(help="Random seed of permutations and bootstrap samples.")] = 0,
) -> None:
    """Rank families of features by importance for the classes, and write a page for single spectra.

    With --dataset, the class of every spectrum is split into what each family of features says. Results are written
    incrementally; rerun the same command to resume.
    """
    from ..core import InputError
    from ..report import render
    from ..runs import RunFolder, explain_class_run
    from ..runs.internal import explain_class_dataset

    step, folder = Steps(), RunFolder.open(run)
    if out and not dataset:
        raise InputError("--out is the folder for the spectra of a dataset; give one with --dataset.")
    if dataset:
        from ..dataset import open_dataset

        if spectra:
            raise InputError("--spectra asks for pages; leave it out with --dataset, or leave that out.")
        to, stars = folder_name(out or "explained-classes"), open_dataset(dataset)
        with step("explain spectra") as told:
            made = explain_class_dataset(
                folder, stars, to, spectra_name=spectra_name or None, seed=seed, progress=told
            )
        typer.echo(losses(len(made) - sum(made.reasons.values()), made.reasons, to))
        return
    reasons, pages = explain_class_run(
        folder, spectra=names_in(spectra), retrain=retrain, seed=seed, stage=step
    )
    with step("draw the report"):
        page = render(folder)
    typer.echo(reasons.comparison.words)
    for one in pages:
        typer.echo(one)
    typer.echo(page)


classify.command()(report)
