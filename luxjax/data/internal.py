"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._spectra import Frame, Medium, native

__all__ = [
    "Frame",
    "Medium",
    "native",
]
