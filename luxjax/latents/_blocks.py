"""Stars in blocks of one size, so that memory stays bounded and every block reuses one compiled kernel."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch
from ..core.internal import Array, Float
from ..parallel.internal import Sharded, Streamed, all_reduce, everywhere, shard_map_stars

__all__ = ["block_size", "blocks", "summed", "sweep"]

STEP = 64
BLOCK_BYTES = 2**23
LARGEST = 4096

Block = tuple[Batch, Float[Array, " star"], slice]


def block_size(sizes: Mapping[str, int], n_bytes: int = BLOCK_BYTES) -> int:
    """Stars whose values of all outputs take so much: enough for products at full speed, few enough to stay in cache."""
    stars = n_bytes // (4 * sum(sizes.values()))
    return max(STEP, min(LARGEST, stars // STEP * STEP))


def blocks(
    batch: Batch | Streamed | Sharded, size: int | None = None, *, overlap: bool = False
) -> Iterator[Block]:
    """Blocks of `size` stars (`block_size` unless given), the last one filled up with stars of zero weight.

    Streamed stars are read while the last block is in use. Of stars on a mesh these are those of this process, `size` for
    each of its devices. With `overlap` the last block of stars in memory, where none is copied to fill it up, begins with
    some of the block before: for what is found of each star, not for sums.

    Yields
    ------
    block : Batch
    real : (star,) array
        1 for stars of the batch, 0 for the filling.
    where : slice
        The stars of the batch that the block holds.
    """
    size = size or block_size(batch.sizes)
    if isinstance(batch, Sharded):
        size = batch.block_size(size, STEP)
        yield from batch.spread(size, _filled(batch.stars, size))
    else:
        # Samples of nearly the same size, as in cross-validation, share one compiled kernel.
        size = min(size, -(-batch.n_stars // STEP) * STEP)
        yield from _overlapping(batch, size) if overlap and isinstance(batch, Batch) else _filled(batch, size)


def _filled(batch: Batch | Streamed, size: int) -> Iterator[Block]:
    n = batch.n_stars
    parts = batch.parts(size) if isinstance(batch, Streamed) else _slices(batch, size)
    for start, part in zip(range(0, n, size), parts, strict=True):
        stop = min(start + size, n)
        real = jax.device_put(np.arange(size) < stop - start)
        yield part.pad(size), real, slice(start, stop)


def _overlapping(batch: Batch, size: int) -> Iterator[Block]:
    whole = batch.n_stars - batch.n_stars % size
    yield from _filled(batch.stars(slice(whole)) if whole else batch, size)
    if 0 < whole < batch.n_stars:
        last = slice(batch.n_stars - size, batch.n_stars)
        yield batch.stars(last), jax.device_put(np.ones(size, bool)), last


def _slices(batch: Batch, size: int) -> Iterator[Batch]:
    for start in range(0, batch.n_stars, size):
        yield batch.stars(slice(start, start + size))


def sweep(kernel: Callable, model, batch: Batch | Streamed | Sharded, size: int | None = None, *more):
    """Sum of ``kernel(model, block, real, *more)`` over the blocks: one pass over the stars.

    The kernel returns a tuple of arrays, the first of them the objective, which comes back as a float.
    """
    run = shard_map_stars(kernel)
    model, more = everywhere((model, more), batch)
    parts = (run(model, block, real, *more) for block, real, _ in blocks(batch, size))
    loss, *sums = all_reduce(summed(parts), batch)
    return float(loss), *sums


def summed(parts: Iterable):
    """The sum of trees of arrays, in double precision and in place: sums for all pixels are as large as a block of stars."""
    total: list = []
    for part in parts:
        part = jax.block_until_ready(part)  # blocks side by side could deadlock on CPU
        total = [_added(total.pop() if total else _zeros(part), part)]
        del part  # none of it while the next is made
    return total[0]


def _zeros(part):
    """From the host, and where the part is: nothing to compile.

    Bound to its devices only if the part is: JAX compiles what follows once more for arrays that are bound.
    """
    return jax.tree.map(
        lambda x: jax.device_put(np.zeros(x.shape), x.sharding if x.committed else None), part
    )


@partial(jax.jit, donate_argnums=0)
def _added(total, part):
    return jax.tree.map(lambda x, y: x + y.astype(jnp.float64), total, part)
