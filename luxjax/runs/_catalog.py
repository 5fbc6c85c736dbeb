"""Studies of a catalogue on disk: one split, or every star predicted once by cross-validation; and labels for others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import InputError, check_name
from ..core.internal import join_names
from ..data import Catalog, Spectra, folds, split
from ..fitted import Calibration
from ..fitting import ALS, EM, AbstractFitter, Gradient, fit
from ..models import Lux
from ..prediction import Prediction, calibrate, cannon, ridge, score, select_model, transfer
from ._folder import RunFolder
from ._study import Reference, Stage, Study, labels_table, named, study

__all__ = ["check_study", "cross_validate", "study_catalog"]

FRACTIONS = {"train": 0.7, "calibration": 0.15, "test": 0.15}
INNER_FOLDS = 4
DECODERS = ("linear", "quadratic", "mlp")


def check_study(catalog: Catalog, decoder: str, inputs: Sequence[str], n_folds: int | None = None) -> None:
    """Raise `InputError` unless a study can be made of this catalogue: before a run folder is begun."""
    check_name("decoder", decoder, DECODERS)
    if n_folds is not None:
        folds(list(catalog.ids), n_folds)
    _inputs(catalog, inputs)


def study_catalog(
    catalog: Catalog, run: RunFolder, config: Mapping[str, Any], *, seed: int, stage: Stage | None = None
) -> Study:
    """Fit a model to 70% of the stars, calibrate it on 15% and judge it on the rest, into a run folder.

    Parameters
    ----------
    catalog : Catalog
        With labels; true labels in columns ``true_<label>`` of its table are used where they are there.
    run : RunFolder
    config : mapping
        ``latents``, ``decoder`` (``"linear"``, ``"quadratic"`` or ``"mlp"``), ``inputs`` (empty: all spectra), and
        ``cross_validate``, numbers of latents to choose among on the training stars (empty: none).
    seed : int
    """
    check_study(catalog, config["decoder"], config["inputs"])
    inputs = _inputs(catalog, config["inputs"])
    rows = split(list(catalog.ids), FRACTIONS, seed=seed)
    parts = {name: catalog.select(mask) for name, mask in rows.items()}
    latents = config["latents"]
    if config["cross_validate"]:
        with named(stage, "choose the number of latents"):
            candidates = _candidates(catalog, config["cross_validate"], config["decoder"], seed)
            choice = select_model(parts["train"], candidates, inputs=inputs, key=seed)
        run.log(f"chosen by cross-validation: {choice.best} latents\n{choice.table.to_string()}")
        model, fitter = candidates[choice.best]
    else:
        model, fitter = _model(catalog, latents, config["decoder"], seed)
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
    n_folds: int,
    n_latents: int,
    decoder: str = "linear",
    candidates: Sequence[int] = (),
    inputs: Sequence[str] = (),
    seed: int,
    stage: Stage | None = None,
) -> dict[str, Any]:
    """Predict every star by models that never saw it, beside ridge and The Cannon on the same folds.

    Errors are calibrated inside each fold's training stars, on predictions of their own inner folds, so that no
    star takes part in the calibration of its own error. With `candidates`, numbers of latents, each fold
    chooses among them, and for linear decoders whether labels are read out (see `luxjax.fitting.EM`), on its training
    stars alone (nested cross-validation), and `n_latents` is not used.

    Returns
    -------
    dict
        What was written to ``metrics.json``. ``labels`` has the calibrated coverages, ``uncalibrated`` the others.
    """
    check_study(catalog, decoder, inputs)
    used = _inputs(catalog, inputs)
    number = folds(list(catalog.ids), n_folds, seed=seed)
    models = _candidates(catalog, candidates, decoder, seed) or {
        str(n_latents): _model(catalog, n_latents, decoder, seed)
    }
    plain, calibrated, chosen = [], [], []
    others = {name: np.full(catalog.labels().value.shape, np.nan) for name in ("ridge", "cannon")}
    for k in range(n_folds):
        held = number == k
        train, test = catalog.select(~held), catalog.select(held)
        with named(stage, f"fold {k + 1} of {n_folds}"):
            best = select_model(train, models, inputs=used, key=seed).best if candidates else str(n_latents)
            chosen.append(best)
            model, fitter = models[best]
            prediction = transfer(fit(model, train, fitter, key=seed), test, inputs=used)
            plain.append(prediction)
            calibrated.append(_calibration(train, model, fitter, used, seed).apply(prediction))
            for name, method in (("ridge", ridge), ("cannon", cannon)):
                others[name][held] = method(train, test, inputs=used[0])
    observed = catalog.labels()
    n_calibration = np.isfinite(observed.value).sum(axis=0) * (n_folds - 1) // n_folds
    before = score(Prediction.gather(plain, catalog.ids), observed)
    together = Prediction.gather(calibrated, catalog.ids)
    metrics: dict[str, Any] = {
        "inputs": list(used),
        "stars": {"all": len(catalog)},
        "folds": n_folds,
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
    number = folds(list(train.ids), INNER_FOLDS, seed=seed + 1)
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
