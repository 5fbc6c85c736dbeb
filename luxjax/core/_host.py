"""Rows of arrays taken, and filled up, by NumPy wherever JAX's arrays lie in its reach: a new shape is nothing to compile."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from ._arrays import Array

__all__ = ["aligned", "rows_filled", "rows_of"]

ALIGNMENT = 64  # bytes


def rows_of(x: Array, index) -> Array:
    """The rows that a slice, integer array or boolean mask selects; a slice is no copy on CPU."""
    if isinstance(index, jax.core.Tracer) or not _in_reach(x):
        return x[index]
    values = np.asarray(x)
    if isinstance(index, slice):
        return jax.device_put(values[index], may_alias=True)
    rows = np.arange(len(values))[index]
    chosen = aligned((*rows.shape, *values.shape[1:]), values.dtype)
    values.take(rows, axis=0, out=chosen, mode="clip")  # the default mode works on a copy of `out`
    return jax.device_put(chosen, may_alias=True)


def rows_filled(x: Array, size: int) -> Array:
    """The array with rows of zeros up to `size`."""
    short = size - len(x)
    if short <= 0:
        return x
    if not _in_reach(x):
        return jnp.pad(x, ((0, short), *((0, 0),) * (x.ndim - 1)))
    filled = aligned((size, *x.shape[1:]), x.dtype)
    filled[: len(x)] = x
    filled[len(x) :] = 0
    return jax.device_put(filled, may_alias=True)


def aligned(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An empty array that begins where JAX can take it over as it is; it copies others."""
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(n_bytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + n_bytes].view(dtype).reshape(shape)


def _in_reach(x) -> bool:
    """Whether this is an array in the host's memory, of a type that JAX would give it again."""
    if isinstance(x, jax.core.Tracer):
        return False
    if isinstance(x, jax.Array) and not (
        x.is_fully_addressable and all(d.platform == "cpu" for d in x.devices())
    ):
        return False
    return jax.dtypes.canonicalize_dtype(x.dtype) == x.dtype
