"""TODO classify.calibration."""
