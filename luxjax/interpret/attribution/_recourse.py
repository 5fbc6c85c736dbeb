"""Recourse: the smallest change of a spectrum, in units of its noise, that moves a prediction.

With K = d labels/d flux and N the noise covariance, df = N K'(K N K')^-1 t for a change t of the labels, which is
sqrt(t'(K N K')^-1 t) standard deviations long. A label that moves much for a change far below the noise is hardly held
by the spectrum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Batch, InputError
from ...core.internal import Array
from ...data import Catalog
from ...fitted import FittedModel
from ...latents.internal import effective_ivar
from ._inference import label_function
from ._jacobians import label_jacobian
from ._outputs import find_label, input_batch, spectral_output

__all__ = ["Recourse", "recourse", "smallest_change"]

STEPS = 50
CLOSE = 1e-8


@dataclass(frozen=True, eq=False)
class Recourse:
    """The smallest change of a spectrum that changes a prediction as asked.

    Parameters
    ----------
    flux_change : (pixel,) array
        Zero at bad pixels.
    sigmas : float
        Its length in standard deviations of the noise.
    reached : (label,) array
        The change of the predicted labels that it makes, in the order asked for.
    """

    flux_change: np.ndarray
    sigmas: float
    reached: np.ndarray


def smallest_change(
    predictor: Callable[[Array], Array], flux, sd, change: Sequence[float], *, steps: int = STEPS
) -> Recourse:
    """The smallest change of a spectrum, in units of its noise, that changes any predictor's labels as asked.

    Parameters
    ----------
    predictor : callable
        Differentiable, flux (pixel,) to labels (label,).
    flux, sd : (pixel,) arrays
        A spectrum and its noise; sd 0 for pixels that must not change.
    change : sequence of float
        Change of each label; zeros hold the others.
    steps : int
        Most iterations of Newton's method on the constraints; one is exact for linear predictors.

    Raises
    ------
    InputError
        The predictor does not answer, or was not brought to the change asked for.
    """
    with jax.enable_x64(True):
        x, s = jnp.asarray(flux, jnp.float64), jnp.asarray(sd, jnp.float64)
        both = jax.jit(lambda u: (predictor(x + s * u), jax.jacrev(predictor)(x + s * u) * s))
        u, wanted, start = jnp.zeros_like(x), np.asarray(change, float), None
        for _ in range(steps + 1):
            labels, slope = (np.asarray(v) for v in both(u))
            start = labels if start is None else start
            if labels.shape != wanted.shape:
                raise InputError(
                    f"the predictor gives labels of shape {labels.shape}; changes of {wanted.shape} were asked."
                )
            reached = labels - start
            if np.abs(reached - wanted).max() <= CLOSE * np.abs(wanted).max():
                break
            u = jnp.asarray(_least_norm(slope, wanted - reached + slope @ np.asarray(u)))
    if not np.abs(reached - wanted).max() <= 1e-4 * np.abs(wanted).max():
        raise InputError(
            f"no spectrum was found that changes the labels by {list(change)}; ask for a smaller change."
        )
    return Recourse(np.asarray(s) * np.asarray(u), float(np.linalg.norm(u)), reached)


def recourse(
    fitted: FittedModel,
    star: Catalog | Batch,
    label: str,
    change: float,
    *,
    others: Sequence[str] = (),
    spectra: str | None = None,
    inputs: Sequence[str] | None = None,
) -> Recourse:
    """The smallest change of one star's spectrum, in units of its noise, that moves a predicted label by `change`.

    Closed form for linear decoders, iterated for others. The noise is the spectrum's own with the model's scatter.

    Parameters
    ----------
    fitted : FittedModel
    star : Catalog or Batch of one star
    label : str
    change : float
        In the label's unit.
    others : sequence of str
        Predicted labels that must stay as they are.
    spectra, inputs
        As for `label_jacobian`.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.attribution import recourse
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = recourse(fitted, stars.select([0]), "label_1", 0.1)
    >>> found.reached.round(2).tolist(), found.flux_change.shape
    ([0.1], (40,))
    """
    names = (label, *(n for n in dict.fromkeys(others) if n != label))
    output = find_label(fitted, label).output
    spectra = spectral_output(fitted, spectra, output)
    wanted: Mapping[str, float] = {name: change if name == label else 0.0 for name in names}
    predict = label_function(fitted, star, names, spectra=spectra, inputs=inputs)
    with jax.enable_x64(True):
        batch = input_batch(fitted, star, inputs, spectra)
        measured = batch[spectra]
        weight = np.asarray(effective_ivar(measured.ivar, fitted.model.scatter[spectra])[0], float)
        unit = fitted.scale_of(spectra)
        sd = np.divide(1, np.sqrt(weight), out=np.zeros_like(weight), where=weight > 0) * unit
        if not fitted.model.only(*dict.fromkeys([*batch.names, output])).is_linear:
            return smallest_change(
                predict, np.asarray(measured.value[0], float) * unit, sd, list(wanted.values())
            )
    slope = [label_jacobian(fitted, star, n, spectra=spectra, inputs=inputs).value[0] for n in names]
    u = _least_norm(np.array(slope) * sd, np.array(list(wanted.values())))
    return Recourse(sd * u, float(np.linalg.norm(u)), np.array(slope) @ (sd * u))


def _least_norm(slope: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The shortest u with slope @ u = change."""
    size = np.linalg.norm(slope, axis=1, keepdims=True)
    if not np.all(np.isfinite(slope)) or np.linalg.matrix_rank(
        slope / np.maximum(size, 1e-300), tol=1e-8
    ) < len(slope):
        raise InputError(
            "the predicted labels do not answer to the flux independently here, so one cannot be moved while the "
            "others are held; hold fewer others."
        )
    return np.linalg.lstsq(slope / size, change / size[:, 0])[0]
