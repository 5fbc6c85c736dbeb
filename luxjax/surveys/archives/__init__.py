"""TODO surveys.archives."""
