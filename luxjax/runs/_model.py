"""The model of a run, with all that travels with it."""

import json
from pathlib import Path

from ..fitted import Calibration, FittedModel, load

__all__ = ["load_run_model"]

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
