"""TODO fitting.gradient."""
