"""Features beyond spectral indices, for those who ask for them: ratios of line strengths, and widths of lines."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core import check_name
from ...data import Spectra
from ...indices.internal import line_ratios, line_widths, measure_ratios, measure_widths

__all__ = ["MORE", "check_more", "measure_more"]

#: Each family with what measures it, and the names of its features.
MORE: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "ratios": (measure_ratios, tuple(r.name for r in line_ratios())),
    "widths": (measure_widths, tuple(g.name for g in line_widths())),
}


def check_more(more: Sequence[str]) -> dict[str, str]:
    """The features of these families, each with its family, in order; raises on names of others."""
    for name in more:
        check_name("further family of features", name, MORE)
    return {feature: name for name in dict.fromkeys(more) for feature in MORE[name][1]}


def measure_more(spectra: Spectra, more: Sequence[str], redshift) -> tuple[np.ndarray, np.ndarray]:
    """Values and errors of these families, (star, feature) each."""
    found = [MORE[name][0](spectra, redshift=redshift) for name in dict.fromkeys(more)]
    nothing = np.empty((len(spectra), 0))
    return (
        np.concatenate([nothing, *(f[0] for f in found)], axis=1),
        np.concatenate([nothing, *(f[1] for f in found)], axis=1),
    )
