"""Small symmetric matrices by the thousand: packed products, and ridge solves in double precision.

A weighted Gram matrix sum_p w_np x_p x_p' for every star n is one matrix product, ``w @ pairs(x)``, once the
distinct products of each x are laid out in a row. Half the work of the full outer product, and no array of
stars x pixels x features is ever built.

Arrays of NumPy stay such in `unpack`, `pack`, `solve_ridge` and `ridge_mean`, which NumPy then does: threads of the host
can share the work, and nothing is compiled.
"""

import functools
from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve

from ._arrays import Array, Bool, Float

__all__ = [
    "gemm",
    "is_definite",
    "n_pairs",
    "pack",
    "pairs",
    "quadratic_form",
    "ridge_mean",
    "solve_ridge",
    "solve_symmetric",
    "total",
    "unpack",
]


def _index(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(n)


def n_pairs(n: int) -> int:
    """Number of distinct products of `n` values."""
    return n * (n + 1) // 2


def pairs(x: Float[Array, "*batch n"], multiple: int = 1) -> Float[Array, "*batch pair"]:
    """The n (n + 1) / 2 distinct products x_a x_b, a <= b, of each row; zeros fill them up to a multiple of this number.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from luxjax.core import pairs
    >>> print(pairs(jnp.array([2.0, 3.0])))
    [4. 6. 9.]
    """
    n = x.shape[-1]
    zeros = jnp.zeros((*x.shape[:-1], -n_pairs(n) % multiple), x.dtype)
    # Twice as fast on CPU as by two indices.
    return jnp.concatenate([*(x[..., a:] * x[..., a : a + 1] for a in range(n)), zeros], axis=-1)


def pack(matrix: Float[Array, "*batch n n"]) -> Float[Array, "*batch pair"]:
    """The upper triangle of symmetric matrices, in the order of `pairs`."""
    i, j = _index(matrix.shape[-1])
    if isinstance(matrix, np.ndarray):
        n = matrix.shape[-1]
        flat = matrix.reshape(*matrix.shape[:-2], n * n)
        return np.take(flat, i * n + j, axis=-1)  # much quicker than by two indices
    return matrix[..., i, j]


def unpack(packed: Float[Array, "*batch pair"], n: int) -> Float[Array, "*batch n n"]:
    """Symmetric matrices from their upper triangles; undoes `pack`. Columns beyond the pairs are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.core import unpack
    >>> unpack(np.array([2.0, 1.0, 3.0]), 2).tolist()
    [[2.0, 1.0], [1.0, 3.0]]
    """
    i, j = _index(n)
    where = np.zeros((n, n), dtype=np.int32)
    where[i, j] = where[j, i] = np.arange(len(i))
    return packed[..., where]


def quadratic_form(matrix: Float[Array, "a n n"], packed: Float[Array, "b pair"]) -> Float[Array, "a b"]:
    """tr(M_a S_b) for symmetric M_a and packed symmetric S_b, as one product: x'Sx for M = xx'.

    Columns of S beyond its pairs have no part in it.
    """
    i, j = _index(matrix.shape[-1])
    twice = np.where(i == j, 1.0, 2.0).astype(packed.dtype)
    rows = pack(matrix).astype(packed.dtype) * twice[None]
    return gemm(jnp.pad(rows, ((0, 0), (0, packed.shape[-1] - len(i)))), packed.T)


def total(arrays: Iterable[Array]) -> Array:
    """The sum of arrays of one shape."""
    return functools.reduce(jnp.add, arrays)


def gemm(a: Array, b: Array) -> Array:
    """Matrix product at full working precision (the default on GPUs is TF32, on TPUs bfloat16)."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def solve_ridge(
    gram: Float[Array, "..."],
    rhs: Float[Array, "*batch n"],
    precision: Float[Array, "*#batch n n"],
) -> tuple[Float[Array, "*batch n"], Float[Array, "*batch n n"], Float[Array, "*batch"]]:
    """Solve (G + P) x = r for many small systems; also the inverse and ln det(G + P).

    A direction with neither data nor prior (zero on the diagonal of G + P, as for a pixel no star has good) is
    left at zero with zero variance instead of spreading NaN. Differences of 1e-7 of the mean diagonal, the
    rounding of single-precision Gram matrices, are added so that nearly empty rows stay positive definite.
    G may come as its upper triangles, as `pack` has them; ten systems of four unknowns look alike in both forms, so
    that its annotation names no axes.
    """
    a, dead = _definite(gram, rhs, precision)
    inverse, logdet = _inverse(a)
    xp = _library(a)
    on_diagonal = np.eye(a.shape[-1], dtype=bool)[(None,) * (dead.ndim - 1)]
    inverse = xp.where(dead[..., None] & on_diagonal, 0, inverse)
    return xp.where(dead, 0, _times_inverse(inverse, a, rhs)), inverse, logdet


def ridge_mean(
    gram: Float[Array, "..."],
    rhs: Float[Array, "*batch n"],
    precision: Float[Array, "*#batch n n"],
) -> Float[Array, "*batch n"]:
    """The x of `solve_ridge` alone, at half the cost."""
    if isinstance(gram, np.ndarray):
        a, dead = _definite(gram, rhs, precision)
        return np.where(dead, 0, np.linalg.solve(a, rhs[..., None])[..., 0])
    if not _lapack_is_safe():
        return solve_ridge(gram, rhs, precision)[0]
    a, dead = _definite(gram, rhs, precision)
    x = cho_solve((_cholesky(a), True), rhs[..., None])[..., 0]
    return jnp.where(dead, 0, x)


def solve_symmetric(
    matrix: Float[Array, "*batch n n"], rhs: Float[Array, "*batch n"]
) -> Float[Array, "*batch n"]:
    """Solve A x = r for many small symmetric systems, none of them singular."""
    if _lapack_is_safe():
        return jnp.linalg.solve(matrix, rhs[..., None])[..., 0]
    return _times_inverse(_inverse_by_sweeps(matrix)[0], matrix, rhs)


def is_definite(matrix: Float[Array, "*batch n n"]) -> Bool[Array, "*batch"]:
    """Whether symmetric matrices are positive definite: whether their Cholesky factors exist, or all pivots are positive."""
    return jnp.isfinite(_inverse(matrix)[1])


def _times_inverse(inverse, a, rhs):
    """Solves A x = r; one refinement step takes back the accuracy lost by multiplying with the inverse."""

    def times(matrix, x):
        return _library(x).einsum("...ij,...j->...i", matrix, x)

    x = times(inverse, rhs)
    return x + times(inverse, rhs - times(a, x))


def _definite(gram, rhs, precision):
    """G + P made positive definite, and which directions have neither data nor prior."""
    n, xp = rhs.shape[-1], _library(gram)
    if gram.ndim == rhs.ndim:
        # The diagonal from here: unpacking, adding and converting are one loop then, a third of the time.
        i, j = _index(n)
        diagonal, gram = gram[..., np.flatnonzero(i == j)], unpack(gram, n)
    else:
        diagonal = xp.diagonal(gram, axis1=-2, axis2=-1)
    precision = precision[(None,) * (gram.ndim - precision.ndim)]
    level = 1e-7 * diagonal.sum(axis=-1, keepdims=True) / n
    dead = diagonal + xp.diagonal(precision, axis1=-2, axis2=-1) <= 0
    a, added = gram + precision, level + dead.astype(level.dtype)
    if isinstance(a, np.ndarray):
        a[..., np.arange(n), np.arange(n)] += added
        return a, dead
    unit = jnp.eye(n, dtype=gram.dtype)[(None,) * (added.ndim - 1)]
    return a + added[..., None] * unit, dead


def _cholesky(a):
    """Cholesky factors of matrices that are symmetric already, in half the time of making them so."""
    return jax.lax.linalg.cholesky(a, symmetrize_input=False)


def _inverse(a):
    """Inverses and ln det of positive definite matrices."""
    if isinstance(a, np.ndarray):
        return np.linalg.inv(a), np.linalg.slogdet(a)[1]
    if not _lapack_is_safe():
        return _inverse_by_sweeps(a)
    chol = _cholesky(a)
    inverse = cho_solve((chol, True), jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape))
    return inverse, 2 * jnp.sum(jnp.log(jnp.diagonal(chol, axis1=-2, axis2=-1)), axis=-1)


def _library(x):
    return np if isinstance(x, np.ndarray) else jnp


def _lapack_is_safe() -> bool:
    """Several CPU devices that factorise batches at once wait for each other's threads for ever (jaxlib 0.10)."""
    return jax.default_backend() != "cpu" or jax.local_device_count() == 1


def _inverse_by_sweeps(a):
    """The same by the sweep operator (Goodnight 1979, Am. Stat. 33, 149): plain array operations, no LAPACK."""
    n = a.shape[-1]

    def sweep(k, state):
        a, logdet = state
        pivot = a[..., k, k]
        row = a[..., k, :]
        scaled = row / pivot[..., None]
        here = jnp.arange(n) == k
        rest = a - jnp.where(here, 0, scaled)[..., :, None] * jnp.where(here, 0, row)[..., None, :]
        rest = jnp.where(here[:, None], scaled[..., None, :], rest)
        rest = jnp.where(here[None, :], scaled[..., :, None], rest)
        corner = here[:, None] & here[None, :]
        return jnp.where(corner, -1 / pivot[..., None, None], rest), logdet + jnp.log(pivot)

    swept, logdet = jax.lax.fori_loop(0, n, sweep, (a, jnp.zeros(a.shape[:-2], a.dtype)))
    return -swept, logdet
