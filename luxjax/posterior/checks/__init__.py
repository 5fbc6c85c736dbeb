"""TODO posterior.checks."""
