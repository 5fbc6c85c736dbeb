"""Posteriors as ArviZ's data structure, for its plots, its comparisons and its files.

ArviZ is loaded here and nowhere else. Up to version 0.23 its structure is an ``InferenceData``, from 1.0 on an xarray
``DataTree``; the groups, their variables, dimensions and coordinates are the same.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..core import InputError
from ..core.internal import PRNGKeyArray, as_key
from ..models import AbstractFeatureDecoder, Linear
from ._draws import decode_draws, log_likelihoods, marginal_likelihoods
from ._posterior import AbstractPosterior
from ._samples import SamplePosterior

__all__ = ["to_arviz"]

PREDICTIVE_BYTES = 128e6
RESERVED = ("chain", "draw", "star", "latent", "pixel", "label")


def to_arviz(posterior: AbstractPosterior, *, key: PRNGKeyArray | int, draws: int = 1000) -> Any:
    """A posterior as an ArviZ ``InferenceData`` (0.x) or ``DataTree`` (1.x).

    Groups, with dimensions chain and draw first where there are draws:

    - ``posterior``: ``latents`` (star, latent); every leaf of the model that was inferred, by path; and what the latents
      decode to as labels, noise-free and in their units (star, label_NAME).
    - ``sample_stats``: what the sampler reports, by ArviZ's names; ``lp`` and ``lq`` of draws from an approximation.
    - ``log_likelihood``: of each output (star), ln p(y | latents, model) summed over pixels or labels; and, where linear
      decoders or scatter were inferred, ``marginal`` (star) with the latents integrated out. That one is for
      ``arviz.loo(..., var_name="marginal")``; see `luxjax.posterior.loo`.
    - ``observed_data``: what was measured (star, pixel or label_NAME), NaN where nothing was; ``constant_data``: its errors.
    - ``posterior_predictive``: the same with noise, thinned to less than 128 MB where needed; its attribute
      ``thinned`` says how.

    Coordinates are star ids, wavelengths in Angstrom and names of labels. The dimension of labels is called by their output,
    ``label_NAME``: for ``label`` is what ``arviz.summary`` makes of all dimensions in versions 1.x. That of spectra is
    ``pixel``, or ``pixel_NAME`` where there are several.

    Parameters
    ----------
    posterior : GaussianPosterior or SamplePosterior
        One loaded from disk without its data has no likelihood and no observed data.
    key : jax random key or int
        Source of randomness for the predictive noise, and of the draws of a normal distribution.
    draws : int
        Draws of a normal distribution, as one chain. Chains are taken as they are.

    Raises
    ------
    InputError
        If ArviZ is not installed.
    """
    arviz, xarray = _libraries()
    draw_key, noise_key = jax.random.split(as_key(key))
    if isinstance(posterior, SamplePosterior):
        z, leaves = posterior.draws, posterior.parameters
    else:
        z, leaves = posterior.sample(draws, key=draw_key)[None], {}
    dims = _Dims(posterior)
    groups: dict[str, dict[str, Any]] = {"posterior": _posterior(posterior, dims, z, leaves)}
    if isinstance(posterior, SamplePosterior) and posterior.stats:
        groups["sample_stats"] = {
            k: (("chain", "draw", "star")[: np.ndim(v)], v)
            for k, v in posterior.stats.items()
            if np.shape(v)[:2] == z.shape[:2]
        }
    if posterior.batch is not None:
        groups["log_likelihood"] = _likelihood(posterior, z, leaves)
        groups["observed_data"], groups["constant_data"] = _data(posterior, dims)
    step = _thinning(posterior, z)
    groups["posterior_predictive"] = _predictive(posterior, dims, z, leaves, step, noise_key)
    sets = {}
    for name, variables in groups.items():
        which = np.arange(0, z.shape[1], step if name == "posterior_predictive" else 1)
        sets[name] = _dataset(xarray, posterior, dims, variables, which)
    if step > 1:
        sets["posterior_predictive"].attrs["thinned"] = f"every {step}th draw of each chain, for memory"
    # Not hasattr: late releases of 1.x answer to the name too, with a warning and another class.
    if "InferenceData" in vars(arviz):
        return arviz.InferenceData(**sets)
    return xarray.DataTree.from_dict(sets)


def _libraries() -> tuple[Any, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its next version, on import
            import arviz
            import xarray
    except ModuleNotFoundError as missing:
        raise InputError(
            f"to_arviz needs {missing.name}, which is not installed: pip install luxjax[bayes]"
        ) from None
    return arviz, xarray


class _Dims:
    """The dimension of each output, and the coordinates of all dimensions."""

    def __init__(self, posterior: AbstractPosterior):
        fitted = posterior.fitted
        spectra = [name for name in fitted.model.names if fitted.info(name).is_spectra]
        self.fitted, self.coords = fitted, {"star": posterior.ids, "latent": np.arange(posterior.n_latents)}
        self.out: dict[str, str] = {}
        for name in fitted.model.names:
            if name in RESERVED:
                raise InputError(
                    f"an output called '{name}' clashes with ArviZ's dimensions; give it another name."
                )
            info = fitted.info(name)
            pixel = "pixel" if len(spectra) == 1 else f"pixel_{name}"
            self.out[name] = pixel if name in spectra else f"label_{name}"
            self.coords[self.out[name]] = np.array(info.names) if info.wavelength is None else info.wavelength

    def leaf(self, path: str, ndim: int) -> tuple[str, ...]:
        """The dimensions of a leaf of the model."""
        group, name, *rest = path.split(".")
        decoder = self.fitted.model.decoders.get(name)
        if group == "scatter" or (isinstance(decoder, AbstractFeatureDecoder) and rest == ["intercept"]):
            return (self.out[name],)
        if isinstance(decoder, AbstractFeatureDecoder) and rest == ["weight"]:
            return (self.out[name], "latent" if isinstance(decoder, Linear) else f"feature_{name}")
        return tuple(f"{path}_dim_{i}" for i in range(ndim))


def _dataset(xarray, posterior: AbstractPosterior, dims: _Dims, variables: Mapping[str, Any], draws):
    used = {d for names, _ in variables.values() for d in names}
    n_chains = next((v.shape[0] for names, v in variables.values() if "chain" in names), 0)
    coords = {"chain": np.arange(n_chains), "draw": draws, **dims.coords}
    attrs = {"inference_library": "luxjax", "method": posterior.method}
    return xarray.Dataset(dict(variables), {k: v for k, v in coords.items() if k in used}, attrs)


def _posterior(posterior: AbstractPosterior, dims: _Dims, z, leaves) -> dict[str, Any]:
    found: dict[str, Any] = {"latents": (("chain", "draw", "star", "latent"), z)}
    for path, value in leaves.items():
        found[path] = (("chain", "draw", *dims.leaf(path, value.ndim - 2)), value)
    for name, dim in dims.out.items():
        if posterior.fitted.info(name).role == "label":
            found[name] = (("chain", "draw", "star", dim), decode_draws(posterior, name, z, leaves))
    return found


def _likelihood(posterior: AbstractPosterior, z, leaves) -> dict[str, Any]:
    found = log_likelihoods(posterior, z, leaves)
    model = posterior.fitted.model
    if leaves and model.is_linear and model.is_gaussian and posterior.priors.standard_latents:
        assert isinstance(posterior, SamplePosterior)
        found["marginal"] = marginal_likelihoods(posterior)
    return {name: (("chain", "draw", "star"), value) for name, value in found.items()}


def _data(posterior: AbstractPosterior, dims: _Dims) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and errors in the catalogue's units."""
    values, errors = {}, {}
    for name, m in posterior._need_batch().outputs.items():
        info, ivar = posterior.fitted.info(name), np.asarray(m.ivar, float)
        good = ivar > 0
        value = np.where(good, np.asarray(m.value, float), np.nan) * info.scale + info.loc
        error = np.divide(1, np.sqrt(ivar), out=np.full_like(ivar, np.nan), where=good) * info.scale
        values[name] = (("star", dims.out[name]), value)
        errors[f"{name}_error"] = (("star", dims.out[name]), error)
    return values, errors


def _thinning(posterior: AbstractPosterior, z: np.ndarray) -> int:
    size = sum(len(s) for s in posterior.fitted.model.scatter.values())
    bytes_ = 4.0 * size * np.prod(z.shape[:3])
    return max(1, int(np.ceil(bytes_ / PREDICTIVE_BYTES)))


def _predictive(posterior: AbstractPosterior, dims: _Dims, z, leaves, step: int, key) -> dict[str, Any]:
    """Every step-th draw of each chain with noise, in single precision."""
    z, leaves = z[:, ::step], {path: value[:, ::step] for path, value in leaves.items()}
    found = {}
    for (name, dim), each in zip(dims.out.items(), jax.random.split(key, len(dims.out)), strict=True):
        values, scatter = decode_draws(posterior, name, z, leaves), leaves.get(f"scatter.{name}")
        flat = None if scatter is None else scatter.reshape(-1, scatter.shape[-1])
        noise = posterior.noise(name, (z.shape[0] * z.shape[1], z.shape[2]), flat, key=each)
        drawn = (values + noise.reshape(values.shape)).astype(np.float32)
        found[name] = (("chain", "draw", "star", dim), drawn)
    return found
