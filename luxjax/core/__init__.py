"""Ground floor: array vocabulary, messages and the batch of bare arrays that models see."""

from ._arrays import (
    Array,
    Float,
    Int,
    LatentCov,
    Latents,
    OutputVector,
    OutputWeights,
    PRNGKeyArray,
    StarOutput,
)
from ._batch import Batch, Measured, usable
from ._claims import Claim
from ._config import merge_config, read_config
from ._folders import parse_header, read_header, replaced_folder
from ._gaussian import Gaussian
from ._host import aligned, rows_filled, rows_of
from ._later import later
from ._linalg import (
    gemm,
    is_definite,
    n_pairs,
    pack,
    pairs,
    quadratic_form,
    ridge_mean,
    solve_ridge,
    solve_symmetric,
    total,
    unpack,
)
from ._machine import machine, peak_memory_gb
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
from ._random import as_key
from ._ranking import Ranking, star_means
from ._recipes import Recipe
from ._threads import in_threads
from ._verdict import VERDICTS, Trend, Verdict

__all__ = [
    "LEVELS",
    "VERDICTS",
    "Array",
    "Batch",
    "Claim",
    "Coverage",
    "Float",
    "Gaussian",
    "InputError",
    "Int",
    "Interval",
    "LatentCov",
    "Latents",
    "LuxWarning",
    "Measured",
    "OutputVector",
    "OutputWeights",
    "PRNGKeyArray",
    "Ranking",
    "Recipe",
    "StarOutput",
    "Trend",
    "Verdict",
    "aligned",
    "as_key",
    "bias",
    "binomial_interval",
    "bootstrap_interval",
    "check_name",
    "choose_from",
    "coverage",
    "familywise_band",
    "gemm",
    "in_threads",
    "interval_coverage",
    "is_definite",
    "later",
    "listing",
    "machine",
    "merge_config",
    "n_pairs",
    "pack",
    "pairs",
    "parse_header",
    "peak_memory_gb",
    "quadratic_form",
    "read_config",
    "read_header",
    "replaced_folder",
    "ridge_mean",
    "rmse",
    "robust_scatter",
    "rows_filled",
    "rows_of",
    "solve_ridge",
    "solve_symmetric",
    "star_means",
    "total",
    "unpack",
    "usable",
]
