"""What every fitter offers, and what it returns."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import equinox as eqx

from ..core import Batch
from ..core.internal import Array, PRNGKeyArray
from ..models import Lux

__all__ = ["AbstractFitter", "FitResult", "Progress"]

Progress = Callable[[int, float], None]
"""Called with the number of cycles or steps that are done, 0 for the start, and the objective there."""


@dataclass(frozen=True)
class FitResult:
    """A fitted model with the account of its fit.

    Attributes
    ----------
    model : Lux
    weight_cov : dict of str to (out, pair) array
        Covariance of each row of [intercept, weight], upper triangle, single precision.
    objective : list of float
        Value after each cycle; lower is better and it never rises.
    converged : bool
    message : str
        What ended the fit, in words.
    """

    model: Lux
    weight_cov: dict[str, Array]
    objective: list[float] = field(default_factory=list)
    converged: bool = False
    message: str = ""


class AbstractFitter(eqx.Module):
    """A way of fitting a model to a batch."""

    @abstractmethod
    def run(
        self, model: Lux, batch: Batch, *, key: PRNGKeyArray, progress: Progress | None = None
    ) -> FitResult:
        """Fit `model` to `batch`; called by `luxjax.fit`, which prepares and checks both."""
