"""TODO posterior.methods."""
