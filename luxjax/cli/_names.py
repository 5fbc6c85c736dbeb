"""Names of options: the Python parameter that each sets, the few exceptions, and the old names."""

from pathlib import Path

__all__ = ["EXCEPTIONS", "OLD_OPTIONS", "PARAMETERS_OF", "check_old_options"]

#: Command -> Python callables. An option of the command has the name of a parameter of one of them; one that can be repeated
#: has its singular (``--label-error`` for ``label_errors``).
PARAMETERS_OF: dict[str, tuple[str, ...]] = {
    "demo": ("luxjax.runs.demo", "luxjax.runs.demo_settings"),
    "simulate": ("luxjax.simulation.simulate",),
    "ingest": (
        "luxjax.surveys.ingest",
        "luxjax.surveys.IngestOptions",
        "luxjax.surveys.read_arrays",
        "luxjax.dataset.ingest_dataset",
    ),
    "download": ("luxjax.surveys.download_objects", "luxjax.surveys.download"),
    "check": ("luxjax.dataset.open_dataset",),
    "fit": ("luxjax.runs.study_catalog", "luxjax.runs.RunFolder.create"),
    "transfer": ("luxjax.runs.transfer_run", "luxjax.runs.internal.transfer_run_dataset"),
    "evaluate": ("luxjax.runs.cross_validate", "luxjax.runs.RunFolder.create"),
    "explain": (
        "luxjax.runs.explain_run",
        "luxjax.runs.internal.explain_run_dataset",
        "luxjax.lines.LineList.read",
    ),
    "infer": (
        "luxjax.runs.internal.stars_to_infer",
        "luxjax.runs.internal.keep_window",
        "luxjax.runs.internal.infer_stars",
        "luxjax.posterior.Laplace",
        "luxjax.posterior.Variational",
        "luxjax.posterior.NUTS",
        "luxjax.runs.RunFolder.create",
    ),
    "lightcurve": (
        "luxjax.lightcurves.measure_files",
        "luxjax.plots.internal.draw_power_spectra",
    ),
    "report": ("luxjax.report.render",),
    "classify train": (
        "luxjax.runs.lamost_data",
        "luxjax.runs.dataset_data",
        "luxjax.runs.with_parameters",
        "luxjax.runs.with_truth",
        "luxjax.runs.internal.with_metadata",
        "luxjax.runs.keep_classes",
        "luxjax.runs.train_classes",
        "luxjax.runs.RunFolder.create",
    ),
    "classify predict": (
        "luxjax.runs.lamost_data",
        "luxjax.runs.internal.with_metadata",
        "luxjax.runs.spectra_data",
        "luxjax.runs.internal.classify_data",
        "luxjax.runs.classify_dataset",
    ),
    "classify explain": ("luxjax.runs.explain_class_run", "luxjax.runs.internal.explain_class_dataset"),
    "classify report": ("luxjax.report.render",),
}

#: Options that set no parameter of that name, and why.
EXCEPTIONS: dict[str, str] = {
    "version": "about the program, not about a function",
    "install_completion": "of the shell",
    "show_completion": "of the shell",
    "help": "about the command",
    "out": "functions are handed the open run folder, or return what the command writes",
    "open": "opens a browser, which no function does",
    "seed": "a whole number, where functions also accept a random key as `key`",
    "simulate": "the number of stars; chooses simulated_data in place of lamost_data",
    "files": "the folder of write_survey_files, wanted or not",
    "to": "the folder of download_objects",
    "list": "a file with more of the arguments",
    "dataset": "chooses the function for datasets in place of that for catalogues",
    "array": "NAME=ENTRY: the keyword argument NAME of read_arrays",
    "drop": "chooses Dataset.drop for what Dataset.check finds",
    "unlabelled": "the second folder of IngestResult.save",
}

#: Command -> old option -> new option. `--labels FILE` is refused only where its value is a file: the name lives on with another meaning.
OLD_OPTIONS: dict[str, dict[str, str]] = {
    "simulate": {"--stars": "--n-stars", "--train": "--n-train"},
    "ingest": {
        "--output": "--spectra-name",
        "--names": "--labels",
        "--labels FILE": "--label-catalog",
        "--at-once": "--batch-size",
        "--key": "--array",
        "--limits": "--wavelength-range",
        "--normalize": "--normalization",
    },
    "fit": {"--cross-validate": "--latents"},
    "evaluate": {"--cross-validate": "--latents"},
    "transfer": {"--shrink-shortcuts": "--replace-shortcuts"},
    "explain": {"--error": "--label-error", "--others": "--condition-on"},
    "infer": {
        "--limit": "--max-stars",
        "--part": "--split",
        "--free": "--sample",
        "--window": "--wavelength-range",
    },
    "classify train": {
        "--least": "--min-per-class",
        "--share": "--test-fraction",
        "--search": "--tune",
        "--clean": "--reject-cosmic-rays",
        "--level": "--coverage",
        "--heads": "--levels",
    },
    "classify predict": {"--level": "--coverage"},
}


def check_old_options(command: str, arguments: list[str], options: set[str]) -> None:
    """Name the new option to whoever gives an old one; raises `InputError`.

    Parameters
    ----------
    command : str
        With the group, such as ``"classify train"``.
    arguments : list of str
        What follows the command.
    options : set of str
        The options that the command has.
    """
    for old, new in OLD_OPTIONS.get(command, {}).items():
        name, _, of_a_file = old.partition(" ")
        if new not in options or (name in options and not of_a_file):
            continue
        for k, argument in enumerate(arguments[: arguments.index("--") if "--" in arguments else None]):
            given, equals, value = argument.partition("=")
            if given == name and (
                not of_a_file or _names_a_file(value if equals else arguments[k + 1 : k + 2])
            ):
                from ..core import InputError

                raise InputError(
                    f"the option {name} of '{command}' is now called {new}; write {new} instead."
                )


def _names_a_file(value: str | list[str]) -> bool:
    text = value if isinstance(value, str) else "".join(value)
    return Path(text).suffix.lower() in (".fits", ".csv", ".parquet") or Path(text).is_file()
