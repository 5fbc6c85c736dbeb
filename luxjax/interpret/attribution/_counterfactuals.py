"""How would a spectrum look with more of one element? The smallest changes that change one label.

A spectrum is imagined with one label changed: latents move by the shortest step in the prior's metric that changes it
and holds the others. And the other way about, a prediction is changed: pixels change by the smallest amount in units of
their noise. With K = d labels/d flux and N the noise covariance, df = N K'(K N K')^-1 t for a change t, which is
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
from ...models import Lux
from ...stats import Interval
from ..representation._latents import star_latents
from ._flux_jacobians import conditional_flux_jacobian
from ._inference import label_function
from ._jacobians import label_jacobian
from ._outputs import LabelRow, find_label, input_batch, spectral_output, wide

__all__ = ["Counterfactual", "Recourse", "counterfactual", "recourse", "smallest_change"]

STEPS = 50
STAGES, NEWTON = 8, 5
CLOSE = 1e-8


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """Spectra as the model expects them before and after a change of one label. Host arrays.

    Parameters
    ----------
    label, spectra : str
    change : float
        In the label's unit.
    before, after : (star, pixel) arrays
        Noise-free flux.
    difference : (star, pixel) array
        After minus before.
    difference_sd : (star, pixel) array or None
        From the decoders' own uncertainty, for linear decoders; None for others.
    flux_sd : (star, pixel) array
        Of `after`: what the star's noise leaves open about its latents.
    latents : (star, latent) array
        After the change.
    """

    label: str
    spectra: str
    change: float
    before: np.ndarray
    after: np.ndarray
    difference: np.ndarray
    difference_sd: np.ndarray | None
    flux_sd: np.ndarray
    latents: np.ndarray

    def interval(self, n_sigma: float = 1.96) -> Interval:
        """Ends (star, pixel) of the interval of the difference, 95% by default; of linear decoders."""
        if self.difference_sd is None:
            raise InputError("the spread of the difference is known for linear decoders only.")
        half = n_sigma * self.difference_sd
        return Interval(self.difference - half, self.difference + half)  # type: ignore[arg-type]


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


def counterfactual(
    fitted: FittedModel,
    data: Catalog | Batch,
    label: str,
    change: float,
    *,
    others: Sequence[str] | None = None,
    spectra: str | None = None,
    inputs: Sequence[str] | None = None,
) -> Counterfactual:
    """The spectra of stars had one label been different and the others the same.

    Parameters
    ----------
    fitted : FittedModel
    data : Catalog or Batch
        The stars, whose latents are inferred from `inputs`.
    label : str
    change : float
        In the label's unit.
    others : sequence of str, optional
        The labels held fixed; by default all others of the label's output. None of them: ``()``.
    spectra : str, optional
        The output to decode, where the model has several.
    inputs : sequence of str, optional
        The outputs that latents are inferred from.

    Returns
    -------
    Counterfactual
        What the model would expect, which for a label that it guesses is what goes along with it in the population.
    """
    row = find_label(fitted, label)
    if others is None:
        others = [n for n in fitted.info(row.output).names if n != label]
    spectra = spectral_output(fitted, spectra, row.output)
    start = star_latents(fitted, data, inputs=inputs)
    slope = conditional_flux_jacobian(
        fitted,
        label,
        others=others,
        spectra=spectra,
        spread=fitted.model.is_linear and bool(fitted.weight_cov),
    )
    rows = [row, *(find_label(fitted, name) for name in others)]
    with jax.enable_x64(True):
        model = wide(fitted.model)
        z = jnp.asarray(start.mean)
        target = jnp.zeros(len(rows)).at[0].set(change / row.scale)
        moved = jax.jit(jax.vmap(lambda z: _moved(model, rows, z, target)))(z)
        decoder = model.decoders[spectra]
        before, after = (np.asarray(jax.vmap(decoder)(x)) for x in (z, moved))
        jac = jax.lax.map(jax.jacfwd(decoder), moved)
        variance = np.asarray(jnp.einsum("npi,nij,npj->np", jac, jnp.asarray(start.cov), jac))
        short = np.asarray(
            jax.vmap(lambda a, b: _labels(model, rows, b) - _labels(model, rows, a) - target)(z, moved)
        )
    if np.abs(short).max(initial=0) > 1e-6 * max(abs(change / row.scale), 1.0):
        raise InputError(
            f"no latents were found that change '{label}' by {change:g} with the others held, for "
            f"{int((np.abs(short).max(axis=1) > 1e-6).sum())} of {len(short)} stars; ask for a smaller change."
        )
    sd = None if slope.sd is None else np.broadcast_to(abs(change) * slope.sd, before.shape)
    return Counterfactual(
        label, spectra, float(change), before, after, after - before, sd, np.sqrt(variance), np.asarray(moved)
    )


def _labels(model: Lux, rows: Sequence[LabelRow], z):
    return jnp.stack([model.decoders[r.output](z)[r.place] for r in rows])


def _moved(model: Lux, rows: Sequence[LabelRow], z, target):
    """Latents nearest to z whose labels differ by `target` (scaled units).

    Newton's method on the Lagrangian |d|^2/2 - l.(labels(z + d) - labels(z) - t), the target t approached in stages.
    """
    start, n = _labels(model, rows, z), len(z)

    def lagrangian(x, t):
        d, multipliers = x[:n], x[n:]
        return 0.5 * d @ d - multipliers @ (_labels(model, rows, z + d) - start - t)

    def step(x, share):
        t = share * target
        return x - jnp.linalg.solve(jax.hessian(lagrangian)(x, t), jax.grad(lagrangian)(x, t)), None

    shares = np.ones(1) if model.is_linear else np.repeat(np.linspace(0, 1, STAGES + 1)[1:], NEWTON)
    return z + jax.lax.scan(step, jnp.zeros(n + len(rows)), jnp.asarray(shares))[0][:n]


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
        Of each label; zeros hold the others.
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
    """
    names = (label, *(n for n in dict.fromkeys(others) if n != label))
    spectra = spectral_output(fitted, spectra, find_label(fitted, label).output)
    wanted: Mapping[str, float] = {name: change if name == label else 0.0 for name in names}
    predict = label_function(fitted, star, names, spectra=spectra, inputs=inputs)
    with jax.enable_x64(True):
        measured = input_batch(fitted, star, inputs, spectra)[spectra]
        weight = np.asarray(effective_ivar(measured.ivar, fitted.model.scatter[spectra])[0], float)
        sd = np.divide(1, np.sqrt(weight), out=np.zeros_like(weight), where=weight > 0)
        if not fitted.model.is_linear:
            return smallest_change(predict, measured.value[0], sd, list(wanted.values()))
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
