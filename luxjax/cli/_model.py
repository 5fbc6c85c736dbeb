"""Commands that fit and use models: ``luxjax demo``, ``fit``, ``transfer`` and ``evaluate``."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from ._options import (
    Decoder,
    Folds,
    Inputs,
    Latents,
    Noise,
    Out,
    Overwrite,
    Readout,
    Seed,
    folder_name,
    names_in,
    numbers_in,
)
from ._program import Steps, app

__all__ = ["demo", "evaluate", "fit", "transfer"]

Stars = Annotated[
    Path, typer.Argument(help="Catalogue folder of stars with labels, written by simulate or ingest.")
]


@app.command()
def demo(
    out: Out = Path("runs/demo"),
    seed: Seed = 1,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Quick run: a tenth of the stars and one survey. It takes seconds."),
    ] = False,
) -> None:
    """Simulate a survey, predict GALAH labels of APOGEE stars, and write a report of their accuracy."""
    import time

    from ..report import render
    from ..runs import RunFolder, demo_settings
    from ..runs import demo as run_demo

    begun, step, settings = time.perf_counter(), Steps(), demo_settings(quick)
    run = RunFolder.create(out, config={"command": "demo", **settings}, seed=seed, overwrite=True)
    with run.filling():
        done = run_demo(run, seed=seed, stage=step, **settings)
        with step("draw the report"):
            page = render(run)
        done.metrics["wall_s"] = round(time.perf_counter() - begun, 2)
        run.write_metrics(done.metrics)
    typer.echo(_table(done.metrics["labels"]))
    typer.echo(page)


@app.command()
def fit(
    catalog: Stars,
    out: Out = Path("runs/fit"),
    latents: Latents = "",
    decoder: Decoder = "linear",
    readout: Readout = "auto",
    noise: Noise = "gaussian",
    inputs: Inputs = "",
    folds: Folds = 5,
    seed: Seed = 1,
    overwrite: Overwrite = False,
) -> None:
    """Fit a model to all labelled stars of a catalogue, evaluate and calibrate it by cross-validation, and write a report."""
    from ..data import load_catalog
    from ..report import render
    from ..runs import study_catalog

    step, stars = Steps(), load_catalog(catalog)
    run, how = _begun(
        "fit", catalog, stars, out, seed, overwrite, _how(latents, decoder, readout, noise, inputs, folds)
    )
    with run.filling():
        done = study_catalog(stars, run, **how, seed=seed, stage=step)
        with step("draw the report"):
            page = render(run)
    _tell(done.metrics)
    typer.echo(page)


def _how(latents: str, decoder: str, readout: str, noise: str, inputs: str, folds: int) -> dict[str, Any]:
    """The options of a fit as the Python functions take them."""
    return {
        "latents": numbers_in(latents) or None,
        "decoder": decoder,
        "readout": readout,
        "noise": noise,
        "inputs": list(names_in(inputs)),
        "folds": folds,
    }


def _begun(command: str, catalog: Path, stars, out: Path, seed: int, overwrite: bool, how: dict[str, Any]):
    """The run folder of a study that can be made of these stars, and how it is made."""
    from ..runs import RunFolder
    from ..runs.internal import check_study

    check_study(stars, **how)
    config = {"command": command, "catalog": str(catalog), **how}
    return RunFolder.create(out, config=config, seed=seed, overwrite=overwrite), how


def _tell(metrics: dict[str, Any]) -> None:
    """What has to be read first, then the scores."""
    for line in metrics.get("says", ()):
        typer.echo(line)
    typer.echo(_table(metrics["labels"]))


@app.command()
def transfer(
    run: Annotated[Path, typer.Argument(help="Run folder, or the model folder inside one.")],
    catalog: Annotated[
        str,
        typer.Argument(
            help="Stars whose labels to predict: a catalogue folder, or a dataset (folder or address)."
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="Table of labels to write: .fits, .vot (VOTable), .ecsv, .parquet or .csv. For a dataset, a folder of parquet files. Default: labels.fits, or labels for a dataset.",
        ),
    ] = "",
    inputs: Inputs = "",
    replace_shortcuts: Annotated[
        bool,
        typer.Option(
            "--replace-shortcuts",
            help="Replace each label whose verdict is shortcut by its value given the other labels, with the larger error of that value.",
        ),
    ] = False,
) -> None:
    """Predict labels of stars, with errors, from a fitted model.

    For a dataset, results are written incrementally; rerun the same command to resume.
    """
    from ..data import load_catalog
    from ..dataset import open_dataset
    from ..dataset.internal import is_dataset
    from ..files import write_table
    from ..files.internal import check_table_name, provenance_of
    from ..prediction.internal import describe_flags
    from ..runs import transfer_run
    from ..runs.internal import transfer_run_dataset

    step = Steps()
    given: dict[str, Any] = {"inputs": names_in(inputs), "replace_shortcuts": replace_shortcuts}
    if is_dataset(catalog):
        to, stars = folder_name(out or "labels"), open_dataset(catalog)
        with step("predict labels") as show:
            made = transfer_run_dataset(run, stars, to, progress=show, **given)
        typer.echo(f"{len(made)} stars in {to}; {describe_flags(made.flag)}")
        return
    table = check_table_name(Path(out or "labels.fits"))
    with step("predict labels"):
        frame, units = transfer_run(run, load_catalog(catalog), **given)
    with step("write the table"):
        about = {"model": frame.attrs["model"], "run": str(run), "catalog": catalog}
        about |= {"inputs": ",".join(frame.attrs["inputs"]), "calibrated": str(frame.attrs["calibrated"])}
        write_table(frame, units, table, provenance_of(**about))
    typer.echo(f"{len(frame)} stars in {table}; {describe_flags(frame['flag'].to_numpy())}")


@app.command()
def evaluate(
    catalog: Stars,
    out: Out = Path("runs/evaluate"),
    folds: Folds = 10,
    latents: Latents = "",
    decoder: Decoder = "linear",
    readout: Readout = "auto",
    noise: Noise = "gaussian",
    inputs: Inputs = "",
    seed: Seed = 1,
    overwrite: Overwrite = False,
) -> None:
    """Cross-validate a model, and compare it with ridge regression and The Cannon on the same folds."""
    from ..data import load_catalog
    from ..report import render
    from ..runs import cross_validate

    step, stars = Steps(), load_catalog(catalog)
    run, how = _begun(
        "evaluate",
        catalog,
        stars,
        out,
        seed,
        overwrite,
        _how(latents, decoder, readout, noise, inputs, folds),
    )
    with run.filling():
        metrics = cross_validate(stars, run, **how, seed=seed, stage=step)
        with step("draw the report"):
            page = render(run)
    _tell(metrics)
    typer.echo(page)


def _table(labels: dict[str, dict[str, Any]]) -> str:
    """Scores as lines of text."""
    others = list(dict.fromkeys(k for entry in labels.values() for k in entry["baselines"]))
    head = ["label", "n", "rmse", "bias", *others, "cover68", "cover95"]
    rows = [
        [
            name,
            str(e["n"]),
            _like(e["rmse"], e["rmse"]),
            _like(e["bias"], e["rmse"], "+"),
            *(_like(e["baselines"][k], e["rmse"]) if k in e["baselines"] else "" for k in others),
            f"{e['coverage68']:.3f}",
            f"{e['coverage95']:.3f}",
        ]
        for name, e in labels.items()
    ]
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in [head, *rows])


def _like(value: float, size: float, sign: str = "") -> str:
    """A number with the decimals that give `size` three figures."""
    decimals = 2 - math.floor(math.log10(size)) if size > 0 and math.isfinite(size) else 3
    return f"{value:{sign}.{min(max(decimals, 0), 9)}f}"
