"""The kinds of read-outs by name."""

from ._kinds import AbstractReadOut, PolynomialReadOut
from ._processes import GaussianProcessReadOut

__all__ = ["READOUTS"]

READOUTS: dict[str, AbstractReadOut] = {
    "linear": PolynomialReadOut(),
    "quadratic": PolynomialReadOut(leading=20),
    "gp": GaussianProcessReadOut(),
}
