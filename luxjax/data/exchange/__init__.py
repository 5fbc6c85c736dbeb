"""Spectra from and to other libraries."""
