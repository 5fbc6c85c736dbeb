"""Scores, intervals, bootstrap and rankings: numbers that reports and claims share."""

from ._intervals import Interval, binomial_interval, bootstrap_interval, familywise_band
from ._metrics import LEVELS, Coverage, bias, coverage, interval_coverage, rmse, robust_scatter
from ._ranking import Ranking

__all__ = [
    "LEVELS",
    "Coverage",
    "Interval",
    "Ranking",
    "bias",
    "binomial_interval",
    "bootstrap_interval",
    "coverage",
    "familywise_band",
    "interval_coverage",
    "rmse",
    "robust_scatter",
]
