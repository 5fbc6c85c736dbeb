"""Stars that every pass of a fit reads from disk, so that its memory does not depend on their number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from ..core import Batch, OutputData, check_name
from ..core.internal import STEP, AbstractLocalStars, Block, ModelUnits, padded_blocks

if TYPE_CHECKING:
    from ._dataset import Dataset

__all__ = ["Streamed"]


class Streamed(AbstractLocalStars):
    """The stars of a dataset in a model's units. Made by `Dataset.in_units_of`.

    Parameters
    ----------
    dataset : Dataset
    fitted : FittedModel
        Brings a catalogue of some of the stars to the model's units.
    sizes : mapping of str to int
        Pixels or labels, by output; those that the fit needs.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, dataset: "Dataset", fitted: ModelUnits, sizes: Mapping[str, int]):
        self._dataset, self._fitted, self._sizes = dataset, fitted, dict(sizes)
        kinds = dataset.manifest.outputs
        self.labels = tuple(name for name in sizes if kinds[name]["kind"] == "labels")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sizes)

    @property
    def sizes(self) -> dict[str, int]:
        return self._sizes

    @property
    def n_stars(self) -> int:
        return len(self._dataset)

    @property
    def is_in_memory(self) -> bool:
        return False

    @property
    def chunk(self) -> int:
        return self._dataset.manifest.chunk

    @property
    def fingerprint(self) -> str:
        """The checksums of the dataset, and which of its stars are taken."""
        return self._dataset.fingerprint

    def __getitem__(self, name: str) -> OutputData:
        parts = [part[name] for part in self.only(name).parts(4096)]
        return OutputData(*(jnp.concatenate([getattr(p, a) for p in parts]) for a in ("value", "ivar")))

    def only(self, *names: str) -> "Streamed":
        for name in names:
            check_name("output", name, self._sizes)
        return Streamed(self._dataset, self._fitted, {name: self._sizes[name] for name in names})

    def stars(self, index) -> "Streamed":
        return Streamed(self._dataset.select(index), self._fitted, self._sizes)

    def in_memory(self) -> Batch:
        return next(self.parts(self.n_stars))

    def parts(self, size: int) -> Iterator[Batch]:
        """Batches of `size` stars, the last one smaller, read ahead of their use."""
        yield from self._dataset.batches(size, *self._sizes, fitted=self._fitted)

    def blocks(self, size: int, *, overlap: bool = False) -> Iterator[Block]:
        size = min(size, -(-self.n_stars // STEP) * STEP)
        yield from padded_blocks(self, size)

    def runs(self, begins: Sequence[int] | np.ndarray, length: int) -> list[Batch]:
        rows = (np.asarray(begins)[:, None] + np.arange(length)).ravel()
        read = self.stars(rows[rows < self.n_stars]).in_memory()
        return read.runs(range(0, read.n_stars, length), length)
