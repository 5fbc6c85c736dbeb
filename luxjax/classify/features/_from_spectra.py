"""The two families that a classifier learns if nothing else is asked: latents of a linear Lux model, and principal components."""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from ...core import InputError, LuxWarning
from ...data import Catalog, Spectra
from ...fitting import EM, fit
from ...models import Linear, Lux
from ._learned import FeatureFamily, register_family

__all__ = ["Components", "Latents"]

N_LATENTS, N_COMPONENTS = 20, 30
TOGETHER = 2  # pixels that latents average: lines are wider
WINDOW = 121  # pixels of the running median, 22,000 km/s
FARTHEST = 1.0  # of a pixel from its running median; beyond it is a cosmic ray or a hole


class Latents(FeatureFamily):
    """Posterior means of the latents of a linear Lux model, given the spectrum, with their errors.

    The model is x = m + W z + noise, z ~ N(0, 1); the noise of a pixel has the variance 1 / ivar + s^2. So
    z ~ N(C W' D (x - m), C), with D the inverse variances and C = (1 + W' D W)^-1. It is solved here on the host, because a
    classifier should not wait for a program to be compiled.

    Parameters
    ----------
    mean, variance : (pixel,) arrays
        m and s^2.
    weights : (pixel, latent) array
    """

    family = "latent"

    def __init__(self, mean: np.ndarray, weights: np.ndarray, variance: np.ndarray):
        self.mean, self.weights, self.variance = mean, weights, variance

    @classmethod
    def learn(cls, spectra: Spectra, seed: int) -> "Latents":
        """A linear Lux model with 20 latents, or a third as many as there are spectra."""
        flux, ivar = _averaged(spectra)
        n = min(N_LATENTS, len(flux) // 3)
        if n < 1:
            raise InputError(f"latents cannot be learned from {len(flux)} spectra; give at least 3.")
        grid = spectra.wavelength[: flux.shape[1] * TOGETHER].reshape(-1, TOGETHER).mean(axis=1)
        # rows are spectra: a star that was observed more than once is as many stars to the model
        names = np.arange(len(flux)).astype(str)
        catalog = Catalog({"spectra": Spectra(flux, ivar, grid, "vacuum", names, frame="rest")})
        with warnings.catch_warnings():  # directions that are not settled yet are no worse as features
            warnings.filterwarnings("ignore", "the fit stopped", LuxWarning)
            fitted = fit(Lux.linear(catalog.sizes, n), catalog, EM(tol=1e-4), key=seed)
        decoder, info = fitted.model.decoders["spectra"], fitted.info("spectra")
        assert isinstance(decoder, Linear)
        weights, offset = np.asarray(decoder.weight, np.float64), np.asarray(decoder.intercept, np.float64)
        return cls(
            info.loc + info.scale * offset,
            info.scale[:, None] * weights,
            np.square(info.scale * np.asarray(fitted.model.scatter["spectra"], float)),
        )

    def measure(self, spectra: Spectra) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Columns ``latent_1``, ``latent_2``, ..."""
        mean, sd = self._solved(*_averaged(spectra))
        names = [f"latent_{k + 1}" for k in range(mean.shape[1])]
        return pd.DataFrame(mean, columns=names), pd.DataFrame(sd, columns=names)

    def _solved(self, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and standard deviation, (star, latent)."""
        w, n = self.weights, self.weights.shape[1]
        precision = np.where(ivar > 0, 1 / (1 / np.where(ivar > 0, ivar, 1) + self.variance), 0)
        products = (w[:, :, None] * w[:, None, :]).reshape(len(w), n * n)
        cov = np.linalg.inv((precision @ products).reshape(-1, n, n) + np.eye(n))
        mean = np.einsum("nkl,nl->nk", cov, (precision * (flux - self.mean)) @ w)
        return mean, np.sqrt(np.einsum("nkk->nk", cov))

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "weights": self.weights, "variance": self.variance}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Latents":
        return cls(arrays["mean"], arrays["weights"], arrays["variance"])


class Components(FeatureFamily):
    """Principal components of spectra over their running median, which leaves lines and bands alone.

    Parameters
    ----------
    mean : (pixel,) array
    components : (component, pixel) array
        Orthonormal.
    """

    family = "pca"

    def __init__(self, mean: np.ndarray, components: np.ndarray):
        self.mean, self.components = mean, components

    @classmethod
    def learn(cls, spectra: Spectra, seed: int) -> "Components":
        """30 components, or a third as many as there are spectra; masked pixels count as the running median."""
        contrast = _contrast(spectra)
        n = min(N_COMPONENTS, len(contrast) // 3)
        if n < 1:
            raise InputError(
                f"principal components cannot be learned from {len(contrast)} spectra; give at least 3."
            )
        found = PCA(n, svd_solver="randomized", iterated_power=7, random_state=seed).fit(contrast)
        return cls(found.mean_, found.components_)

    def measure(self, spectra: Spectra) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Columns ``pca_1``, ``pca_2``, ..., as `luxjax.classify.features.SpectralPCA` has them."""
        values = (_contrast(spectra) - self.mean) @ self.components.T
        good = spectra.good
        variance = np.where(good, 1 / np.where(good, spectra.ivar, 1), 0)
        names = [f"pca_{k + 1}" for k in range(len(self.components))]
        errors = np.sqrt(variance @ self.components.T**2)
        return pd.DataFrame(values, columns=names), pd.DataFrame(errors, columns=names)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "components": self.components}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Components":
        return cls(arrays["mean"], arrays["components"])


def _averaged(spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance of neighbouring pixels averaged, by their weights, (star, pixel)."""
    n = spectra.flux.shape[1] // TOGETHER * TOGETHER
    ivar = np.asarray(spectra.ivar[:, :n], float).reshape(len(spectra), -1, TOGETHER)
    flux = np.asarray(spectra.flux[:, :n], float).reshape(ivar.shape)
    total = ivar.sum(axis=2)
    light = np.where(ivar > 0, flux * ivar, 0).sum(axis=2)
    return np.where(total > 0, light / np.where(total > 0, total, 1), 0), total


def _contrast(spectra: Spectra) -> np.ndarray:
    """Flux over its running median, less one, (star, pixel); 0 where a pixel is masked."""
    flux = np.where(spectra.good, spectra.flux, np.nan)
    rolling = pd.DataFrame(flux.T).rolling(WINDOW, center=True, min_periods=WINDOW // 4)
    median = rolling.median().to_numpy().T
    with np.errstate(invalid="ignore", divide="ignore"):
        contrast = flux / median - 1
    return np.clip(np.where(np.isfinite(contrast), contrast, 0), -FARTHEST, FARTHEST)


register_family(Latents)
register_family(Components)
