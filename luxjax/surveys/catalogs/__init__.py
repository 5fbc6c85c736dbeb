"""TODO surveys.catalogs."""
