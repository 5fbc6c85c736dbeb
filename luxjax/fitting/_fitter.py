"""What every fitter offers, and what it returns."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import equinox as eqx

from ..core import Progress
from ..core.internal import AbstractStars, Array, PRNGKeyArray
from ..models import Lux

__all__ = ["AbstractFitter", "FitResult"]


@dataclass(frozen=True)
class FitResult:
    """A fitted model, with the record of its fit.

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
    """Method to fit a model to stars; it says itself which models and stars it accepts."""

    shares_stars: ClassVar[bool] = False
    """Whether stars may be shared out over devices (`luxjax.parallel.star_mesh`)."""
    streams_stars: ClassVar[bool] = False
    """Whether stars may be read from disk in every pass instead of being held in memory."""
    never_rises: ClassVar[bool] = False
    """Whether its objective never rises from one cycle to the next."""
    fits_student_t: ClassVar[bool] = False
    """Whether it knows Student-t noise (`Lux.dof`)."""

    @classmethod
    @abstractmethod
    def suits(cls, model: Lux) -> bool:
        """Whether it can fit decoders of these kinds."""

    @abstractmethod
    def run(
        self, model: Lux, batch: AbstractStars, *, key: PRNGKeyArray, progress: bool | Progress | None = None
    ) -> FitResult:
        """Fit `model` to the stars of `batch`; called by `luxjax.fit`, which prepares and checks both.

        `progress` is told of cycles or steps that are done, 0 for the start, and the ``objective`` there.
        """
