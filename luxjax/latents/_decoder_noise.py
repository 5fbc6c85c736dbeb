"""What decoders that were learned from finitely many stars add to the uncertainty of outputs and latents."""

import jax
import jax.numpy as jnp

from ..core import Batch, gemm, pairs, unpack
from ..core.internal import Array, pack, quadratic_form, total
from ..models import AbstractFeatureDecoder, Lux
from ..models.internal import feature_jacobian
from ._decoders import decoded
from ._robust import tail_weight
from ._star_sums import effective_ivar

__all__ = ["decoder_variance", "with_decoder_noise"]


def decoder_variance(decoder: AbstractFeatureDecoder, packed_cov, z, cov) -> Array:
    """Phi' C phi + tr(C cov(phi)) of every star and row: what the rows' own noise adds, phi = [1, features]."""
    phi = jax.vmap(decoder.features)(z)
    phi = jnp.concatenate([jnp.ones((len(z), 1)), phi], axis=1)
    if decoder.degree == 2 and len(packed_cov) < phi.shape[1]:
        return _few_rows(decoder, packed_cov, z, cov, phi)
    second = phi[:, :, None] * phi[:, None, :]
    if decoder.degree != 1:  # where it is, the features are the latents
        jac = jax.vmap(lambda x: feature_jacobian(decoder, x))(z)
        cov = jnp.einsum("nfi,nij,ngj->nfg", jac, cov, jac)
    second = second.at[:, 1:, 1:].add(cov)
    return quadratic_form(second.astype(packed_cov.dtype), packed_cov)


def _few_rows(decoder: AbstractFeatureDecoder, packed_cov, z, cov, phi) -> Array:
    """`decoder_variance` of few rows, row by row, without a matrix of all features for every star.

    The Jacobian of quadratic features is linear in [1, z]: J = sum_a E_a [1, z]_a. So tr(C J S J') is a product of the pairs of
    [1, z], a matrix of E_a' C E_b that all stars share, and S.
    """
    origin = jnp.zeros(decoder.n_latents)
    slope = jax.jacfwd(lambda x: feature_jacobian(decoder, x))(origin)
    parts = jnp.concatenate(
        [feature_jacobian(decoder, origin)[..., None], slope], axis=2
    )  # feature, latent, a
    along = pairs(jnp.concatenate([jnp.ones((len(z), 1)), z], axis=1))
    twice = 2 - jnp.eye(z.shape[1] + 1)  # a pair stands for both of its orders

    def row(packed):
        matrix = unpack(packed, phi.shape[1])
        shared = jnp.einsum("fia,fg,gjb->ijab", parts, matrix[1:, 1:], parts, optimize=True)
        shared = 0.5 * (shared + shared.swapaxes(2, 3)) * twice[None, None]
        spread = gemm(along, pack(shared).reshape(-1, along.shape[1]).T)
        return jnp.sum(gemm(phi, matrix) * phi, axis=1) + jnp.sum(spread * cov.reshape(len(z), -1), axis=1)

    return jax.lax.map(row, packed_cov.astype(phi.dtype)).T.astype(packed_cov.dtype)


def with_decoder_noise(model: Lux, weight_cov, block: Batch, posterior):
    """Covariance of the latents with the noise of decoders that do not define them; chi-square and good values.

    With W the decoder's mean, W + dW the truth and C_j the covariance of row j, the mean of z computed with W moves by
    S W' w dW phi, which spreads it by S [sum_j w_j^2 v_j W_j W_j'] S, v_j = phi' C_j phi: each value's noise raised by
    that of its decoder. So it is for labels that are given.

    For inputs, which place the stars, that move is a linear map of the latents, the same for every star as far as w only scales from
    star to star. The labels' rows were learned over latents that had moved by the same map, so it is in them already,
    with its noise as theirs (`luxjax.fitting`, rows of labels), and it counts for nothing here. Counted again it made the squared
    errors of labels 3% too large at 200 stars and 8 latents; without it they are right to 2%, also where labels are
    predicted from one of two spectra that the model was trained on.

    W is taken for the posterior mean of the decoder, as `EM` shrinks it; unshrunk decoders of few training stars (`ALS`,
    ``EM(shrink=False)``) hold less information than they seem to, and their intervals come out narrower than they
    should, by some 12% at 200 stars and 8 latents.
    """
    z, s = posterior.mean, posterior.cov
    middle = []
    chi2, count = jnp.zeros(len(z)), jnp.zeros(len(z))
    for name in block.names:
        decoder, m = model.decoders[name], block.outputs[name]
        w = effective_ivar(m.ivar, model.scatter[name])
        dtype = w.dtype
        residual = m.value - decoded(decoder, z, dtype)
        scaled = w * residual**2
        chi2 = chi2 + jnp.sum(scaled, axis=1).astype(chi2.dtype)
        count = count + jnp.sum(w > 0, axis=1, dtype=jnp.int32).astype(count.dtype)
        if (
            name not in block.labels
            or name not in weight_cov
            or not isinstance(decoder, AbstractFeatureDecoder)
        ):
            continue
        rows = decoder.weight.astype(dtype)
        n = rows.shape[1]
        v = decoder_variance(decoder, weight_cov[name], z, s).astype(dtype)
        believed = w * tail_weight(model.dof[name], scaled)
        inner = unpack(gemm(believed**2 * v, pairs(rows)).astype(jnp.float64), n)
        if decoder.degree != 1:
            jac = jax.vmap(lambda x, d=decoder: feature_jacobian(d, x))(z)
            inner = jnp.einsum("nfi,nfg,ngj->nij", jac, inner, jac)
        middle.append(inner)
    return (s + s @ total(middle) @ s if middle else s), chi2, count
