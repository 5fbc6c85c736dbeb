"""TODO posterior.calibration."""
