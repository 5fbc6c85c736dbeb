"""Line lists in the wrong place: in air for vacuum, or shifted by some pixels."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from ...core import LuxWarning
from ...data.internal import Medium
from ...fitted import Caveat
from ...lines import LineList
from .._case import Judgement
from .._label_lines import LabelLines, label_lines
from .._measure import measurement
from .._stars import InferredStars
from .._thresholds import Thresholds

__all__ = ["misplaced"]

GOOD_T = 4.0  # of element lines; and by how much a list must gain to be suspected
FAR_T = 5.0  # the same for the best of twelve shifts
SHIFTS = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6)  # pixels


def misplaced(
    stars: InferredStars,
    case: Judgement,
    lines: LineList,
    resolution: float | Mapping[str, float] | None,
) -> Caveat | None:
    """A caveat and a warning if the lines fit far better in the other medium or some pixels away."""
    found = case.measured.element_lines
    if found is None:
        return None
    limits = Thresholds.load().measured
    if found.t >= GOOD_T:
        misshapen = found.shape_size > limits.line_shape_sum and found.shape < limits.line_shape
        return _better_shape(stars, case, limits.line_shape) if misshapen else None
    other: Medium = "air" if lines.medium == "vacuum" else "vacuum"
    misread = dataclasses.replace(lines, medium=other)
    swapped = label_lines(stars, misread, case.lines.species, resolution)
    t = _t(stars, case.label, case.others, swapped)
    if t >= max(GOOD_T, found.t + GOOD_T):
        return _warned(
            "wrong_medium",
            f"The line list says {lines.medium}, but read as {other} its lines follow '{case.label}' at T = {t:.1f} "
            f"instead of {found.t:.1f}: check the list's medium.",
        )
    moved = {k: _t(stars, case.label, case.others, _shifted(case.lines, k)) for k in SHIFTS}
    best = max(moved, key=lambda k: moved[k])
    if moved[best] >= max(FAR_T, found.t + GOOD_T):
        return _shift_words(case.label, best, moved[best], found.t)
    return None


def _better_shape(stars: InferredStars, case: Judgement, enough: float) -> Caveat | None:
    """A shift at which what follows the label has the shape of lines, as it had not."""
    now = case.measured.element_lines
    assert now is not None  # the caller has looked
    moved = {}
    for k in SHIFTS:
        lines = _shifted(case.lines, k)
        pixels = lines.pixels
        if pixels.any():
            found = measurement(
                stars.without(pixels),
                case.label,
                case.others,
                lines.profile[pixels],
                lines.line[pixels],
                draws=0,
            ).element_lines
            if found is not None and found.shape >= enough and found.t >= GOOD_T:
                moved[k] = found
    if not moved:
        return None
    best = max(moved, key=lambda k: moved[k].shape)
    return _shift_words(case.label, best, moved[best].t, now.t)


def _shift_words(label: str, shift: int, t: float, before: float) -> Caveat:
    return _warned(
        "shifted_list",
        f"Moved by {shift:+d} pixels the lines follow '{label}' at T = {t:.1f} instead of {before:.1f}, as lines do: check the "
        "wavelengths of the list and the velocities of the spectra.",
    )


def _t(stars: InferredStars, label: str, others: Sequence[str], lines: LabelLines) -> float:
    pixels = lines.pixels
    if not pixels.any():
        return float("-inf")
    found = measurement(stars.without(pixels), label, others, lines.profile[pixels], draws=0).element_lines
    return float("-inf") if found is None or not np.isfinite(found.t) else found.t


def _shifted(lines: LabelLines, pixels: int) -> LabelLines:
    """All lines moved by some pixels, in proportion to their wavelengths."""
    moved = []
    for w in lines.windows:
        step = float(np.median(np.diff(np.log(w.wavelength))))
        moved.append(w.moved(w.lines.wavelength * np.exp(pixels * step)) if len(w) else w)
    return LabelLines(lines.species, tuple(moved))


def _warned(code: str, words: str) -> Caveat:
    warnings.warn(words, LuxWarning, stacklevel=5)
    return Caveat(code, words)
