"""Read-outs: Bayesian regressions of labels on the latents that the inputs alone give."""

from ._kinds import AbstractReadOut, GaussianProcessReadOut, PolynomialReadOut
from ._read_out import read_out

__all__ = [
    "AbstractReadOut",
    "GaussianProcessReadOut",
    "PolynomialReadOut",
    "read_out",
]
