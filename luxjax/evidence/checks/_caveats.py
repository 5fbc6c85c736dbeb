"""What a verdict cannot rule out, said with names: other elements, a common origin of labels and spectra, training stars."""

import dataclasses
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...core import InputError, LuxWarning
from ...core.internal import join_names
from ...fitted import Caveat, FittedModel, Verdict
from ...lines import LineList
from .._label_lines import LabelLines
from .._stars import InferredStars

__all__ = ["other_species", "same_source", "trained_on", "with_caveats"]

NAMED = 4


def with_caveats(verdict: Verdict, caveats: Sequence[Caveat | None]) -> Verdict:
    """The verdict with more caveats; one of a code that it has already takes that one's place."""
    found = {c.code: c for c in verdict.caveats} | {c.code: c for c in caveats if c is not None}
    return dataclasses.replace(verdict, caveats=tuple(found.values()))


def same_source(fitted: FittedModel, inputs: Sequence[str]) -> Caveat | None:
    """A caveat where labels and spectra name one survey: errors of a reduction may be in both."""
    survey = fitted.info(fitted.label_output()).survey
    shared = [name for name in inputs if survey and fitted.info(name).survey.lower() == survey.lower()]
    if not shared:
        return None
    return Caveat(
        "same_source",
        f"Labels and spectra ('{join_names(shared)}') both come from '{survey}': where the labels were made from these pixels, "
        "their errors follow the same noise and artefacts, and look like a measurement. Repeat visits tell (in Python, `explain` takes them as repeats=); "
        "more latents do not help.",
    )


def other_species(lines: LineList, own: LabelLines) -> Caveat:
    """The caveat of every measured label: another element at these wavelengths would look the same."""
    found: Counter[str] = Counter()
    for window in own.windows:
        if not len(window):
            continue
        others = lines.to(window.lines.medium)
        reach = 3 * window.sigma
        near = np.abs(others.wavelength[:, None] - window.lines.wavelength) <= reach
        strange = ~np.isin(others.element, own.species) & ~np.isin(others.species, own.species)
        found.update(others.species[near.any(axis=1) & strange].tolist())
    names = [name for name, _ in found.most_common(NAMED)]
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    listed = f"the list has {join_names(names)}{more} in its windows" if names else "the list has none there"
    return Caveat(
        "same_wavelengths",
        f"Another element at the wavelengths of all its lines would look the same; {listed}.",
    )


def trained_on(stars: InferredStars) -> Caveat | None:
    """A caveat and a warning where the model was fitted to some of the stars that are to test it."""
    try:
        seen = int(stars.fitted.trained_on(stars.ids).sum())
    except InputError:  # the model does not know
        return None
    if not seen:
        return None
    words = (
        f"The model was fitted to {seen} of these {len(stars)} stars, and predicts them better than new ones; "
        "give stars that it has not seen, or models of folds."
    )
    warnings.warn(words, LuxWarning, stacklevel=4)
    return Caveat("trained_on", words)
