"""Derivatives of labels by flux, through a fitted model or any predictor.

d label/d flux is a filter: how the prediction weighs each pixel. A pixel without any signal of the label may weigh much,
because it cancels the noise of others (Haufe et al. 2014, NeuroImage 87, 96); what the label does to the flux is the
question of `flux_jacobian` and its kin. Free of the latents' gauge.

With a the label's slope d label/d latents at the star (its row, where the label decoder is linear), W the spectrum's rows, w
the inverse variances with scatter and S = (W'wW + I)^-1, d label/d flux_j = a S W_j w_j, exactly, for linear decoders of the
inputs, however curved the label is as a function of the latents.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...core import Batch, InputError, OutputData, check_name, gemm, unpack
from ...core.internal import Array
from ...data import Catalog
from ...fitted import FittedModel
from ...latents.internal import blocks, effective_ivar, latent_posterior, slopes
from ...models import Linear, Lux
from ._inference import infer_latents
from ._outputs import LabelRow, find_label, input_batch, is_exact, spectral_output, wide

__all__ = [
    "Jacobian",
    "label_jacobian",
    "mean_label_jacobian",
    "predictor_jacobian",
]


class Jacobian(NamedTuple):
    """Derivatives by pixel, and their standard deviation from the decoders' own uncertainty (None if not asked).

    The standard deviations are first order in the errors of the decoder rows (`FittedModel.weight_cov`), which are taken as
    independent between rows; they do not hold the spread between stars.
    """

    value: np.ndarray
    sd: np.ndarray | None = None


def label_jacobian(
    fitted: FittedModel,
    data: Catalog | Batch,
    label: str,
    *,
    spectra: str | None = None,
    inputs: Sequence[str] | None = None,
    spread: bool = False,
    block: int = 256,
) -> Jacobian:
    """D label / d flux of each star: how its predicted label weighs its pixels.

    Parameters
    ----------
    fitted : FittedModel
    data : Catalog or Batch
        The stars. Where all decoders are linear only their inverse variances matter.
    label : str
    spectra : str, optional
        The output whose flux is meant, where the model has several.
    inputs : sequence of str, optional
        The outputs that latents are inferred from. Default: all spectra that model and data share.
    spread : bool
        Also the standard deviation, for linear decoders of inputs and labels, by the delta method; meant for few stars.
    block : int
        Stars handled at a time.

    Returns
    -------
    Jacobian
        (star, pixel), in label units per unit of flux; zero at bad pixels. Closed form for linear decoders of
        the inputs, the implicit function theorem at the posterior's mode for others.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.attribution import label_jacobian
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> jacobian = label_jacobian(fitted, stars.select(slice(0, 2)), stars.labels().names[0])
    >>> jacobian.value.shape
    (2, 40)
    """
    row = find_label(fitted, label)
    spectra = spectral_output(fitted, spectra, row.output)
    parts = []
    with jax.enable_x64(True):
        batch, model = wide(input_batch(fitted, data, inputs, spectra)), wide(fitted.model)
        kernel = _linear_block if is_exact(model, batch.names) else _implicit_block
        for part, _, where in blocks(batch, block):
            n = where.stop - where.start
            out = kernel(model, part, spectra, row.output, jnp.asarray(row.place))
            parts.append(np.asarray(out)[:n] * row.scale)
        sd = _filter_sd(fitted, model, batch, spectra, row) if spread else None
    unit = fitted.scale_of(spectra)
    return Jacobian(np.concatenate(parts) / unit, None if sd is None else sd / unit)


@eqx.filter_jit
def _linear_block(model: Lux, block: Batch, spectra: str, labels: str, index: Array):
    w = effective_ivar(block[spectra].ivar, model.scatter[spectra])
    posterior = latent_posterior(model, block)
    slope = slopes(model.decoders[labels], posterior.mean)[:, index]
    gain = jnp.einsum("nde,ne->nd", posterior.cov, slope)
    return gemm(gain, model.only(spectra).feature_decoders[spectra].weight.T) * w


@eqx.filter_jit
def _implicit_block(model: Lux, block: Batch, spectra: str, labels: str, index: Array):
    def label(flux, star):
        star = star | {spectra: OutputData(flux, star[spectra].ivar)}
        return model.decoders[labels](infer_latents(model, star))[index]

    # One star after another: side by side their factorisations would compete, and their Hessians fill memory.
    return jax.lax.map(lambda star: jax.grad(label)(star[spectra].value, star), block.outputs)


def mean_label_jacobian(
    fitted: FittedModel,
    data: Catalog | Batch,
    labels: Sequence[str] | None = None,
    *,
    spectra: str | None = None,
    inputs: Sequence[str] | None = None,
    block: int = 256,
) -> np.ndarray:
    """D label / d flux of several labels, averaged over stars, (label, pixel); linear decoders of the inputs.

    No array of stars x labels x pixels is built: with u_n = A_n S_n the mean over stars of u_n W_j w_nj is one product of
    the (star, label latent) and (star, pixel) matrices, then one with W.
    """
    names = tuple(labels) if labels is not None else fitted.info(fitted.label_output()).names
    rows = [find_label(fitted, name) for name in names]
    spectra = spectral_output(fitted, spectra, rows[0].output)
    with jax.enable_x64(True):
        batch, model = wide(input_batch(fitted, data, inputs, spectra)), wide(fitted.model)
        if not is_exact(model, batch.names):
            raise InputError(
                "the mean Jacobian is for linear decoders of the inputs and Gaussian noise; average label_jacobian over stars "
                "for others."
            )
        where = tuple((r.output, r.place) for r in rows)
        total = np.zeros((len(rows), batch[spectra].size))
        for part, real, _ in blocks(batch, block):
            total += np.asarray(_mean_block(model, part, real, spectra, where))
    return total / batch.n_stars * np.array([r.scale for r in rows])[:, None] / fitted.scale_of(spectra)


@eqx.filter_jit
def _mean_block(model: Lux, block: Batch, real, spectra: str, where: tuple[tuple[str, int], ...]):
    w = effective_ivar(block[spectra].ivar, model.scatter[spectra]) * real[:, None]
    posterior = latent_posterior(model, block)
    found = {k: slopes(model.decoders[k], posterior.mean) for k in {k: None for k, _ in where}}
    a = jnp.stack([found[k][:, j] for k, j in where], axis=1)
    gain = jnp.einsum("nld,nde->nle", a, posterior.cov)
    summed = gemm(gain.reshape(len(gain), -1).T, w).reshape(*gain.shape[1:], -1)
    return jnp.einsum("lep,pe->lp", summed, model.only(spectra).feature_decoders[spectra].weight)


def _filter_sd(fitted: FittedModel, model: Lux, batch: Batch, spectra: str, row: LabelRow) -> np.ndarray:
    """Standard deviation of A S W_j w_j, (star, pixel), first order in the errors of A and W.

    With u = S a and v_j = S W_j the derivative g_j = u.W_j moves by u.dW_j + da.v_j - sum_i w_i dW_i.M_i v_j,
    M_i = u W_i' + (u.W_i) I: the filter's own pixel, the label's row, and the posterior covariance by all pixels.
    """
    label_decoder = model.decoders[row.output]
    if not (is_exact(model, batch.names) and isinstance(label_decoder, Linear)):
        raise InputError(
            "the spread of the Jacobian is known for linear decoders of inputs and labels and Gaussian noise; leave "
            "spread=False for others."
        )
    d = model.n_latents
    for name in (spectra, row.output):
        check_name(
            "decoder covariance", name, fitted.weight_cov, "The model was saved without it; fit it again"
        )
    c = unpack(jnp.asarray(fitted.weight_cov[spectra], jnp.float64), d + 1)[:, 1:, 1:]
    c_label = unpack(jnp.asarray(fitted.weight_cov[row.output], jnp.float64)[row.place], d + 1)[1:, 1:]
    stars = (batch.stars(slice(n, n + 1)) for n in range(batch.n_stars))
    a = label_decoder.weight[row.place]
    return row.scale * np.array([_filter_sd_star(model, star, spectra, a, c, c_label) for star in stars])


@eqx.filter_jit
def _filter_sd_star(model: Lux, star: Batch, spectra: str, a, c, c_label):
    w = effective_ivar(star[spectra].ivar, model.scatter[spectra])[0]
    rows = model.only(spectra).feature_decoders[spectra].weight
    s = latent_posterior(model, star).cov[0]
    u, v = s @ a, rows @ s
    along = rows @ u
    m = rows[:, None, :] * u[:, None] + along[:, None, None] * jnp.eye(len(u))
    cm = c @ m
    q = jnp.einsum("p,pki,pkj->ij", w**2, m, cm)
    variance = (
        jnp.einsum("i,pij,j->p", u, c, u)
        + jnp.einsum("pi,ij,pj->p", v, c_label + q, v)
        - 2 * w * jnp.einsum("i,pij,pj->p", u, cm, v)
    )
    return w * jnp.sqrt(jnp.maximum(variance, 0))


def predictor_jacobian(predictor: Callable[[Array], Array], flux, *, forward: bool = False) -> np.ndarray:
    """D label / d flux of any differentiable predictor: The Cannon, a network, `label_function`.

    Parameters
    ----------
    predictor : callable
        Flux of one star (pixel,) to labels (label,) or to one label.
    flux : (star, pixel) or (pixel,) array
        Where to differentiate.
    forward : bool
        Forward instead of reverse mode: faster only where labels outnumber pixels.

    Returns
    -------
    array
        (star, label, pixel), without the axes that flux or labels do not have.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.attribution import predictor_jacobian
    >>> print(predictor_jacobian(lambda flux: flux[0] ** 2 + flux[1], np.array([3.0, 1.0])))
    [6. 1.]
    """
    with jax.enable_x64(True):
        flux = jnp.asarray(flux, jnp.float64)
        derivative = jax.jit((jax.jacfwd if forward else jax.jacrev)(predictor))
        out = derivative(flux) if flux.ndim == 1 else jnp.stack([derivative(f) for f in flux])
    return np.asarray(out)
