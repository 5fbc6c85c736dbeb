"""Fits by gradient descent, for decoders that no closed form fits."""
