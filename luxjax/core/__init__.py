"""Ground floor: array vocabulary, messages, small linear algebra, and the batch of bare arrays that models see."""

from ._batch import Batch, OutputData
from ._gaussian import Gaussian
from ._host import aligned
from ._linalg import gemm, pairs, ridge_mean, unpack
from ._messages import InputError, LuxWarning, check_name, choose_from, join_names

__all__ = [
    "Batch",
    "Gaussian",
    "InputError",
    "LuxWarning",
    "OutputData",
    "aligned",
    "check_name",
    "choose_from",
    "gemm",
    "join_names",
    "pairs",
    "ridge_mean",
    "unpack",
]
