"""Commands about spectral classes: ``luxjax classify train``, ``predict``, ``explain`` and ``report``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ._data import names_in

__all__ = ["register"]

Run = Annotated[Path, typer.Argument(help="Run folder that classify train wrote.", metavar="RUN")]
Files = Annotated[
    list[Path] | None, typer.Argument(help="A folder of LAMOST files, searched through, or files.")
]
Clean = Annotated[bool, typer.Option("--clean", help="Reject cosmic rays first.")]
Level = Annotated[
    float, typer.Option(min=0.01, max=0.999, help="Chance with which a set holds the true class.")
]


def register(app: typer.Typer, steps: Callable[[], Any]) -> None:
    """Add the commands to a program; `steps` makes an object that names stages while they run."""
    classify = typer.Typer(
        help="Classes of LAMOST stars from physical features, with probabilities that can be believed.",
        no_args_is_help=True,
    )
    app.add_typer(classify, name="classify")

    @classify.command()
    def train(
        files: Files = None,
        out: Annotated[Path, typer.Option("--out", "-o", help="Run folder.")] = Path("runs/classify"),
        simulate: Annotated[
            int, typer.Option("--simulate", min=0, help="No files: simulate so many stars.")
        ] = 0,
        estimator: Annotated[str, typer.Option(help="boosting, forest, logistic or xgboost.")] = "boosting",
        compare: Annotated[
            str, typer.Option(help="Others to judge on the same stars, such as forest,logistic.")
        ] = "",
        classes: Annotated[str, typer.Option(help="Only these, such as A,F,G,K,M; all unless given.")] = "",
        least: Annotated[
            int, typer.Option(min=10, help="Stars that a class needs; rarer ones are left out.")
        ] = 20,
        repeats: Annotated[str, typer.Option(help="Spectra of one star: all, or the best.")] = "all",
        clean: Clean = False,
        folds: Annotated[
            int,
            typer.Option(
                min=0, help="Judge every star, in so many folds; best where stars are few. 0: one split."
            ),
        ] = 0,
        share: Annotated[float, typer.Option(help="Share of the stars that one split judges.")] = 0.25,
        calibration: Annotated[
            str, typer.Option(help="Of probabilities: temperature or isotonic.")
        ] = "temperature",
        balanced: Annotated[
            bool, typer.Option("--balanced", help="Count rare classes as much as common.")
        ] = False,
        search: Annotated[
            int, typer.Option(min=0, help="Settings to try, by cross-validation of the training stars.")
        ] = 0,
        level: Level = 0.9,
        heads: Annotated[
            str, typer.Option(help="Finer classes too: subclass, luminosity, stage, comma-separated.")
        ] = "",
        parameters: Annotated[
            bool,
            typer.Option(
                "--parameters", help="Teff, log g, [Fe/H], [alpha/Fe] too: those simulated, or of --labels."
            ),
        ] = False,
        labels: Annotated[
            Path | None,
            typer.Option(
                help="CSV with teff, logg, fe_h or alpha_fe by file, obsid or id; implies --parameters."
            ),
        ] = None,
        seed: Annotated[int, typer.Option(help="Of the simulation, the split and the training.")] = 1,
        overwrite: Annotated[
            bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")
        ] = False,
    ) -> None:
        """Train a classifier and judge it on stars that it has not seen; spectra that cannot be used are listed.

        Repeated after an interruption, it goes on from the features that were measured.
        """
        from ..core import InputError
        from ..report import render
        from ..runs import (
            RunFolder,
            check_class_options,
            keep_classes,
            lamost_data,
            simulated_data,
            train_classes,
            with_parameters,
        )
        from ..runs.internal import read_class_data, write_class_data

        if bool(files) == bool(simulate):
            raise InputError("give files to train on, or --simulate with a number of stars (one of the two).")
        step, compared = steps(), names_in(compare)
        how: dict[str, Any] = {"estimator": estimator, "calibration": calibration, "balanced": balanced}
        how |= {"search": search, "folds": folds, "share": share, "level": level, "compare": list(compared)}
        how |= {"heads": list(names_in(heads)), "parameters": parameters or labels is not None}
        check_class_options(how)
        if labels is not None and not labels.is_file():
            raise InputError(
                f"there is no catalogue {labels}; give a CSV file with columns such as teff, logg, fe_h."
            )
        config: dict[str, Any] = {"command": "classify train", "simulate": simulate}
        config |= {"files": [str(f) for f in files or []], "repeats": repeats, "clean": clean}
        config |= {"classes": list(names_in(classes)), "least": least, "labels": str(labels or ""), **how}
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
                    data = simulated_data(simulate, seed=seed, clean=clean, progress=told)
                else:
                    data = lamost_data(files or [], repeats=repeats, clean=clean, progress=told)
            data = data if labels is None else with_parameters(data, labels)
            run = RunFolder.create(out, config=config, seed=seed, overwrite=overwrite)
            write_class_data(run, data)
        data = keep_classes(data, names_in(classes), least)
        metrics = train_classes(run, data, **how, seed=seed, stage=step)
        with step("draw the report"):
            page = render(run)
        typer.echo(_scores(metrics["classes"]))
        typer.echo(_losses(len(data.features), metrics["classes"]["left_out"], run.path / "left_out.csv"))
        typer.echo(page)

    @classify.command()
    def predict(
        run: Run,
        files: Annotated[
            list[Path], typer.Argument(help="A folder of LAMOST files, searched through, or files.")
        ],
        out: Annotated[
            Path, typer.Option("--out", "-o", help="Table of classes: .csv, .fits or .parquet.")
        ] = Path("classes.csv"),
        repeats: Annotated[str, typer.Option(help="Spectra of one star: all, or the best.")] = "all",
        any_class: Annotated[
            bool,
            typer.Option(
                "--any-class", help="Also spectra that the survey did not class as a star of O to M."
            ),
        ] = False,
        level: Level = 0.9,
    ) -> None:
        """Classify spectra: a table of classes, and beside it a list of what was left out and why."""
        from ..files import write_table
        from ..files.internal import check_table_name
        from ..runs import RunFolder, lamost_data
        from ..runs.internal import classify_data

        step, folder = steps(), RunFolder.open(run)
        check_table_name(out)
        clean = bool(folder.config.get("clean", False))  # as the training spectra were
        with step("read spectra and measure features") as told:
            data = lamost_data(files, repeats=repeats, need_class=not any_class, clean=clean, progress=told)
        with step("classify"):
            table = classify_data(folder, data, level=level)
        write_table(table, {}, out)
        beside = out.with_name(f"{out.stem}-left-out.csv")
        write_table(data.left_out, {}, beside)
        reasons = data.left_out["reason"].value_counts().to_dict()
        typer.echo(f"{len(table)} spectra in {out}")
        typer.echo(_losses(len(table), reasons, beside))

    @classify.command()
    def explain(
        run: Run,
        spectra: Annotated[
            str,
            typer.Option(
                "--spectra",
                help="Stars or obsids that get a page, comma-separated; some of each class unless given.",
            ),
        ] = "",
        quick: Annotated[
            bool,
            typer.Option(
                "--quick", help="Do not train without each family and with it alone, which takes minutes."
            ),
        ] = False,
        seed: Annotated[int, typer.Option(help="Of permutations and bootstrap samples.")] = 0,
    ) -> None:
        """Which features do the classes rest on? The naive ranking beside honest ones, and a page for single spectra."""
        from ..report import render
        from ..runs import RunFolder, explain_class_run

        step, folder = steps(), RunFolder.open(run)
        reasons, pages = explain_class_run(
            folder, spectra=names_in(spectra), retrain=not quick, seed=seed, stage=step
        )
        with step("draw the report"):
            page = render(folder)
        typer.echo(reasons.comparison.words)
        for one in pages:
            typer.echo(one)
        typer.echo(page)

    @classify.command()
    def report(
        run: Run,
        browser: Annotated[
            bool, typer.Option("--open", help="Open the page in a browser afterwards.")
        ] = False,
    ) -> None:
        """Draw the figures of a run and write its report.html, again if need be."""
        from ..report import render
        from ..runs import RunFolder

        step, folder = steps(), RunFolder.open(run)
        with step("draw the report"):
            page = render(folder)
        typer.echo(page)
        if browser:
            typer.launch(page.resolve().as_uri())


def _scores(found: dict[str, Any]) -> str:
    """Scores as lines of text."""
    names = {found["about"]["estimator"]: found["scores"], **found["others"]}
    lines = [f"{'':20}" + "".join(f"{n:>26}" for n in [*names, "shares of classes only"])]
    for score, entry in found["scores"].items():
        cells = [names[n][score] for n in names]
        said = [f"{c['value']:.3f} [{c['lower']:.3f}, {c['upper']:.3f}]" for c in cells]
        lines.append(
            f"{score.replace('_', ' '):20}" + "".join(f"{s:>26}" for s in [*said, f"{entry['baseline']:.3f}"])
        )
    return "\n".join(lines)


def _losses(kept: int, reasons: Mapping[Any, int], file: Path) -> str:
    """How many were left out, and why, the most frequent first."""
    lost = sum(reasons.values())
    if not lost:
        return f"{kept} spectra used, none left out"
    most = [f"{n:6} {reason}" for reason, n in list(reasons.items())[:12]]
    more = [f"       and {len(reasons) - 12} other reasons"] if len(reasons) > 12 else []
    return "\n".join([f"{kept} spectra used, {lost} left out ({file}):", *most, *more])
