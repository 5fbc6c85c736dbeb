"""Models of parameters on disk: a folder with readable JSON and the estimators. Loading one never runs code."""

import os
from pathlib import Path

from ...core import check_name
from ...files.internal import FolderKind
from ..estimators._estimators import REGRESSORS
from ..estimators._files import ESTIMATOR_ENDINGS, checked_families, read_estimator, write_estimator
from ._parameters import Parameter, ParameterModel

__all__ = ["PARAMETERS_FOLDER", "load_parameters", "save_parameters"]

PARAMETERS_FOLDER = FolderKind(
    "model of parameters",
    "parameters.json",
    schema=1,
    files=(rf"model_\d+_\d+{ESTIMATOR_ENDINGS}",),
    keys=("luxjax", "families", "parameters"),
    remedy="train it again",
)


def save_parameters(model: ParameterModel, folder: str | os.PathLike) -> Path:
    """Write a model of parameters to a folder; an earlier one there is replaced, anything else is refused."""
    header = {
        "coverage": model.coverage,
        "families": dict(model.families),
        "parameters": {
            name: {
                "models": len(p.models),
                "margin": p.margin,
                "unit": p.unit,
                "n_fitted": p.n_fitted,
                "n_calibration": p.n_calibration,
            }
            for name, p in model.parameters.items()
        },
        "about": dict(model.about),
    }
    with PARAMETERS_FOLDER.replacing(folder) as part:
        PARAMETERS_FOLDER.put(part, header)
        for j, parameter in enumerate(model.parameters.values()):
            for k, one in enumerate(parameter.models):
                write_estimator(one, part / f"model_{j}_{k}")
    return Path(folder)


def load_parameters(folder: str | os.PathLike) -> ParameterModel:
    """Read a model of parameters back; it gives the identical predictions.

    Raises
    ------
    InputError
        If there is none, it was written by a newer luxjax, or its files are damaged or hold anything but such a model.
    """
    folder = Path(folder)
    header = PARAMETERS_FOLDER.read(folder)
    with PARAMETERS_FOLDER.reading(folder):
        families = checked_families(header["families"])
        estimator = str(header["about"]["estimator"])
        check_name("estimator", estimator, REGRESSORS)
        parameters = {}
        for j, (name, row) in enumerate(header["parameters"].items()):
            models = tuple(
                read_estimator(folder / f"model_{j}_{k}", len(families), PARAMETERS_FOLDER.name)
                for k in range(int(row["models"]))
            )
            parameters[str(name)] = Parameter(
                models,
                float(row["margin"]),
                str(row["unit"]),
                int(row["n_fitted"]),
                int(row["n_calibration"]),
            )
        coverage = header["coverage"] if "coverage" in header else header["level"]  # as it was called
        return ParameterModel(parameters, families, float(coverage), header["about"])
