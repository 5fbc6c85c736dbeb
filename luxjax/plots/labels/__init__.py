"""TODO plots.labels."""
