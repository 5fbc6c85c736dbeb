"""Mini-batches of stars in random order, from memory or from disk, every star once in each epoch.

The order follows from the seed and the number of the step alone, so that a resumed descent continues it. Batches are cut
from one epoch after another without a gap, and all have the same shape.

From disk, runs of neighbouring stars are drawn at random, read together into windows of a quarter of a gibibyte, and
shuffled within each: reading single stars would decompress a whole chunk for each of them. The next window is read and put on
the device while batches of the last are in use.
"""

import itertools
import math
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Batch, InputError
from ...core.internal import AbstractStars, Array, PRNGKeyArray

__all__ = ["Minibatch", "Minibatches"]

WINDOW_BYTES = 2**28
CHUNKS_PER_RUN = 4  # a run that begins amid a chunk reads one chunk more

Job = TypeVar("Job")
Result = TypeVar("Result")


class Minibatch(NamedTuple):
    """Stars of one step: those at `at` of the stars in `held`, whose numbers among all stars are `rows`.

    Both indices are (block, star); the last block is filled up with rows beyond the last star.
    """

    held: Batch
    at: Array
    rows: Array


class Minibatches:
    """The mini-batches of a descent.

    Parameters
    ----------
    stars : AbstractStars
        Streamed stars that fit into a window are read once and kept.
    size : int or None
        Stars of a batch; None for all, in their order.
    block : int
        Stars of a block, at most.
    key : jax random key
    """

    def __init__(self, stars: AbstractStars, size: int | None, block: int, key: PRNGKeyArray):
        self.n_stars = n = stars.n_stars
        self.whole = size is None or size >= n
        self.size = n if size is None else min(size, n)
        self.run, self.window = 1, self.size
        if not stars.is_in_memory:
            fitting = WINDOW_BYTES // stars.bytes_per_star
            if n <= fitting:
                stars = stars.in_memory()
            elif self.whole:
                raise InputError(
                    "steps over all stars (batch_size=None) need them in memory; give a batch_size, or fit "
                    "dataset.select(...).catalog()."
                )
            else:
                self.run = CHUNKS_PER_RUN * stars.chunk
                self.window = max(fitting // self.size, 1) * self.size
        self.stars = stars
        n_blocks = -(-self.size // block)
        self._shape = (n_blocks, -(-self.size // n_blocks))
        self._seed = np.asarray(jax.random.key_data(key)).tolist()

    def after(self, step: int) -> Generator[Minibatch, None, None]:
        """The batches of all steps after this many, without end."""
        if self.whole:
            every = self._filled(np.arange(self.n_stars), self.n_stars)
            yield from itertools.repeat(Minibatch(self.stars.in_memory(), every, every))
        done = step * self.size
        windows = self._windows(done // self.window * self.window)
        parts = map(self._there, windows) if self.stars.is_in_memory else _ahead(self._read, windows)
        passed = done % self.window
        for held, at, rows in parts:
            for begin in range(passed, self.window, self.size):
                here = slice(begin, begin + self.size)
                places, numbers = self._filled(at[here], 0), self._filled(rows[here], self.n_stars)
                yield Minibatch(held, places, numbers)
            passed = 0

    def _there(self, rows: np.ndarray) -> tuple[Batch, np.ndarray, np.ndarray]:
        return self.stars.in_memory(), rows, rows

    def _read(self, rows: np.ndarray) -> tuple[Batch, np.ndarray, np.ndarray]:
        """These stars on the device, in the order of the disk, and where each of them is there."""
        stars = np.unique(rows)
        if len(stars) < len(
            rows
        ):  # an epoch ends here; others stand in for the twins, so that the shape stays
            others = np.setdiff1d(np.arange(self.n_stars), stars)[: len(rows) - len(stars)]
            stars = np.sort(np.concatenate([stars, others]))
        return self.stars.stars(stars).in_memory(), np.searchsorted(stars, rows), rows

    def _windows(self, begin: int) -> Iterator[np.ndarray]:
        """Star numbers, as many as a window holds at a time, from this place in the sequence of all epochs on."""
        rest = np.zeros(0, int)
        for epoch in itertools.count(begin // self.n_stars):
            rest = np.concatenate([rest, self._order(epoch)[max(begin - epoch * self.n_stars, 0) :]])
            while len(rest) >= self.window:
                yield rest[: self.window]
                rest = rest[self.window :]

    def _order(self, epoch: int) -> np.ndarray:
        """All stars in the order of this epoch."""
        n, rng = self.n_stars, np.random.default_rng([*self._seed, epoch])
        if self.run == 1:
            return rng.permutation(n)
        runs = rng.permutation(-(-n // self.run)) * self.run
        order = (runs[:, None] + np.arange(self.run)).ravel()
        order = order[order < n]
        first = -epoch * n % self.window  # where the first window that begins in this epoch does
        for begin, end in itertools.pairwise([0, *range(first, n, self.window), n]):
            rng.shuffle(order[begin:end])
        return order

    def _filled(self, rows: np.ndarray, filling: int) -> Array:
        whole = np.full(math.prod(self._shape), filling)
        whole[: len(rows)] = rows
        return jnp.asarray(whole.reshape(self._shape))


def _ahead(work: Callable[[Job], Result], jobs: Iterator[Job]) -> Iterator[Result]:
    """Results in order, the next one computed by a thread while the last is in use."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(work, next(jobs))
        for job in jobs:
            ready, waiting = waiting.result(), pool.submit(work, job)
            yield ready
