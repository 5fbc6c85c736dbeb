"""Continuum normalisation of ingested spectra: the methods, the default, and that of a template."""

from collections.abc import Callable
from typing import Any

from ..core import InputError
from ..core.internal import join_names
from ..data import Spectra
from ..preprocessing import ContinuumPolynomial, ContinuumQuantile
from ._like import Template

__all__ = ["ABOUT", "CONTINUA", "chosen_continuum", "continuum_like"]

# What "auto" means for spectra that are not normalised. On 92 stars of LAMOST DR1 ridge regression in five folds errs by 198 K,
# 0.345 and 0.166 dex with it, by 184 K, 0.346 and 0.189 dex with the polynomial, and by 530 K, 0.56 and 0.27 dex with neither.
AUTOMATIC = "quantile"
CONTINUA: dict[str, Callable[[], Any]] = {
    # Lines are clipped from below, so that the polynomial runs along the top.
    "polynomial": lambda: ContinuumPolynomial(order=4, clip=(1.0, 3.0)),
    "quantile": lambda: ContinuumQuantile(window_angstrom=100.0, quantile=0.9),
}
ABOUT = {
    "polynomial": "a polynomial of degree 4 in each detector",
    "quantile": "a running 90% quantile over 100 A",
}


def chosen_continuum(spectra: Spectra, asked: str) -> str:
    """What is asked for; where that is "auto", what these spectra need."""
    if asked != "auto":
        return asked
    return "none" if spectra.normalized else AUTOMATIC


def continuum_like(template: Template, spectra: Spectra, asked: str) -> str:
    """How to find the continuum so that spectra are like a template."""
    known = template.normalization
    if asked != "auto":
        if known not in ("", asked):
            raise InputError(
                f"the spectra of {template.name} have normalization {known!r}, and {asked!r} was asked for; leave it out."
            )
        return asked
    if known in CONTINUA:
        return known
    if template.normalized == spectra.normalized:
        return "none"
    if not template.normalized:
        raise InputError(
            f"the spectra of {template.name} are not normalised, and those of the files are; ingest files like those that "
            "it was made of."
        )
    raise InputError(
        f"{template.name} does not say how its spectra were normalised, and those of the files are not; give a "
        f"normalization ({join_names(CONTINUA)})."
    )
