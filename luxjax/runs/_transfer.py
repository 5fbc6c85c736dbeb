"""Labels of stars from the model of a run, calibrated as that is: of a catalogue, or of a dataset part by part."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..core import Progress
from ..data import Catalog
from ..fitted.internal import fingerprint
from ..prediction import PredictionTable, transfer, transfer_dataset
from ._kinds import RunKind
from ._model import load_run_model

if TYPE_CHECKING:
    from ..dataset import Dataset

STAR_COLUMNS = ("ra", "dec", "gaia_dr3", "tmass_id", "snr")

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
    """Labels of new stars from the model of a run, with its calibration where it has one.

    Parameters
    ----------
    folder : path
        A run folder, or a folder that `luxjax.save` wrote.
    catalog : Catalog
    inputs : sequence of str
        Spectra to predict from. Default: all that model and catalogue share.
    replace_shortcuts : bool
        As for `luxjax.transfer`.

    Returns
    -------
    frame : pandas.DataFrame
        One row per star, as `Prediction.to_frame`, with position, Gaia and 2MASS identifiers and S/N where the catalogue has
        them. ``attrs`` says which ``model``, by its fingerprint.
    units : dict of str to str
        By label.
    """
    fitted = load_run_model(folder)
    prediction = transfer(fitted, catalog, inputs=list(inputs) or None, replace_shortcuts=replace_shortcuts)
    frame = prediction.to_frame()
    for k, name in enumerate(n for n in STAR_COLUMNS if n in catalog.table.columns):
        frame.insert(1 + k, name, catalog.table[name].to_numpy())
    frame.attrs["model"] = fingerprint(fitted)
    return frame, dict(prediction.units)


def transfer_run_dataset(
    folder: str | Path,
    dataset: "Dataset",
    to: str | Path,
    *,
    inputs: Sequence[str] = (),
    replace_shortcuts: bool = False,
    progress: bool | Progress | None = None,
) -> PredictionTable:
    """`transfer_run` for all stars of a dataset, written into a folder incrementally (see `transfer_dataset`)."""
    return transfer_dataset(
        load_run_model(folder),
        dataset,
        to,
        inputs=list(inputs) or None,
        replace_shortcuts=replace_shortcuts,
        progress=progress,
    )
