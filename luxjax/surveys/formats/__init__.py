"""Formats of spectra on disk, recognised by their content."""
