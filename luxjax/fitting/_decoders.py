"""Decoders with the latents given: one weighted ridge regression per pixel, from sums over stars.

The sums are everything a fit needs to know of the stars, so they are taken block by block and could as well
come from disk or from other machines.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Array, Float, Measured, gemm, pack, pairs, quadratic_form, ridge_mean, solve_ridge, unpack
from ..models import AbstractDecoder, FeatureDecoder, Linear, Lux

__all__ = [
    "DecoderSums",
    "decoded",
    "decoder_sums",
    "design_moments",
    "expected_residual",
    "finish",
    "improve_decoders",
    "in_type",
    "is_telling",
    "shrinkage_prior",
    "solve_decoders",
]

Model = TypeVar("Model", AbstractDecoder, Lux)
Decoders = dict[str, FeatureDecoder]

ROWS_PER_FEATURE = 4  # an output with fewer rows than this many times its features cannot tell its own prior


FIXED = 1e30  # prior precision of an intercept that is not free


class DecoderSums(NamedTuple):
    """Sums over stars of w phi phi' (packed) and w (y - b) phi, phi = [1, features], for every pixel."""

    gram: Float[Array, "out pair"]
    rhs: Float[Array, "out feature1"]


def decoder_sums(
    decoder: FeatureDecoder,
    measured: Measured,
    weight: Float[Array, "star out"],
    mean: Float[Array, "star latent"],
    cov: Float[Array, "star latent latent"] | None,
) -> DecoderSums:
    """One block's sums, with the spread of the latents where `cov` is given (exact for linear decoders).

    In the precision of the products; `sweep` adds blocks up in double precision.
    """
    dtype = measured.value.dtype
    if cov is None:
        phi = _design(decoder, mean).astype(dtype)
        products = pairs(phi)
    else:
        phi, second = design_moments(decoder, mean, cov)
        products = pack(second).astype(dtype)
    offset = measured.value - decoder.intercept.astype(dtype)
    gram = gemm(weight.T, products)
    rhs = gemm(phi.astype(dtype).T, weight * offset).T  # twice as fast on CPU as the other way round
    return DecoderSums(gram, rhs)


def _design(decoder: FeatureDecoder, mean) -> Float[Array, "star feature1"]:
    features = jax.vmap(decoder.features)(mean)
    return jnp.concatenate([jnp.ones((len(mean), 1), features.dtype), features], axis=1)


def design_moments(decoder: FeatureDecoder, mean, cov) -> tuple[Array, Array]:
    """E[phi] and E[phi phi'] of each star, phi = [1, features(z)], features linearised for the spread of z."""
    phi = _design(decoder, mean)
    second = phi[:, :, None] * phi[:, None, :]
    if cov is not None:
        if not isinstance(decoder, Linear):
            jac = jax.vmap(jax.jacfwd(decoder.features))(mean)
            cov = jnp.einsum("nfi,nij,ngj->nfg", jac, cov, jac)
        second = second.at[:, 1:, 1:].add(cov)
    return phi, second


class _Equations(NamedTuple):
    """Normal equations of the rows of several outputs, one after another, (row, feature1, feature1) and (row, feature1)."""

    gram: Array
    rhs: Array
    precision: Array


@eqx.filter_jit
def _solve(decoders: Decoders, sums: Mapping[str, DecoderSums], priors: Mapping[str, Array], intercept: bool):
    """The best decoders for these sums, and the covariance of each row of [intercept, weight]."""
    row, cov, _ = solve_ridge(*_normal_equations(sums, priors, intercept))
    ends = _ends(decoders)
    return _with_rows(decoders, row), dict(zip(decoders, jnp.split(cov, ends), strict=True))


@eqx.filter_jit
def _improve(
    decoders: Decoders, sums: Mapping[str, DecoderSums], priors: Mapping[str, Array], intercept: bool
):
    """As `_solve` without covariances; and by how much this lowers half the chi-square and the prior."""
    gram, rhs, precision = equations = _normal_equations(sums, priors, intercept)
    row = ridge_mean(*equations)
    # From the change of the rows: a difference of two chi-squares would lose its digits.
    was = jnp.concatenate([jnp.pad(d.weight, ((0, 0), (1, 0))) for d in decoders.values()])
    slope = jnp.einsum("jab,jb->ja", gram + precision, 0.5 * (row + was)) - rhs
    return _with_rows(decoders, row), -jnp.sum((row - was) * slope)


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


def _normal_equations(
    sums: Mapping[str, DecoderSums], priors: Mapping[str, Array], intercept: bool
) -> _Equations:
    precisions = []
    for name, part in sums.items():
        n = part.rhs.shape[1]
        precision = jnp.zeros((n, n), jnp.float64).at[1:, 1:].set(priors[name])
        precision = precision if intercept else precision.at[0, 0].set(FIXED)
        precisions.append(jnp.broadcast_to(precision, (len(part.rhs), n, n)))
    gram = jnp.concatenate([part.gram for part in sums.values()])
    rhs = jnp.concatenate([part.rhs for part in sums.values()])
    return _Equations(
        unpack(gram, n).astype(jnp.float64), rhs.astype(jnp.float64), jnp.concatenate(precisions)
    )


@eqx.filter_jit
def shrinkage_prior(decoder: FeatureDecoder, cov: Float[Array, "out feature1 feature1"]) -> Array:
    """Empirical-Bayes prior precision of a decoder's rows, from their own spread less their own noise.

    Rows are taken as draws of N(0, S) with one full matrix S, estimated by moments: mean of w w' minus the mean
    covariance of w (Efron & Morris 1973, JASA 68, 117, in several dimensions). A full S makes the shrinkage the
    same in every rotation of the latents. Directions without significant spread are shrunk almost to zero.
    """
    own = cov[:, 1:, 1:]
    seen = jnp.trace(own, axis1=1, axis2=2) > 0  # a row without data has neither weight nor covariance
    spread = (decoder.weight.T @ decoder.weight - jnp.sum(own, axis=0)) / jnp.sum(seen)
    values, vectors = jnp.linalg.eigh(spread)
    values = jnp.maximum(values, 1e-3 * jnp.maximum(values[-1], 1e-30))
    return (vectors / values) @ vectors.T


def is_telling(decoder: FeatureDecoder) -> bool:
    """Whether a decoder has enough rows to estimate their common prior: spectra do, a few labels do not."""
    size, n = decoder.weight.shape
    return size >= ROWS_PER_FEATURE * n


def solve_decoders(
    model: Lux,
    sums: Mapping[str, DecoderSums],
    priors: Mapping[str, Array] | None = None,
    intercept: bool = True,
) -> tuple[Lux, dict[str, Array]]:
    """The best decoders of every output for these sums, and the covariances of their rows of [intercept, weight].

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
    """Decoders, sums and priors of the outputs with as many features as each other, which one compiled program solves.

    One such group is solved after another, each awaited: on CPU, batched factorisations that run side by side wait for each
    other's threads for ever (seen with jaxlib 0.10 on two cores).
    """
    decoders = model.feature_decoders
    for n in dict.fromkeys(d.weight.shape[1] for d in decoders.values()):
        group = {k: d for k, d in decoders.items() if d.weight.shape[1] == n}
        prior = {k: _no_prior(d) if priors is None else priors[k] for k, d in group.items()}
        yield group, {k: sums[k] for k in group}, prior


def finish(
    model: Lux, sums: Mapping[str, DecoderSums], *, shrink: bool, intercept: bool = True
) -> tuple[Lux, dict[str, Array]]:
    """The last solve of a fit: decoders for these sums, shrunk where asked, and the covariance of their rows."""
    plain, covs = solve_decoders(model, sums, None, intercept)
    if shrink:
        priors = {
            name: shrinkage_prior(decoder, covs[name]) if is_telling(decoder) else _no_prior(decoder)
            for name, decoder in plain.feature_decoders.items()
        }
        plain, covs = solve_decoders(model, sums, priors, intercept)
    return plain, _packed(covs)


@jax.jit
def _packed(covs: dict[str, Array]) -> dict[str, Array]:
    return {name: pack(cov).astype(jnp.float32) for name, cov in covs.items()}


def _no_prior(decoder: FeatureDecoder) -> Float[Array, "feature feature"]:
    """No prior, from the host: nothing to compile."""
    return jax.device_put(np.zeros((decoder.weight.shape[1],) * 2))


def in_type(model: Model, dtype) -> Model:
    """A decoder or model with its arrays in this floating type."""
    # What has it already is left alone: every shape that is converted is a program to compile.
    return jax.tree.map(
        lambda x: x.astype(dtype) if eqx.is_inexact_array(x) and x.dtype != dtype else x, model
    )


def decoded(decoder: AbstractDecoder, z: Float[Array, "star latent"], dtype) -> Float[Array, "star out"]:
    """The output of every star, the pixels in `dtype`."""
    if isinstance(decoder, FeatureDecoder):
        phi = jax.vmap(decoder.features)(z).astype(dtype)
        return decoder.intercept.astype(dtype) + gemm(phi, decoder.weight.astype(dtype).T)
    return jax.vmap(in_type(decoder, dtype))(z.astype(dtype))


def expected_residual(
    decoder: FeatureDecoder, measured: Measured, mean: Array, cov: Array | None
) -> tuple[Array, Array]:
    """Residual at the mean latents, and the expected square of the residual over their spread, (star, out)."""
    dtype = measured.value.dtype
    phi = jax.vmap(decoder.features)(mean).astype(dtype)
    weight = decoder.weight.astype(dtype)
    residual = measured.value - decoder.intercept.astype(dtype) - gemm(phi, weight.T)
    if cov is None:
        return residual, residual**2
    if not isinstance(decoder, Linear):
        jac = jax.vmap(jax.jacfwd(decoder.features))(mean)
        cov = jnp.einsum("nfi,nij,ngj->nfg", jac, cov, jac)
    return residual, residual**2 + quadratic_form(
        cov.astype(dtype), pack(weight[:, :, None] * weight[:, None, :])
    )
