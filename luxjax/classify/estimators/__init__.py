"""The estimators behind a classifier, and their files."""
