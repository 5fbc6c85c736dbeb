"""Calibration of posteriors: ranks of the truth among draws over simulated data."""
