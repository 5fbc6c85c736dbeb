"""Posteriors on disk: readable JSON, plain arrays and the model. Loading one never runs code."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import Distribution

from ..core import Batch, Gaussian, InputError
from ..core.internal import join_names
from ..data import Catalog
from ..files.internal import FolderKind
from ..fitted import FittedModel, load, save
from ..fitted.internal import MODEL_FOLDER
from ._gaussian import GaussianPosterior
from ._posterior import AbstractPosterior
from ._priors import Priors
from ._samples import SamplePosterior
from ._stars import used_outputs

__all__ = ["POSTERIOR_FOLDER", "load_posterior", "save_posterior"]

POSTERIOR_FOLDER = FolderKind("posterior", "posterior.json", schema=1, folders={"model": MODEL_FOLDER})
FAMILIES: dict[str, type[Distribution]] = {
    cls.__name__: cls
    for cls in (
        *(dist.Normal, dist.Laplace, dist.StudentT, dist.Cauchy, dist.Uniform, dist.LogNormal, dist.Gamma),
        *(dist.HalfNormal, dist.HalfCauchy, dist.Exponential, dist.InverseGamma),
    )
}


def save_posterior(posterior: AbstractPosterior, folder: str | os.PathLike) -> Path:
    """Write a posterior to a folder: ``posterior.json`` to read, ``arrays.npz``, and its model in ``model``.

    The data it was inferred from are not written; give them to `load_posterior` where they are needed again.
    """
    header: dict[str, Any] = {
        "method": posterior.method,
        "settings": dict(posterior.settings),
        "priors": {name: _describe(name, p) for name, p in posterior.priors.overrides.items()},
    }
    arrays = {"ids": np.asarray(posterior.ids).astype(str)}
    if isinstance(posterior, GaussianPosterior):
        header["kind"] = "gaussian"
        arrays |= {"mean": posterior.mean, "cov": posterior.cov, "loss": posterior.loss}
    elif isinstance(posterior, SamplePosterior):
        header |= {"kind": "samples", "gauge": [list(row) for row in posterior.gauge]}
        arrays["draws"] = posterior.draws
        arrays |= {f"parameters/{k}": v for k, v in posterior.parameters.items()}
        arrays |= {f"stats/{k}": v for k, v in posterior.stats.items()}
    with POSTERIOR_FOLDER.replacing(folder) as part:
        POSTERIOR_FOLDER.put(part, header, arrays)
        save(posterior.fitted, part / "model")
    return Path(folder)


def load_posterior(folder: str | os.PathLike, data: Catalog | Batch | None = None) -> AbstractPosterior:
    """Read a posterior back, bit for bit.

    Parameters
    ----------
    folder : path
    data : Catalog or Batch, optional
        What it was inferred from, the same stars in the same order; log densities and measurement noise need them.

    Raises
    ------
    InputError
        If there is no posterior, it was written by a newer luxjax, its files do not fit together, or `data` hold other
        stars.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.posterior import infer, load_posterior, save_posterior
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> posterior = infer(fitted, stars, key=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_posterior(save_posterior(posterior, f"{folder}/posterior"))
    >>> bool((again.gaussian.mean == posterior.gaussian.mean).all())
    True
    """
    folder = Path(folder)
    header = POSTERIOR_FOLDER.read(folder)
    fitted = load(folder / "model")
    with POSTERIOR_FOLDER.reading(folder):
        arrays = POSTERIOR_FOLDER.arrays(folder)
        common: dict[str, Any] = {
            "fitted": fitted,
            "ids": arrays["ids"],
            "method": header["method"],
            "settings": header["settings"],
            "priors": Priors({name: _rebuild(p) for name, p in header["priors"].items()}),
            "batch": None if data is None else _same_stars(_batch(fitted, data), data, arrays["ids"]),
        }
        if header["kind"] == "gaussian":
            gaussian = Gaussian(arrays["mean"], arrays["cov"])  # type: ignore[arg-type]
            return GaussianPosterior(**common, gaussian=gaussian, loss=arrays["loss"])
        gauge = tuple((str(name), int(row)) for name, row in header["gauge"])
        parameters, stats = _group(arrays, "parameters/"), _group(arrays, "stats/")
        return SamplePosterior(
            **common, draws=arrays["draws"], parameters=parameters, stats=stats, gauge=gauge
        )


def _group(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _batch(fitted: FittedModel, data: Catalog | Batch) -> Batch:
    return used_outputs(fitted, fitted.batch(data))


def _same_stars(batch: Batch, data: Catalog | Batch, ids: np.ndarray) -> Batch:
    if isinstance(data, Catalog) and list(data.ids) != list(ids):
        raise InputError(
            f"the data hold other stars than the posterior ({join_names(data.ids, 3)} and {join_names(ids, 3)}); give those "
            "it was inferred from, in the same order."
        )
    if batch.n_stars != len(ids):
        raise InputError(
            f"the posterior is of {len(ids)} stars and the data hold {batch.n_stars}; give the same stars."
        )
    return batch


def _describe(name: str, prior: Distribution | None) -> dict[str, Any] | None:
    if prior is None:
        return None
    if type(prior).__name__ not in FAMILIES:
        raise InputError(
            f"the prior '{name}' is a {type(prior).__name__}, which cannot be saved; savable: {join_names(FAMILIES)}."
        )
    numbers = {p: np.asarray(getattr(prior, p)).tolist() for p in prior.arg_constraints}
    return {"family": type(prior).__name__, **numbers}


def _rebuild(entry: dict[str, Any] | None) -> Distribution | None:
    if entry is None:
        return None
    numbers = {k: np.asarray(v) for k, v in entry.items() if k != "family"}
    return FAMILIES[entry["family"]](**numbers)
