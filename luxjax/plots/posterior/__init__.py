"""TODO plots.posterior."""
