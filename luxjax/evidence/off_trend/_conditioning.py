"""The labels to condition each label on: all others that are not guesses themselves."""

from collections.abc import Mapping

import numpy as np

from .._case import measure_label
from .._label_lines import LabelLines
from .._stars import InferredStars
from .._thresholds import Thresholds

__all__ = ["conditioning"]

HELD = 0.5  # lower 95% end of the response that clears a label without listed lines of being a guess


def conditioning(stars: InferredStars, windows: Mapping[str, LabelLines]) -> dict[str, tuple[str, ...]]:
    """The labels to condition each label on: all others that are not guesses themselves.

    A label is a guess if it is called a shortcut, if its response is small, or if it has no listed line and no strong
    response either (a list may hold one element alone, and the trend with a label that the spectrum does hold must not be left
    out for that). The prediction of a guess is a copy of others and hides what these respond to. Guesses go one by
    one, first the one whose prediction misses most of its own off-trend variance: the label that others copy is least
    responsive next to its copy, yet the copy is what misses.
    """
    small = Thresholds.load().shortcut.response_upper
    sound = [n for n in stars.labels if np.isfinite(stars.observed[:, stars.column(n)]).any()]
    while True:
        guesses = {}
        for name in sound:
            others = [n for n in sound if n != name]
            judged = measure_label(stars, name, others, windows[name], line_by_line=False)
            verdict, numbers = judged.verdict, judged.verdict.numbers
            listed = len(windows[name]) or not windows[name].species
            held = listed or verdict.response_interval.lower >= HELD
            if verdict.verdict == "shortcut" or not held or numbers["response"] < small:
                guesses[name] = stars.missed(name) / max(numbers["tau2"], numbers["tau2_error"])
        if not guesses:
            return {name: tuple(n for n in sound if n != name) for name in stars.labels}
        sound.remove(max(guesses, key=lambda n: guesses[n]))
