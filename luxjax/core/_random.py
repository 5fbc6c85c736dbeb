"""Random keys: explicit, keyword-only, never defaulted."""

import jax

from ._arrays import PRNGKeyArray

__all__ = ["as_key"]


def as_key(key: PRNGKeyArray | int) -> PRNGKeyArray:
    """A jax random key from a key or an integer seed."""
    return jax.random.key(key) if isinstance(key, int) else key
