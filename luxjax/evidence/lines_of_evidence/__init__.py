"""The lines of evidence, one a file: estimator, sentence and title."""
