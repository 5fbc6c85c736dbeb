"""Methods of inference: exact, Laplace, variational, NUTS."""
