"""Stars that are read anew in every pass of a fit, so that its memory does not depend on their number."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from ..core import Batch, OutputData, check_name

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["Streamed"]


class Streamed:
    """The stars of a dataset, as closed-form fits go through them; stands where a `Batch` does.

    Parameters
    ----------
    dataset : Dataset
    scaled : callable
        From a catalogue of some of the stars to their batch in the model's units.
    sizes : mapping of str to int
        Pixels or labels, by output; those that the fit needs.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, dataset: "Dataset", scaled: Callable, sizes: Mapping[str, int]):
        self._dataset, self._scaled, self.sizes = dataset, scaled, dict(sizes)

    @property
    def n_stars(self) -> int:
        return len(self._dataset)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    @property
    def labels(self) -> tuple[str, ...]:
        """The outputs that are labels, as in a `Batch`."""
        kinds = self._dataset.manifest.outputs
        return tuple(name for name in self.sizes if kinds[name]["kind"] == "labels")

    @property
    def fingerprint(self) -> str:
        """What tells these stars from others: the checksums of the dataset, and which of its stars are taken."""
        return self._dataset.fingerprint

    @property
    def bytes_per_star(self) -> int:
        """What a star takes in memory."""
        return 2 * self.dtype.itemsize * sum(self.sizes.values())

    @property
    def chunk(self) -> int:
        """Stars that are read together at least."""
        return self._dataset.manifest.chunk

    def only(self, *names: str) -> "Streamed":
        """The same stars with these outputs alone."""
        for name in names:
            check_name("output", name, self.sizes)
        return Streamed(self._dataset, self._scaled, {name: self.sizes[name] for name in names})

    def stars(self, index) -> "Streamed":
        """The stars selected by a slice, integer array or boolean mask."""
        return Streamed(self._dataset.select(index), self._scaled, self.sizes)

    def parts(self, size: int) -> Iterator[Batch]:
        """Batches of `size` stars, the last one smaller, read ahead of their use."""
        yield from self._dataset.batches(size, *self.sizes, labels=self._scaled)

    def __getitem__(self, name: str) -> OutputData:
        """One output of all stars in memory: for labels, which are few."""
        parts = [part[name] for part in self.only(name).parts(4096)]
        return OutputData(*(jnp.concatenate([getattr(p, a) for p in parts]) for a in ("value", "ivar")))
