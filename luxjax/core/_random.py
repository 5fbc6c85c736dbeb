"""Random keys: explicit, keyword-only, never defaulted."""

import jax
import numpy as np

from ._arrays import PRNGKeyArray
from ._messages import InputError

__all__ = ["as_key"]


def as_key(key: PRNGKeyArray | int) -> PRNGKeyArray:
    """A jax random key from a key or an integer seed; raises `InputError` for anything else."""
    if isinstance(key, int | np.integer):
        return jax.random.key(int(key))
    if not isinstance(key, jax.Array | np.ndarray):
        raise InputError(
            f"a random key is a whole number or a jax random key; given: {key!r}. Write key=1, say."
        )
    return key
