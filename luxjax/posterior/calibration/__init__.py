"""Is a posterior calibrated? Ranks of the truth among draws over simulated data."""
