"""Path-integrated gradients: how much each pixel adds to a prediction, compared with a reference spectrum.

Integrated gradients (Sundararajan, Taly & Yan 2017, ICML) share out f(x) - f(baseline) among the pixels along the
straight path between the two; expected gradients (Erion et al. 2021, Nature Machine Intelligence 3, 620) average that
over many baselines. The shares add up to the difference (completeness); what the quadrature leaves over is reported.
For a linear map they are gradient x (flux - baseline) exactly, whatever the path.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ...core import InputError
from ...core.internal import Array, doubles

__all__ = ["Attribution", "expected_gradients", "integrated_gradients"]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Shares of the pixels in a prediction's difference from its reference.

    Parameters
    ----------
    value : (..., pixel) array
        In label units; the leading axis is the predictor's label axis, if it has one.
    change : (...) array
        Prediction minus the (mean) prediction at the reference.
    residual : (...) array
        `change` minus the sum of the shares: the error of the quadrature.
    error : (..., pixel) array or None
        Standard error of the mean over baselines, for expected gradients.
    """

    value: np.ndarray
    change: np.ndarray
    residual: np.ndarray
    error: np.ndarray | None = None


def integrated_gradients(
    predictor: Callable[[Array], Array], flux, baseline, *, n_steps: int = 32
) -> Attribution:
    """Integrated gradients: the difference of a prediction at two spectra, divided among their pixels.

    Parameters
    ----------
    predictor : callable
        Differentiable, flux (pixel,) to labels (label,) or to one label; see `label_function`.
    flux, baseline : (pixel,) arrays
        The spectrum, and the one it is compared with: the mean spectrum of the training stars, say. There is no
        neutral choice: the shares answer "compared with what?".
    n_steps : int
        Nodes of the Gauss-Legendre quadrature along the path; exact for predictors that are polynomials in the flux
        of a degree up to 2 n_steps.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.attribution import integrated_gradients
    >>> found = integrated_gradients(lambda flux: flux[0] * flux[1], np.array([2.0, 1.0]), np.zeros(2))
    >>> found.value.round(3).tolist(), float(found.change)
    ([1.0, 1.0], 2.0)
    """
    x, b = _spectrum(flux, "flux"), _spectrum(baseline, "baseline")
    if x.shape != b.shape:
        raise InputError(f"flux has {len(x)} pixels and the baseline {len(b)}; give two spectra on one grid.")
    with jax.enable_x64(True):
        value, change = jax.jit(_path_integral(predictor, n_steps))(jnp.asarray(x), jnp.asarray(b))
    value, change = np.asarray(value), np.asarray(change)
    return Attribution(value, change, change - value.sum(-1))


def expected_gradients(
    predictor: Callable[[Array], Array], flux, background, *, n_steps: int = 8
) -> Attribution:
    """Integrated gradients averaged over baselines drawn from the data.

    Parameters
    ----------
    predictor : callable
        As for `integrated_gradients`.
    flux : (pixel,) array
    background : (star, pixel) array
        Spectra to compare with; a few dozen say enough, which `error` shows.
    n_steps : int
        Nodes of the quadrature along each path.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.interpret.attribution import expected_gradients
    >>> found = expected_gradients(lambda flux: 2 * flux[0] - flux[1], np.array([1.0, 1.0]), np.zeros((3, 2)))
    >>> found.value.round(3).tolist()
    [2.0, -1.0]
    """
    x, stars = _spectrum(flux, "flux"), doubles("the background", background)
    if stars.ndim != 2 or stars.shape[1] != len(x) or len(stars) < 2 or not np.all(np.isfinite(stars)):
        raise InputError(
            f"a background of shape {stars.shape} came with a spectrum of {len(x)} pixels; give two or more finite "
            "spectra, (star, pixel), on its grid."
        )
    with jax.enable_x64(True):
        integral = jax.jit(_path_integral(predictor, n_steps))
        parts = [integral(jnp.asarray(x), jnp.asarray(b)) for b in stars]
    values, changes = (np.array([np.asarray(p[k]) for p in parts]) for k in (0, 1))
    value, change = values.mean(0), changes.mean(0)
    error = values.std(0, ddof=1) / np.sqrt(len(values))
    return Attribution(value, change, change - value.sum(-1), error)


def _path_integral(predictor: Callable, n_steps: int) -> Callable:
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    nodes, weights = (nodes + 1) / 2, weights / 2

    def integral(x, b):
        # One node after another: side by side they would hold n_steps copies of the predictor's arrays.
        slopes = jax.lax.map(lambda t: jax.jacrev(predictor)(b + t * (x - b)), jnp.asarray(nodes))
        mean = jnp.tensordot(jnp.asarray(weights), slopes, 1)
        return mean * (x - b), predictor(x) - predictor(b)

    return integral


def _spectrum(flux, name: str) -> np.ndarray:
    out = doubles(name, flux)
    if out.ndim != 1 or not np.all(np.isfinite(out)):
        raise InputError(
            f"{name} has shape {out.shape} and {int(np.sum(~np.isfinite(out)))} values that are not finite; give one "
            "spectrum (pixel,), bad pixels filled with any number that the predictor ignores."
        )
    return out
