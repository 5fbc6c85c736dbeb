"""Classes of stars in catalogues: spectral types and object types, read into a few classes."""
