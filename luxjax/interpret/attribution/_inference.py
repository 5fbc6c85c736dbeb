"""Labels as a differentiable function of one star's spectrum, through the inference, for any decoder.

The latents minimise E(z) = |z|^2/2 - sum_j ln p(y_j - f_j(z)), for Gaussian noise |z|^2/2 + sum_j w_j (y_j - f_j(z))^2 / 2.
At the minimum z*, grad E = 0 for every spectrum, so by the implicit function theorem

    dz*/dy = -(d^2 E/dz^2)^-1 d(grad E)/dy.

The search itself is therefore never differentiated: z* and the Hessian are held fixed, and one Newton step, which
moves nothing, carries the derivative, forward or backward.
"""

from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...core import Batch, InputError, OutputData
from ...core.internal import Array, Float
from ...data import Catalog
from ...fitted import FittedModel
from ...latents.internal import effective_ivar, latent_posterior, minus_log_density
from ...models import Lux
from ._outputs import find_label, input_batch, is_exact, spectral_output, wide

__all__ = ["infer_latents", "label_function"]


def infer_latents(model: Lux, star: Mapping[str, OutputData]) -> Float[Array, " latent"]:
    """Posterior mean (linear decoders) or mode (others) of one star's latents, differentiable in its values.

    Parameters
    ----------
    model : Lux
        With any decoders.
    star : mapping of str to Measured
        One star's outputs, (out,) each; inverse variances are taken as known.
    """
    block = Batch({k: OutputData(m.value[None], m.ivar[None]) for k, m in star.items()})
    if is_exact(model, tuple(star)):
        return latent_posterior(model, block).mean[0]
    weights = {k: effective_ivar(m.ivar[None], model.scatter[k])[0] for k, m in star.items()}

    def energy(z, values):
        noise = [
            jnp.sum(minus_log_density(model.dof[k], w, (values[k] - model.decoders[k](z)) ** 2))
            for k, w in weights.items()
        ]
        return 0.5 * (z @ z) + jnp.sum(jnp.stack(noise))

    values = {k: m.value for k, m in star.items()}
    z, fixed = jax.lax.stop_gradient((latent_posterior(model, jax.lax.stop_gradient(block)).mean[0], values))
    hessian = jax.lax.stop_gradient(jax.hessian(energy)(z, fixed))
    return z - jnp.linalg.solve(hessian, jax.grad(energy)(z, values))


def label_function(
    fitted: FittedModel,
    star: Catalog | Batch,
    labels: Sequence[str] | None = None,
    *,
    spectra: str | None = None,
    inputs: Sequence[str] | None = None,
) -> Callable[[Float[Array, " pixel"]], Float[Array, " label"]]:
    """The labels predicted for one star as a function of its flux, everything else of the star held.

    Parameters
    ----------
    fitted : FittedModel
    star : Catalog or Batch of one star
        Its inverse variances (bad pixels have none) and its other outputs.
    labels : sequence of str, optional
        Default: all labels of the model's label output.
    spectra : str, optional
        The output whose flux is the argument, where the model has several.
    inputs : sequence of str, optional
        The outputs that latents are inferred from. Default: all spectra that model and star share.

    Returns
    -------
    callable
        Flux (pixel,) to labels (label,) in their own units, to be traced by ``jax.jit``, ``jax.jacfwd`` and the
        attributions of this package. In double precision where 64-bit types are enabled.

    Examples
    --------
    >>> import jax
    >>> import luxjax
    >>> from luxjax.interpret.attribution import label_function
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> star = stars.select([0])
    >>> labels = label_function(fitted, star)
    >>> with jax.enable_x64(True):
    ...     jax.jacfwd(labels)(star.spectra("flux").flux[0]).shape  # label, pixel
    (3, 40)
    """
    names = tuple(labels) if labels is not None else fitted.info(fitted.label_output()).names
    rows = [find_label(fitted, name) for name in names]
    spectra = spectral_output(fitted, spectra, rows[0].output)
    with jax.enable_x64(True):
        batch = input_batch(fitted, star, inputs, spectra)
        model = wide(fitted.model)
        if batch.n_stars != 1:
            raise InputError(f"this is about one star; {batch.n_stars} were given: choose one with .select.")
        held = {k: OutputData(m.value[0], m.ivar[0]) for k, m in wide(batch).outputs.items()}
    unit = fitted.scale_of(spectra)
    loc, scale = np.array([r.loc for r in rows]), np.array([r.scale for r in rows])

    def predict(flux):
        dtype = jnp.result_type(flux)
        here, known = (_cast(tree, dtype) for tree in (model, held))
        star = known | {
            spectra: OutputData(jnp.asarray(flux) / jnp.asarray(unit, dtype), known[spectra].ivar)
        }
        z = infer_latents(here, star).astype(dtype)
        found = jnp.stack([here.decoders[r.output](z)[r.place] for r in rows])
        return found * jnp.asarray(scale, dtype) + jnp.asarray(loc, dtype)

    return predict


def _cast(tree, dtype):
    return jax.tree.map(lambda x: jnp.asarray(x, dtype) if eqx.is_inexact_array(x) else x, tree)
