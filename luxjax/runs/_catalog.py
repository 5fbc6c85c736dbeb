"""Studies of a catalogue on disk: a model of all its labelled stars, each evaluated by a model that did not see it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import Progress
from ..data import Catalog, LabelTable
from ..fitted import Calibration, FittedModel, save
from ..prediction import calibrate, replace_shortcuts, score
from ..prediction.internal import scores_by_inputs
from ..stats.internal import paired_ratio
from ..training import Trained, train
from ..training.internal import check_training
from ._explanations import verdict_metrics, write_explanations
from ._folder import RunFolder
from ._kinds import LABELS, RunKind
from ._model import write_folds
from ._study import (
    STUDY_FILES,
    STUDY_SECTIONS,
    Reference,
    Stage,
    Study,
    clock_of,
    cross_fitted_evidence,
    examples_of_stars,
    fit_account,
    labels_table,
)

__all__ = ["check_study", "cross_validate", "study_catalog"]

WORSE = 1.03  # ratio of RMSE to that of ridge regression from which on a label is called worse

KINDS = (
    RunKind(
        "fit",
        "luxjax fit",
        "A model of all labelled stars of a catalogue, each of them evaluated by a model that did not see it.",
        {**STUDY_FILES, "folds": "The models that did not see the stars of one fold each."},
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


def check_study(
    catalog: Catalog,
    *,
    latents: int | Sequence[int] | None = None,
    decoder: str = "linear",
    readout: str = "auto",
    noise: str = "gaussian",
    inputs: Sequence[str] = (),
    folds: int = 5,
) -> None:
    """Raise `InputError` unless a study can be made of this catalogue: before a run folder is begun."""
    check_training(catalog, inputs, "labels", latents, decoder, readout, folds, noise)


def study_catalog(
    catalog: Catalog,
    run: RunFolder,
    *,
    latents: int | Sequence[int] | None = None,
    decoder: str = "linear",
    readout: str = "auto",
    noise: str = "gaussian",
    inputs: Sequence[str] = (),
    folds: int = 5,
    evidence: bool = True,
    seed: int,
    stage: Stage | None = None,
) -> Study:
    """Fit a model to all labelled stars, and evaluate, calibrate and explain it by models that did not see them, into a run folder.

    Parameters
    ----------
    catalog : Catalog
        With labels; true labels in columns ``true_<label>`` of its table are used where they are there.
    run : RunFolder
    latents : int or sequence of int, optional
        Dimensions of the latent space. Several numbers: chosen among them on training stars. Default: what stars and pixels
        allow.
    decoder : "linear", "quadratic" or "mlp"
        Decoder of the spectra.
    readout : "auto", "linear", "quadratic", "gp" or "joint"
        How labels follow from the latents: see `luxjax.readout.read_out`. ``"joint"``: decoded like the spectra.
    noise : "gaussian" or "student"
        Noise of the spectra: see `luxjax.training.train`.
    inputs : sequence of str
        Spectra to predict from. Default: all.
    folds : int
        Parts of the stars, each predicted by a model that did not see it.
    evidence : bool
        Whether every label is explained.
    seed : int
        Random seed of the initialisation and the folds.
    stage : callable, optional
        Called with the name of each stage, returns a context manager; shows progress.
    """
    clock = clock_of(stage, run)
    with clock("fit, evaluate and calibrate in folds") as shown:
        found = train(
            catalog,
            inputs=inputs,
            latents=latents,
            decoder=decoder,
            readout=readout,
            noise=noise,
            folds=folds,
            key=seed,
            progress=_into(run, shown),
        )
    fitted, reference = found.fitted, _reference(found.stars)
    assert fitted is not None
    explained: dict[str, Explanation] = {}
    if evidence:
        with clock("was each label measured?"):
            explained, problem = cross_fitted_evidence(found)
            if problem:
                run.log(problem)
                found = dataclasses.replace(found, problems=(*found.problems, problem))
        fitted = fitted.with_verdicts({name: e.verdict for name, e in explained.items()})
    with clock("score"):
        shrunk = _calibrated_without_shortcuts(found, fitted)
        fitted = fitted.with_calibration(shrunk) if shrunk else fitted
        metrics = _metrics(found, fitted, reference, decoder)
        for name, entry in verdict_metrics(explained).items():
            metrics["labels"][name].update(entry)
    with clock("write the run folder"):
        save(fitted, run.model)
        write_folds(run, found)
        write_explanations(run, explained)
        run.write_labels(*labels_table(found.out_of_fold, found.stars, found.inputs, "labels", reference))
        run.write_examples(examples_of_stars(fitted, found, 4))
    metrics |= {"timings": clock.seconds, "wall_s": sum(clock.seconds.values())}
    run.write_metrics(metrics)
    calibration = fitted.calibrations[0] if fitted.calibrations else None
    return Study(fitted, calibration, found.out_of_fold, metrics, explained)


def cross_validate(
    catalog: Catalog,
    run: RunFolder,
    *,
    folds: int = 10,
    latents: int | Sequence[int] | None = None,
    decoder: str = "linear",
    readout: str = "auto",
    noise: str = "gaussian",
    inputs: Sequence[str] = (),
    seed: int,
    stage: Stage | None = None,
) -> dict[str, Any]:
    """Predict every star by a model that never saw it, and by ridge regression and The Cannon on the same folds.

    Everything is chosen on the training stars of a fold; errors of its stars are calibrated on those of all other folds.

    Parameters
    ----------
    catalog : Catalog
        With labels.
    run : RunFolder
    folds : int
        Parts of the stars, each predicted once.
    latents, decoder, readout, noise, inputs, seed
        As for `study_catalog`.
    stage : callable, optional
        Called with the name of each stage, returns a context manager; shows progress.

    Returns
    -------
    dict
        What was written to ``metrics.json``. ``labels`` has the calibrated coverages, ``uncalibrated`` the others.
    """
    with clock_of(stage, run)("predict every star in folds") as shown:
        found = train(
            catalog,
            inputs=inputs,
            latents=latents,
            decoder=decoder,
            readout=readout,
            noise=noise,
            folds=folds,
            refit=False,
            key=seed,
            progress=_into(run, shown),
        )
    reference = _reference(found.stars)
    metrics = _metrics(found, found.fold_models[0], reference, decoder)
    run.write_metrics(metrics)
    run.write_labels(*labels_table(found.out_of_fold, found.stars, found.inputs, "labels", reference))
    return metrics


def _metrics(
    found: Trained, fitted: FittedModel, reference: Reference | None, decoder: str
) -> dict[str, Any]:
    """Everything that is known of a training, as plain values."""
    observed, folds = found.stars.labels(), len(found.fold_models)
    truth = None if reference is None else reference.truth
    counts = np.isfinite(observed.value).sum(axis=0) * (folds - 1) // folds
    calibrated = found.out_of_fold.calibrated
    scores = score(
        found.out_of_fold,
        observed,
        truth=truth,
        baselines=found.baselines,
        n_calibration=counts if calibrated else None,
    )
    raw = score(found.raw, observed)
    target = observed.value if truth is None else truth
    if "ridge" in found.baselines:
        for j, name in enumerate(found.raw.names):
            ratio, ends = paired_ratio(found.raw.value[:, j], found.baselines["ridge"][:, j], target[:, j])
            scores[name]["over_ridge"] = {"value": ratio, "interval": [ends.lower, ends.upper]}
    calibration: Calibration | None = fitted.calibrations[0] if fitted.calibrations else None
    by_pattern = scores_by_inputs(found.out_of_fold, observed)
    return {
        "inputs": list(found.inputs),
        "stars": {"all": len(found.stars)},
        "folds": folds,
        "fit": fit_account(fitted, decoder) | {"chosen_by_fold": [_kind(m) for m in found.fold_models]},
        "labels": scores,
        "uncalibrated": {
            n: {k: e[k] for k in ("coverage68", "coverage95", "pull_sd")} for n, e in raw.items()
        },
        "calibration": None if calibration is None else calibration.to_dict(),
        "read_out": {k: r.to_dict() for k, r in fitted.read_outs.items()},
        "by_pattern": by_pattern if len(by_pattern) > 1 else None,
        "says": said_first(scores, raw, fitted, found.problems, _typical_errors(observed)),
    }


def _calibrated_without_shortcuts(found: Trained, fitted: FittedModel) -> Calibration | None:
    """The calibration of labels whose shortcuts are replaced by what the other labels say; None where there are none."""
    if not fitted.calibrations or not any(v.verdict == "shortcut" for v in fitted.verdicts.values()):
        return None
    replaced = replace_shortcuts(dataclasses.replace(found.raw, verdicts=dict(fitted.verdicts)))
    return calibrate(replaced, found.stars.labels())


def _typical_errors(observed: LabelTable) -> dict[str, float]:
    """Root mean square of the stated errors, by label."""
    squares = np.where(np.isfinite(observed.value), observed.error**2, np.nan)
    return dict(zip(observed.names, np.sqrt(np.nanmean(squares, axis=0)).tolist(), strict=True))


def said_first(
    scores, raw, fitted: FittedModel, problems: Sequence[str], stated: Mapping[str, float] | None = None
) -> list[str]:
    """The sentences that a user has to read before any number."""
    lines = list(problems)
    worse = {
        n: e["over_ridge"]
        for n, e in scores.items()
        if "over_ridge" in e and e["over_ridge"]["value"] > WORSE and e["over_ridge"]["interval"][0] > 1
    }
    for name, ratio in worse.items():
        low, high = ratio["interval"]
        lines.append(
            f"{name} is worse than ridge regression on the same stars: {ratio['value']:.2f} times its RMSE "
            f"[{low:.2f}, {high:.2f}]. Try other numbers of latents (--latents 12,24,48), a narrower wavelength range, or more stars."
        )
    known = [n for n, e in scores.items() if "over_ridge" in e and n not in worse]
    better = [n for n in known if scores[n]["over_ridge"]["interval"][1] < 1]
    if better:
        lines.append(f"Better than ridge regression on the same stars: {', '.join(better)}.")
    if alike := [n for n in known if n not in better]:
        ratios = (
            f"{n} ({e['value']:.2f} times its RMSE [{e['interval'][0]:.2f}, {e['interval'][1]:.2f}])"
            for n, e in ((n, scores[n]["over_ridge"]) for n in alike)
        )
        lines.append(f"As good as ridge regression on the same stars, within its error: {', '.join(ratios)}.")
    for name, entry in raw.items():
        if not 0.5 < entry["coverage68"] < 0.85:
            lines.append(
                f"Errors of {name} as the model states them are {'too small' if entry['coverage68'] < 0.68 else 'too large'}: its "
                f"68% intervals hold {entry['coverage68']:.2f} of the stars before calibration."
            )
    for name, info in fitted.outputs.items():
        if info.error_scale < 1:
            lines.append(f"Stated flux errors of {name} look {1 / info.error_scale:.1f} times too large.")
    for output, facts in fitted.read_outs.items():
        for name, t in zip(fitted.info(output).names, facts.error_scale, strict=True):
            if t < 0.6:
                proven = _proven(name, raw, stated or {})
                lines.append(f"Stated errors of {name} look {1 / t:.1f} times too large{proven}.")
        shares = facts.why.get("share_of_stated_errors", ())
        if alike := [n for n, x in zip(fitted.info(output).names, shares, strict=False) if x < 0.5]:
            lines.append(
                f"Few stars: {', '.join(alike)} learned more from all stars alike than by their stated errors, "
                "which predicts stars left out better."
            )
    return lines


def _proven(name: str, raw, stated: Mapping[str, float]) -> str:
    """What held-out stars alone say of too large errors: labels cannot be less certain than their predictions miss them by."""
    if name not in stated or "rmse" not in raw.get(name, {}):
        return ""
    least = stated[name] / raw[name]["rmse"]
    if least < 1.05:
        return " by the model's estimate, which the scatter of held-out stars does not prove"
    return f" by the model's estimate, and at least {least:.1f} times by the scatter of held-out stars"


def _kind(fitted: FittedModel) -> str:
    kinds = "+".join(r.kind for r in fitted.read_outs.values())
    return f"{fitted.model.n_latents} ({kinds})" if kinds else str(fitted.model.n_latents)


def _into(run: RunFolder, shown: Progress | None) -> Progress:
    """Progress of the folds as lines of the run's log, and to whoever watches."""

    def tell(task: str, done: int, total: int | None = None, **facts: float) -> None:
        run.log(f"{task}: {done} of {total}")
        if shown is not None:
            shown(task, done, total, **facts)

    return tell


def _reference(catalog: Catalog) -> Reference | None:
    columns = [f"true_{name}" for name in catalog.labels().names]
    if not set(columns) <= set(catalog.table.columns):
        return None
    return Reference(catalog.table[columns].to_numpy(dtype=float))
