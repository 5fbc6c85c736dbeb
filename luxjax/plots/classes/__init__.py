"""TODO plots.classes."""
