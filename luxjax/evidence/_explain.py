"""The front door: every line of evidence on whether labels were measured or guessed, and the verdicts."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from ..core import LuxWarning, check_name
from ..core.internal import PRNGKeyArray, as_key
from ..data import Catalog
from ..data.internal import Medium
from ..fitted import FittedModel, Verdict
from ..lines import LineList
from ..simulation import Truth
from ._explanation import Explanation
from ._judge import Judgement, measure_label, nulls, with_reason
from ._label_lines import METALLICITY, LabelLines, element_lines, label_lines
from ._stars import Stars, infer_held_out
from .lines_of_evidence import _words as evidence
from .lines_of_evidence._refit import refitted_response
from .lines_of_evidence._saliency import saliency
from .lines_of_evidence._supporting import supporting_evidence

__all__ = ["explain", "explain_all"]

HELD = 0.5  # lower 95% end of the response that clears a label without listed lines of being a guess
GOOD_T = 4.0  # of element lines; and by how much a list must gain to be suspected of the wrong medium


def explain(
    fitted: FittedModel,
    catalog: Catalog,
    label: str,
    *,
    lines: LineList | None = None,
    species: str | Sequence[str] | None = None,
    others: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    resolution: float | Mapping[str, float] | None = None,
    truth: Truth | None = None,
    train: Catalog | None = None,
    n_null: int = 20,
    supporting: bool = False,
    key: PRNGKeyArray | int = 0,
) -> Explanation:
    """Every line of evidence on whether one label was measured, and the verdict.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Held-out stars with spectra and labels: stars that the model was neither fitted nor calibrated on.
    label : str
    lines : LineList, optional
        Lines of all elements, in air or vacuum; the built-in table unless given.
    species : str or sequence of str, optional
        Elements or species whose lines are the label's own, none for (); by default what the model's label table
        says, and for overall metallicity ("fe_h", "m_h") every metal.
    others : sequence of str, optional
        The labels to condition on. By default all other labels of the model but those that are guesses themselves
        (judged ``shortcut``, or without a line of theirs in these spectra): a guess is a copy of the others, and
        conditioning on it would take away what the spectrum says about the label.
    inputs : sequence of str, optional
        The outputs to infer from; by default all spectra that model and catalogue share.
    resolution : float or mapping of input to float, optional
        lambda / FWHM of the spectra; known for APOGEE, GALAH and LAMOST.
    truth : Truth, optional
        Of a simulated survey, for the information bound.
    train : Catalog, optional
        The stars that the model was fitted to, to see what a refit without the label's element windows still knows. It
        takes as long as the fit.
    n_null : int
        Draws of the null: the same lines at random other places.
    supporting : bool
        Whether to add probes, Shapley values and disentanglement scores, some seconds for each label.
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
    stars = infer_held_out(fitted, catalog, inputs)
    check_name("label", label, stars.labels, "Ask for one of the model's labels")
    lines = LineList.builtin() if lines is None else lines
    given = {} if species is None else {label: species}
    windows = element_lines(stars, lines, given, resolution)
    if others is None:
        others = _conditioning(stars, windows)[label]
    for name in others:
        check_name("label to condition on", name, [n for n in stars.labels if n != label])
    asked = _Asked(catalog, lines, resolution, truth, train, n_null, _seed(key))
    found = _explained(stars, label, others, windows[label], asked)
    return _supported(stars, {label: found}, asked)[label] if supporting else found


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
    key: PRNGKeyArray | int = 0,
) -> dict[str, Explanation]:
    """`explain` for several labels (by default all), with one pass over the stars.

    Parameters
    ----------
    labels : sequence of str, optional
    species : mapping of label to species, optional
        In place of the label table's.
    fitted, catalog, lines, inputs, resolution, truth, n_null, supporting, key
        As for `explain`.
    """
    stars = infer_held_out(fitted, catalog, inputs)
    labels = stars.labels if labels is None else labels
    for name in (*labels, *(species or {})):
        check_name("label", name, stars.labels, "Ask for the model's labels")
    lines = LineList.builtin() if lines is None else lines
    windows = element_lines(stars, lines, species or {}, resolution)
    others = _conditioning(stars, windows)
    asked = _Asked(catalog, lines, resolution, truth, None, n_null, _seed(key))
    found = {name: _explained(stars, name, others[name], windows[name], asked) for name in labels}
    return _supported(stars, found, asked) if supporting else found


class _Asked(NamedTuple):
    """What is asked of every label alike."""

    catalog: Catalog
    lines: LineList
    resolution: float | Mapping[str, float] | None
    truth: Truth | None
    train: Catalog | None
    n_null: int
    seed: int


def _seed(key: PRNGKeyArray | int) -> int:
    return int(jax.random.randint(as_key(key), (), 0, 2**31 - 1))


def _conditioning(stars: Stars, windows: Mapping[str, LabelLines]) -> dict[str, tuple[str, ...]]:
    """The labels to condition each label on: all others that are not guesses themselves.

    A label is a guess if it is judged a shortcut, or has no listed line and no strong response either (a list may hold
    one element alone, and the trend with a label that the spectrum does hold must not be left out for that). Guesses
    are copies of other labels and hide what these respond to, so they go one by one, the least responsive first.
    """
    sound = [n for n in stars.labels if np.isfinite(stars.observed[:, stars.column(n)]).any()]
    while True:
        guesses = {}
        for name in sound:
            others = [n for n in sound if n != name]
            verdict = measure_label(stars, name, others, windows[name], line_by_line=False).verdict
            listed = len(windows[name]) or not windows[name].species
            held = listed or verdict.response_interval.lower >= HELD
            if verdict.verdict == "shortcut" or not held:
                guesses[name] = verdict.numbers["response"]
        if not guesses:
            return {name: tuple(n for n in sound if n != name) for name in stars.labels}
        sound.remove(min(guesses, key=lambda n: guesses[n]))


def _explained(
    stars: Stars, label: str, others: Sequence[str], own: LabelLines, asked: _Asked
) -> Explanation:
    """Judge one label and collect its evidence."""
    unit = stars.fitted.info(stars.fitted.label_output()).units.get(label, "")
    seed, truth = asked.seed, asked.truth
    case = measure_label(stars, label, others, own)
    verdict = case.verdict
    if label in METALLICITY and len(own.species) > 1:
        verdict = with_reason(
            verdict,
            "It scales the lines of every metal, so all of them count as its own; its element alone may not.",
        )
    verdict = _medium_checked(stars, case, asked, verdict)
    null = nulls(stars, case, asked.n_null, np.random.default_rng(seed)) if own.movable(stars.good) else None
    refitted = None
    if asked.train is not None and len(own):
        refitted = refitted_response(stars.fitted, asked.train, asked.catalog, case, stars.inputs, key=seed)
    found = [
        evidence.off_trend(case, unit),
        evidence.element_lines(case, null),
        evidence.gain(case, seed),
        saliency(stars, case, seed),
        evidence.ablation(case, null, refitted),
        evidence.doubles(stars, case, seed),
        evidence.injection(stars, case, null),
    ]
    if truth is not None and label in truth.labels and set(others) <= set(truth.labels):
        found.append(evidence.bound(stars, case, asked.catalog, truth, unit))
    names = tuple(p.name for p in stars.inputs)
    return Explanation(label, unit, own.species, case.others, names, verdict, {e.name: e for e in found})


def _supported(stars: Stars, found: dict[str, Explanation], asked: _Asked) -> dict[str, Explanation]:
    """Probes, Shapley values and disentanglement scores added; they decide nothing. Linear decoders only."""
    if not stars.fitted.model.is_linear:
        return found
    others = {name: e.others for name, e in found.items()}
    names = [p.name for p in stars.inputs]
    more = supporting_evidence(stars.fitted, asked.catalog, others=others, inputs=names, seed=asked.seed)
    return {
        name: dataclasses.replace(e, evidence={**e.evidence, **{m.name: m for m in more.get(name, ())}})
        for name, e in found.items()
    }


def _medium_checked(stars: Stars, case: Judgement, asked: _Asked, verdict: Verdict) -> Verdict:
    """A warning and a reason if the lines fit far better once their wavelengths are taken for the other medium."""
    found = case.measured.element_lines
    if found is None or found.t >= GOOD_T:
        return verdict
    lines = asked.lines
    other: Medium = "air" if lines.medium == "vacuum" else "vacuum"
    misread = dataclasses.replace(lines, medium=other)
    swapped = label_lines(stars, misread, case.lines.species, asked.resolution)
    if not len(swapped):
        return verdict
    t = measure_label(stars, case.label, case.others, swapped, line_by_line=False).measured.element_lines
    if t is None or t.t < max(GOOD_T, found.t + GOOD_T):
        return verdict
    words = (
        f"The line list says {lines.medium}, but read as {other} its lines follow '{case.label}' at T = {t.t:.1f} "
        f"instead of {found.t:.1f}: check the list's medium."
    )
    warnings.warn(words, LuxWarning, stacklevel=4)
    return with_reason(verdict, words)
