"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._example import Example
from ._spectra import Frame, Medium, native

__all__ = [
    "Example",
    "Frame",
    "Medium",
    "native",
]
