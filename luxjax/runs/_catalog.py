"""Studies of a catalogue on disk: one split, or every star predicted once by cross-validation; and labels for others."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import InputError, check_name
from ..core.internal import join_names
from ..data import Catalog, Spectra, split
from ..data import folds as number_folds
from ..fitted import Calibration
from ..fitting import ALS, EM, AbstractFitter, Gradient, fit
from ..models import Lux
from ..prediction import Prediction, calibrate, cannon, ridge, score, select_model, transfer
from ._folder import RunFolder
from ._kinds import LABELS, RunKind
from ._study import STUDY_FILES, STUDY_SECTIONS, Reference, Stage, Study, labels_table, named, study

__all__ = ["check_study", "cross_validate", "study_catalog"]

FRACTIONS = {"train": 0.7, "calibration": 0.15, "test": 0.15}
INNER_FOLDS = 4
DECODERS = ("linear", "quadratic", "mlp")

KINDS = (
    RunKind(
        "fit",
        "luxjax fit",
        "A model fitted to part of the stars of a catalogue, calibrated and judged on the others.",
        STUDY_FILES,
        STUDY_SECTIONS,
    ),
    RunKind(
        "evaluate",
        "luxjax evaluate",
        "Every star of a catalogue predicted by a model that never saw it.",
        LABELS,
        ("labels", "calibration", "truth", "observed", "fit"),
    ),
)


def check_study(catalog: Catalog, decoder: str, inputs: Sequence[str], folds: int | None = None) -> None:
    """Raise `InputError` unless a study can be made of this catalogue: before a run folder is begun."""
    check_name("decoder", decoder, DECODERS)
    if folds is not None:
        number_folds(list(catalog.ids), folds)
    _inputs(catalog, inputs)


def study_catalog(
    catalog: Catalog,
    run: RunFolder,
    *,
    latents: int | Sequence[int],
    decoder: str = "linear",
    inputs: Sequence[str] = (),
    seed: int,
    stage: Stage | None = None,
) -> Study:
    """Fit a model to 70% of the stars, calibrate it on 15% and judge it on the rest, into a run folder.

    Parameters
    ----------
    catalog : Catalog
        With labels; true labels in columns ``true_<label>`` of its table are used where they are there.
    run : RunFolder
    latents : int or sequence of int
        Dimensions of the latent space. Several numbers: chosen among them by cross-validation on the training stars.
    decoder : "linear", "quadratic" or "mlp"
    inputs : sequence of str
        Spectra to predict from. Default: all.
    seed : int
        Random seed for the initialisation and the train/calibration/test split.
    """
    check_study(catalog, decoder, inputs)
    inputs, several = _inputs(catalog, inputs), _several(latents)
    rows = split(list(catalog.ids), FRACTIONS, seed=seed)
    parts = {name: catalog.select(mask) for name, mask in rows.items()}
    if len(several) > 1:
        with named(stage, "choose the number of latents"):
            candidates = _candidates(catalog, several, decoder, seed)
            choice = select_model(parts["train"], candidates, inputs=inputs, key=seed)
        run.log(f"chosen by cross-validation: {choice.best} latents\n{choice.table.to_string()}")
        model, fitter = candidates[choice.best]
    else:
        model, fitter = _model(catalog, several[0], decoder, seed)
    truth = _truth(parts["test"])
    return study(
        model,
        parts,
        run,
        fitter,
        key=seed,
        inputs=inputs,
        reference=None if truth is None else Reference(truth),
        stage=stage,
    )


def cross_validate(
    catalog: Catalog,
    run: RunFolder,
    *,
    folds: int,
    latents: int | Sequence[int],
    decoder: str = "linear",
    inputs: Sequence[str] = (),
    seed: int,
    stage: Stage | None = None,
) -> dict[str, Any]:
    """Predict every star by models that never saw it, beside ridge and The Cannon on the same folds.

    Errors are calibrated inside each fold's training stars, on predictions of their own inner folds, so that no
    star takes part in the calibration of its own error.

    Parameters
    ----------
    catalog : Catalog
        With labels.
    run : RunFolder
    folds : int
        Parts of the stars, each predicted once.
    latents : int or sequence of int
        Dimensions of the latent space. Several numbers: each fold chooses among them, and for linear decoders whether labels
        are read out (see `luxjax.fitting.EM`), on its training stars alone (nested cross-validation).
    decoder, inputs, seed
        As for `study_catalog`.

    Returns
    -------
    dict
        What was written to ``metrics.json``. ``labels`` has the calibrated coverages, ``uncalibrated`` the others.
    """
    check_study(catalog, decoder, inputs)
    used = _inputs(catalog, inputs)
    number, several = number_folds(list(catalog.ids), folds, seed=seed), _several(latents)
    choose = len(several) > 1
    models = (
        _candidates(catalog, several, decoder, seed)
        if choose
        else {str(several[0]): _model(catalog, several[0], decoder, seed)}
    )
    plain, calibrated, chosen = [], [], []
    others = {name: np.full(catalog.labels().value.shape, np.nan) for name in ("ridge", "cannon")}
    for k in range(folds):
        held = number == k
        train, test = catalog.select(~held), catalog.select(held)
        with named(stage, f"fold {k + 1} of {folds}"):
            best = select_model(train, models, inputs=used, key=seed).best if choose else str(several[0])
            chosen.append(best)
            model, fitter = models[best]
            prediction = transfer(fit(model, train, fitter, key=seed), test, inputs=used)
            plain.append(prediction)
            calibrated.append(_calibration(train, model, fitter, used, seed).apply(prediction))
            for name, method in (("ridge", ridge), ("cannon", cannon)):
                others[name][held] = method(train, test, inputs=used[0])
    observed = catalog.labels()
    n_calibration = np.isfinite(observed.value).sum(axis=0) * (folds - 1) // folds
    before = score(Prediction.gather(plain, catalog.ids), observed)
    together = Prediction.gather(calibrated, catalog.ids)
    metrics: dict[str, Any] = {
        "inputs": list(used),
        "stars": {"all": len(catalog)},
        "folds": folds,
        "fit": {
            "fitter": type(fitter).__name__,
            "n_latents": int(np.median([models[name][0].n_latents for name in chosen])),
            "chosen_by_fold": chosen,
            "decoder": decoder,
        },
        "labels": score(together, observed, baselines=others, n_calibration=n_calibration),
        "uncalibrated": {
            n: {k: e[k] for k in ("coverage68", "coverage95", "pull_sd")} for n, e in before.items()
        },
    }
    run.write_metrics(metrics)
    run.write_labels(*labels_table(together, catalog, used, "labels", None))
    return metrics


def _calibration(train: Catalog, model: Lux, fitter: AbstractFitter, inputs, seed: int) -> Calibration:
    number = number_folds(list(train.ids), INNER_FOLDS, seed=seed + 1)
    parts = []
    for k in range(INNER_FOLDS):
        fitted = fit(model, train.select(number != k), fitter, key=seed)
        parts.append(transfer(fitted, train.select(number == k), inputs=inputs))
    return calibrate(Prediction.gather(parts, train.ids), train.labels())


def _inputs(catalog: Catalog, inputs: Sequence[str]) -> list[str]:
    spectra = [name for name, output in catalog.outputs.items() if isinstance(output, Spectra)]
    for name in inputs:
        check_name("spectra", name, spectra)
    if "labels" not in catalog.outputs:
        raise InputError(
            f"this catalogue has no labels (it has {join_names(catalog.outputs)}); ingest it with labels."
        )
    return list(inputs) or spectra


def _several(latents: int | Sequence[int]) -> list[int]:
    """Numbers of latents to choose among; one of them leaves no choice."""
    found = [latents] if isinstance(latents, int) else list(latents)
    if not found or min(found) < 1:
        raise InputError(f"latents are whole numbers of 1 or more, such as 8 or 8,12,16; given: {found}.")
    return found


def _model(
    catalog: Catalog, n_latents: int, decoder: str, seed: int, *, readout: bool = False
) -> tuple[Lux, AbstractFitter]:
    if decoder == "quadratic":
        return Lux.quadratic(catalog.sizes, n_latents), ALS(scatter=True, max_cycles=30, tol=1e-5)
    if decoder == "mlp":
        return Lux.mlp(catalog.sizes, n_latents, key=seed), Gradient()
    return Lux.linear(catalog.sizes, n_latents), EM(tol=1e-5, max_cycles=150, readout=readout)


def _candidates(
    catalog: Catalog, latents: Sequence[int], decoder: str, seed: int
) -> dict[str, tuple[Lux, AbstractFitter]]:
    """What cross-validation chooses among: numbers of latents, and for linear decoders how labels are read out."""
    found = {str(n): _model(catalog, n, decoder, seed) for n in latents}
    if decoder == "linear":
        found |= {f"{n} (readout)": _model(catalog, n, decoder, seed, readout=True) for n in latents}
    return found


def _truth(catalog: Catalog) -> np.ndarray | None:
    columns = [f"true_{name}" for name in catalog.labels().names]
    if not set(columns) <= set(catalog.table.columns):
        return None
    return catalog.table[columns].to_numpy(dtype=float)
