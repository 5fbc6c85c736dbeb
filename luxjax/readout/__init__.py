"""Read-outs: Bayesian regressions of labels on the latents that the inputs alone give."""

from ._kinds import AbstractReadOut, PolynomialReadOut
from ._processes import GaussianProcessReadOut
from ._read_out import read_out

__all__ = [
    "AbstractReadOut",
    "GaussianProcessReadOut",
    "PolynomialReadOut",
    "read_out",
]
