"""Defaults of a fit: how many latents, with which fitter."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import InputError, check_name
from ..core.internal import join_names
from ..data import Catalog, Spectra
from ..fitted import FittedModel
from ..fitting import ALS, EM, AbstractFitter, Gradient
from ..fitting import fit as fit_model
from ..fitting.internal import flux_error_scales
from ..models import Lux
from ..readout import read_out
from ..readout.internal import READOUTS

__all__ = ["DECODERS", "KINDS", "NOISE", "fit_and_read_out", "inputs_of", "latents_for"]

DECODERS = ("linear", "quadratic", "mlp")
NOISE = {
    "gaussian": float("inf"),
    "student": 4.0,
}  # degrees of freedom: tails as heavy as those of real spectra
KINDS = ("auto", *READOUTS, "joint")
MOST = 60
FEW_STARS = 1000  # up to which latents cost little, and one that holds nothing does no harm to a read-out
ENOUGH = 20
STRAY = 0.02  # of the stars
CLEAR = 0.85  # factor of flux errors above which stated ones are believed


def inputs_of(catalog: Catalog, inputs: Sequence[str] = (), labels: str = "labels") -> tuple[str, ...]:
    """The outputs to predict from: those asked for, or all that are no labels."""
    known = [name for name, output in catalog.outputs.items() if output.role == "input"]
    if isinstance(inputs, str):
        inputs = (inputs,)
    for name in inputs:
        check_name("input", name, known)
    if labels not in catalog.outputs:
        raise InputError(
            f"these stars have no '{labels}' (they have {join_names(catalog.outputs)}); ingest them with a label catalogue."
        )
    if not known:
        raise InputError(f"these stars have nothing to predict '{labels}' from; add spectra.")
    return tuple(inputs) or tuple(known)


def latents_for(catalog: Catalog, inputs: Sequence[str], n_stars: int) -> int:
    """How many latents these stars and pixels allow: at most 60, half the stars and three fifths of the pixels.

    A read-out gives every latent its own scale, so that too many do little harm; beyond 1,000 stars 20 are taken, for the
    cost of a fit grows with their square.
    """
    n_pixels = sum(catalog.sizes[name] for name in inputs)
    return max(1, min(MOST if n_stars <= FEW_STARS else ENOUGH, n_stars // 2, 3 * n_pixels // 5))


def fit_and_read_out(
    catalog: Catalog,
    inputs: Sequence[str],
    *,
    labels: str,
    latents: Sequence[int],
    decoder: str,
    readout: str,
    noise: str = "gaussian",
    key: Any,
    fitter: AbstractFitter | None = None,
    progress: Any = None,
) -> FittedModel:
    """A model of the inputs with its labels read out; of several numbers of latents the one that predicts best.

    Every number is evaluated on the training stars, each left out of the read-out in turn.
    """
    if readout == "auto" and unlike(catalog, inputs):
        readout = "joint"
    names = (*inputs, labels) if readout == "joint" else tuple(inputs)
    sizes = {name: catalog.sizes[name] for name in names}
    found = []
    for n in latents:
        model, its = _model(sizes, n, decoder, key, few=any(not _is_spectra(catalog, k) for k in inputs))
        model = model.replace(dof={name: NOISE[noise] for name in inputs})
        fitted = _fitted(model, catalog.only(*names), fitter or its, key, progress)
        found.append(
            fitted if readout == "joint" else read_out(fitted, catalog, readout, inputs=inputs, labels=labels)
        )
    return found[0] if len(found) == 1 else min(found, key=lambda f: _mean_log(f.read_outs[labels].loo_rmse))


def _fitted(model: Lux, catalog: Catalog, fitter: AbstractFitter, key: Any, progress: Any) -> FittedModel:
    """The model fitted, once more where its residuals say that the flux errors are too large."""
    found = fit_model(model, catalog, fitter, key=key, progress=progress)
    spectra = [k for k in found.names_of("input") if found.info(k).is_spectra and k in model.names]
    if not (spectra and found.model.only(*spectra).is_linear):
        return found
    scales = {k: f for k, f in flux_error_scales(found, catalog, *spectra).items() if f < CLEAR}
    return (
        fit_model(model, catalog, fitter, key=key, error_scales=scales, progress=progress)
        if scales
        else found
    )


def _mean_log(values) -> float:
    return float(np.mean(np.log(values)))


def unlike(catalog: Catalog, inputs: Sequence[str]) -> bool:
    """Whether stars differ in which inputs they have, by more than `STRAY` of them.

    A read-out learned from the latents of some inputs is wrong for stars with others; labels that are decoded with the inputs are
    right for all of them.
    """
    if len(inputs) < 2:
        return False
    lacking = np.zeros(len(catalog), bool)
    for name in inputs:
        lacking |= ~(catalog[name].ivar > 0).any(axis=1)
    return bool(lacking.mean() > STRAY)


def _is_spectra(catalog: Catalog, name: str) -> bool:
    return isinstance(catalog[name], Spectra)


def _model(
    sizes: Mapping[str, int], n: int, decoder: str, key, few: bool = False
) -> tuple[Lux, AbstractFitter]:
    """The model, and a fitter that goes on until a few measurements next to thousands of pixels have settled as well."""
    if decoder == "quadratic":
        return Lux.quadratic(sizes, n), ALS(scatter=True, max_cycles=30, tol=1e-5)
    if decoder == "mlp":
        return Lux.mlp(sizes, n, key=key), Gradient()
    return Lux.linear(sizes, n), EM(tol=1e-7, max_cycles=300) if few else EM(tol=1e-5, max_cycles=150)
