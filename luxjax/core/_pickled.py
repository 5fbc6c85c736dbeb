"""Arrays through pickle, joblib and ``copy.deepcopy`` in the precision that they have."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["KeepsPrecision"]


class _OnHost(NamedTuple):
    """The values of an array of JAX on its way."""

    values: np.ndarray


class KeepsPrecision:
    """Mixin for what holds arrays of JAX. JAX itself brings double precision back as single where 64-bit types are off."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: jax.tree.map(_packed, value) for name, value in self.__dict__.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        with jax.enable_x64(True):
            self.__dict__.update(
                {name: jax.tree.map(_unpacked, value, is_leaf=_is_packed) for name, value in state.items()}
            )


def _packed(x: Any) -> Any:
    if isinstance(x, jax.Array) and not jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return _OnHost(np.asarray(x))
    return x


def _unpacked(x: Any) -> Any:
    return jnp.asarray(x.values) if _is_packed(x) else x


def _is_packed(x: Any) -> bool:
    return isinstance(x, _OnHost)
