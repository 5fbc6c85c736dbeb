"""The saved model of a run, and which star was in which part of the run: none that trained it may test it."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import InputError
from ..data import Catalog
from ..fitted import Calibration, FittedModel, load, save
from ..training import Trained
from ._folder import RunFolder

__all__ = ["FOLD", "FOLDS", "fold_model", "load_run_model", "read_stars", "write_folds", "write_stars"]

STARS = "stars.csv"
FOLDS = "folds"  # the folder of their models
FOLD = "fold "  # the part of the stars that a model of the folds did not see
KINDS = ("calibration", "calibration_shrunk")  # in the metrics of luxjax 0.1


def load_run_model(folder: str | Path) -> FittedModel:
    """The model of a run, or of a folder that `luxjax.save` wrote.

    Runs of luxjax 0.1 have their calibrations in ``metrics.json`` alone; the model takes them over.
    """
    folder = Path(folder)
    inside = (folder / "model").is_dir()
    fitted = load(folder / "model" if inside else folder)
    metrics = folder / "metrics.json"
    if fitted.calibrations or not inside or not metrics.is_file():
        return fitted
    said = json.loads(metrics.read_text(encoding="utf-8"))
    for stored in (said.get(kind) or {} for kind in KINDS):
        for names in (fitted.info(output).names for output in fitted.names_of("label")):
            if set(stored) == set(names):
                entries = {name: stored[name] for name in names}
                fitted = fitted.with_calibration(Calibration.from_dict(entries, said.get("inputs", ())))
    return fitted


def write_stars(run: RunFolder, parts: Mapping[str, Catalog]) -> None:
    """Note which star was in which part, so that evidence is never taken from stars that the model was fitted to."""
    frame = pd.DataFrame(
        {
            "id": np.concatenate([part.ids for part in parts.values()]),
            "part": np.repeat(list(parts), [len(part) for part in parts.values()]),
        }
    )
    run.write_csv(STARS, frame)


def write_folds(run: RunFolder, found: Trained) -> None:
    """The models that did not see the stars of one fold each, and which star was in which fold."""
    for k, fitted in enumerate(found.fold_models):
        save(fitted, run.path / FOLDS / str(k))
    frame = pd.DataFrame({"id": found.stars.ids, "part": [f"{FOLD}{k}" for k in found.fold]})
    run.write_csv(STARS, frame)


def fold_model(run: RunFolder, fold: int) -> FittedModel:
    """The model that did not see the stars of this fold."""
    return load(run.path / FOLDS / str(fold))


def read_stars(run: RunFolder) -> pd.DataFrame:
    """The stars of a run: columns ``id`` and ``part``."""
    if not (run.path / STARS).is_file():
        raise InputError(
            f"the run {run.path} does not say which stars it was fitted to (it has no {STARS}); fit it again."
        )
    return pd.read_csv(run.path / STARS, dtype=str)
