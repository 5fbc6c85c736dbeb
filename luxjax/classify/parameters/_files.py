"""Models of parameters on disk: a folder with readable JSON and the estimators. Loading one never runs code."""

import json
import os
from pathlib import Path

from ...core import check_name
from ...files.internal import read_header, replaced_folder
from ..estimators._estimators import REGRESSORS
from ..estimators._files import checked_families, read_estimator, refusing_damage, write_estimator
from ._parameters import Parameter, ParameterModel

__all__ = ["load_parameters", "save_parameters"]

SCHEMA = 1
HEADER = "parameters.json"
KIND = "model of parameters"


def save_parameters(model: ParameterModel, folder: str | os.PathLike) -> Path:
    """Write a model of parameters to a folder; an earlier one there is replaced, anything else is refused."""
    from ... import __version__

    header = {
        "schema": SCHEMA,
        "luxjax": __version__,
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
    with replaced_folder(folder, HEADER, KIND) as part:
        (part / HEADER).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
        for j, parameter in enumerate(model.parameters.values()):
            for k, one in enumerate(parameter.models):
                write_estimator(model.about["estimator"], one, part / f"model_{j}_{k}")
    return Path(folder)


def load_parameters(folder: str | os.PathLike) -> ParameterModel:
    """Read a model of parameters back; it gives the identical predictions.

    Raises
    ------
    InputError
        If there is none, it was written by a newer luxjax, or its files are damaged or hold anything but such a model.
    """
    folder = Path(folder)
    header = read_header(folder, HEADER, KIND, SCHEMA)
    with refusing_damage(folder, KIND):
        families = checked_families(header["families"])
        estimator = str(header["about"]["estimator"])
        check_name("estimator", estimator, REGRESSORS)
        parameters = {}
        for j, (name, row) in enumerate(header["parameters"].items()):
            models = tuple(
                read_estimator(estimator, folder / f"model_{j}_{k}", len(families), KIND)
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
