"""Figures of the evidence on one label."""
