"""Checks of posteriors: of chains and of approximations."""
