"""Latents mean nothing one by one: rotations of a fitted model, a stated gauge, and what no rotation can change.

With z ~ N(0, I), the model with latents z' = R z and decoders f(R' z') predicts exactly what the model with z and f
does, for every rotation R (the rotational freedom of factor analysis; Lawley & Maxwell 1971). A statistic of single
latents, such as the mutual information gap, therefore measures the choice of axes as much as the model. It is
worth quoting only in a stated gauge and together with its values in randomly chosen ones.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import subspace_angles
from scipy.stats import ortho_group

from ...core import Batch, InputError, check_name, unpack
from ...core.internal import Array, join_names
from ...data import Catalog
from ...fitted import FittedModel
from ...latents.internal import effective_ivar
from ...models import AbstractDecoder, AbstractFeatureDecoder, Linear, Quadratic

__all__ = [
    "canonical_gauge",
    "label_subspace_angles",
    "over_rotations",
    "random_rotation",
    "rotate",
]


def random_rotation(n_latents: int, *, seed: int) -> np.ndarray:
    """An orthogonal matrix drawn uniformly (Haar measure; reflections included), (latent, latent).

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.representation import random_rotation
    >>> rotation = random_rotation(3, seed=1)
    >>> bool(np.allclose(rotation @ rotation.T, np.eye(3)))
    True
    """
    if n_latents < 1:
        raise InputError(f"a rotation needs at least 1 latent; given {n_latents}.")
    if n_latents == 1:
        return np.array([[np.random.default_rng(seed).choice([-1.0, 1.0])]])
    return ortho_group.rvs(n_latents, random_state=np.random.default_rng(seed))


def rotate(fitted: FittedModel, rotation: ArrayLike) -> FittedModel:
    """The same model with latents z' = R z.

    Predictions, likelihood and prior stay what they were. Decoders linear in their weights, w' phi(z), become
    w' M phi(z') with phi(R'z') = M phi(z'), and the covariance C of their weights becomes M' C M.

    Parameters
    ----------
    fitted : FittedModel
        With linear or quadratic decoders.
    rotation : (latent, latent) array
        Orthogonal. Latents inferred before, (star, latent), turn along as ``latents @ rotation.T``.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.interpret.representation import random_rotation, rotate
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> turned = rotate(fitted, random_rotation(2, seed=1))
    >>> bool(np.allclose(luxjax.transfer(turned, stars).value, luxjax.transfer(fitted, stars).value, atol=1e-4))
    True
    """
    r = np.asarray(rotation, float)
    n = fitted.model.n_latents
    if r.shape != (n, n) or not np.allclose(r @ r.T, np.eye(n), atol=1e-8):
        raise InputError(
            f"a rotation of this model is an orthogonal matrix of shape ({n}, {n}); given one of shape {r.shape}"
            + ("." if r.shape != (n, n) else " whose rows are not orthonormal.")
        )
    turned = {name: _turn(name, d, r) for name, d in fitted.model.decoders.items()}
    cov = {
        name: _turn_cov(fitted.model.feature_decoders[name], packed, r)
        for name, packed in fitted.weight_cov.items()
    }
    return fitted.replace(model=fitted.model.replace(turned), weight_cov=cov)


def _features_matrix(decoder: AbstractFeatureDecoder, r: np.ndarray) -> np.ndarray:
    """M of phi(R'z') = M phi(z')."""
    if isinstance(decoder, Linear):
        return r.T
    n, leading = len(r), decoder.leading if isinstance(decoder, Quadratic) else len(r)
    i, j = np.triu_indices(n)
    # z_a z_b = sum_ij R_ia R_jb z'_i z'_j; the products (i, j) and (j, i) are one feature. Of leading latents alone they become
    # products of all.
    a, b = np.triu_indices(leading)
    second = r[i][:, a] * r[j][:, b] + (i != j)[:, None] * r[j][:, a] * r[i][:, b]
    return np.block([[r.T, np.zeros((n, len(i)))], [np.zeros((len(a), n)), second.T]])


def _turn(name: str, decoder: AbstractDecoder, r: np.ndarray) -> AbstractDecoder:
    if not isinstance(decoder, (Linear, Quadratic)):
        raise InputError(
            f"the decoder of output '{name}' is a {type(decoder).__name__}; only Linear and Quadratic decoders can "
            "be rotated in closed form. Rotate the latents and compose the decoder with the rotation's inverse."
        )
    old = np.asarray(decoder.weight)
    weight = _like(old.astype(float) @ _features_matrix(decoder, r), old)
    if isinstance(decoder, Linear):
        return Linear(decoder.intercept, weight)
    return Quadratic(decoder.intercept, weight, decoder.n_latents)


def _turn_cov(decoder: AbstractFeatureDecoder, packed, r: np.ndarray):
    """Covariance of [intercept, weight] of every row, packed, in the rotated basis."""
    inner = _features_matrix(decoder, r)
    m = np.eye(len(inner) + 1, inner.shape[1] + 1)
    m[1:, 1:] = inner
    packed = np.asarray(packed)
    turned = m.T @ np.asarray(unpack(packed, len(m)), float) @ m  # type: ignore[arg-type]
    return _like(turned[:, *np.triu_indices(m.shape[1])], packed)


def _like(array: np.ndarray, old: np.ndarray) -> Array:
    with jax.enable_x64(True):
        return jnp.asarray(array.astype(old.dtype))


def canonical_gauge(
    fitted: FittedModel, data: Catalog | Batch, *, inputs: Sequence[str] | None = None
) -> np.ndarray:
    """The rotation to the gauge in which spectra measure each latent independently, best measured first.

    It makes the mean information matrix of the data, G = mean over stars of sum_j w_nj B_j B_j', diagonal with
    falling entries. This is the classical identification constraint of factor analysis (Lawley & Maxwell 1971):
    the axes are the principal directions of the noise-weighted spectra, and the latents of a typical star have
    independent posteriors. It looks at no label, so it favours none. It remains a convention: any other rotation
    describes the same model. Each axis points to where the label with the largest weight on it increases.

    Parameters
    ----------
    fitted : FittedModel
        Decoders of other kinds than linear enter with their Jacobian at the prior mean, z = 0.
    data : Catalog or Batch
        Stars whose inverse variances are typical.
    inputs : sequence of str, optional
        Outputs that inform about the latents. Default: all spectra that model and data share.

    Returns
    -------
    (latent, latent) array
        For `rotate`; equal entries of G leave the axes between them undetermined.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.representation import canonical_gauge, rotate, star_latents
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> turned = rotate(fitted, canonical_gauge(fitted, stars))
    >>> mean_cov = star_latents(turned, stars).cov.mean(0)
    >>> bool(mean_cov[0, 0] <= mean_cov[1, 1])  # the best measured first
    True
    """
    batch = fitted.batch(data, *input_names(fitted, data, inputs))
    information = np.zeros((fitted.model.n_latents, fitted.model.n_latents))
    for name in batch.names:
        jac = slope_at_origin(fitted, name)
        weight = effective_ivar(batch[name].ivar, fitted.model.scatter[name])
        information += jac.T @ (np.asarray(weight, float).mean(0)[:, None] * jac)
    axes = np.linalg.eigh(information)[1].T[::-1]
    labels = [k for k in fitted.model.names if k not in batch.names] or list(batch.names)
    slopes = np.concatenate([slope_at_origin(fitted, k) for k in labels]) @ axes.T
    largest = slopes[np.abs(slopes).argmax(0), np.arange(len(axes))]
    return np.where(largest < 0, -1.0, 1.0)[:, None] * axes


def slope_at_origin(fitted: FittedModel, name: str) -> np.ndarray:
    """D output / d latents at the prior mean, (out, latent): the weights themselves where the decoder is linear."""
    with jax.enable_x64(True):
        return np.asarray(jax.jacfwd(fitted.model[name])(jnp.zeros(fitted.model.n_latents)), float)


def input_names(
    fitted: FittedModel, data: Catalog | Batch, inputs: Sequence[str] | None = None
) -> tuple[str, ...]:
    """The outputs to infer latents from: `inputs`, or all spectra that model and data share."""
    held = tuple(data.outputs)
    for name in inputs or ():
        check_name("output of the model", name, fitted.model.names)
        check_name("output of the data", name, held)
    if inputs:
        return tuple(inputs)
    shared = [k for k in fitted.names_of("input") if k in held]
    if not shared:
        raise InputError(
            f"no spectra to infer latents from: the model decodes {join_names(fitted.model.names)} and the data hold "
            f"{join_names(held)}; name outputs alike, or choose inputs=."
        )
    return tuple(shared)


def over_rotations(
    statistic: Callable[[np.ndarray], float | np.ndarray],
    latents: ArrayLike,
    *,
    n: int = 100,
    seed: int,
) -> np.ndarray:
    """A statistic of latents in `n` random gauges: its values for the same model, were the axes chosen blindly.

    Parameters
    ----------
    statistic : callable
        Takes latents (star, latent), returns a number or an array.
    latents : (star, latent) array

    Returns
    -------
    (n, ...) array
    """
    z = np.asarray(latents, float)
    rotations = (random_rotation(z.shape[1], seed=seed + k) for k in range(n))
    return np.array([statistic(z @ r.T) for r in rotations])


def label_subspace_angles(
    first: FittedModel, second: FittedModel, output: str, labels: Sequence[str] | None = None
) -> np.ndarray:
    """Principal angles between the spectral patterns that two models tie to the same labels, radians.

    The pattern of a label with decoder row a is the model's covariance of spectrum and label, B a: the same in
    every gauge, and for any number of latents. Decoders of other kinds than linear enter with their Jacobian at
    the prior mean.

    Parameters
    ----------
    first, second : FittedModel
        With the same pixels in `output`.
    output : str
        Spectra that both decode.
    labels : sequence of str, optional
        The labels whose patterns span the subspaces. Default: all of the first model.

    Returns
    -------
    (label,) array
        Rising; 0 where both models move the same pixels for some mixture of the labels, pi/2 where they share
        nothing. Two random subspaces of thousands of pixels lie near pi/2.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.representation import label_subspace_angles, random_rotation, rotate
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> turned = rotate(fitted, random_rotation(2, seed=1))
    >>> bool((label_subspace_angles(fitted, turned, "flux", ["label_1"]) < 0.01).all())  # the same model
    True
    """
    names = tuple(labels) if labels is not None else first.info(first.label_output()).names
    patterns = [_patterns(model, output, names) for model in (first, second)]
    if len(patterns[0]) != len(patterns[1]):
        raise InputError(
            f"output '{output}' has {len(patterns[0])} values in one model and {len(patterns[1])} in the other; "
            "compare models of the same pixels."
        )
    return subspace_angles(*patterns)[::-1]


def _patterns(fitted: FittedModel, output: str, labels: Sequence[str]) -> np.ndarray:
    table = fitted.label_output()
    known = fitted.info(table).names
    for name in labels:
        check_name("label of the model", name, known)
    rows = slope_at_origin(fitted, table)[[known.index(n) for n in labels]]
    return slope_at_origin(fitted, output) @ rows.T
