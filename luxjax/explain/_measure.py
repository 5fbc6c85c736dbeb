"""The numbers of a verdict, from a fitted model and held-out stars: one pass over the spectra, block by block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ..core import Array, Batch, InputError, Measured, check_name, listing
from ..data import Catalog
from ..fitting import Fitted, blocks, effective_ivar, latent_posterior, star_sums
from ..models import Lux
from ._gauge import input_names
from ._off_trend import OwnShare, Response, off_trend_response, response_share
from ._own_lines import OwnLines, line_depth, line_depth_without, own_line_residual

__all__ = ["HeldOut", "Measurement", "held_out", "measure_evidence", "measurement"]

Windows = ArrayLike | Mapping[str, ArrayLike]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a model says of held-out stars with and without an element's own windows. Host arrays in float64.

    Labels are in their own units and in the order of `labels`.

    Attributes
    ----------
    labels : tuple of str
    observed, error : (star, label) arrays
        As catalogued; NaN where missing.
    predicted, masked : (star, label) arrays
        From the spectrum alone, and from the spectrum with the own windows masked.
    own_part : (star, label) array
        The part of `predicted` that comes from the own windows. Exact for linear decoders, where a prediction is a
        sum over pixels; for others `predicted` - `masked`.
    flux, ivar, model : (star, own pixel) arrays
        At the pixels of the own windows, input after input: flux, inverse variance with the learned scatter
        included, and the flux predicted with the own windows masked.
    """

    labels: tuple[str, ...]
    observed: np.ndarray
    error: np.ndarray
    predicted: np.ndarray
    masked: np.ndarray
    own_part: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    model: np.ndarray

    def column(self, label: str) -> int:
        """The column of a label."""
        check_name("label", label, self.labels)
        return self.labels.index(label)

    def columns(self, labels: Sequence[str]) -> list[int]:
        """The columns of several labels."""
        return [self.column(label) for label in labels]


class Measurement(NamedTuple):
    """What `decide` judges; the own-line parts are None where no own windows were given."""

    response: Response
    own_lines: OwnLines | None
    own_share: OwnShare | None


def held_out(
    fitted: Fitted,
    catalog: Catalog,
    pixels: Windows | None = None,
    inputs: Sequence[str] | None = None,
    *,
    block: int = 512,
) -> HeldOut:
    """Predict the labels of held-out stars with and without own windows, and the flux in these windows.

    Parameters
    ----------
    fitted : Fitted
    catalog : Catalog
        Stars that the model has not seen, with spectra and labels.
    pixels : (pixel,) bool array, or mapping of input to such arrays, optional
        The own windows. One array goes with the one input that is spectra.
    inputs : sequence of str, optional
        The outputs to predict from; by default all spectra that model and catalogue share.
    block : int
        Stars handled at a time.
    """
    names = input_names(fitted, catalog, inputs)
    label_output = fitted.label_output()
    own = _by_input(fitted, names, pixels, bool)
    batch = fitted.batch(catalog, *names)
    parts = []
    with jax.enable_x64(True):
        masks = {name: jnp.asarray(mask, batch[name].value.dtype) for name, mask in own.items()}
        for part, _, where in blocks(batch, block):
            n = where.stop - where.start
            value, own_part = jax.block_until_ready(_full(fitted.model, part, masks, label_output))
            masked, model, weight = jax.block_until_ready(_masked(fitted.model, part, masks, label_output))
            cut = [
                np.concatenate([np.asarray(x[k])[:n, own[k]] for k in names], axis=1, dtype=float)
                for x in ({k: part[k].value for k in names}, weight, model)
            ]
            parts.append([*(np.asarray(x, float)[:n] for x in (value, masked, own_part)), *cut])
    value, masked, own_part, flux, ivar, model = (np.concatenate(x) for x in zip(*parts, strict=True))
    info, table = fitted.info(label_output), catalog.labels(label_output)
    held = [table.names.index(label) if label in table.names else -1 for label in info.names]
    observed, error = (
        np.column_stack([a[:, k] if k >= 0 else np.full(len(table), np.nan) for k in held])
        for a in (table.value, table.error)
    )
    own_part = own_part if fitted.model.is_linear else value - masked
    return HeldOut(
        info.names,
        observed,
        error,
        value * info.scale + info.loc,
        masked * info.scale + info.loc,
        own_part * info.scale,
        flux,
        ivar,
        model,
    )


def measure_evidence(
    fitted: Fitted,
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
    """Off-trend response, own-line residual and own-pixel share of one label, over held-out stars.

    Parameters
    ----------
    fitted : Fitted
    catalog : Catalog
        Stars that the model has not seen, with spectra and labels.
    label : str
    others : sequence of str
        The labels to condition on. Leave out any that is itself a guess: its prediction is a copy of others, and
        may hold what the spectrum says of `label`.
    pixels, profile : (pixel,) arrays, or mappings of input to them, optional
        The own windows (bool) and the expected depth of the label's lines there. Without them, or where no pixel is
        in a window, own lines cannot be judged.
    inputs : sequence of str, optional
        The outputs to predict from; by default all spectra that model and catalogue share.
    line : (pixel,) integer array, or mapping of input to such arrays, optional
        Number of the line that each pixel belongs to, to see whether T survives without each.
    block : int
        Stars handled at a time.
    """
    stars = held_out(fitted, catalog, pixels, inputs, block=block)
    shape = number = None
    if profile is not None:
        names = input_names(fitted, catalog, inputs)
        own = _by_input(fitted, names, pixels, bool)
        shape = np.concatenate([v[own[k]] for k, v in _by_input(fitted, names, profile, float).items()])
        if line is not None:
            number = np.concatenate([v[own[k]] for k, v in _by_input(fitted, names, line, int).items()])
    return measurement(stars, label, others, shape, number)


def measurement(
    stars: HeldOut,
    label: str,
    others: Sequence[str],
    profile: ArrayLike | None = None,
    line: ArrayLike | None = None,
) -> Measurement:
    """Off-trend response, own-line residual and own-pixel share of one label, from stars already inferred.

    Parameters
    ----------
    stars : HeldOut
        Its own pixels are those of the label.
    label, others
        As for `measure_evidence`.
    profile, line : (own pixel,) arrays, optional
        Expected depth, and number of the line, at the own pixels alone.
    """
    j, o = stars.column(label), stars.columns(others)
    given = (
        stars.predicted[:, j],
        stars.predicted[:, o],
        stars.observed[:, j],
        stars.error[:, j],
        stars.observed[:, o],
        stars.error[:, o],
    )
    response = off_trend_response(*given, others=others)
    if stars.flux.shape[1] == 0 or profile is None:
        return Measurement(response, None, None)
    seen = (stars.flux, stars.ivar, stars.model, profile)
    without: dict[str, np.ndarray] = {}
    if line is not None:
        without = dict(zip(("depth_without", "weight"), line_depth_without(*seen, line), strict=True))
    lines = own_line_residual(
        line_depth(*seen),
        stars.masked[:, o],
        stars.observed[:, j],
        stars.error[:, j],
        tau2=response.tau2,
        **without,
    )
    return Measurement(response, lines, response_share(stars.own_part[:, j], *given))


@eqx.filter_jit
def _full(model: Lux, block: Batch, masks: dict[str, Array], labels: str):
    """Labels from the whole spectrum, and their part from the masked pixels: A C sum_own w_j (f_j - b_j) B_j."""
    posterior = latent_posterior(model, block)
    decoder = model.feature_decoders[labels]
    value = jax.vmap(decoder)(posterior.mean)
    if not model.is_linear:
        return value, jnp.zeros_like(value)
    rhs = jnp.zeros_like(posterior.mean)
    for name, m in block.outputs.items():
        weight = effective_ivar(m.ivar, model.scatter[name]) * masks[name]
        rhs = rhs + star_sums(model.feature_decoders[name], m, weight).rhs
    return value, jnp.einsum("nij,nj->ni", posterior.cov, rhs) @ decoder.weight.T


@eqx.filter_jit
def _masked(model: Lux, block: Batch, masks: dict[str, Array], labels: str):
    """Labels from the spectrum without the masked pixels, the flux expected from it, and the pixels' weights."""
    rest = Batch({k: Measured(m.value, m.ivar * (1 - masks[k])) for k, m in block.outputs.items()})
    z = latent_posterior(model, rest).mean
    flux = {k: jax.vmap(model.feature_decoders[k])(z) for k in block.names}
    weight = {k: effective_ivar(m.ivar, model.scatter[k]) for k, m in block.outputs.items()}
    return jax.vmap(model.feature_decoders[labels])(z), flux, weight


def _by_input(fitted: Fitted, names: Sequence[str], given: Windows | None, kind) -> dict[str, np.ndarray]:
    """One (pixel,) array for every input, zeros where none was given."""
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if len(names) > 1:
            raise InputError(
                f"own windows came as one array for the inputs {listing(names)}; give a mapping of input to array."
            )
        given = {names[0]: given}
    for name in given:
        check_name("input for the own windows", name, names)
    arrays = {}
    for name in names:
        size = len(fitted.model.scatter[name])
        arrays[name] = np.asarray(given.get(name, np.zeros(size)), kind)
        if arrays[name].shape != (size,):
            raise InputError(
                f"own windows of '{name}' have shape {arrays[name].shape}; its {size} pixels ask for ({size},)."
            )
    return arrays
