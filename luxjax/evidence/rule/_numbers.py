"""The numbers that the rule looks at, by name, as a verdict keeps them."""

import numpy as np

from .._thresholds import Thresholds
from ..lines_of_evidence._element_lines import ElementLines
from ..off_trend._response import ElementShare, Response

__all__ = ["numbers_of", "numbers_of_lines"]


def numbers_of(r: Response, limits: Thresholds) -> dict[str, float]:
    tau2 = max(r.tau2, 0.0)
    visible = limits.shortcut.line_information * r.n * tau2 / (tau2 + r.label_error**2)
    return {
        "response": r.beta,
        "response_lower": r.interval.lower,
        "response_interval_upper": r.interval.upper,
        "response_upper": r.upper,
        "covariance": r.covariance,
        "covariance_error": r.error,
        "response_z": r.z,
        "tau2": r.tau2,
        "tau2_error": r.tau2_error,
        "tau2_z": r.tau2 / r.tau2_error,
        "label_error": r.label_error,
        "expected_t": float(np.sqrt(visible)),
        "n": float(r.n),
    }


def numbers_of_lines(lines: ElementLines, share: ElementShare) -> dict[str, float]:
    numbers = {
        "element_line_t": lines.t,
        "element_line_information": lines.information,
        "own_response": share.beta_own,
        "rest_response": share.beta_rest,
        "own_response_z": share.z,
        "element_share": share.share,
        "line_shape": lines.shape,
    }
    pairs = zip(lines.t_without, lines.t_without_expected, strict=True)
    for j, (found, expected) in enumerate(pairs, 1):
        numbers |= {f"t_without_{j}": found, f"t_without_{j}_expected": expected}
    return numbers
