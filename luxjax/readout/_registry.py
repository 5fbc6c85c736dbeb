"""The kinds of read-outs by name."""

from ._kinds import AbstractReadOut, GaussianProcessReadOut, PolynomialReadOut

__all__ = ["READOUTS"]

READOUTS: dict[str, AbstractReadOut] = {
    "linear": PolynomialReadOut(),
    "quadratic": PolynomialReadOut(leading=20),
    "gp": GaussianProcessReadOut(),
}
