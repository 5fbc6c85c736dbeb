"""Calibrated probabilities, and sets of classes that hold the true one."""
