"""TODO classify.estimators."""
