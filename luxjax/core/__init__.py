"""Ground floor: array vocabulary, messages, small linear algebra, and the batch of bare arrays that models see."""

from ._batch import Batch, OutputData
from ._gaussian import Gaussian
from ._host import aligned
from ._linalg import gemm, pairs, ridge_mean, unpack
from ._messages import InputError, LuxWarning, check_name
from ._progress import Progress

__all__ = [
    "Batch",
    "Gaussian",
    "InputError",
    "LuxWarning",
    "OutputData",
    "Progress",
    "aligned",
    "check_name",
    "gemm",
    "pairs",
    "ridge_mean",
    "unpack",
]
