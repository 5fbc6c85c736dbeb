"""Decoders from their sums: one weighted ridge regression for every pixel and label.

Rows are solved some at a time: their matrices, unpacked and in double precision, would take more memory than the sums
themselves. On CPU NumPy solves them, in a thread on every core; XLA takes one, twice as long, and batched factorisations that
it runs side by side wait for each other for ever (jaxlib 0.10). Elsewhere parts are all of one size, so that one program
serves outputs of any size.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial

import equinox as eqx
import jax
import numpy as np

from ..core import aligned, ridge_mean, unpack
from ..core.internal import Array, Float, pack, rows_filled, rows_of, solve_ridge
from ..models import AbstractFeatureDecoder, Lux
from ..system.internal import in_threads
from ._decoders import DecoderSums

__all__ = ["finish", "improve_decoders", "row_covariances", "shrinkage_prior", "solve_decoders"]

PART_BYTES = 2**21  # of matrices that a core of a CPU solves at a time; others solve
ROWS_ELSEWHERE = 16384  # rows at once
ROWS_PER_FEATURE = 4  # an output with fewer rows than this many times its features cannot tell its own prior
FIXED = 1e30  # prior precision of an intercept that is not free


def solve_decoders(
    model: Lux,
    sums: Mapping[str, DecoderSums],
    priors: Mapping[str, np.ndarray | None] | None = None,
    intercept: bool = True,
) -> tuple[Lux, dict[str, Array]]:
    """The best decoders of every output for these sums; packed covariances of their rows of [intercept, weight], float32.

    Parameters
    ----------
    model : Lux
        With the decoders whose intercepts were subtracted when the sums were taken.
    sums : mapping of str to DecoderSums
    priors : mapping of str to (feature, feature) array, optional
        Prior precision of each row of weights, about zero; Default: none. The intercept has none.
    intercept : bool
        Whether intercepts are free, or stay as they are.
    """
    decoders, covs = {}, {}
    for name, decoder in model.feature_decoders.items():
        precision = _precision(decoder, priors[name] if priors else None, intercept)
        rows, cov = _by_rows(_solve, sums[name], precision)
        decoders[name], covs[name] = _moved(decoder, rows), jax.device_put(cov, may_alias=True)
    return model.replace(decoders), covs


def improve_decoders(
    model: Lux,
    sums: Mapping[str, DecoderSums],
    priors: Mapping[str, np.ndarray | None] | None = None,
    intercept: bool = True,
) -> tuple[Lux, float]:
    """The best decoders of every output for these sums, without covariances, and by how much they lower the objective."""
    decoders, gain = {}, 0.0
    for name, decoder in model.feature_decoders.items():
        was = jax.device_put(np.pad(np.asarray(decoder.weight), ((0, 0), (1, 0))))
        precision = _precision(decoder, priors[name] if priors else None, intercept)
        rows, less = _by_rows(_improve, sums[name], precision, was)
        decoders[name], gain = _moved(decoder, rows), gain + float(less.sum())
    return model.replace(decoders), gain


def row_covariances(gram: Float[Array, "out pair"]) -> Float[Array, "out pair"]:
    """Packed covariances of the rows of [intercept, weight], float32, from the packed information on each."""
    n = math.isqrt(2 * gram.shape[1])  # of n (n + 1) / 2 pairs
    rhs = jax.device_put(np.zeros((len(gram), n)))
    return jax.device_put(_by_rows(_solve, (gram, rhs), np.zeros((n, n)))[1], may_alias=True)


def _solve(gram, rhs, precision):
    """The best rows of [intercept, weight] for these sums, and the packed covariance of each."""
    row, cov, _ = solve_ridge(gram, rhs, precision)
    return row, pack(cov).astype(np.float32)


def _improve(gram, rhs, precision, was):
    """The best rows, and by how much each lowers half the chi-square and the prior."""
    gram = unpack(gram, rhs.shape[1])
    row = ridge_mean(gram, rhs, precision)
    # From the change of the rows: a difference of two chi-squares would lose its digits.
    middle = 0.5 * (row + was)
    slope = (gram @ middle[..., None])[..., 0] + middle @ precision - rhs
    return row, -((row - was) * slope).sum(axis=1)


def _by_rows(solve: Callable, sums: tuple[Array, Array], precision: np.ndarray, *more: Array):
    """``solve(gram, rhs, precision, ...)`` of all rows of an output, as arrays of the host."""
    given = (*sums, *more)
    n_rows = len(given[0])
    if jax.default_backend() == "cpu":
        parts = _by_cores(solve, [np.asarray(x) for x in given], precision)
    else:
        parts = _by_device(solve, given, precision)
    found: tuple[np.ndarray, ...] = ()
    for rows, part in parts:
        found = found or tuple(aligned((n_rows, *x.shape[1:]), x.dtype) for x in part)
        for whole, x in zip(found, part, strict=True):
            whole[rows] = x[: rows.stop - rows.start]
    return found


def _slices(n_rows: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def _by_cores(solve: Callable, given: list[np.ndarray], precision: np.ndarray):
    def of(rows: slice):
        gram, rhs, *rest = (x[rows] for x in given)
        with np.errstate(all="ignore"):  # of data that overflow the fit will say so
            return rows, solve(gram, rhs, precision, *rest)

    n_features = given[1].shape[1]
    yield from in_threads(of, _slices(len(given[0]), max(1, PART_BYTES // (8 * n_features**2))))


def _by_device(solve: Callable, given: tuple[Array, ...], precision: np.ndarray):
    for rows in _slices(len(given[0]), ROWS_ELSEWHERE):
        # Rows of zeros fill the last part up; they have no data, which every solve allows.
        gram, rhs, *rest = (rows_filled(rows_of(x, rows), ROWS_ELSEWHERE) for x in given)
        yield rows, jax.tree.map(np.asarray, _compiled(solve, gram, rhs, precision, *rest))


@partial(jax.jit, static_argnums=0)
def _compiled(solve: Callable, *given):
    return solve(*given)


def _precision(decoder: AbstractFeatureDecoder, prior: np.ndarray | None, intercept: bool) -> np.ndarray:
    """Prior precision of a row of [intercept, weight]."""
    n = decoder.weight.shape[1] + 1
    precision = np.zeros((n, n))
    precision[0, 0] = 0.0 if intercept else FIXED
    if prior is not None:
        precision[1:, 1:] = prior
    return precision


def _moved(decoder: AbstractFeatureDecoder, rows: np.ndarray) -> AbstractFeatureDecoder:
    """The decoder with these rows, the intercept moved by its part of them."""
    intercept = jax.device_put(np.asarray(decoder.intercept) + rows[:, 0])
    return eqx.tree_at(lambda d: (d.intercept, d.weight), decoder, (intercept, jax.device_put(rows[:, 1:])))


def shrinkage_prior(decoder: AbstractFeatureDecoder, cov: Float[Array, "out pair"]) -> np.ndarray:
    """Empirical-Bayes prior precision of a decoder's rows, from their own spread less their own noise.

    Rows are taken as draws of N(0, S) with one full matrix S, estimated by moments: the mean of w w' - C over rows w with
    covariance C (Efron & Morris 1973, JASA 68, 117, in several dimensions). Rows count by 1 / (tr C + median |w|^2), so that
    a few that hardly any star tells of, whose C is huge, do not drown the others. A full S makes the shrinkage the
    same in every rotation of the latents. Directions without significant spread are shrunk almost to zero.

    Parameters
    ----------
    decoder : AbstractFeatureDecoder
    cov : (out, pair) array
        Packed covariances of its rows of [intercept, weight], as `solve_decoders` gives them.

    Returns
    -------
    (feature, feature) array
    """
    weight, packed = np.asarray(decoder.weight, np.float64), np.asarray(cov)
    n = weight.shape[1] + 1
    seen = packed[:, n:].max(axis=1) > 0  # a row without data has neither weight nor covariance
    trace = packed[:, _diagonal(n)[1:]].sum(axis=1, dtype=np.float64)
    square = np.sum(weight**2, axis=1)
    counts = np.where(seen, 1 / np.maximum(trace + np.median(square[seen]), 1e-300), 0.0)
    own = unpack(counts @ packed, n)[1:, 1:]  # type: ignore[arg-type]  # NumPy's, as it takes too
    values, vectors = np.linalg.eigh((weight.T @ (counts[:, None] * weight) - own) / counts.sum())
    values = np.maximum(values, 1e-3 * max(values[-1], 1e-30))
    return (vectors / values) @ vectors.T


def _diagonal(n: int) -> np.ndarray:
    """Where the diagonal of an n by n matrix is in its packed upper triangle."""
    return np.cumsum(np.r_[0, np.arange(n, 1, -1)])


def _is_telling(decoder: AbstractFeatureDecoder) -> bool:
    """Whether a decoder has enough rows to estimate their common prior: spectra do, a few labels do not."""
    size, n = decoder.weight.shape
    return size >= ROWS_PER_FEATURE * n


def finish(
    model: Lux, sums: Mapping[str, DecoderSums], *, shrink: bool, intercept: bool = True
) -> tuple[Lux, dict[str, Array]]:
    """The last solve of a fit: decoders for these sums, shrunk where asked, and the packed covariance of their rows."""
    plain, covs = solve_decoders(model, sums, None, intercept)
    if shrink:
        priors = {
            name: shrinkage_prior(decoder, covs[name]) if _is_telling(decoder) else None
            for name, decoder in plain.feature_decoders.items()
        }
        plain, covs = solve_decoders(model, sums, priors, intercept)
    return plain, covs
