"""Commands that fit and use models: ``luxjax demo``, ``fit``, ``transfer`` and ``evaluate``."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ._data import folder_name, names_in, pace

__all__ = ["register"]

Latents = Annotated[int, typer.Option("--latents", "-d", min=1, help="Dimensions of the latent space.")]
Seed = Annotated[int, typer.Option(help="Of the fit's start and of the split of the stars.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")]
Inputs = Annotated[str, typer.Option(help="Spectra to predict from, comma-separated; all unless given.")]
Decoder = Annotated[str, typer.Option(help="linear, quadratic or mlp (hidden layers).")]
Candidates = Annotated[
    str, typer.Option(help="Choose the latents among these on training stars alone, such as 8,12,16.")
]


def register(app: typer.Typer, steps: Callable[[], Any]) -> None:
    """Add the commands to a program; `steps` makes an object that names stages while they run."""

    @app.command()
    def demo(
        out: Annotated[Path, typer.Option("--out", "-o", help="Run folder.")] = Path("runs/demo"),
        seed: Seed = 1,
        quick: Annotated[
            bool, typer.Option("--quick", help="A tenth of the stars and one survey: seconds.")
        ] = False,
    ) -> None:
        """Simulate a survey, carry labels from GALAH to APOGEE stars, and write a report of how well it went."""
        import time

        from ..report import render
        from ..runs import RunFolder, demo
        from ..runs import demo_settings as settings

        begun, step = time.perf_counter(), steps()
        used = settings(quick)
        run = RunFolder.create(out, config={"command": "demo", **used}, seed=seed, overwrite=True)
        done = demo(run, seed=seed, stage=step, **used)
        with step("draw the report"):
            page = render(run)
        done.metrics["wall_s"] = round(time.perf_counter() - begun, 2)
        run.write_metrics(done.metrics)
        typer.echo(_table(done.metrics["labels"]))
        typer.echo(page)

    @app.command()
    def fit(
        catalog: Annotated[Path, typer.Argument(help="Catalogue folder, as simulate and ingest write it.")],
        out: Annotated[Path, typer.Option("--out", "-o", help="Run folder.")] = Path("runs/fit"),
        latents: Latents = 20,
        decoder: Decoder = "linear",
        inputs: Inputs = "",
        seed: Seed = 1,
        cross_validate: Candidates = "",
        overwrite: Overwrite = False,
    ) -> None:
        """Fit a model to the stars of a catalogue, calibrate and judge it on stars kept apart, and report."""
        from ..data import load_catalog
        from ..report import render
        from ..runs import RunFolder, study_catalog
        from ..runs.internal import check_study

        step, stars = steps(), load_catalog(catalog)
        check_study(stars, decoder, names_in(inputs))
        config = {
            "command": "fit",
            "catalog": str(catalog),
            "latents": latents,
            "decoder": decoder,
            "inputs": list(names_in(inputs)),
            "cross_validate": [_whole(n) for n in names_in(cross_validate)],
        }
        run = RunFolder.create(out, config=config, seed=seed, overwrite=overwrite)
        done = study_catalog(stars, run, config, seed=seed, stage=step)
        with step("draw the report"):
            page = render(run)
        typer.echo(_table(done.metrics["labels"]))
        typer.echo(page)

    @app.command()
    def transfer(
        run: Annotated[Path, typer.Argument(help="Run folder, or the model folder inside one.")],
        catalog: Annotated[
            str,
            typer.Argument(help="Catalogue folder of the stars to label, or a dataset: folder or address."),
        ],
        out: Annotated[
            str,
            typer.Option(
                "--out",
                "-o",
                help="Table of labels: .fits, .parquet or .csv (labels.fits); of a dataset, a folder of parquet files (labels).",
            ),
        ] = "",
        inputs: Inputs = "",
        shrink: Annotated[
            bool,
            typer.Option(
                "--shrink-shortcuts",
                help="Replace labels that were only guessed by what the other labels say, with the error that leaves.",
            ),
        ] = False,
    ) -> None:
        """Predict labels of the stars of a catalogue or dataset, with errors, with a model fitted before.

        For a dataset they are written as they come; a command that was killed goes on where it was when given again.
        """
        from ..data import load_catalog
        from ..dataset import is_dataset, open_dataset
        from ..files import write_table
        from ..runs import transfer_run
        from ..runs.internal import transfer_run_dataset

        step = steps()
        given: dict[str, Any] = {"inputs": names_in(inputs), "replace_shortcuts": shrink}
        if is_dataset(catalog):
            to, stars = folder_name(out or "labels"), open_dataset(catalog)
            with step("predict labels") as show:
                made = transfer_run_dataset(run, stars, to, progress=pace(show), **given)
            typer.echo(f"{len(made)} stars in {to}")
            return
        table = Path(out or "labels.fits")
        with step("predict labels"):
            frame, units = transfer_run(run, load_catalog(catalog), **given)
        with step("write the table"):
            write_table(frame, units, table)
        typer.echo(f"{len(frame)} stars in {table}")

    @app.command()
    def evaluate(
        catalog: Annotated[Path, typer.Argument(help="Catalogue folder with labels.")],
        out: Annotated[Path, typer.Option("--out", "-o", help="Run folder.")] = Path("runs/evaluate"),
        folds: Annotated[int, typer.Option(min=2, help="Parts of the stars, each predicted once.")] = 10,
        latents: Latents = 8,
        decoder: Decoder = "linear",
        inputs: Inputs = "",
        seed: Seed = 1,
        cross_validate: Candidates = "",
        overwrite: Overwrite = False,
    ) -> None:
        """Predict every star from a model that never saw it, beside ridge and The Cannon on the same folds."""
        from ..data import load_catalog
        from ..report import render
        from ..runs import RunFolder
        from ..runs import cross_validate as predict_folds
        from ..runs.internal import check_study

        step, stars, candidates = (
            steps(),
            load_catalog(catalog),
            [_whole(n) for n in names_in(cross_validate)],
        )
        check_study(stars, decoder, names_in(inputs), folds)
        config = {
            "command": "evaluate",
            "catalog": str(catalog),
            "folds": folds,
            "latents": latents,
            "decoder": decoder,
            "inputs": list(names_in(inputs)),
            "cross_validate": candidates,
        }
        run = RunFolder.create(out, config=config, seed=seed, overwrite=overwrite)
        metrics = predict_folds(
            stars,
            run,
            n_folds=folds,
            n_latents=latents,
            decoder=decoder,
            candidates=candidates,
            inputs=names_in(inputs),
            seed=seed,
            stage=step,
        )
        with step("draw the report"):
            page = render(run)
        typer.echo(_table(metrics["labels"]))
        typer.echo(page)


def _whole(text: str) -> int:
    from ..core import InputError

    if not text.isdigit():
        raise InputError(f"'{text}' is not a whole number; give numbers of latents such as 8,12,16.")
    return int(text)


def _table(labels: dict[str, dict[str, Any]]) -> str:
    """Scores as lines of text."""
    others = list(dict.fromkeys(k for entry in labels.values() for k in entry["baselines"]))
    head = ["label", "n", "rmse", "bias", *others, "cover68", "cover95"]
    rows = [
        [
            name,
            str(e["n"]),
            f"{e['rmse']:.4g}",
            f"{e['bias']:+.2g}",
            *(f"{e['baselines'][k]:.4g}" if k in e["baselines"] else "" for k in others),
            f"{e['coverage68']:.3f}",
            f"{e['coverage95']:.3f}",
        ]
        for name, e in labels.items()
    ]
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in [head, *rows])
