"""What the pixels of each star say of its latents: weighted sums over them, one matrix product for all stars of a block."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..core import Batch, OutputData, gemm, pairs, unpack
from ..core.internal import Array, Float, total
from ..models import AbstractFeatureDecoder, Lux
from ._robust import Weights

__all__ = [
    "Products",
    "StarSums",
    "effective_ivar",
    "effective_ivars",
    "linear_sums",
    "star_sums",
    "weight_products",
]

WIDTH = 32

Products = dict[str, Float[Array, "out pair"]]
"""The distinct products of the weights of every row, by output."""


class StarSums(NamedTuple):
    """G and h of one output for every star of a block, in double precision."""

    gram: Float[Array, "star feature feature"]
    rhs: Float[Array, "star feature"]


def effective_ivar(
    ivar: Float[Array, "*star out"], scatter: Float[Array, "*#star out"]
) -> Float[Array, "*star out"]:
    """Inverse of (measurement variance + scatter^2); zero stays zero, which 1/(1/ivar + s^2) would not allow."""
    scatter = scatter[(None,) * (ivar.ndim - scatter.ndim)].astype(
        ivar.dtype
    )  # one for all stars, or each star's
    return ivar / (1 + ivar * scatter**2)


def effective_ivars(model: Lux, block: Batch, noisy: bool = True) -> Weights:
    """`effective_ivar` of every output; of models that are not `noisy`, without any scatter, no copies are made for it."""
    return {
        k: effective_ivar(m.ivar, model.scatter[k]) if noisy else m.ivar for k, m in block.outputs.items()
    }


@eqx.filter_jit
def weight_products(model: Lux, names: tuple[str, ...], dtype) -> Products | None:
    """What all blocks of stars need of linear decoders: made once for a pass, where it would take a tenth of each block's time.

    None where there are others. Columns of zeros fill them up to a width that products are quickest with: 256 take less time than 231, 64 a third less
    than 55. `unpack` leaves out what they give.
    """
    model = model.only(*names)
    if not model.is_linear:
        return None
    return {k: pairs(model.feature_decoders[k].weight.astype(dtype), WIDTH) for k in names}


def star_sums(
    decoder: AbstractFeatureDecoder,
    measured: OutputData,
    weight: Float[Array, "star out"],
    products: Float[Array, "out pair"] | None = None,
) -> StarSums:
    """The sums over pixels that the latents of each star depend on; with `weight_products` where they are given."""
    gram, rhs = _packed_sums(decoder, measured, weight, products)
    return StarSums(unpack(gram, rhs.shape[1]), rhs)


def linear_sums(
    model: Lux, block: Batch, weights: Weights, products: Products | None = None
) -> tuple[Float[Array, "star pair"], Float[Array, "star latent"]]:
    """The sums over all pixels and labels of the block, whose decoders are linear; G as its upper triangles."""
    known = products or {}
    sums = [
        _packed_sums(model.feature_decoders[k], m, weights[k], known.get(k)) for k, m in block.outputs.items()
    ]
    return total(gram for gram, _ in sums), total(rhs for _, rhs in sums)


def _packed_sums(decoder: AbstractFeatureDecoder, measured: OutputData, weight, products):
    dtype = measured.value.dtype
    w = decoder.weight.astype(dtype)
    offset = measured.value - decoder.intercept[None].astype(dtype)
    gram = gemm(weight, pairs(w) if products is None else products).astype(jnp.float64)
    rhs = gemm(weight * offset, w).astype(jnp.float64)
    return gram, rhs
