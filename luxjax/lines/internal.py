"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._atoms import THETA, Atom, atoms, ionisation_fractions, like
from ._strength import (
    _HC_K,
    _LIGHT,
    PARAMETERS,
    Layer,
    column,
    cool_continuum,
    depth_limit,
    growth,
    hminus_opacity,
    photosphere,
)

__all__ = [
    "PARAMETERS",
    "THETA",
    "_HC_K",
    "_LIGHT",
    "Atom",
    "Layer",
    "atoms",
    "column",
    "cool_continuum",
    "depth_limit",
    "growth",
    "hminus_opacity",
    "ionisation_fractions",
    "like",
    "photosphere",
]
