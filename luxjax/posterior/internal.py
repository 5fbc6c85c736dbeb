"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._label_draws import label_draws
from .checks._quantities import judged_quantities
from .methods._registry import METHODS

__all__ = [
    "METHODS",
    "judged_quantities",
    "label_draws",
]
