"""The command for light curves."""
