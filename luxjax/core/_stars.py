"""Stars as fits and inference ask for them, wherever they lie: in memory, on disk, or spread over devices and processes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from ._arrays import Array, Float
from ._messages import InputError

if TYPE_CHECKING:
    from ._batch import Batch, OutputData

__all__ = [
    "STEP",
    "AbstractLocalStars",
    "AbstractStars",
    "Block",
    "ModelUnits",
    "check_stars",
    "padded_blocks",
]

STEP = 64  # stars; blocks of few stars are a multiple of it, so that samples of similar size share one compiled kernel

Block = tuple["Batch", Float[Array, " star"], slice]
Tree = TypeVar("Tree")


@runtime_checkable
class ModelUnits(Protocol):
    """A fitted model, as far as containers of stars know one: it brings outputs to its units."""

    def batch(self, data: Any, *names: str) -> "Batch":
        """The named outputs in the model's units."""

    def scale_of(self, name: str) -> np.ndarray:
        """What one unit of the model is in the unit of an output, (out,)."""

    def error_scale_of(self, name: str) -> float:
        """What the stated errors of an output are multiplied by."""


class AbstractStars(ABC):
    """Measured outputs of the same stars, as a fit goes through them.

    The stars of a process may be some of all: `n_stars`, `runs`, `gathered` and `all_reduce` mean those of all processes,
    `blocks` and `own` those of this one.
    """

    describes_outputs: ClassVar[bool] = False
    """Whether outputs come with what they mean: grids, units and names."""

    labels: tuple[str, ...]
    """The outputs that are labels; all others are inputs, which alone say where a star lies among the latents."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""

    @property
    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Pixels or labels per star, by output."""

    @property
    @abstractmethod
    def n_stars(self) -> int:
        """Number of stars of all processes."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype:
        """The type of the values."""

    @property
    @abstractmethod
    def is_in_memory(self) -> bool:
        """Whether all stars are held; otherwise every pass reads them from disk."""

    @property
    @abstractmethod
    def chunk(self) -> int:
        """Stars that are read together at least."""

    @property
    @abstractmethod
    def fingerprint(self) -> str | None:
        """What tells stars on disk from others; None for stars in memory, whose values have to."""

    @property
    def bytes_per_star(self) -> int:
        """What values and inverse variances of a star take in memory."""
        return 2 * self.dtype.itemsize * sum(self.sizes.values())

    @abstractmethod
    def __getitem__(self, name: str) -> "OutputData":
        """One output of all stars in memory. Labels are few; spectra may not fit."""

    @abstractmethod
    def only(self, *names: str) -> Self:
        """The same stars with these outputs alone."""

    @abstractmethod
    def stars(self, index: Any) -> Self:
        """The stars selected by a slice, integer array or boolean mask."""

    @abstractmethod
    def in_memory(self) -> "Batch":
        """All stars as a batch."""

    @abstractmethod
    def blocks(self, size: int, *, overlap: bool = False) -> Iterator[Block]:
        """Blocks of about `size` stars of this process; see ``luxjax.latents.internal.blocks``."""

    @abstractmethod
    def runs(self, begins: Sequence[int] | np.ndarray, length: int) -> "list[Batch]":
        """Runs of `length` consecutive stars (fewer at the end) that begin at these stars."""

    # Of stars shared out over devices and processes

    @property
    @abstractmethod
    def own(self) -> slice:
        """Which stars this process has."""

    @property
    @abstractmethod
    def is_main_process(self) -> bool:
        """Whether this process writes the files of a fit of these stars."""

    @abstractmethod
    def device_put(self, rows: np.ndarray) -> Array:
        """An array of each star of a block, where the stars of blocks are."""

    @abstractmethod
    def everywhere(self, tree: Tree) -> Tree:
        """What is the same for all stars, copied once to every device that has stars of this process."""

    @abstractmethod
    def all_reduce(self, sums: Tree) -> Tree:
        """Sums over the stars of all processes, from those over the stars of this one."""

    @abstractmethod
    def from_first(self, tree: Tree) -> Tree:
        """What the first process has of a tree of arrays, which all have in these shapes."""

    @abstractmethod
    def gathered(self, rows: Any) -> np.ndarray:
        """What every process has of each of its stars, in the order of the stars."""


class AbstractLocalStars(AbstractStars):
    """Stars of one process, on one device."""

    @abstractmethod
    def parts(self, size: int) -> Iterator["Batch"]:
        """Batches of `size` stars in order, the last one smaller."""

    @property
    def own(self) -> slice:
        return slice(0, self.n_stars)

    @property
    def is_main_process(self) -> bool:
        return True

    def device_put(self, rows: np.ndarray) -> Array:
        return jnp.asarray(rows)

    def everywhere(self, tree: Tree) -> Tree:
        return tree

    def all_reduce(self, sums: Tree) -> Tree:
        return sums

    def from_first(self, tree: Tree) -> Tree:
        return tree

    def gathered(self, rows: Any) -> np.ndarray:
        return np.asarray(rows)


def padded_blocks(stars: AbstractLocalStars, size: int) -> Iterator[Block]:
    """Blocks of `size` stars, the last one filled up with stars of zero weight."""
    n = stars.n_stars
    for start, part in zip(range(0, n, size), stars.parts(size), strict=True):
        stop = min(start + size, n)
        real = jax.device_put(np.arange(size) < stop - start)
        yield part.pad(size), real, slice(start, stop)


def check_stars(data: Any) -> None:
    """Raise `InputError` unless this is a container of stars."""
    if not hasattr(data, "in_units_of"):
        raise InputError(
            f"stars are given as a Catalog, a Dataset or a Batch; given a {type(data).__name__}. Build a catalogue with "
            "Catalog({'apogee': spectra, 'labels': table})."
        )
