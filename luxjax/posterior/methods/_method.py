"""What a method of inference is given, and what it has to do."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import jax

from ...core import Batch, InputError, Progress
from ...core.internal import Array, Key, PRNGKeyArray
from ...fitted import FittedModel
from ...latents.internal import blocks
from .._posterior import AbstractPosterior
from .._priors import Priors

__all__ = ["AbstractMethod", "Problem"]


@dataclass(frozen=True)
class Problem:
    """What is known and what is asked; made by `infer`, which checks it.

    Attributes
    ----------
    fitted : FittedModel
    batch : Batch
    ids : (star,) array of str
    priors : Priors
    free : tuple of str
        ``"latents"``, and ``"decoders"`` or ``"scatter"`` where these are inferred too.
    block : int
        Stars handled at a time.
    tell : Progress or None
    """

    fitted: FittedModel
    batch: Batch
    ids: Any
    priors: Priors
    free: tuple[str, ...]
    block: int = 256
    tell: Progress | None = None

    def blocks(self) -> Iterator[tuple[Batch, int]]:
        """Blocks of stars, all of one size, with the number of real stars in each."""
        if self.batch.n_stars <= self.block:  # nothing to fill up
            yield self.batch, self.batch.n_stars
            if self.tell:
                self.tell("stars", self.batch.n_stars, self.batch.n_stars)
            return
        for part, _, where in blocks(self.batch, self.block):
            yield part, where.stop - where.start
            if self.tell:
                self.tell("stars", where.stop, self.batch.n_stars)

    def common(self, method: "AbstractMethod") -> dict[str, Any]:
        """The fields that every posterior has."""
        settings: dict[str, Any] = {
            k: v for k, v in vars(method).items() if v is None or isinstance(v, (bool, int, float, str))
        }
        settings["free"] = list(self.free)
        return {
            "fitted": self.fitted,
            "ids": self.ids,
            "method": type(method).__name__,
            "settings": settings,
            "priors": self.priors,
            "batch": self.batch,
        }


class AbstractMethod(eqx.Module):
    """Method to find a posterior."""

    default_stars: ClassVar[int] = 100
    """Stars that it infers in about a minute; the default of the command line."""

    @abstractmethod
    def latents(self, problem: Problem, *, key: PRNGKeyArray) -> AbstractPosterior:
        """The posterior of the latents with the model known: stars are independent."""

    def joint(self, problem: Problem, *, key: PRNGKeyArray) -> AbstractPosterior:
        """The posterior of the latents and of the parts of the model that are free."""
        raise InputError(
            f"{type(self).__name__} infers latents with known decoders and scatter; for sample = "
            f"{', '.join(problem.free)} use Laplace, Variational or NUTS."
        )


def at_least(what: str, given: float, least: float) -> None:
    """Raise `InputError` where an option is too small."""
    if not given >= least:
        raise InputError(f"{what} must be at least {least}; given {given}.")


def keys_for(key: PRNGKeyArray, block: int, n: int) -> Key[Array, " star"]:
    """A key for each star of a block."""
    return jax.random.split(jax.random.fold_in(key, block), n)
