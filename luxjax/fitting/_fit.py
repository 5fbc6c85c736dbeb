"""The front door to fitting: a model, data and a fitter in, a `FittedModel` out."""

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np
import optax
from jax.sharding import Mesh

from .. import __version__
from ..core import Batch, InputError, LuxWarning, Progress, check_name
from ..core.internal import AbstractLocalStars, AbstractStars, PRNGKeyArray, as_key, check_stars, join_names
from ..data import Catalog
from ..data.internal import hash_ids
from ..fitted import FittedModel, OutputInfo
from ..models import Lux
from ..parallel.internal import on_mesh
from ._fitter import AbstractFitter
from ._registry import can_do, default_fitter
from ._typical import typical_of

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["FitError", "fit"]


MANY = 2**18  # ids in memory at a time
ADVICE = "check the errors of the data for values near zero, or use fewer latents or stronger regularisation."


class FitError(RuntimeError):
    """Error of a fit that produced nothing usable; the message says what happened and what to try."""


def fit(
    model: Lux,
    data: "Catalog | Batch | Dataset",
    fitter: AbstractFitter | None = None,
    *,
    key: PRNGKeyArray | int,
    mesh: Mesh | None = None,
    error_scales: Mapping[str, float] | None = None,
    progress: bool | Progress | None = None,
) -> FittedModel:
    """Fit a model to the stars of a catalogue.

    Parameters
    ----------
    model : Lux
        Which decoders and how many latents, as from ``Lux.linear(catalog.sizes, n_latents)``.
    data : Catalog, Batch or Dataset
        Training stars. A `Catalog` is scaled here and its grids, units and names travel with the result; a
        bare `Batch` is used as it is. A `Dataset` is like a catalogue, but read again in every cycle: `EM` then needs memory
        for a few blocks of stars, however many there are, and `ALS` and `Gradient` also for their latents.
    fitter : AbstractFitter, optional
        Default: `EM()` for linear decoders, `ALS()` for others that are linear in their weights (`Quadratic`), and
        `Gradient()` for the rest.
    key : jax random key or int
        Seeds the randomised start.
    mesh : jax.sharding.Mesh, optional
        The devices that share the stars, as from `luxjax.parallel.star_mesh`: those of this process, or of several, each of
        which calls this with the same arguments, reads its part of the stars and gets the same result. `EM` and `ALS` only.
    error_scales : mapping of str to float, optional
        By spectra: what their stated flux errors are multiplied by, at most 1, here and in everything that the model is used for.
    progress : bool or Progress, optional
        True shows the cycles (`Gradient`: steps) on standard error. A function is called with ``("cycles", done, total,
        objective=...)``: how many are done, 0 at the start, how many there are at most, and the objective there.

    Returns
    -------
    FittedModel
        With a `LuxWarning` if the fit stopped before it converged.

    Raises
    ------
    InputError
        If the data do not suit the model.
    FitError
        If the objective became infinite or NaN.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> bool(fitted.objective[-1] < fitted.objective[0])
    True
    """
    start = time.perf_counter()
    check_stars(data)
    outputs = _describe(model, data, error_scales or {}) if data.describes_outputs else _bare(model, data)
    fitter = fitter or default_fitter(model)
    stars = data.in_units_of(FittedModel(model, {}, outputs), *model.names)
    _check(model, stars, fitter)
    batch: AbstractStars = stars if mesh is None else _on_mesh(stars, mesh, fitter)
    with jax.enable_x64(True):
        # One precision from the start: kernels compiled for it serve every cycle.
        model = jax.tree.map(_in_double, model)
        try:
            result = fitter.run(model, batch, key=as_key(key), progress=progress)
        except np.linalg.LinAlgError as error:
            raise FitError(f"the latents or decoders are not finite ({error}); {ADVICE}") from error
    if not all(math.isfinite(v) for v in result.objective):
        raise FitError(
            f"the objective became {result.objective[-1]} after {len(result.objective)} cycles; {ADVICE}"
        )
    if not result.converged:
        warnings.warn(
            f"the fit {result.message}; raise max_cycles (or steps) to continue.", LuxWarning, stacklevel=2
        )
    with jax.enable_x64(True):
        typical = typical_of(result.model, stars)
    summary = {
        "fitter": type(fitter).__name__,
        "settings": {k: _plain(v) for k, v in vars(fitter).items()},
        "n_stars": batch.n_stars,
        "n_latents": model.n_latents,
        "cycles": len(result.objective),
        "converged": result.converged,
        "message": result.message,
        "seconds": round(time.perf_counter() - start, 3),
        "versions": {"luxjax": __version__, **{name: version(name) for name in ("jax", "equinox", "numpy")}},
    }
    found = FittedModel(result.model, result.weight_cov, outputs, tuple(result.objective), summary)
    return found.replace(training=_hashes(data), typical=typical)


def _in_double(x):
    """An array of floats in double precision, through the host: nothing to compile."""
    floats = eqx.is_inexact_array(x) and x.dtype != np.float64
    return jax.device_put(np.asarray(x, np.float64)) if floats else x


def _on_mesh(batch: AbstractLocalStars, mesh: Mesh, fitter: AbstractFitter) -> AbstractStars:
    if not fitter.shares_stars:
        raise InputError(
            f"{type(fitter).__name__} runs on one device; leave out mesh, or use {can_do('shares_stars')}."
        )
    return on_mesh(batch, mesh)


def _describe(model: Lux, data: Any, error_scales: Mapping[str, float]) -> dict[str, OutputInfo]:
    missing = [name for name in model.names if name not in data.sizes]
    if missing:
        raise InputError(
            f"the model decodes {join_names(missing)}, which the catalogue lacks (it has {join_names(data.sizes)}); "
            "name outputs alike or leave them out of the model."
        )
    for name in model.names:
        size = data.sizes[name]
        if size != len(model.scatter[name]):
            raise InputError(
                f"output '{name}' has {size} pixels or labels in the catalogue and {len(model.scatter[name])} in the "
                "model; build the model from catalog.sizes."
            )
    found = {name: OutputInfo.of(data[name]) for name in model.names}
    for name, factor in error_scales.items():
        check_name("spectra", name, [k for k, info in found.items() if info.is_spectra])
        found[name] = replace(found[name], error_scale=factor)
    return found


def _bare(model: Lux, batch: Any) -> dict[str, OutputInfo]:
    """What a batch says of its outputs: which of them are labels, or nothing."""
    sizes = {name: len(model.scatter[name]) for name in model.names}
    return {k: OutputInfo.bare(k, n, batch.labels) for k, n in sizes.items()} if batch.labels else {}


def _hashes(data: Any) -> np.ndarray:
    """A hash of every star's id, sorted; those of a dataset some at a time."""
    if not data.describes_outputs:
        return np.zeros(0, np.uint64)
    if isinstance(data, Catalog):
        return np.unique(hash_ids(data.ids))
    starts = range(0, len(data), MANY)
    return np.unique(np.concatenate([hash_ids(data.select(slice(k, k + MANY)).ids) for k in starts]))


def _check(model: Lux, batch: AbstractStars, fitter: AbstractFitter) -> None:
    if not (model.is_gaussian or fitter.fits_student_t):
        raise InputError(
            f"{type(fitter).__name__} fits Gaussian noise only; fit linear decoders by {can_do('fits_student_t')} to use Student-t noise, or leave "
            "the degrees of freedom infinite."
        )
    if batch.n_stars <= model.n_latents:
        raise InputError(
            f"{batch.n_stars} stars cannot determine {model.n_latents} latents; give more stars (ten per latent is a "
            "start) or ask for fewer latents."
        )
    if not batch.is_in_memory:
        if not fitter.streams_stars:
            raise InputError(
                f"{type(fitter).__name__} needs its stars in memory; fit dataset.select(...).catalog(), or use "
                f"{can_do('streams_stars')}."
            )
        return
    for name in model.names:
        ivar = np.asarray(batch[name].ivar)
        # Some stars at a time: the first of them end the search, and no array of all is made.
        if not any(np.any(ivar[start : start + 64] > 0) for start in range(0, len(ivar), 64)):
            raise InputError(f"output '{name}' has no good value in any star; check its errors and mask.")


def _plain(value):
    """A setting as JSON can hold it; an optimiser, which is made of functions, by the name of its kind."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, optax.GradientTransformation):
        return type(value).__name__
    return value.tolist() if eqx.is_array(value) else list(value)
