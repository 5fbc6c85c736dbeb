"""What a classifier sees of a star: indices, latents, principal components; never position or S/N."""

from ._at_rest import pixel_features
from ._features import Features, extract_features
from ._from_spectra import Components, Latents
from ._latents import fit_latents, latent_features
from ._learned import FeatureFamily, register_family
from ._pca import SpectralPCA

__all__ = [
    "Components",
    "FeatureFamily",
    "Features",
    "Latents",
    "SpectralPCA",
    "extract_features",
    "fit_latents",
    "latent_features",
    "pixel_features",
    "register_family",
]
