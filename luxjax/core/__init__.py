"""Ground floor: array vocabulary, messages and the batch of bare arrays that models see."""

from ._batch import Batch, Measured
from ._messages import InputError, LuxWarning, check_name, choose_from, listing
from ._metrics import (
    LEVELS,
    Coverage,
    Interval,
    bias,
    binomial_interval,
    bootstrap_interval,
    coverage,
    familywise_band,
    interval_coverage,
    rmse,
    robust_scatter,
)

__all__ = [
    "LEVELS",
    "Batch",
    "Coverage",
    "InputError",
    "Interval",
    "LuxWarning",
    "Measured",
    "bias",
    "binomial_interval",
    "bootstrap_interval",
    "check_name",
    "choose_from",
    "coverage",
    "familywise_band",
    "interval_coverage",
    "listing",
    "rmse",
    "robust_scatter",
]
