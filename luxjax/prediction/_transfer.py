"""Labels of stars that have none, from a fitted model and whichever outputs the stars do have."""

import dataclasses
import warnings
from collections.abc import Callable, Iterable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ..core import Batch, Gaussian, InputError, LuxWarning, OutputData, check_name
from ..core.internal import Array, check_stars, join_names
from ..data import Catalog
from ..fitted import Calibration, FittedModel
from ..latents import weight_products
from ..latents.internal import Products, blocks, decoder_variance, latent_posterior, with_decoder_noise
from ..models import AbstractFeatureDecoder, Lux
from ..parallel.internal import STAR, on_mesh, shard_map_stars
from ._flags import flags_of, limits_of, warn_of_misfit
from ._patterns import applied
from ._prediction import Prediction
from ._shrink import replace_shortcuts as shrink
from ._shrink import shortcuts

__all__ = ["assembled", "chosen_calibration", "input_names", "predictor", "transfer"]


def transfer(
    fitted: FittedModel,
    data: Catalog | Batch,
    *,
    inputs: Sequence[str] | None = None,
    labels: str | None = None,
    replace_shortcuts: bool = False,
    calibrated: bool = True,
    block: int = 512,
    mesh: Mesh | None = None,
) -> Prediction:
    """Predict the labels of stars.

    Parameters
    ----------
    fitted : FittedModel
    data : Catalog or Batch
        The stars. Labels they already carry are not looked at unless named in `inputs`.
    inputs : sequence of str, optional
        The outputs to infer latents from. Default: all spectra that model and data share.
    labels : str, optional
        The label output to predict, where the model has more than one.
    replace_shortcuts : bool
        Whether labels that the model's verdicts call a shortcut are replaced by what the other labels say of them, with
        the error that this leaves: see `luxjax.prediction.replace_shortcuts`.
    calibrated : bool
        Whether the model's calibration for such predictions is applied, where it has one. False: the model's own errors,
        which a calibration is learned from.
    block : int
        Stars handled at a time, by each device.
    mesh : jax.sharding.Mesh, optional
        The devices that share the stars, as from `luxjax.parallel.star_mesh`. Where they are of several processes, each
        gets the prediction of its own stars, as their `ids` say.

    Returns
    -------
    Prediction
        With the verdicts that the model carries. The label covariance adds the posterior spread of the latents (the noise of the
        spectrum), the spread of the label decoder, learned from a finite training set, and the label scatter. Of decoders
        with hidden layers only the last layer's uncertainty is known, of modules of your own none. A calibration changes the
        covariance as `luxjax.fitted.Calibration` says; `Prediction.calibrated` tells. With a `LuxWarning` where the model has
        calibrations, but none for these inputs.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> train, test = stars.select(slice(0, 60)), stars.select(slice(60, 90))
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), train, key=1)
    >>> predicted = luxjax.transfer(fitted, test)
    >>> predicted.names, predicted.value.shape, predicted.cov.shape
    (('label_1', 'label_2', 'label_3'), (30, 3), (30, 3, 3))
    """
    check_stars(data)
    labels = labels or fitted.label_output()
    check_name("output", labels, fitted.model.names)
    names = input_names(fitted, data.sizes, inputs, labels)
    batch = _hidden(fitted, data, names, labels)
    if not batch.is_in_memory:
        raise InputError(
            f"labels of a {type(data).__name__} are not predicted in memory; use transfer_dataset, or dataset.catalog()."
        )
    stars = batch if mesh is None else on_mesh(batch, mesh)
    predict = predictor(fitted, names, labels, stars.dtype, stars.names)
    with jax.enable_x64(True):
        parts = [predict(part, where.stop - where.start) for part, _, where in blocks(stars, block)]
    calibration = chosen_calibration(fitted, labels, names, replace_shortcuts) if calibrated else None
    prediction = assembled(fitted, labels, names, data.ids[stars.own], parts, replace_shortcuts, calibration)
    warn_of_misfit(fitted, prediction.chi2)
    return prediction


def _hidden(fitted: FittedModel, data: Catalog | Batch, names: Sequence[str], labels: str):
    """The stars with all inputs of the model, as far as the data hold them; those not in `names` are empty and without weight.

    One compiled program then serves every subset of inputs, and what is not asked for is not looked at.
    """
    batch = data.in_units_of(fitted, *names)
    others = [n for n in fitted.names_of("input") if n in data.sizes and n not in (*names, labels)]
    if not others or not isinstance(batch, Batch):
        return batch
    with jax.enable_x64(True):
        empty = {n: jnp.zeros((batch.n_stars, len(fitted.model.scatter[n])), batch.dtype) for n in others}
    return Batch(batch.outputs | {n: OutputData(x, x) for n, x in empty.items()}, batch.labels)


def chosen_calibration(
    fitted: FittedModel, labels: str, inputs: Sequence[str], replace_shortcuts: bool
) -> Calibration | None:
    """The model's calibration of predictions made like this; a warning where it has others only."""
    names = fitted.info(labels).names
    shrunk = shortcuts(fitted.verdicts, names) if replace_shortcuts else ()
    found = fitted.calibration(names, inputs, shrunk)
    known = [c for c in fitted.calibrations if c.names == names]
    if found is None and known and not _learned_from_others(fitted, labels, inputs):  # which has been told
        learned = " and ".join(sorted({join_names(c.inputs) or "unknown inputs" for c in known}))
        replaced = f" with {join_names(shrunk)} replaced" if shrunk else ""
        warnings.warn(
            f"errors are not calibrated: the model's calibration was learned from {learned}, and this prediction comes "
            f"from {join_names(inputs)}{replaced}. Calibrate it on stars kept apart, by luxjax.prediction.calibrate.",
            LuxWarning,
            stacklevel=3,
        )
    return found


def _learned_from_others(fitted: FittedModel, labels: str, inputs: Sequence[str]) -> bool:
    """Whether the labels were read out from the latents of other inputs than these."""
    read_out = fitted.read_outs.get(labels)
    return read_out is not None and set(read_out.inputs) != set(inputs)


def predictor(
    fitted: FittedModel, names: Sequence[str], labels: str, dtype, held: Sequence[str] = ()
) -> Callable[[Batch, int], tuple[np.ndarray, ...]]:
    """What tells of the first `n` stars of a block with the outputs `names` what the model says of them; for `assembled`.

    Blocks that hold others as well, without weight, say so by `held`.
    """
    if _learned_from_others(fitted, labels, names):
        learned = join_names(fitted.read_outs[labels].inputs)
        warnings.warn(
            f"the labels of this model were learned from the latents of {learned}, and are predicted "
            f"from {join_names(names)}: they may be far off. Learn them from these, by luxjax.readout.read_out(..., inputs=).",
            LuxWarning,
            stacklevel=3,
        )
    run = shard_map_stars(_predict, STAR)
    with jax.enable_x64(True):
        products = weight_products(fitted.model, tuple(held or names), dtype)

    def predict(part: Batch, n: int) -> tuple[np.ndarray, ...]:
        out = jax.block_until_ready(run(fitted.model, dict(fitted.weight_cov), products, part, labels))
        *found, present = (np.asarray(x)[:n] for x in out)
        return (*found, present[:, [part.names.index(name) for name in names]])

    return predict


def assembled(
    fitted: FittedModel,
    labels: str,
    inputs: tuple[str, ...],
    ids: np.ndarray,
    parts: Sequence[tuple[np.ndarray, ...]],
    shrunk: bool,
    calibration: Calibration | None,
) -> Prediction:
    """The prediction of the stars of several blocks, in the labels' own units."""
    mean, cov, value, latent, own, scatter, chi2, count, present = (
        np.concatenate(x) for x in zip(*parts, strict=True)
    )
    info = fitted.info(labels)
    scale = info.scale
    label_cov = latent * scale[:, None] * scale
    diagonal = np.arange(len(scale))
    spread = label_cov[:, diagonal, diagonal]  # a copy
    own, scatter = own * scale**2, scatter * scale**2
    label_cov[:, diagonal, diagonal] += own + scatter
    if read_out := fitted.read_outs.get(labels):
        root = np.sqrt(scatter)
        label_cov += (read_out.correlation - np.eye(len(scale))) * root[:, :, None] * root[:, None, :]
    prediction = Prediction(
        ids,
        info.names,
        value * scale + info.loc,
        label_cov,
        {"latent": spread, "decoder": own, "scatter": scatter},
        Gaussian(mean, cov),  # type: ignore[arg-type]  # host arrays keep double precision
        chi2 / np.maximum(count - fitted.model.n_latents, 1),
        np.sqrt(np.mean(mean**2, axis=1)),
        count.astype(int),
        info.units,
        info.species,
        {name: fitted.verdicts[name] for name in info.names if name in fitted.verdicts},
        inputs=inputs,
        error_scale={}
        if read_out is None
        else dict(zip(info.names, read_out.error_scale.tolist(), strict=True)),
        present=present,
    )
    prediction = shrink(prediction) if shrunk else prediction
    if calibration is not None:
        prediction = applied(prediction, calibration, fitted.calibrations)
    flag = flags_of(prediction, limits_of(fitted, labels, inputs))
    return dataclasses.replace(prediction, flag=flag)


def input_names(
    fitted: FittedModel, held: Iterable[str], inputs: Sequence[str] | None, labels: str
) -> tuple[str, ...]:
    """The outputs to predict from: those asked for, or all that the model shares with the data, which hold `held`."""
    held = tuple(held)
    if inputs is None:
        shared = tuple(n for n in fitted.model.names if n in held and n != labels)
        if not shared:
            raise InputError(
                f"nothing to predict from: the model decodes {join_names(fitted.model.names)} and the data hold "
                f"{join_names(held)}; name outputs alike, or choose inputs=."
            )
        return shared
    for name in inputs:
        check_name("output of the model", name, fitted.model.names)
        check_name("output of the data", name, held)
    return tuple(inputs)


@eqx.filter_jit
def _predict(model: Lux, weight_cov: dict[str, Array], products: Products | None, block: Batch, labels: str):
    posterior = latent_posterior(model, block, products=products)
    z = posterior.mean
    cov, chi2, count = with_decoder_noise(model, weight_cov, block, posterior)
    decoder = model.decoders[labels]
    value = jax.vmap(decoder)(z)
    jac = jax.vmap(decoder.jacobian)(z)
    latent = jnp.einsum("nli,nij,nmj->nlm", jac, cov, jac)
    own = jax.vmap(decoder.variance)(z)
    if labels in weight_cov and isinstance(decoder, AbstractFeatureDecoder):
        own = own + decoder_variance(decoder, weight_cov[labels].astype(own.dtype), z, cov)
    scatter = jnp.broadcast_to(model.scatter[labels] ** 2, value.shape)
    present = jnp.stack([(m.ivar > 0).any(axis=1) for m in block.outputs.values()], axis=1)
    return z, cov, value, latent, own, scatter, chi2, count, present
