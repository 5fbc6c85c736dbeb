"""Probabilities that mean what they say, and sets of classes that hold the true one."""
