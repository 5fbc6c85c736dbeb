"""TODO surveys.formats."""
