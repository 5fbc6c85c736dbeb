"""Decoders from their sums: one weighted ridge regression for every pixel and label.

The rows of all outputs are solved some at a time, one part after another: their matrices, unpacked and in double precision,
would take more memory than the sums themselves, and on CPU batched factorisations that run side by side wait for each other's
threads for ever (seen with jaxlib 0.10 on two cores).
"""

from collections.abc import Callable, Iterator, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Array, Float, pack, ridge_mean, solve_ridge, unpack
from ..models import FeatureDecoder, Lux
from ._decoders import DecoderSums

__all__ = ["finish", "improve_decoders", "is_telling", "shrinkage_prior", "solve_decoders"]

Decoders = dict[str, FeatureDecoder]

ROWS = 512  # solved at a time
ROWS_PER_FEATURE = 4  # an output with fewer rows than this many times its features cannot tell its own prior
FIXED = 1e30  # prior precision of an intercept that is not free


def solve_decoders(
    model: Lux,
    sums: Mapping[str, DecoderSums],
    priors: Mapping[str, Array] | None = None,
    intercept: bool = True,
) -> tuple[Lux, dict[str, Array]]:
    """The best decoders of every output for these sums; packed covariances of their rows of [intercept, weight], float32.

    Parameters
    ----------
    model : Lux
        With the decoders whose intercepts were subtracted when the sums were taken.
    sums : mapping of str to DecoderSums
    priors : mapping of str to (feature, feature) array, optional
        Prior precision of each row of weights, about zero; none unless given. The intercept has none.
    intercept : bool
        Whether intercepts are free, or stay as they are.
    """
    found: Decoders = {}
    covs: dict[str, Array] = {}
    for parts in _alike(model, sums, priors):
        decoders, cov = jax.block_until_ready(_solve(*parts, intercept))
        found, covs = found | decoders, covs | cov
    return model.replace({k: found[k] for k in model.names}), {k: covs[k] for k in model.names}


def improve_decoders(
    model: Lux,
    sums: Mapping[str, DecoderSums],
    priors: Mapping[str, Array] | None = None,
    intercept: bool = True,
) -> tuple[Lux, float]:
    """The best decoders of every output for these sums, without covariances, and by how much they lower the objective."""
    found: Decoders = {}
    gain = 0.0
    for parts in _alike(model, sums, priors):
        decoders, less = jax.block_until_ready(_improve(*parts, intercept))
        found, gain = found | decoders, gain + float(less)
    return model.replace({k: found[k] for k in model.names}), gain


def _alike(
    model: Lux, sums: Mapping[str, DecoderSums], priors: Mapping[str, Array] | None
) -> Iterator[tuple[Decoders, dict[str, DecoderSums], dict[str, Array]]]:
    """Decoders, sums and priors of the outputs with as many features as each other, which one compiled program solves."""
    decoders = model.feature_decoders
    for n in dict.fromkeys(d.weight.shape[1] for d in decoders.values()):
        group = {k: d for k, d in decoders.items() if d.weight.shape[1] == n}
        prior = {k: _no_prior(d) if priors is None else priors[k] for k, d in group.items()}
        yield group, {k: sums[k] for k in group}, prior


def _no_prior(decoder: FeatureDecoder) -> Float[Array, "feature feature"]:
    """No prior, from the host: nothing to compile."""
    return jax.device_put(np.zeros((decoder.weight.shape[1],) * 2))


@eqx.filter_jit
def _solve(decoders: Decoders, sums: Mapping[str, DecoderSums], priors: Mapping[str, Array], intercept: bool):
    """The best decoders for these sums, and the packed covariance of each row of [intercept, weight]."""

    def solve(gram, rhs, precision, _was):
        row, cov, _ = solve_ridge(gram, rhs, precision)
        return row, pack(cov).astype(jnp.float32)

    row, cov = _by_rows(solve, decoders, sums, priors, intercept)
    return _with_rows(decoders, row), dict(zip(decoders, jnp.split(cov, _ends(decoders)), strict=True))


@eqx.filter_jit
def _improve(
    decoders: Decoders, sums: Mapping[str, DecoderSums], priors: Mapping[str, Array], intercept: bool
):
    """As `_solve` without covariances; and by how much this lowers half the chi-square and the prior."""

    def solve(gram, rhs, precision, was):
        row = ridge_mean(gram, rhs, precision)
        # From the change of the rows: a difference of two chi-squares would lose its digits.
        slope = jnp.einsum("jab,jb->ja", gram + precision, 0.5 * (row + was)) - rhs
        return row, -jnp.sum((row - was) * slope, axis=1)

    row, gain = _by_rows(solve, decoders, sums, priors, intercept)
    return _with_rows(decoders, row), jnp.sum(gain)


def _by_rows(
    solve: Callable,
    decoders: Decoders,
    sums: Mapping[str, DecoderSums],
    priors: Mapping[str, Array],
    intercept: bool,
):
    """``solve(gram, rhs, precision, was)`` of the rows of several outputs, in parts of at most `ROWS` and nearly one size."""
    gram, rhs = (
        jnp.concatenate([getattr(sums[k], field) for k in decoders]).astype(jnp.float64)
        for field in DecoderSums._fields
    )
    was = jnp.concatenate([jnp.pad(d.weight, ((0, 0), (1, 0))) for d in decoders.values()])
    sizes = [len(d.intercept) for d in decoders.values()]
    output = jnp.asarray(np.repeat(np.arange(len(sizes), dtype=np.int32), sizes))
    n_rows, n = rhs.shape
    precisions = jnp.zeros((len(sizes), n, n), rhs.dtype).at[:, 0, 0].set(0.0 if intercept else FIXED)
    precisions = precisions.at[:, 1:, 1:].set(jnp.stack([priors[k] for k in decoders]))
    parts = -(-n_rows // ROWS)
    size = -(-n_rows // parts)

    def cut(x):  # rows of zeros fill the last part up; they have no data, which every solve allows
        x = jnp.pad(x, ((0, parts * size - n_rows), *((0, 0),) * (x.ndim - 1)))
        return x.reshape(parts, size, *x.shape[1:])

    def of_part(rows):
        gram, rhs, was, output = rows
        return solve(unpack(gram, n), rhs, precisions[output], was)

    found = jax.lax.map(of_part, tuple(cut(x) for x in (gram, rhs, was, output)))
    return jax.tree.map(lambda x: x.reshape(parts * size, *x.shape[2:])[:n_rows], found)


def _with_rows(decoders: Decoders, rows) -> Decoders:
    """The decoders with these weights, their intercepts moved."""
    parts = jnp.split(rows, _ends(decoders))
    return {
        name: eqx.tree_at(
            lambda d: (d.intercept, d.weight), decoder, (decoder.intercept + row[:, 0], row[:, 1:])
        )
        for (name, decoder), row in zip(decoders.items(), parts, strict=True)
    }


def _ends(decoders: Decoders) -> list[int]:
    """Where the rows of each output but the last end."""
    return np.cumsum([len(d.intercept) for d in decoders.values()])[:-1].tolist()


@eqx.filter_jit
def shrinkage_prior(decoder: FeatureDecoder, cov: Float[Array, "out pair"]) -> Array:
    """Empirical-Bayes prior precision of a decoder's rows, from their own spread less their own noise.

    Rows are taken as draws of N(0, S) with one full matrix S, estimated by moments: mean of w w' minus the mean
    covariance of w (Efron & Morris 1973, JASA 68, 117, in several dimensions). A full S makes the shrinkage the
    same in every rotation of the latents. Directions without significant spread are shrunk almost to zero.

    Parameters
    ----------
    decoder : FeatureDecoder
    cov : (out, pair) array
        Packed covariances of its rows of [intercept, weight], as `solve_decoders` gives them.

    Returns
    -------
    (feature, feature) array
    """
    n = decoder.weight.shape[1] + 1
    own = unpack(jnp.sum(cov, axis=0, dtype=jnp.float64), n)[1:, 1:]
    seen = jnp.max(cov[:, n:], axis=1) > 0  # a row without data has neither weight nor covariance
    spread = (decoder.weight.T @ decoder.weight - own) / jnp.sum(seen)
    values, vectors = jnp.linalg.eigh(spread)
    values = jnp.maximum(values, 1e-3 * jnp.maximum(values[-1], 1e-30))
    return (vectors / values) @ vectors.T


def is_telling(decoder: FeatureDecoder) -> bool:
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
            name: shrinkage_prior(decoder, covs[name]) if is_telling(decoder) else _no_prior(decoder)
            for name, decoder in plain.feature_decoders.items()
        }
        plain, covs = solve_decoders(model, sums, priors, intercept)
    return plain, covs
