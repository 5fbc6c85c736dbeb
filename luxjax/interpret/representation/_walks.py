"""Walks through latent space: spectra and labels along a latent, or along the direction in which a label rises.

Walks along single latents depend on the choice of axes; those along a `label_direction` do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError, check_name
from ...fitted import FittedModel
from ._gauge import slope_at_origin

__all__ = ["Traversal", "decode", "label_direction", "traverse"]


@dataclass(frozen=True, eq=False)
class Traversal:
    """Outputs decoded along a line in latent space.

    Attributes
    ----------
    steps : (step,) array
        In standard deviations of the prior.
    latents : (step, latent) array
    outputs : dict of str to (step, out) array
        Spectra, and labels in their own units.
    labels : dict of str to (step,) array
        The labels by name.
    """

    steps: np.ndarray
    latents: np.ndarray
    outputs: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]


def traverse(
    fitted: FittedModel,
    direction: int | ArrayLike,
    *,
    start: ArrayLike | None = None,
    steps: ArrayLike = (-2.0, -1.0, 0.0, 1.0, 2.0),
) -> Traversal:
    """Spectra and labels as one walks along a latent, or along any direction of latent space.

    Parameters
    ----------
    fitted : FittedModel
    direction : int or (latent,) array
        A latent's number, or a direction; its length does not matter.
    start : (latent,) array, optional
        The star to start from. Default: the prior mean.
    steps : sequence of float
        Standard deviations of the prior.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.representation import label_direction, traverse
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> walk = traverse(fitted, label_direction(fitted, "label_1"), steps=(-1.0, 0.0, 1.0))
    >>> walk.outputs["flux"].shape
    (3, 40)
    >>> bool((walk.labels["label_1"][1:] > walk.labels["label_1"][:-1]).all())
    True
    """
    n = fitted.model.n_latents
    if isinstance(direction, (int, np.integer)):
        if not 0 <= direction < n:
            raise InputError(f"there is no latent {direction}; this model's are numbered 0 to {n - 1}.")
        direction = np.eye(n)[direction]
    axis = np.asarray(direction, float)
    if axis.shape != (n,) or not np.linalg.norm(axis) > 0:
        raise InputError(
            f"a direction is {n} numbers, not all zero, or a latent's number; given shape {axis.shape}."
        )
    k = np.asarray(steps, float)
    origin = np.zeros(n) if start is None else np.asarray(start, float)
    z = origin + k[:, None] * axis / np.linalg.norm(axis)
    outputs: dict[str, np.ndarray] = {}
    labels: dict[str, np.ndarray] = {}
    for name in fitted.model.names:
        info = fitted.info(name)
        outputs[name] = decode(fitted, name, z) * info.scale + info.loc
        labels |= dict(zip(info.names, outputs[name].T, strict=False))
    return Traversal(k, z, outputs, labels)


def decode(fitted: FittedModel, name: str, z: np.ndarray) -> np.ndarray:
    """Output `name` at latents (..., latent), in the model's scaled units."""
    with jax.enable_x64(True):
        flat = jax.vmap(fitted.model[name])(jnp.asarray(z.reshape(-1, z.shape[-1])))
        return np.asarray(flat, float).reshape(*z.shape[:-1], -1)


def label_direction(fitted: FittedModel, label: str, fixed: Sequence[str] = ()) -> np.ndarray:
    """The unit direction of latent space in which a label rises fastest, (latent,), other labels `fixed`.

    For linear decoders with rows a (label) and A_o (fixed labels) it is a minus its projection on the rows A_o:
    the most probable way, under the prior, to change the one label and not the others. Without `fixed`, correlated
    labels move along. It turns with the gauge, so what is decoded along it does not depend on the gauge.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.representation import label_direction
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> direction = label_direction(fitted, "label_1")
    >>> direction.shape, round(float((direction**2).sum()), 3)
    ((2,), 1.0)
    """
    output = fitted.label_output()
    names = fitted.info(output).names
    for name in (label, *fixed):
        check_name("label of the model", name, names)
    if label in fixed:
        raise InputError(f"label '{label}' cannot rise and be fixed; leave it out of fixed=.")
    rows = slope_at_origin(fitted, output)
    a, others = rows[names.index(label)], rows[[names.index(n) for n in fixed]]
    free = a - np.linalg.lstsq(others.T, a, rcond=None)[0] @ others if len(others) else a
    length = float(np.linalg.norm(free))
    if length <= 1e-8 * np.abs(rows).max():
        raise InputError(f"no direction moves '{label}' in this model while {list(fixed)} stay fixed.")
    return free / length
