"""Figures of posteriors: chains, labels, predicted spectra."""
