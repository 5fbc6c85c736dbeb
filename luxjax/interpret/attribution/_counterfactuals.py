"""Counterfactual spectra, such as with more of one element: the smallest step of the latents that changes one label.

A spectrum is imagined with one label changed: latents move by the shortest step in the prior's metric that changes it
and holds the others. The other way about, from a change of the prediction to one of the spectrum, is `recourse`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Batch, InputError
from ...core.internal import short_repr
from ...data import Catalog
from ...fitted import FittedModel
from ...models import Lux
from ...stats import Interval
from ..representation._latents import star_latents
from ._flux_jacobians import conditional_flux_jacobian
from ._outputs import LabelRow, find_label, spectral_output, wide

__all__ = ["Counterfactual", "counterfactual"]

STAGES, NEWTON = 8, 5
STARS = 16


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

    __repr__ = short_repr

    def interval(self, n_sigma: float = 1.96) -> Interval:
        """Ends (star, pixel) of the interval of the difference, 95% by default; of linear decoders."""
        if self.difference_sd is None:
            raise InputError("the spread of the difference is known for linear decoders only.")
        half = n_sigma * self.difference_sd
        return Interval(self.difference - half, self.difference + half)  # type: ignore[arg-type]


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
    """Counterfactual spectra of stars: as if one label were different and the others the same.

    Parameters
    ----------
    fitted : FittedModel
    data : Catalog or Batch
        The stars, whose latents are inferred from `inputs`.
    label : str
    change : float
        In the label's unit.
    others : sequence of str, optional
        The labels held fixed. Default: all others of the label's output. None of them: ``()``.
    spectra : str, optional
        The output to decode, where the model has several.
    inputs : sequence of str, optional
        The outputs that latents are inferred from.

    Returns
    -------
    Counterfactual
        What the model would expect, which for a label that it guesses is what goes along with it in the population.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.attribution import counterfactual
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = counterfactual(fitted, stars, "label_1", 0.5, others=())
    >>> found.difference.shape, bool(abs(found.after - found.before - found.difference).max() < 1e-6)
    ((90, 40), True)
    """
    row = find_label(fitted, label)
    if others is None:
        others = [n for n in fitted.info(row.output).names if n != label]
    spectra = spectral_output(fitted, spectra, row.output)
    start = star_latents(fitted, data, inputs=inputs)
    rows = [row, *(find_label(fitted, name) for name in others)]
    linear = fitted.model.only(*dict.fromkeys([spectra, *(r.output for r in rows)])).is_linear
    slope = conditional_flux_jacobian(
        fitted, label, others=others, spectra=spectra, spread=linear and bool(fitted.weight_cov)
    )
    with jax.enable_x64(True):
        model = wide(fitted.model)
        z = jnp.asarray(start.mean)
        target = jnp.zeros(len(rows)).at[0].set(change / row.scale)
        moved = jax.jit(lambda z: _each_moved(model, rows, z, target, linear))(z)
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
    unit = fitted.scale_of(spectra)
    before, after, spread = before * unit, after * unit, np.sqrt(variance) * unit
    return Counterfactual(
        label, spectra, float(change), before, after, after - before, sd, spread, np.asarray(moved)
    )


def _labels(model: Lux, rows: Sequence[LabelRow], z):
    return jnp.stack([model.decoders[r.output](z)[r.place] for r in rows])


def _each_moved(model: Lux, rows: Sequence[LabelRow], z, target, linear: bool):
    """Latents of every star after the change; curved labels some stars at a time, for memory."""
    if linear:
        return jax.vmap(lambda z: _moved(model, rows, z, target, 1, 1))(z)
    return jax.lax.map(lambda z: _moved(model, rows, z, target, STAGES, NEWTON), z, batch_size=STARS)


def _moved(model: Lux, rows: Sequence[LabelRow], z, target, stages: int, newton: int):
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

    shares = np.repeat(np.linspace(0, 1, stages + 1)[1:], newton)
    return z + jax.lax.scan(step, jnp.zeros(n + len(rows)), jnp.asarray(shares))[0][:n]
