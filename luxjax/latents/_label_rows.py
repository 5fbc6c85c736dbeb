"""Covariance of the rows of a few labels, where the latents of the training stars are known only with errors.

The last solve of a fit takes the moments of the latents as given, as if they were known but for their stated spread. A
label y = w . [1, z] + noise whose star is placed at N(m, S) by its spectra has in truth the variance w'S w + sigma^2
about w . [1, m], and that is what its row was learned through: its information is

    sum_n phi_n phi_n' / (w'S_n w + sigma_n^2),    phi_n = [1, features(m_n)],

less than sum_n E[phi_n phi_n'] / sigma_n^2 by the information that is missing (Louis 1982, JRSS B 44, 226). With labels
of small errors and noisy spectra it is less by a large factor. The labels of a star have correlated errors then, but equations
with the same regressors gain nothing from being solved together (Zellner 1962, JASA 57, 348): each row's own covariance stays.

Rows of spectra keep the covariance of the solve: what one pixel adds to the place of a star is little.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import Batch, gemm
from ..core.internal import AbstractStars, Array, pack
from ..models import AbstractFeatureDecoder, Lux
from ..models.internal import feature_jacobian
from ._blocks import sweep
from ._decoders import design_moments
from ._posterior import latent_posterior
from ._robust import information_share
from ._rows import row_covariances
from ._scatter import has_scatter
from ._star_sums import Products, effective_ivar, weight_products

__all__ = ["with_label_rows"]


def with_label_rows(
    model: Lux, weight_cov: dict[str, Array], batch: AbstractStars, block: int | None
) -> dict[str, Array]:
    """The covariances of decoder rows, those of labels taken over latents that the spectra alone give.

    Which outputs are labels the batch says. Without any other the covariances stay as they are.
    """
    spectra = tuple(k for k in batch.names if k not in batch.labels)
    labels = tuple(k for k in weight_cov if k in batch.labels)
    if not spectra or not labels:
        return weight_cov
    kernel = eqx.Partial(_sums, spectra=spectra, labels=labels, noisy=has_scatter(model))
    products = weight_products(model, spectra, batch.dtype)
    _, sums = sweep(kernel, model, batch, block, products)
    return weight_cov | {k: row_covariances(sums[k]) for k in labels}


@eqx.filter_jit
def _sums(
    model: Lux,
    block: Batch,
    _real,
    products: Products | None,
    *,
    spectra: tuple[str, ...],
    labels: tuple[str, ...],
    noisy: bool,
):
    posterior = latent_posterior(model, block.only(*spectra), products=products, noisy=noisy)
    sums = {}
    for name in labels:
        decoder = model.decoders[name]
        assert isinstance(decoder, AbstractFeatureDecoder)  # only these have row covariances
        second = design_moments(decoder, posterior.mean, None)[1]
        jac = jax.vmap(lambda z, d=decoder: feature_jacobian(d, z))(posterior.mean)
        slope = jnp.einsum("lf,nfi->nli", *(x.astype(jnp.float64) for x in (decoder.weight, jac)))
        spread = jnp.einsum("nli,nij,nlj->nl", slope, posterior.cov, slope)
        own = effective_ivar(block[name].ivar, model.scatter[name]) * information_share(model.dof[name])
        own, spread, second = (x.astype(jnp.float64) for x in (own, spread, pack(second)))
        sums[name] = gemm((own / (1 + own * spread)).T, second)
    return jnp.zeros(()), sums
