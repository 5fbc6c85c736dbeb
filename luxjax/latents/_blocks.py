"""Stars in blocks of one size, so that memory stays bounded and every block reuses one compiled kernel."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ..core.internal import STEP, AbstractStars, Block
from ..parallel.internal import shard_map_stars

__all__ = ["block_size", "blocks", "summed", "sweep"]

BLOCK_BYTES = 2**23
LARGEST = 4096


def block_size(sizes: Mapping[str, int], n_bytes: int = BLOCK_BYTES) -> int:
    """Stars whose values of all outputs take so much: enough for products at full speed, few enough to stay in cache."""
    stars = n_bytes // (4 * sum(sizes.values()))
    return max(STEP, min(LARGEST, stars // STEP * STEP))


def blocks(stars: AbstractStars, size: int | None = None, *, overlap: bool = False) -> Iterator[Block]:
    """Blocks of `size` stars (default: `block_size`), the last one filled up with stars of zero weight.

    Streamed stars are read while the last block is in use. Of stars on a mesh these are those of this process, `size` for
    each of its devices. With `overlap` the last block of stars in memory, where none is copied to fill it up, begins with
    some of the block before: for what is found of each star, not for sums.

    Yields
    ------
    block : Batch
    real : (star,) array
        1 for stars of the batch, 0 for the filling.
    where : slice
        The stars of this process that the block holds.
    """
    yield from stars.blocks(size or block_size(stars.sizes), overlap=overlap)


def sweep(kernel: Callable, model, stars: AbstractStars, size: int | None = None, *more):
    """Sum of ``kernel(model, block, real, *more)`` over the blocks: one pass over the stars.

    The kernel returns a tuple of arrays, the first of them the objective, which comes back as a float.
    """
    run = shard_map_stars(kernel)
    model, more = stars.everywhere((model, more))
    parts = (run(model, block, real, *more) for block, real, _ in blocks(stars, size))
    loss, *sums = stars.all_reduce(summed(parts))
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
