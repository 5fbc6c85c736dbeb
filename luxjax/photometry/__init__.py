"""Photometry, parallaxes and low-resolution spectra of Gaia, on scales where stars lie close to a plane."""

from ._gaia_sources import read_gaia_sources
from ._scales import parallax_scale, with_floor
from ._xp import read_xp

__all__ = ["parallax_scale", "read_gaia_sources", "read_xp", "with_floor"]
