"""The main workflow: fit on training stars, calibrate on others, predict the rest, and write the scores."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError, Progress, check_name
from ..core.internal import PRNGKeyArray, join_names
from ..data import Catalog, Spectra
from ..data.internal import Example
from ..evidence import Explanation, explain_all
from ..fitted import Calibration, FittedModel, save
from ..fitting import AbstractFitter, fit
from ..lines import LineList
from ..models import Lux
from ..prediction import Prediction, calibrate, cannon, labels_only, predict_spectra, ridge, score, transfer
from ..prediction.internal import patterns
from ..readout import read_out
from ..simulation import Truth
from ..training import Trained
from ._explanations import verdict_metrics, write_explanations
from ._folder import RunFolder
from ._kinds import LABELS
from ._model import write_stars

__all__ = [
    "STUDY_FILES",
    "STUDY_SECTIONS",
    "Reference",
    "Stage",
    "Study",
    "clock_of",
    "cross_fitted_evidence",
    "examples_of_stars",
    "fit_account",
    "labels_table",
    "named",
    "study",
]

Stage = Callable[[str], AbstractContextManager[Any]]
BASELINES = ("ridge", "cannon", "labels_only")

# What `study` writes, for the kinds of runs that it is part of, and the sections that show it.
STUDY_FILES = {
    "model": "The fitted model, as `luxjax.load` reads it.",
    "stars.csv": "Which star was in which part of the split.",
    "examples.npz": "A few spectra of test stars with the model of each.",
    "explain": "The evidence about every label, a folder for each.",
    "explain_*.html": "The page of a label: was it measured?",
    **LABELS,
}
STUDY_SECTIONS = ("labels", "verdicts", "by_pattern", "calibration", "truth", "observed", "spectra", "fit")


@dataclass(frozen=True, eq=False)
class Reference:
    """Known truth of the test stars of a simulated survey.

    Parameters
    ----------
    truth : (star, label) array
        True labels.
    bound : (star, label) array, optional
        The smallest error any method could reach, for all test stars or a sample of them.
    lines : mapping of str to float
        Wavelengths worth a closer look in the spectra, by name.
    survey : Truth, optional
        What made all stars, for evidence that needs the physics.
    """

    truth: np.ndarray
    bound: np.ndarray | None = None
    lines: Mapping[str, float] = field(default_factory=dict)
    survey: Truth | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """What a study found: the fitted model, its calibration, the test stars' labels, their scores, and the evidence."""

    fitted: FittedModel
    calibration: Calibration | None
    prediction: Prediction
    metrics: dict[str, Any]
    explanations: Mapping[str, Explanation] = field(default_factory=dict)


def study(
    model: Lux,
    parts: Mapping[str, Catalog],
    run: RunFolder,
    fitter: AbstractFitter | None = None,
    *,
    key: PRNGKeyArray | int,
    inputs: Sequence[str],
    labels: str = "labels",
    baselines: Sequence[str] = BASELINES,
    reference: Reference | None = None,
    compare: Mapping[str, tuple[Lux, AbstractFitter]] | None = None,
    evidence: bool = True,
    lines: LineList | None = None,
    resolution: float | None = None,
    stage: Stage | None = None,
    n_examples: int = 4,
    readout: str | None = None,
) -> Study:
    """Fit and calibrate a model, explain, transfer and score its labels, and write everything into a run folder.

    Errors and evidence come from the calibration stars; the test stars are looked at once, to be scored.

    Parameters
    ----------
    model : Lux
        Not fitted yet.
    parts : mapping of str to Catalog
        ``"train"``, ``"calibration"`` and ``"test"``; no star is in two of them.
    run : RunFolder
        Receives the model, the labels table, example spectra and ``metrics.json``.
    fitter : AbstractFitter, optional
        As for `luxjax.fit`.
    key : jax random key or int
    inputs : sequence of str
        Outputs that test stars are predicted from.
    labels : str
        The label output.
    baselines : sequence of str
        Among ``"ridge"``, ``"cannon"``, ``"labels_only"``.
    reference : Reference, optional
        Truth of a simulated survey.
    compare : mapping of str to (Lux, fitter), optional
        Other models to fit and score on the same stars, shown as further baselines.
    evidence : bool
        Whether to explain every label (see `luxjax.explain`); the verdicts go with the saved model.
    lines : LineList, optional
        For the evidence. Default: the list of the package.
    resolution : float, optional
        lambda / FWHM of the spectra, for surveys where the evidence does not know it.
    stage : callable, optional
        Called with the name of each stage, returns a context manager; shows progress.
    readout : str, optional
        How labels are read out from the latents of the inputs (see `luxjax.readout.read_out`). Default: decoded as `model` says.
    n_examples : int
        Number of stars shown as examples.
    """
    for name in ("train", "calibration", "test"):
        check_name("part of the stars", name, parts)
    for name in baselines:
        check_name("baseline", name, BASELINES)
    clock = _Clock(stage, run)
    train, held, test = parts["train"], parts["calibration"], parts["test"]
    with clock("fit the model"):
        fitted = fit(model, train, fitter, key=key, progress=_into(run))
    if readout is not None:
        with clock("read labels out from the latents"):
            fitted = read_out(fitted, train, readout, inputs=inputs, labels=labels)
    with clock("calibrate errors on separate stars"):
        raw = transfer(fitted, held, inputs=inputs, labels=labels, calibrated=False)
        calibration = calibrate(raw, held.labels(labels))
    found: dict[str, Explanation] = {}
    if evidence:
        with clock("was each label measured?"):
            found = _explained(
                fitted, held, run, reference, inputs=inputs, lines=lines, resolution=resolution
            )
        fitted = fitted.with_verdicts({name: e.verdict for name, e in found.items()})
    fitted = fitted.with_calibration(calibration)
    with clock("transfer labels to the test stars"):
        prediction = transfer(fitted, test, inputs=inputs, labels=labels)
    others: dict[str, np.ndarray] = {}
    for name in baselines:
        with clock(f"baseline: {name.replace('_', ' ')}"):
            if name == "labels_only":
                others[name] = labels_only(raw, held.labels(labels), prediction)
            else:
                method = {"ridge": ridge, "cannon": cannon}[name]
                others[name] = method(train, test, inputs=inputs, labels=labels)
    for name, (other, its_fitter) in (compare or {}).items():
        with clock(f"compare: {name}"):
            rival = fit(other, train.only(*other.names), its_fitter, key=key)
            others[name] = transfer(rival, test, inputs=inputs, labels=labels).value
    with clock("score"):
        metrics: dict[str, Any] = {
            "inputs": list(inputs),
            "stars": {k: len(v) for k, v in parts.items()},
            "fit": fit_account(fitted),
            "labels": score(
                prediction,
                test.labels(labels),
                truth=None if reference is None else reference.truth,
                bound=None if reference is None else reference.bound,
                baselines=others,
                n_calibration=calibration.n_stars,
            ),
            "calibration": calibration.to_dict(),
        }
        for name, entry in verdict_metrics(found).items():
            metrics["labels"][name].update(entry)
        if any(e.verdict.verdict == "shortcut" for e in found.values()):
            replaced = transfer(
                fitted, held, inputs=inputs, labels=labels, replace_shortcuts=True, calibrated=False
            )
            shrunk = calibrate(replaced, held.labels(labels))
            fitted = fitted.with_calibration(shrunk)
            metrics["calibration_shrunk"] = shrunk.to_dict()
    with clock("write the run folder"):
        save(fitted, run.model)
        write_stars(run, parts)
        write_explanations(run, found)
        frame, units = labels_table(prediction, test, inputs, labels, reference)
        run.write_labels(frame, units)
        run.write_examples(_examples(fitted, prediction, test, inputs, n_examples, reference))
    metrics |= {"timings": clock.seconds, "wall_s": sum(clock.seconds.values())}
    run.write_metrics(metrics)
    return Study(fitted, calibration, prediction, metrics, found)


def _explained(fitted, held, run, reference, **options) -> dict[str, Explanation]:
    """The explanations of all labels; none where the stars are too few for any, which the log says."""
    truth = None if reference is None else reference.survey
    try:
        return explain_all(fitted, held, truth=truth, **options)
    except InputError as error:
        run.log(f"no evidence: {error}")
        return {}


def cross_fitted_evidence(found: Trained, **options) -> tuple[dict[str, Explanation], str]:
    """The explanations of all labels from stars that are each evaluated by the model of their fold; or why there are none."""
    others = [k for k in found.inputs if not isinstance(found.stars[k], Spectra)]
    if others:
        return {}, (
            f"no verdicts: evidence is made for labels from spectra alone, and these come from {join_names(others)} as well; "
            "fit with --inputs and the name of the spectra to have them."
        )
    assert found.fitted is not None  # there is nothing to explain without a model
    try:
        return explain_all(
            found.fitted,
            found.stars,
            inputs=found.inputs,
            fold_models=found.fold_models,
            fold=found.fold,
            **options,
        ), ""
    except InputError as error:
        return {}, f"no verdicts: {error}"


def examples_of_stars(fitted: FittedModel, found: Trained, n_examples: int) -> dict[str, Example]:
    """A few stars with the spectra that the model of all stars gives them."""
    again = transfer(fitted, found.stars, inputs=found.inputs, calibrated=False)
    return _examples(fitted, again, found.stars, found.inputs, n_examples, None)


def clock_of(stage: Stage | None, run: RunFolder) -> "_Clock":
    """What names each stage while it runs, and keeps its seconds."""
    return _Clock(stage, run)


def named(stage: Stage | None, name: str) -> AbstractContextManager[Any]:
    """The stage called `name`, shown where there is someone to show it."""
    return nullcontext() if stage is None else stage(name)


def _into(run: RunFolder) -> Progress:
    """Progress of a fit as lines of the run's log, for whoever watches a long one."""

    def tell(task: str, done: int, total: int | None = None, **facts: float) -> None:
        run.log(f"after {done} {task}: objective {facts['objective']:.8g}")

    return tell


class _Clock:
    """Names each stage while it runs, and keeps its seconds."""

    def __init__(self, stage: Stage | None, run: RunFolder):
        self.stage, self.run = stage, run
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[Progress | None]:
        """Run a stage; gives what shows the progress of its work, where there is someone to show it."""
        begun = time.perf_counter()
        with named(self.stage, name) as shown:
            yield shown
        self.seconds[name] = round(time.perf_counter() - begun, 3)
        self.run.log(f"{name}: {self.seconds[name]} s")


def fit_account(fitted: FittedModel, decoder: str = "") -> dict[str, Any]:
    """How a model was fitted, as plain values."""
    inputs = [fitted.model.decoders[k] for k in fitted.names_of("input")]
    kinds = {type(d).__name__.lower() for d in inputs or fitted.model.decoders.values()}
    settings = fitted.summary["settings"]
    told = ("fitter", "cycles", "converged", "message", "n_stars", "n_latents")
    read_outs = {r.kind for r in fitted.read_outs.values()}
    return {
        **{k: fitted.summary[k] for k in told},
        "decoder": decoder or " and ".join(sorted(kinds)),
        "read_out": " and ".join(sorted(read_outs)) or "with the spectra",
        "objective": list(fitted.objective),
        "settings": settings,
    }


def labels_table(prediction, test, inputs, labels, reference) -> tuple[pd.DataFrame, dict[str, str]]:
    frame = prediction.to_frame()
    if len(patterns(prediction)) > 1:
        names = np.array(prediction.inputs)
        frame.insert(1, "inputs", [" ".join(names[has]) for has in prediction.present])
    spectra = [test[name] for name in inputs if isinstance(test[name], Spectra)]
    if spectra:
        frame.insert(1, "snr", spectra[0].snr)
    observed = test.labels(labels)
    for j, name in enumerate(prediction.names):
        frame[f"{name}_obs"] = observed[name]
        frame[f"{name}_obs_err"] = observed.error[:, observed.names.index(name)]
        if reference is not None:
            frame[f"{name}_true"] = reference.truth[:, j]
    return frame, dict(prediction.units)


def _examples(fitted, prediction, test, inputs, n_examples, reference) -> dict[str, Example]:
    """Test stars spread evenly over the first label, with the spectra the model gives their inferred latents."""
    order = np.argsort(prediction.value[:, 0])
    rows = order[np.linspace(0, len(order) - 1, n_examples + 2).astype(int)[1:-1]]
    chosen = prediction.select(rows)
    examples = {}
    for name in fitted.model.names:
        spectra = test.outputs.get(name)
        if isinstance(spectra, Spectra):
            model = predict_spectra(fitted, chosen, name)
            part = spectra.select(rows)
            lines = {} if reference is None else _within(reference.lines, part.wavelength)
            # Where no training star was seen the model says nothing.
            flux = np.where(model.ivar > 0, model.flux, np.nan)
            examples[name] = Example(
                part.ids, part.wavelength, part.medium, part.flux, part.ivar, flux, lines
            )
    return examples


def _within(lines: Mapping[str, float], wavelength: np.ndarray) -> dict[str, float]:
    return {k: w for k, w in lines.items() if wavelength[0] < w < wavelength[-1]}
