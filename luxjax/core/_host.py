"""Rows of arrays taken, and filled up, by NumPy wherever JAX's arrays lie in its reach: a new shape is nothing to compile."""

import jax
import jax.numpy as jnp
import numpy as np

from ._arrays import Array

__all__ = ["rows_filled", "rows_of"]


def rows_of(x: Array, index) -> Array:
    """The rows that a slice, integer array or boolean mask selects; a slice is no copy on CPU."""
    if isinstance(index, jax.core.Tracer) or not _in_reach(x):
        return x[index]
    return jax.device_put(np.asarray(x)[index], may_alias=True)


def rows_filled(x: Array, size: int) -> Array:
    """The array with rows of zeros up to `size`."""
    short = size - len(x)
    if short <= 0:
        return x
    if not _in_reach(x):
        return jnp.pad(x, ((0, short), *((0, 0),) * (x.ndim - 1)))
    filled = np.zeros((size, *x.shape[1:]), x.dtype)
    filled[: len(x)] = x
    return jax.device_put(filled)


def _in_reach(x) -> bool:
    """Whether this is an array in the host's memory, of a type that JAX would give it again."""
    if isinstance(x, jax.core.Tracer):
        return False
    if isinstance(x, jax.Array) and not (
        x.is_fully_addressable and all(d.platform == "cpu" for d in x.devices())
    ):
        return False
    return jax.dtypes.canonicalize_dtype(x.dtype) == x.dtype
