"""What models see: bare arrays of values and inverse variances, one pair per named output."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._arrays import Array, Float
from ._chosen import chosen_rows
from ._host import rows_filled, rows_of
from ._messages import InputError, LuxWarning, check_name
from ._pickled import KeepsPrecision
from ._stars import STEP, AbstractLocalStars, Block, ModelUnits, padded_blocks
from ._values import values

__all__ = ["Batch", "OutputData", "divided", "usable"]


def divided(value, ivar, scale: float | np.ndarray = 1.0, loc: float | np.ndarray = 0.0):
    """``(value - loc) / scale`` and the inverse variances of it, in double precision; as they are where nothing changes."""
    if np.all(scale == 1) and np.all(loc == 0):
        return value, ivar
    with np.errstate(over="ignore", under="ignore"):  # the square alone may be no number
        return (np.asarray(value, np.float64) - loc) / scale, np.asarray(ivar, np.float64) * scale * scale


def usable(value, ivar, dtype=np.float32, *, what: str = "an output") -> tuple[np.ndarray, np.ndarray]:
    """Values and inverse variances as models take them, still on the host; see `OutputData.clean`."""
    given, weight = values("values", value), values("inverse variances", ivar)
    if given.shape != weight.shape or given.ndim != 2:
        raise InputError(
            f"values of shape {given.shape} came with inverse variances of shape {weight.shape}; "
            "give two arrays of the same shape (star, pixel or label)."
        )
    with np.errstate(over="ignore", under="ignore"):  # what is too large for the type becomes infinite
        value, ivar = given.astype(dtype, copy=False), weight.astype(dtype, copy=False)
    good = np.isfinite(value) & np.isfinite(ivar) & (ivar > 0)
    _tell_lost(what, given, weight, good, dtype)
    return np.where(good, value, 0), np.where(good, ivar, 0)


def _tell_lost(what: str, value: np.ndarray, ivar: np.ndarray, good: np.ndarray, dtype) -> None:
    """Warn of what was good before the cast and is not after it: it has no weight, and nobody would know."""
    if value.dtype == ivar.dtype == np.dtype(dtype):
        return
    lost = np.isfinite(value) & np.isfinite(ivar) & (ivar > 0) & ~good
    if lost.any():
        warnings.warn(
            f"{lost.sum()} of {lost.size} values of {what} get no weight: {np.dtype(dtype)} cannot hold them or their inverse "
            f"variances (values to {np.abs(value[lost]).max():.3g}, inverse variances {ivar[lost].min():.3g} to "
            f"{ivar[lost].max():.3g}). Check these errors.",
            LuxWarning,
            stacklevel=3,
        )


class OutputData(KeepsPrecision, eqx.Module):
    """Values of one output with their inverse variances.

    Parameters
    ----------
    value : (star, out) array
        Finite everywhere. One star alone has (out,), stars of several chains (chain, star, out).
    ivar : (star, out) array
        Inverse variance, finite and not negative; zero marks a bad pixel or a missing label, whose value
        then changes nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.core import OutputData
    >>> data = OutputData.clean(np.array([[1.0, np.nan]]), np.array([[100.0, 100.0]]))
    >>> data.value.tolist(), data.ivar.tolist()  # what is not finite has no weight
    ([[1.0, 0.0]], [[100.0, 0.0]])
    """

    value: Float[Array, "*star out"]
    ivar: Float[Array, "*star out"]

    @classmethod
    def clean(cls, value, ivar, dtype=np.float32, *, what: str = "an output") -> "OutputData":
        """Build from host arrays, giving whatever is unusable the value 0 and zero weight.

        Unusable: a value or inverse variance that is masked or not finite, or an inverse variance <= 0. The stored
        arrays do not depend on what stood there. A `LuxWarning` tells of values that are good but out of the range of `dtype`.
        """
        value, ivar = usable(value, ivar, dtype, what=what)
        return cls(jnp.asarray(value), jnp.asarray(ivar))

    @property
    def n_stars(self) -> int:
        return self.value.shape[0]

    @property
    def size(self) -> int:
        """Pixels or labels per star."""
        return self.value.shape[1]


class Batch(KeepsPrecision, AbstractLocalStars, eqx.Module):
    """Measured outputs of the same stars, by name. An equinox module: a pytree of arrays.

    Parameters
    ----------
    outputs : mapping of str to OutputData
        All with the same number of stars, in the same order.
    labels : sequence of str
        The outputs that are labels. All others are inputs: they alone say where a star lies among the latents. Catalogues
        and datasets state it; of a batch made by hand every output is an input unless it is named here.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.core import OutputData
    >>> flux = OutputData.clean([[1.0, 0.9], [np.nan, 0.8]], [[100.0, 100.0], [100.0, 100.0]])
    >>> batch = luxjax.Batch({"flux": flux})
    >>> batch.n_stars, batch.sizes
    (2, {'flux': 2})
    >>> print(batch["flux"].ivar)  # the missing value has no weight
    [[100. 100.]
     [  0. 100.]]
    """

    outputs: dict[str, OutputData]
    labels: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, outputs: Mapping[str, OutputData], labels: Sequence[str] = ()):
        self.outputs = dict(outputs)
        for name in labels:
            check_name("output of the batch", name, self.outputs)
        self.labels = tuple(k for k in self.outputs if k in labels)

    def __check_init__(self):
        counts = {name: m.n_stars for name, m in self.outputs.items() if eqx.is_array(m.value)}
        if len(set(counts.values())) > 1:
            raise InputError(f"outputs of one batch must hold the same stars; star counts were {counts}.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.outputs)

    @property
    def n_stars(self) -> int:
        return next(iter(self.outputs.values())).n_stars

    @property
    def dtype(self) -> np.dtype:
        """The type of the values."""
        return next(iter(self.outputs.values())).value.dtype

    @property
    def sizes(self) -> dict[str, int]:
        """Pixels or labels per star, by output."""
        return {name: m.size for name, m in self.outputs.items()}

    def __getitem__(self, name: str) -> OutputData:
        check_name("output", name, self.outputs, "Ask for one of these, or build the batch with it")
        return self.outputs[name]

    def only(self, *names: str) -> "Batch":
        """The batch with these outputs alone."""
        return Batch({name: self[name] for name in names}, [k for k in self.labels if k in names])

    def pad(self, size: int) -> "Batch":
        """The batch filled up to `size` stars with stars of zero weight, so that every block has one compiled kernel."""
        return self._each(lambda x: rows_filled(x, size)) if size > self.n_stars else self

    def stars(self, index) -> "Batch":
        """The batch of the stars selected by a slice, integer array or boolean mask.

        A slice is no copy where JAX computes in the host's memory.
        """
        if (
            not isinstance(index, slice | jax.core.Tracer) and np.ndim(index) < 2
        ):  # several runs at once have a row each
            index = chosen_rows(index, self.n_stars)
        return self._each(lambda x: rows_of(x, index))

    # As fits go through them

    @property
    def ids(self) -> np.ndarray:
        """The numbers of the stars as text: a batch has no identifiers."""
        return np.arange(self.n_stars).astype(str)

    @property
    def is_in_memory(self) -> bool:
        return True

    @property
    def chunk(self) -> int:
        return 1

    @property
    def fingerprint(self) -> None:
        return None

    def in_units_of(self, fitted: ModelUnits, *names: str) -> "Batch":
        """The named outputs: a batch is in the model's units."""
        return self.only(*names)

    def in_memory(self) -> "Batch":
        return self

    def parts(self, size: int) -> Iterator["Batch"]:
        for start in range(0, self.n_stars, size):
            yield self.stars(slice(start, start + size))

    def runs(self, begins: Sequence[int] | np.ndarray, length: int) -> list["Batch"]:
        return [self.stars(slice(begin, begin + length)) for begin in begins]

    def blocks(self, size: int, *, overlap: bool = False) -> Iterator[Block]:
        size = min(size, -(-self.n_stars // STEP) * STEP)
        whole = self.n_stars - self.n_stars % size
        if not overlap or whole in (0, self.n_stars):
            yield from padded_blocks(self, size)
            return
        yield from padded_blocks(self.stars(slice(whole)), size)
        last = slice(self.n_stars - size, self.n_stars)
        yield self.stars(last), jax.device_put(np.ones(size, bool)), last

    def _each(self, change: Callable[[Array], Array]) -> "Batch":
        changed = {k: OutputData(change(m.value), change(m.ivar)) for k, m in self.outputs.items()}
        return Batch(changed, self.labels)
