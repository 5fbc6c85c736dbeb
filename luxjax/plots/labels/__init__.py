"""Figures of predicted labels: accuracy, coverage, one to one, pulls, residuals."""
