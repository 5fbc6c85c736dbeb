"""Figures of classified stars, of what a classifier goes by, and of how stars lie."""
