"""From a fitted model and held-out stars to the numbers of a verdict, for any windows."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ..core import Batch, InputError, check_name
from ..core.internal import join_names, total
from ..data import Catalog
from ..fitted import FittedModel
from ..latents import star_sums
from ..latents.internal import blocks, effective_ivar, latent_posterior
from ..models import Lux
from ._measure import HeldOutStars, Measurement, measurement
from ._stars import InferredStars, Pixels

__all__ = ["held_out", "infer_held_out", "measure_evidence"]

Windows = ArrayLike | Mapping[str, ArrayLike]


def held_out(
    fitted: FittedModel,
    catalog: Catalog,
    pixels: Windows | None = None,
    inputs: Sequence[str] | None = None,
    *,
    block: int = 512,
) -> HeldOutStars:
    """Predict the labels of held-out stars with and without element windows, and the flux in these windows.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Stars that the model has not seen, with spectra and labels.
    pixels : (pixel,) bool array, or mapping of input to such arrays, optional
        The element windows. One array goes with the one input that is spectra.
    inputs : sequence of str, optional
        The outputs to predict from. Default: all spectra that model and catalogue share.
    block : int
        Stars handled at a time.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.evidence import held_out
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> window = np.arange(40) < 5  # pixels of the element's lines
    >>> found = held_out(fitted, stars, window)
    >>> found.predicted.shape, bool((found.masked != found.predicted).any())
    ((90, 3), True)
    """
    stars = infer_held_out(fitted, catalog, inputs, block=block)
    return stars.without(_side_by_side(stars, pixels, bool))


def measure_evidence(
    fitted: FittedModel,
    catalog: Catalog,
    label: str,
    others: Sequence[str],
    pixels: Windows | None = None,
    profile: Windows | None = None,
    inputs: Sequence[str] | None = None,
    *,
    line: Windows | None = None,
    block: int = 512,
) -> Measurement:
    """Off-trend response, element-line residual and own-pixel share of one label, over held-out stars.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Stars that the model has not seen, with spectra and labels.
    label : str
    others : sequence of str
        The labels to condition on. Leave out any that is itself a guess: its prediction is a copy of others, and
        may hold what the spectrum says of `label`.
    pixels, profile : (pixel,) arrays, or mappings of input to them, optional
        The element windows (bool) and the expected depth of the label's lines there. Without them, or where no pixel is
        in a window, element lines cannot be evaluated.
    inputs : sequence of str, optional
        The outputs to predict from. Default: all spectra that model and catalogue share.
    line : (pixel,) integer array, or mapping of input to such arrays, optional
        Number of the line that each pixel belongs to, to see whether T survives without each.
    block : int
        Stars handled at a time.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.evidence import measure_evidence
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> response = measure_evidence(fitted, stars, "label_1", ["label_2"]).response
    >>> round(response.beta, 1), response.n
    (0.9, 90)
    """
    stars = infer_held_out(fitted, catalog, inputs, block=block)
    own = _side_by_side(stars, pixels, bool)
    shape = None if profile is None else _side_by_side(stars, profile, float)[own]
    number = None if profile is None or line is None else _side_by_side(stars, line, int)[own]
    return measurement(stars.without(own), label, others, shape, number)


def _side_by_side(stars: InferredStars, given: Windows | None, kind: type) -> np.ndarray:
    """The arrays of all inputs side by side, (pixel,); zeros where none was given."""
    names = [p.name for p in stars.inputs]
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if len(names) > 1:
            raise InputError(
                f"element windows came as one array for the inputs {join_names(names)}; give a mapping of input to array."
            )
        given = {names[0]: given}
    for name in given:
        check_name("input for the element windows", name, names)
    out: np.ndarray = np.zeros(stars.n_pixels, kind)
    for p in stars.inputs:
        if p.name not in given:
            continue
        values: np.ndarray = np.asarray(given[p.name], kind)
        size = p.where.stop - p.where.start
        if values.shape != (size,):
            raise InputError(
                f"element windows of '{p.name}' have shape {values.shape}; its {size} pixels ask for ({size},)."
            )
        out[p.where] = values
    return out


def infer_held_out(
    fitted: FittedModel, catalog: Catalog, inputs: Sequence[str] | None = None, *, block: int = 512
) -> InferredStars:
    """One pass over held-out stars.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Stars that the model has not seen, with spectra and labels.
    inputs : sequence of str, optional
        The outputs to infer from. Default: all spectra that model and catalogue share.
    block : int
        Stars handled at a time.
    """
    output = fitted.label_output()
    pixels = _pixels(fitted, catalog, inputs)
    names = [p.name for p in pixels]
    if output not in catalog.outputs:
        raise InputError(
            f"these stars have no '{output}' to compare with (outputs: {join_names(catalog.outputs)}); "
            "join the catalogue with held-out labels."
        )
    batch = fitted.batch(catalog, *names)
    parts, weights = [], []
    with jax.enable_x64(True):
        for part, _, where in blocks(batch, block):
            out, weight = jax.block_until_ready(_inferred(fitted.model, part))
            n = where.stop - where.start
            parts.append([np.asarray(x)[:n] for x in out])
            weights.append(np.concatenate([np.asarray(weight[k])[:n] for k in names], axis=1))
    gram, rhs, latents, cov = (np.concatenate(x) for x in zip(*parts, strict=True))
    flux = np.concatenate([np.asarray(batch[k].value) for k in names], axis=1)
    info, table = fitted.info(output), catalog.labels(output)
    observed, error = np.full((2, len(catalog), len(info.names)), np.nan)
    for j, label in enumerate(info.names):
        if label in table.names:
            k = table.names.index(label)
            observed[:, j], error[:, j] = table.value[:, k], table.error[:, k]
    if (read_out := fitted.read_outs.get(output)) is not None:
        error *= read_out.error_scale  # errors as the model believes them, as in scores and calibrations
    stars = InferredStars(
        fitted, np.asarray(catalog.ids), pixels, info.names, observed, error, flux, np.concatenate(weights),
        gram, rhs, latents, cov, np.empty((0, 0)),
    )  # fmt: skip
    object.__setattr__(stars, "predicted", stars.label_values(latents))
    return stars


def _pixels(fitted: FittedModel, catalog: Catalog, inputs: Sequence[str] | None) -> tuple[Pixels, ...]:
    shared = [n for n in fitted.model.names if n in catalog.outputs and fitted.info(n).is_spectra]
    if inputs is None:
        if not shared:
            raise InputError(
                f"the model and these stars share no spectra (the model has {join_names(fitted.model.names)}, the "
                f"catalogue {join_names(catalog.outputs)}); name outputs alike."
            )
        inputs = shared
    found, start = [], 0
    for name in inputs:
        check_name("input that model and catalogue share", name, shared)
        info = fitted.info(name)
        assert info.wavelength is not None  # spectra have wavelengths and a medium
        assert info.medium is not None
        stop = start + len(info.wavelength)
        found.append(Pixels(name, slice(start, stop), info.wavelength, info.medium, info.survey))
        start = stop
    return tuple(found)


@eqx.filter_jit
def _inferred(model: Lux, block: Batch):
    model = model.only(*block.names)
    posterior = latent_posterior(model, block)
    weight = {k: effective_ivar(m.ivar, model.scatter[k]) for k, m in block.outputs.items()}
    gram, rhs = jnp.zeros((2, block.n_stars, 0))
    if model.is_linear:
        sums = [star_sums(model.feature_decoders[k], m, weight[k]) for k, m in block.outputs.items()]
        gram, rhs = total([s.gram for s in sums]), total([s.rhs for s in sums])
    return (gram, rhs, posterior.mean, posterior.cov), weight
