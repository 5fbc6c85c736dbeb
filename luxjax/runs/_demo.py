"""The headline case on a simulated survey: labels of GALAH, predicted for stars seen by APOGEE alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.internal import as_key
from ..data import split
from ..fitting import ALS, EM
from ..models import Lux
from ..prediction import score, transfer
from ..readout import read_out
from ..simulation import SimulatedSurvey, simulate
from ._folder import RunFolder
from ._kinds import RunKind
from ._study import STUDY_FILES, STUDY_SECTIONS, Reference, Stage, Study, named, study

__all__ = ["DEMO", "demo", "demo_settings", "demo_survey"]

DEMO: Mapping[str, Any] = {
    "stars": 5400,
    "windows": ["apogee", "galah"],
    "snr": 120.0,
    "fractions": {"train": 0.405, "calibration": 0.39, "test": 0.205},
    "latents": 20,
    "tol": 2e-5,
    "max_cycles": 40,
    "quadratic_latents": 6,
    "quadratic_cycles": 10,
    "bound_stars": 200,
}
"""Settings of the demonstration; the defaults hold about 2,190 training, 2,110 calibration and 1,110 test stars."""

QUICK: Mapping[str, Any] = {
    "stars": 700,
    "windows": ["apogee"],
    "latents": 12,
    "tol": 1e-4,
    "quadratic_latents": 0,
    "fractions": {"train": 0.6, "calibration": 0.15, "test": 0.25},
    "bound_stars": 8,
}


KINDS = (
    RunKind(
        "demo",
        "luxjax demo",
        "A simulated survey: GALAH labels predicted for APOGEE stars, and their accuracy.",
        STUDY_FILES,
        (*STUDY_SECTIONS, "by_input"),
    ),
)


def demo_settings(quick: bool = False) -> dict[str, Any]:
    """The settings of the demonstration, or of a quick look at it."""
    return {**DEMO, **(QUICK if quick else {})}


# Lines worth a closer look: vacuum Angstrom in the H band, air in the optical.
LINES = {"Mg I 15745": 15745.0, "Fe I 15299": 15298.7, "Eu II 6645": 6645.1, "H alpha": 6562.8}


def demo(run: RunFolder, *, seed: int, stage: Stage | None = None, **changes: Any) -> Study:
    """Simulate a survey, fit one model of both windows and the labels, and evaluate what it says of new stars.

    Test stars are predicted from their H-band spectra alone. What their optical spectra would have said stands
    too, in ``metrics["by_input"]``, and a quadratic-decoder model among the baselines.

    Parameters
    ----------
    run : RunFolder
        Receives everything that `study` writes.
    seed : int
        Another seed, another survey.
    stage : callable, optional
        Shows progress, as for `study`.
    **changes
        Settings to use instead of those in `DEMO`.
    """
    s = {**DEMO, **changes}
    with named(stage, f"simulate {s['stars']:,} stars"):
        survey = demo_survey(seed, s)
        catalog = survey.catalog
        masks = split(list(catalog.ids), s["fractions"], seed=seed)
        parts = {name: catalog.select(mask) for name, mask in masks.items()}
    test = np.flatnonzero(masks["test"])
    first = s["windows"][0]
    with named(stage, "information bound from the true Jacobian"):
        sample = test[:: max(len(test) // s["bound_stars"], 1)]
        bound = survey.truth.bound(catalog.spectra(first), sample).van_trees
    truth = survey.truth.label_values[test]
    compare = {}
    if s["quadratic_latents"]:
        sizes = catalog.only(first, "labels").sizes
        fitter = ALS(scatter=True, max_cycles=s["quadratic_cycles"], tol=1e-4)
        compare["quadratic"] = (Lux.quadratic(sizes, s["quadratic_latents"]), fitter)
    done = study(
        Lux.linear(catalog.sizes, s["latents"]),
        parts,
        run,
        EM(tol=s["tol"], max_cycles=s["max_cycles"]),
        key=seed,
        inputs=[first],
        reference=Reference(truth, bound, LINES, survey.truth),
        compare=compare,
        readout="auto",
        stage=stage,
    )
    done.metrics["by_input"] = _by_input(done, parts, truth, s["windows"])
    run.write_metrics(done.metrics)
    return done


def demo_survey(seed: int, settings: Mapping[str, Any]) -> SimulatedSurvey:
    """The survey of a demonstration; the same seed and settings give the same survey again."""
    windows = tuple(settings["windows"])
    return simulate(settings["stars"], key=as_key(seed), windows=windows, snr=settings["snr"])


def _by_input(done: Study, parts, truth: np.ndarray, windows) -> dict[str, dict[str, float]]:
    """RMSE of every label from each survey's spectra alone and from all together, read out from the latents that these give."""
    out, test = {}, parts["test"]
    for inputs in [*([w] for w in windows), list(windows)]:
        kind = done.fitted.read_outs["labels"].kind
        fitted = read_out(done.fitted, parts["train"], kind, inputs=inputs)
        prediction = transfer(fitted, test, inputs=inputs, calibrated=False)  # values alone count
        scores = score(prediction, test.labels(), truth=truth)
        out[" + ".join(inputs)] = {name: entry["rmse"] for name, entry in scores.items()}
    return out
