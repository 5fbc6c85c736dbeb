"""What a label's element lines and the rest of the spectrum say of every star, and how labels weigh pixels: linear inputs.

With w the inverse variances (scatter included), W the spectra's rows, b their intercepts, a the label's row, and

    G = sum_j w_j W_j W_j',   h = sum_j w_j (f_j - b_j) W_j,   S = (I + G)^-1,

the label is predicted as y_0 + a S h, y_0 the label of the mean star. The sums split over pixels, so that exactly

    y = y_0 + a S h_own + a S h_rest,

the independent Shapley values of the two. Predicted from the rest alone it is y_0 + a z, z = (I + G - G_own)^-1 (h - h_own).
Where the label is a curved function y(z) of the latents, a is its mean slope on the straight way from the mean star to the star,
so that the split stays exact; from the rest alone it is y(z), and d label/d flux has the slope at the star.
What the element lines show beyond the flux b + W z that the rest predicts, projected on their profile p, is

    x = - sum_own w p (f - b - W z) / B,   B = sum_own w p^2,

the extra depth in dex of abundance (see `line_depth`). Its variance is 1/B by noise plus q' (I + G - G_own)^-1 q / B^2,
q = sum_own w p W, for what the rest leaves open.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import Batch, gemm, pairs, unpack
from ..core.internal import Array, Float, solve_ridge, total
from ..latents import star_sums
from ..latents.internal import decode_stars, effective_ivar, mean_slopes, slopes
from ..models import Lux

__all__ = ["OF_STARS", "Own", "StarSplit", "star_split"]

OF_STARS = (
    "predicted",
    "own",
    "masked",
    "depth",
    "depth_error",
)  # of `StarSplit`; the others are sums over stars


class Own(NamedTuple):
    """The own pixels of a label among those of all inputs, side by side, and the deepening there by 1 dex."""

    pixels: Array
    profile: Array


class StarSplit(NamedTuple):
    """What is found of a block of stars, in the model's units of labels less those of the mean star.

    `own`, `masked`, `depth` and `depth_error` are of the labels with own pixels, (star, label with lines); `predicted` of
    all labels. The sums over stars, (label, pixel): d label/d flux and its absolute value. `good`: stars that have a pixel.
    """

    predicted: Float[Array, "star label"]
    own: Float[Array, "star lined"]
    masked: Float[Array, "star lined"]
    depth: Float[Array, "star lined"]
    depth_error: Float[Array, "star lined"]
    slope: Float[Array, "label pixel"]
    slope_abs: Float[Array, "label pixel"]
    good: Float[Array, " pixel"]


@eqx.filter_jit
def star_split(
    model: Lux, block: Batch, inputs: tuple[str, ...], labels: str, own: dict[int, Own]
) -> StarSplit:
    """The split of a block of stars, pixels in the order of `inputs`; `own` by the number of the label."""
    measured = {k: block[k] for k in inputs}  # the block itself comes with its outputs in alphabetical order
    decoders = model.only(*inputs).feature_decoders
    decoders = {k: decoders[k] for k in inputs}
    weights = {k: effective_ivar(m.ivar, model.scatter[k]) for k, m in measured.items()}
    sums = [star_sums(decoders[k], m, weights[k]) for k, m in measured.items()]
    gram, rhs = total(s.gram for s in sums), total(s.rhs for s in sums)
    w = jnp.concatenate(list(weights.values()), axis=1)
    rows = jnp.concatenate([d.weight.astype(w.dtype) for d in decoders.values()])
    pull = w * jnp.concatenate(
        [m.value - decoders[k].intercept.astype(w.dtype) for k, m in measured.items()], axis=1
    )
    parts = [_own_sums(w[:, o.pixels], pull[:, o.pixels], rows[o.pixels], o.profile) for o in own.values()]
    # All factorisations in one: two side by side could deadlock on CPU.
    n, d = rhs.shape
    grams = jnp.stack([gram, *(gram - p.gram for p in parts)])
    rhss = jnp.stack([rhs, *(rhs - p.rhs for p in parts)])
    z, cov, _ = solve_ridge(grams.reshape(-1, d, d), rhss.reshape(-1, d), jnp.eye(d))
    z, cov = z.reshape(-1, n, d), cov.reshape(-1, n, d, d)
    decoder = model.decoders[labels]
    base, a = decoder(jnp.zeros(d)), mean_slopes(decoder, z[0])
    values = decode_stars(decoder, z.reshape(-1, d)).reshape(-1, n, len(base)) - base
    found = [
        _of_label(a[:, k], p, cov[0], values[1 + i, :, k], z[1 + i], cov[1 + i])
        for i, (k, p) in enumerate(zip(own, parts, strict=True))
    ]
    split = jnp.stack([jnp.stack(f, axis=1) for f in found], axis=2) if found else jnp.zeros((n, 4, 0))
    gain = jnp.einsum("nld,nde->lne", slopes(decoder, z[0]), cov[0]).astype(w.dtype)
    slope, slope_abs = _slopes(gain, rows, w)
    good = jnp.sum(w > 0, axis=0, dtype=jnp.float64)
    share, masked, depth, depth_error = jnp.moveaxis(split, 1, 0)
    return StarSplit(values[0], share, masked, depth, depth_error, slope, slope_abs, good)


class _OwnSums(NamedTuple):
    """Sums over the own pixels of a label: G, h, sum w p (f - b), q and B."""

    gram: Array
    rhs: Array
    top: Array
    cross: Array
    bottom: Array


def _own_sums(w, pull, rows, profile) -> _OwnSums:
    profile = profile.astype(w.dtype)
    lines = jnp.column_stack([profile[:, None] * rows, profile**2])
    crossed = gemm(w, lines).astype(jnp.float64)
    drawn = gemm(pull, jnp.column_stack([rows, profile])).astype(jnp.float64)
    gram = unpack(gemm(w, pairs(rows)).astype(jnp.float64), rows.shape[1])
    return _OwnSums(gram, drawn[:, :-1], drawn[:, -1], crossed[:, :-1], crossed[:, -1])


def _of_label(a, sums: _OwnSums, cov, without, masked, masked_cov):
    """Share of the element lines, label without them, extra depth and its error, (star,) each."""
    seen = sums.bottom > 0
    bottom = jnp.where(seen, sums.bottom, 1)
    depth = (jnp.sum(sums.cross * masked, axis=1) - sums.top) / bottom
    variance = 1 / bottom + jnp.einsum("ni,nij,nj->n", sums.cross, masked_cov, sums.cross) / bottom**2
    nothing = jnp.where(seen, 0, jnp.nan)
    return (
        jnp.einsum("ni,nij,nj->n", a, cov, sums.rhs),
        without,
        depth + nothing,
        jnp.sqrt(variance) + nothing,
    )


def _slopes(gain, rows, w):
    """Sums over stars of d label/d flux = a S W_j w_j and of its absolute value, label after label."""

    def of_label(gain):
        slope = gemm(gain, rows.T) * w
        return jnp.sum(slope, axis=0, dtype=jnp.float64), jnp.sum(jnp.abs(slope), axis=0, dtype=jnp.float64)

    return jax.lax.map(of_label, gain)
