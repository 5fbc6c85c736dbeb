"""Host random numbers from a JAX key: one key gives one world, in float64 whatever JAX's precision."""

import jax
import numpy as np

from ..core import InputError
from ..core.internal import PRNGKeyArray

__all__ = ["generator"]


def generator(key: "PRNGKeyArray | int") -> np.random.Generator:
    """A NumPy generator seeded by a JAX key, or by a plain integer."""
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        return np.random.default_rng(int(key))
    dtype = getattr(key, "dtype", None)
    if dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
        key = jax.random.key_data(key)
    elif dtype != np.uint32:
        raise InputError(f"key is {key!r}; give a JAX key such as jax.random.key(0), or an integer.")
    words = np.asarray(key)
    return np.random.default_rng([int(w) for w in words.ravel()])
