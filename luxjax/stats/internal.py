"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._bootstrap import (
    label_columns,
    paired_ratio,
    percentiles,
    r2_of_sums,
    r2_terms,
    resampled_sums,
    same_stars,
)
from ._compare import Against, compare, has_reference, label_names
from ._intervals import share_interval
from ._ranking import star_means

__all__ = [
    "Against",
    "compare",
    "has_reference",
    "label_columns",
    "label_names",
    "paired_ratio",
    "percentiles",
    "r2_of_sums",
    "r2_terms",
    "resampled_sums",
    "same_stars",
    "share_interval",
    "star_means",
]
