"""Ground floor: array vocabulary, messages and the batch of bare arrays that models see."""

from ._batch import Batch, Measured
from ._messages import InputError, LuxWarning, check_name, choose_from, listing

__all__ = ["Batch", "InputError", "LuxWarning", "Measured", "check_name", "choose_from", "listing"]
