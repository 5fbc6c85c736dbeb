"""Labels of stars from the model of a run, with the run's calibration: of a catalogue, or of a dataset as they come."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..core import Progress
from ..data import Catalog
from ..fitted import FittedModel, load
from ..prediction import Calibration, PredictionTable, transfer, transfer_dataset
from ._kinds import RunKind

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["transfer_run", "transfer_run_dataset"]

KINDS = (
    RunKind(
        "dataset",
        "inference/large_survey.py",
        "A model fitted to the labelled stars of a dataset, and labels of all its stars.",
        {
            "model": "The fitted model, as `luxjax.load` reads it.",
            "fit.npz": "Where the fit stood when it was last interrupted.",
            "labels": "Labels of all stars, as Parquet files.",
        },
        ("labels", "calibration"),
    ),
)


def transfer_run(
    folder: str | Path, catalog: Catalog, *, inputs: Sequence[str] = (), replace_shortcuts: bool = False
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Labels of new stars from the model of a run, with the run's calibration where there is one.

    Parameters
    ----------
    folder : path
        A run folder, or a folder that `luxjax.save` wrote.
    catalog : Catalog
    inputs : sequence of str
        Spectra to predict from; by default all that model and catalogue share.
    replace_shortcuts : bool
        As for `luxjax.transfer`.

    Returns
    -------
    frame : pandas.DataFrame
        One row per star, as `Prediction.to_frame`.
    units : dict of str to str
        By label.
    """
    fitted, calibration = _of_run(folder, replace_shortcuts)
    prediction = transfer(fitted, catalog, inputs=list(inputs) or None, replace_shortcuts=replace_shortcuts)
    if calibration is not None:
        prediction = calibration.apply(prediction)
    return prediction.to_frame(), dict(prediction.units)


def transfer_run_dataset(
    folder: str | Path,
    dataset: "Dataset",
    to: str | Path,
    *,
    inputs: Sequence[str] = (),
    replace_shortcuts: bool = False,
    progress: bool | Progress | None = None,
) -> PredictionTable:
    """`transfer_run` for all stars of a dataset, written into a folder as they come (see `transfer_dataset`)."""
    fitted, calibration = _of_run(folder, replace_shortcuts)
    return transfer_dataset(
        fitted,
        dataset,
        to,
        inputs=list(inputs) or None,
        replace_shortcuts=replace_shortcuts,
        calibration=calibration,
        progress=progress,
    )


def _of_run(folder: str | Path, replace_shortcuts: bool) -> tuple[FittedModel, Calibration | None]:
    """The model of a run, or of a folder that `luxjax.save` wrote, and the run's calibration of such predictions."""
    folder = Path(folder)
    inside = (folder / "model").is_dir()
    fitted = load(folder / "model" if inside else folder)
    if not inside or not (folder / "metrics.json").is_file():
        return fitted, None
    names = fitted.info(fitted.label_output()).names
    shrunk = replace_shortcuts and any(
        n in fitted.verdicts and fitted.verdicts[n].verdict == "shortcut" for n in names
    )
    kind = "calibration_shrunk" if shrunk else "calibration"
    stored = json.loads((folder / "metrics.json").read_text()).get(kind) or {}
    if set(stored) != set(names):
        return fitted, None
    return fitted, Calibration.from_dict({name: stored[name] for name in names})
