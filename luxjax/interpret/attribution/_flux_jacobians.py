"""Derivatives of flux by labels: what the model thinks that a label does to the spectrum, and what goes along with it.

Two questions, both free of the latents' gauge (z -> Rz changes neither), with A the label decoder's rows, W the
spectrum's and z ~ N(0, I):

* cov(flux, label), a pattern: what varies with the label, everything that is correlated with it included
  (Haufe et al. 2014, NeuroImage 87, 96);
* d flux/d label, at fixed other labels or not: what the label does.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ...core import InputError, check_name, unpack
from ...fitted import FittedModel
from ...models import AbstractFeatureDecoder, Lux
from ...models.internal import feature_jacobian
from ._jacobians import Jacobian
from ._outputs import LabelRow, find_label, spectral_output, wide

__all__ = ["conditional_flux_jacobian", "covariance_pattern", "flux_jacobian"]


def flux_jacobian(
    fitted: FittedModel, label: str, *, spectra: str | None = None, latents=None, spread: bool = False
) -> Jacobian:
    """D flux / d label: the change of the spectrum that the model expects where the label is higher by one unit.

    cov(flux, label) / var(label) over the population of the model: latents move by a/(a.a), a the label's row, which is
    the mean of their posterior given the label. Correlated labels move along; see `conditional_flux_jacobian`.

    Parameters
    ----------
    fitted : FittedModel
    label : str
    spectra : str, optional
        The output whose flux is meant, where the model has several.
    latents : (latent,) or (star, latent) array, optional
        Where decoders that are not linear are linearised. Default: the population's mean, z = 0.
    spread : bool
        Also the standard deviation.

    Returns
    -------
    Jacobian
        (pixel,), or (star, pixel) for several latents; flux per label unit, in the unit of the spectra.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.attribution import flux_jacobian
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = flux_jacobian(fitted, "label_1")
    >>> found.value.shape  # one number a pixel: flux per unit of the label
    (40,)
    """
    return _along(fitted, label, (), spectra, latents, spread, shortest_step)


def conditional_flux_jacobian(
    fitted: FittedModel,
    label: str,
    *,
    others: Sequence[str] | None = None,
    spectra: str | None = None,
    latents=None,
    spread: bool = False,
) -> Jacobian:
    """D flux / d label at fixed other labels: what the label does that no other label does.

    cov(flux, y | o) / var(y | o) over the model's population, y and o without scatter or noise: with P the projection
    of the latents on the directions that leave the others o unchanged, latents move by P a/(a'P a), the shortest step
    (in the prior's metric) that raises y by one unit and moves none of the others.

    Parameters
    ----------
    fitted, label, spectra, latents, spread
        As in `flux_jacobian`; other decoders than linear ones are linearised at the latents.
    others : sequence of str, optional
        The labels held fixed. Default: all others of the label's output.

    Raises
    ------
    InputError
        If the others determine the label, so that it cannot move while they are fixed.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.interpret.attribution import conditional_flux_jacobian, counterfactual
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = conditional_flux_jacobian(fitted, "label_1", others=["label_2"])
    >>> changed = counterfactual(fitted, stars, "label_1", 0.5, others=["label_2"])
    >>> bool(np.allclose(changed.difference, 0.5 * found.value, atol=1e-6))  # the decoders are linear
    True
    """
    if others is None:
        others = [n for n in fitted.info(find_label(fitted, label).output).names if n != label]
    return _along(fitted, label, tuple(others), spectra, latents, spread, shortest_step)


def covariance_pattern(
    fitted: FittedModel, label: str, *, spectra: str | None = None, latents=None, spread: bool = False
) -> Jacobian:
    """Covariance of the noise-free flux and label over the model's population (Haufe et al. 2014, NeuroImage 87, 96).

    W a, in flux times label units. The pattern of a linear prediction: where the label's signal is, and
    all that is correlated with it. Parameters as in `flux_jacobian`.
    """
    return _along(fitted, label, (), spectra, latents, spread, lambda a, _: a)


def shortest_step(a, others):
    """The shortest step of the latents that raises the label a.z by one and leaves ``others @ z`` as they are."""
    if len(others):
        q = jnp.linalg.qr(others.T)[0]
        a = a - q @ (q.T @ a)
    return a / (a @ a)


def _along(fitted, label, others, spectra, latents, spread, direction: Callable) -> Jacobian:
    """Flux along a direction of latents that a label and others define, for one or more linearisation points."""
    if label in others:
        raise InputError(f"'{label}' cannot be held fixed while it is changed; leave it out of others=.")
    rows = [find_label(fitted, name) for name in (label, *dict.fromkeys(others))]
    spectra = spectral_output(fitted, spectra, rows[0].output)
    with jax.enable_x64(True):
        model = wide(fitted.model)
        z = jnp.zeros(model.n_latents) if latents is None else jnp.asarray(latents, jnp.float64)
        points = z.reshape(-1, model.n_latents)
        out = [_along_point(fitted, model, rows, spectra, p, spread, direction) for p in points]
    unit = fitted.scale_of(spectra)
    value = np.array([v for v, _ in out]).reshape(*z.shape[:-1], -1) * unit
    sd = np.array([s for _, s in out]).reshape(value.shape) * unit if spread else None
    return Jacobian(value, sd)


def _along_point(fitted, model: Lux, rows: list[LabelRow], spectra: str, z, spread: bool, direction):
    scale = jnp.asarray([r.scale for r in rows])

    def label_rows(z):
        return scale * jnp.stack([model.decoders[r.output](z)[r.place] for r in rows])

    jac = jax.jacfwd(label_rows)(z)
    unit = np.asarray(jac) / np.maximum(np.linalg.norm(jac, axis=1, keepdims=True), 1e-300)
    if np.linalg.matrix_rank(unit, tol=1e-6) < len(rows):
        raise InputError(
            f"{len(rows)} label(s) do not move independently in the {model.n_latents} latents of this model, so one "
            "cannot change while the others are fixed; hold fewer others, or fit with more latents."
        )
    step = direction(jac[0], jac[1:])
    value = np.asarray(jax.jvp(model.decoders[spectra], (z,), (step,))[1])
    return value, _along_sd(fitted, model, rows, spectra, z, jac, step, direction) if spread else None


def _along_sd(fitted, model: Lux, rows, spectra, z, jac, step, direction) -> np.ndarray:
    """First-order spread of W step(A): each pixel's own row, and the label rows that give the step."""
    used = {k: model.decoders[k] for k in (spectra, *(r.output for r in rows))}
    features = {k: d for k, d in used.items() if isinstance(d, AbstractFeatureDecoder)}
    for name in used:
        if name not in features:
            raise InputError(
                f"the spread is known for decoders that are linear in their weights, which that of '{name}' is not; leave "
                "spread=False."
            )
        check_name(
            "decoder covariance", name, fitted.weight_cov, "The model was saved without it; fit it again"
        )
    decoder = features[spectra]
    by_rows = jax.jacfwd(lambda a: direction(a[0], a[1:]))(jac)  # (latent, row, latent)
    flux = feature_matrix(decoder, z)
    moved = _row_cov(fitted, spectra, decoder)
    along = feature_jacobian(decoder, z) @ step
    variance = np.einsum("i,pij,j->p", along, moved, along)
    for k, r in enumerate(rows):
        jac_k = np.asarray(feature_jacobian(features[r.output], z))
        cov = jac_k.T @ _row_cov(fitted, r.output, features[r.output])[r.place] @ jac_k * r.scale**2
        response = flux @ np.asarray(by_rows[:, k])
        variance += np.einsum("pi,ij,pj->p", response, cov, response)
    return np.sqrt(np.maximum(variance, 0))


def feature_matrix(decoder: AbstractFeatureDecoder, z) -> np.ndarray:
    """D output / d latents at z, (out, latent)."""
    return np.asarray(decoder.weight) @ np.asarray(feature_jacobian(decoder, z))


def _row_cov(fitted: FittedModel, name: str, decoder: AbstractFeatureDecoder) -> np.ndarray:
    """Covariance of the weights of each row, without the intercept's."""
    n = decoder.weight.shape[1] + 1
    return np.asarray(unpack(jnp.asarray(fitted.weight_cov[name], jnp.float64), n))[:, 1:, 1:]
