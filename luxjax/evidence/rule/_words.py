"""Sentences of a verdict: the response with its errors, and what is missing where nothing can be said."""

import numpy as np

from ...core.internal import rounded
from .._expected import needed_stars, stars_for_scatter
from .._thresholds import Thresholds

__all__ = ["guessed", "missing", "response_words", "size_words"]


def size_words(v: dict[str, float]) -> str:
    """The response with its interval: the one that evidence and figures show. The rule's limit is another, more careful number."""
    low, high = v["response_lower"], v["response_interval_upper"]
    if not np.isfinite(low + high):
        return f"{v['response']:.2f}, below {v['response_upper']:.2f} at 95%"
    return f"{v['response']:.2f} [{low:.2f}, {high:.2f}]"


def response_words(v: dict[str, float]) -> str:
    return f"response {v['response']:.2f}, {v['response_z']:.1f} standard errors from zero"


def guessed(v: dict[str, float]) -> str:
    return f"The response off trend is {size_words(v)}, in stars whose off-trend scatter of {rounded(np.sqrt(v['tau2']))} would have shown a larger one: it is guessed from the other labels."


def missing(v: dict[str, float], limits: Thresholds) -> list[str]:
    """What keeps a label without a significant response from being called a shortcut, and what would decide it."""
    s = limits.shortcut
    n, error = int(v["n"]), v["label_error"]
    if not v["tau2_z"] > s.variance_z:
        # Errors fall as 1 / sqrt(n); where the variance drowns in its error, four times the stars are the least.
        ratio = s.variance_z * v["tau2_error"] / max(v["tau2"], v["tau2_error"])
        likely = max(v["tau2"], 0.0) + 1.64 * v["tau2_error"]
        stars = max(int(np.ceil(n * ratio**2)), stars_for_scatter(np.sqrt(likely), error))
        return [
            f"Its scatter off the trend is not resolved by {n} stars (variance {rounded(v['tau2'])} +- {rounded(v['tau2_error'])}, "
            f"label error {rounded(error)}): at least {stars} held-out stars are needed, or smaller label errors."
        ]
    tau = np.sqrt(v["tau2"])
    if v["expected_t"] < s.expected_t:
        stars = max(needed_stars(tau, error, tau / 2), n + 1)
        return [
            f"There are too few stars off the trend: in {n} stars with a scatter of {rounded(tau)} and label errors of "
            f"{rounded(error)} even a good line would have shown T = {v['expected_t']:.1f} only; about {stars} are needed."
        ]
    clear = (
        ""
        if v["response_interval_upper"] > s.response_upper
        else " if its scatter off the trend is smaller, within its error"
    )
    return [
        f"The response off trend is {size_words(v)} and could exceed the {s.response_upper:g} of a shortcut{clear}, but "
        f"neither is it large and significant ({v['response_z']:.1f} standard errors from zero); about {4 * n} held-out "
        "stars would halve its error."
    ]
