"""Measurements of further instruments, read from files and matched to the stars of spectra."""
