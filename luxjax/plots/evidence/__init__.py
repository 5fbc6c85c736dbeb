"""TODO plots.evidence."""
