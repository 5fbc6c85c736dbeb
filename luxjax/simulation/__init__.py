"""Simulated surveys with known truth: physical spectra, and worlds drawn from the model itself."""

from ._bilinear import Bilinear, bilinear

__all__ = ["Bilinear", "bilinear"]
