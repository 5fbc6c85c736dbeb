"""The front door: every line of evidence on whether labels were measured or guessed, and the verdicts."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from ..core import InputError, check_name
from ..core.internal import PRNGKeyArray, as_key
from ..data import Catalog
from ..fitted import Caveat, FittedModel
from ..lines import LineList
from ..simulation import Truth
from ._case import Asked, Case, measure_label, with_reason
from ._cross_fitted import infer_cross_fitted
from ._evidence import Evidence
from ._explanation import Explanation
from ._held_out import infer_held_out
from ._label_lines import METALLICITY, LabelLines, element_lines
from ._stars import InferredStars
from .checks._caveats import other_species, same_source, trained_on, with_caveats
from .checks._misplaced import misplaced
from .lines_of_evidence import _registry
from .lines_of_evidence._latent_sample import LatentSample, latent_sample
from .off_trend._conditioning import conditioning

__all__ = ["explain", "explain_all"]


def explain(
    fitted: FittedModel,
    catalog: Catalog,
    label: str,
    *,
    lines: LineList | None = None,
    species: str | Sequence[str] | None = None,
    condition_on: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    resolution: float | Mapping[str, float] | None = None,
    truth: Truth | None = None,
    train: Catalog | None = None,
    n_null: int = 20,
    supporting: bool = False,
    fold_models: Sequence[FittedModel] = (),
    fold: np.ndarray | None = None,
    repeats: Catalog | None = None,
    decoupled: Catalog | None = None,
    key: PRNGKeyArray | int = 0,
) -> Explanation:
    """Collect all evidence on whether one label was measured, and decide the verdict.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Held-out stars with spectra and labels: stars that the model was neither fitted nor calibrated on.
    label : str
    lines : LineList, optional
        Lines of all elements, in air or vacuum. Default: the built-in table.
    species : str or sequence of str, optional
        Elements or species whose lines are the label's element lines, none for (). Default: what the model's label
        table says, and for overall metallicity ("fe_h", "m_h") every metal.
    condition_on : sequence of str, optional
        The labels to hold fixed. Default: all other labels of the model that are not guesses themselves. A guess (called
        ``shortcut``, or without element lines in these spectra) is a copy of the others, and conditioning on it would
        take away what the spectrum says about the label.
    inputs : sequence of str, optional
        The outputs to infer from. Default: all spectra that model and catalogue share.
    resolution : float or mapping of input to float, optional
        lambda / FWHM of the spectra; known for APOGEE, GALAH and LAMOST.
    truth : Truth, optional
        Truth of a simulated survey, for the information bound.
    train : Catalog, optional
        The stars that the model was fitted to, to see what a refit without the label's element windows still knows. It
        takes as long as the fit.
    n_null : int
        Draws of the null: the same lines at random other places.
    supporting : bool
        Whether to add evidence on what the latents hold, some seconds for each label; for linear decoders of the inputs.
    fold_models, fold
        Models of the folds, and the fold that each star was held out in, where all stars trained the model.
    repeats : Catalog, optional
        Other spectra of the stars, with the labels that they have in `catalog`: whether the prediction follows the star or
        the spectrum that its label was made from.
    decoupled : Catalog, optional
        Stars with labels that leave the trend of the others, such as accreted ones: a guess stays on it.
    key : jax random key or int

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        Unknown labels or species, stars without the label or without spectra that the model knows.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import toy_survey
    >>> world = toy_survey(1, 120, 120)  # spectra without europium lines
    >>> fitted = luxjax.fit(luxjax.Lux.linear(world.train.sizes, 6), world.train, key=1)
    >>> found = luxjax.explain(fitted, world.held_out, "eu_fe", species=(), resolution=15000.0)
    >>> found.verdict.verdict in ("shortcut", "inconclusive")  # never "measured": there is no line
    True
    >>> "off_trend_response" in found.evidence
    False
    """
    stars = _stars(fitted, catalog, inputs, fold_models, fold, n_null)
    check_name("label", label, stars.labels, "Ask for one of the model's labels")
    lines = LineList.builtin() if lines is None else lines
    given = {} if species is None else {label: species}
    windows = element_lines(stars, lines, given, resolution)
    if condition_on is None:
        condition_on = conditioning(stars, windows)[label]
    for name in condition_on:
        check_name("label to condition on", name, [n for n in stars.labels if n != label])
    asked = _asked(stars, catalog, lines, resolution, truth, train, n_null, key, repeats, decoupled, fold)
    sample = _sample(stars, {label: condition_on}, asked, supporting)
    return _explained(stars, label, condition_on, windows[label], asked, sample)


def explain_all(
    fitted: FittedModel,
    catalog: Catalog,
    labels: Sequence[str] | None = None,
    *,
    lines: LineList | None = None,
    species: Mapping[str, str | Sequence[str]] | None = None,
    inputs: Sequence[str] | None = None,
    resolution: float | Mapping[str, float] | None = None,
    truth: Truth | None = None,
    n_null: int = 20,
    supporting: bool = False,
    fold_models: Sequence[FittedModel] = (),
    fold: np.ndarray | None = None,
    repeats: Catalog | None = None,
    decoupled: Catalog | None = None,
    key: PRNGKeyArray | int = 0,
) -> dict[str, Explanation]:
    """`explain` for several labels, with one pass over the stars.

    Parameters
    ----------
    labels : sequence of str, optional
        Default: all labels of the model.
    species : mapping of label to species, optional
        Instead of the label table's.
    fitted, catalog, lines, inputs, resolution, truth, n_null, supporting, fold_models, fold, repeats, decoupled, key
        As for `explain`.
    """
    stars = _stars(fitted, catalog, inputs, fold_models, fold, n_null)
    labels = stars.labels if labels is None else labels
    for name in (*labels, *(species or {})):
        check_name("label", name, stars.labels, "Ask for the model's labels")
    lines = LineList.builtin() if lines is None else lines
    windows = element_lines(stars, lines, species or {}, resolution)
    others = conditioning(stars, windows)
    asked = _asked(stars, catalog, lines, resolution, truth, None, n_null, key, repeats, decoupled, fold)
    sample = _sample(stars, {name: others[name] for name in labels}, asked, supporting)
    return {name: _explained(stars, name, others[name], windows[name], asked, sample) for name in labels}


def _stars(fitted, catalog, inputs, fold_models, fold, n_null: int) -> InferredStars:
    if n_null < 0:
        raise InputError(f"n_null is {n_null}; give the number of draws of the null, 0 for none.")
    if fold is None:
        return infer_held_out(fitted, catalog, inputs)
    return infer_cross_fitted(fitted, catalog, fold_models, fold, inputs)


def _asked(stars, catalog, lines, resolution, truth, train, n_null, key, repeats, decoupled, fold) -> Asked:
    # Stars that trained the model are told, unless each is judged by a model of a fold that did not see it.
    seen = None if fold is not None else trained_on(stars)
    seed = int(jax.random.randint(as_key(key), (), 0, 2**31 - 1))
    return Asked(catalog, lines, resolution, truth, train, n_null, seed, seen, repeats, decoupled, fold)


def _explained(
    stars: InferredStars,
    label: str,
    others: Sequence[str],
    lines: LabelLines,
    asked: Asked,
    sample: LatentSample | None,
) -> Explanation:
    """Evaluate one label and collect its evidence."""
    unit = stars.fitted.info(stars.fitted.label_output()).units.get(label, "")
    judged = measure_label(stars, label, others, lines)
    verdict = judged.verdict
    if label in METALLICITY and len(lines.species) > 1:
        verdict = with_reason(
            verdict,
            "It scales the lines of every metal, so all of them count as its own; its element alone may not.",
        )
    elsewhere = misplaced(stars, judged, asked.lines, asked.resolution)
    if elsewhere is not None and verdict.verdict in ("proxy", "shortcut"):
        doubt = with_reason(verdict, "The line list seems to be in the wrong place, which hides lines.")
        verdict = dataclasses.replace(doubt, verdict="inconclusive")
    verdict = with_caveats(
        verdict,
        [
            other_species(asked.lines, lines) if verdict.verdict == "measured" else None,
            elsewhere,
            same_source(stars.fitted, [p.name for p in stars.inputs]),
            asked.seen,
        ],
    )
    case = Case(**vars(judged), stars=stars, unit=unit, asked=asked, sample=sample, null={})
    case = dataclasses.replace(case, null=_nulls(case))
    evidence: dict[str, Evidence] = {}
    doubts: list[Caveat] = []
    for line in _registry.LINES:
        found = line.measure(case)
        if found is not None:
            evidence[line.name] = found
            raised = line.doubt(case, found)
            doubts += [] if raised is None else [Caveat(*raised)]
    if doubts and verdict.verdict in ("measured", "followed"):
        verdict = dataclasses.replace(
            verdict, verdict="inconclusive", reasons=tuple(d.sentence for d in doubts)
        )
    verdict = with_caveats(verdict, doubts)
    inputs = tuple(p.name for p in stars.inputs)
    return Explanation(label, unit, lines.species, judged.others, inputs, verdict, evidence)


def _nulls(case: Case) -> dict[str, np.ndarray]:
    """What lines of evidence give when every line of the label is moved to a random other place, again and again."""
    draws: dict[str, list[float]] = {}
    if not case.lines.movable(case.stars.good):
        return {}
    rng = np.random.default_rng(case.asked.seed)
    for _ in range(case.asked.n_null):
        moved = case.lines.elsewhere(rng, case.stars.good)
        held = case.stars.without(moved.pixels)
        for line in _registry.LINES:
            value = line.elsewhere(case, moved, held)
            if value is not None:
                draws.setdefault(line.name, []).append(value)
    return {name: np.array(values) for name, values in draws.items() if np.isfinite(values).any()}


def _sample(
    stars: InferredStars, others: Mapping[str, Sequence[str]], asked: Asked, supporting: bool
) -> LatentSample | None:
    """Latents for supporting evidence, where it is asked for; it needs linear decoders of the inputs."""
    if not supporting or not stars.model.is_linear:
        return None
    inputs = [p.name for p in stars.inputs]
    return latent_sample(stars.fitted, asked.catalog, others=others, inputs=inputs, seed=asked.seed)
