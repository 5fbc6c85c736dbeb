"""Held-out stars with their spectra and inferred latents, so that pixels can be masked and changed at little cost.

With linear decoders of the inputs a spectrum enters a star's latents only through sums over pixels (see `luxjax.fitting`).
Masking some pixels takes their share from the sums, and changed fluxes add to them, so that a hundred masks cost about as much
as the one pass over all pixels. Labels may be any function of the latents: each star has its own slope. For other decoders of
the inputs latents are inferred again for every mask.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, OutputData, check_name
from ..data.internal import Medium
from ..fitted import FittedModel
from ..latents.internal import blocks, decode_stars, latent_posterior, mean_slopes, slopes
from ..models import Linear, Lux
from ._measure import HeldOutStars

__all__ = ["InferredStars", "Pixels"]


@dataclass(frozen=True)
class Pixels:
    """One input's place among the pixels of all inputs, side by side."""

    name: str
    where: slice
    wavelength: np.ndarray
    medium: Medium
    survey: str


@dataclass(frozen=True, eq=False)
class InferredStars:
    """Held-out stars, their spectra and the model's inference of them. Host arrays; labels in their own units.

    What a model says of them with some pixels masked is `HeldOutStars`, from `without`.

    Attributes
    ----------
    fitted : FittedModel
    ids : (star,) array of str
    inputs : tuple of Pixels
    labels : tuple of str
    observed, error : (star, label) arrays
        As catalogued; NaN where missing.
    flux, weight : (star, pixel) float32 arrays
        Flux and inverse variance, learned scatter included; zero at bad pixels.
    gram, rhs : (star, latent, latent) and (star, latent) arrays
        Sums over pixels; empty where decoders of the inputs are not linear.
    latents : (star, latent) array
    cov : (star, latent, latent) array
        Posterior covariance of the latents.
    predicted : (star, label) array
    """

    fitted: FittedModel
    ids: np.ndarray
    inputs: tuple[Pixels, ...]
    labels: tuple[str, ...]
    observed: np.ndarray
    error: np.ndarray
    flux: np.ndarray
    weight: np.ndarray
    gram: np.ndarray
    rhs: np.ndarray
    latents: np.ndarray
    cov: np.ndarray
    predicted: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_pixels(self) -> int:
        return self.flux.shape[1]

    @property
    def good(self) -> np.ndarray:
        """Pixels that at least half of the stars have, (pixel,) bool."""
        return np.mean(self.weight > 0, axis=0) > 0.5

    @cached_property
    def model(self) -> Lux:
        """The model of the inputs, which latents are inferred from."""
        return self.fitted.model.only(*(p.name for p in self.inputs))

    @cached_property
    def label_slopes(self) -> np.ndarray:
        """D label / d latent at each star, in label units, (star, label, latent)."""
        return self._slopes(slopes)

    @cached_property
    def mean_label_slopes(self) -> np.ndarray:
        """The mean of d label / d latent on the way from the mean star to each star, in label units, (star, label, latent)."""
        return self._slopes(mean_slopes)

    def _slopes(self, of: Callable) -> np.ndarray:
        output = self.fitted.label_output()
        decoder, scale = self.fitted.model.decoders[output], self.fitted.info(output).scale[:, None]
        if isinstance(decoder, Linear):
            rows = np.asarray(decoder.weight, float) * scale
            return np.broadcast_to(rows, (len(self), *rows.shape))
        with jax.enable_x64(True):
            return np.asarray(of(decoder, jnp.asarray(self.latents)), float) * scale

    @property
    def pixel_rows(self) -> np.ndarray:
        """D flux / d latent of linear decoders, (pixel, latent)."""
        decoders = self.model.feature_decoders
        return np.concatenate([np.asarray(decoders[p.name].weight, float) for p in self.inputs])

    def column(self, label: str) -> int:
        """The column of a label."""
        check_name("label", label, self.labels, "Ask for one of the model's labels")
        return self.labels.index(label)

    def columns(self, labels: Sequence[str]) -> list[int]:
        """The columns of several labels."""
        return [self.column(label) for label in labels]

    def missed(self, label: str) -> float:
        """Mean square of observed less predicted label, beyond its stated errors."""
        j = self.column(label)
        return float(np.nanmean((self.observed[:, j] - self.predicted[:, j]) ** 2 - self.error[:, j] ** 2))

    def label_cov(self, others: Sequence[int]) -> np.ndarray:
        """Posterior covariance of some predicted labels by noise of the spectra, (star, other, other), to first order."""
        a = self.label_slopes[:, list(others)]
        return a @ self.cov @ np.swapaxes(a, 1, 2)

    def model_flux(self, latents: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """The flux that the model expects at these pixels, (star, own pixel)."""
        parts = []
        for p in self.inputs:
            decoder = self.model.feature_decoders[p.name]
            rows = np.flatnonzero(pixels[p.where])
            with jax.enable_x64(True):
                features = np.asarray(jax.vmap(decoder.features)(jnp.asarray(latents)))
            weight = np.asarray(decoder.weight, float)[rows]
            parts.append(np.asarray(decoder.intercept, float)[rows] + features @ weight.T)
        return np.concatenate(parts, axis=1)

    def without(self, pixels: np.ndarray) -> HeldOutStars:
        """The stars' labels with and without these pixels, and what is seen at the pixels themselves."""
        flux, weight = self.flux[:, pixels].astype(float), self.weight[:, pixels].astype(float)
        if self.model.is_linear:
            gram, rhs = self._sums(pixels, flux, weight)
            z = _solve(self.gram - gram, self.rhs - rhs)
            own = np.einsum("nli,ni->nl", self.mean_label_slopes, np.einsum("nij,nj->ni", self.cov, rhs))
        else:
            z = _infer_without(self, pixels)
            own = self.predicted - self.label_values(z)
        model = self.model_flux(z, pixels)
        masked = self.label_values(z)
        return HeldOutStars(
            self.labels, self.observed, self.error, self.predicted, masked, own, flux, weight, model
        )

    def label_values(self, latents: np.ndarray) -> np.ndarray:
        """Labels of latents, in their own units, (star, label)."""
        output = self.fitted.label_output()
        info, decoder = self.fitted.info(output), self.fitted.model.decoders[output]
        with jax.enable_x64(True):
            return np.asarray(decode_stars(decoder, jnp.asarray(latents)), float) * info.scale + info.loc

    def respond(self, rhs: np.ndarray) -> np.ndarray:
        """Change of every predicted label when the sums change by `rhs` (star, latent), (star, label); linear inputs."""
        return self.label_values(self.latents + np.einsum("nij,nj->ni", self.cov, rhs)) - self.predicted

    def change(self, pixels: np.ndarray, difference: np.ndarray) -> np.ndarray:
        """Change of every predicted label when the flux at these pixels changes by (star, own pixel)."""
        weight = self.weight[:, pixels].astype(float)
        if self.model.is_linear:
            return self.respond((weight * difference) @ self.pixel_rows[pixels])
        flux = self.flux.copy()
        flux[:, pixels] += np.where(weight > 0, difference, 0)
        return self.label_values(_infer(self, flux, np.ones(self.n_pixels))) - self.predicted

    def _sums(self, pixels, flux, weight) -> tuple[np.ndarray, np.ndarray]:
        """The share of these pixels in the sums of every star."""
        rows, d = self.pixel_rows[pixels], self.latents.shape[1]
        i, j = np.triu_indices(d)
        packed = weight @ (rows[:, i] * rows[:, j])
        gram = np.empty((len(self), d, d))
        gram[:, i, j] = gram[:, j, i] = packed
        offset = np.concatenate(
            [np.asarray(self.model.feature_decoders[p.name].intercept, float) for p in self.inputs]
        )
        return gram, (weight * (flux - offset[pixels])) @ rows


def _solve(gram: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    return np.linalg.solve(gram + np.eye(rhs.shape[1]), rhs[:, :, None])[:, :, 0]


def _infer_without(stars: InferredStars, pixels: np.ndarray) -> np.ndarray:
    return _infer(stars, stars.flux, 1.0 - pixels)


def _infer(stars: InferredStars, flux: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Latents from these fluxes and the pixels kept, for decoders that are not linear."""
    bare = Lux(stars.model.decoders)  # the weights hold the scatter already
    batch = Batch(
        {
            p.name: OutputData(
                jnp.asarray(flux[:, p.where]),
                jnp.asarray(stars.weight[:, p.where] * keep[p.where].astype(np.float32)),
            )
            for p in stars.inputs
        }
    )
    with jax.enable_x64(True):
        parts = [
            np.asarray(_mean(bare, part))[: where.stop - where.start] for part, _, where in blocks(batch, 512)
        ]
    return np.concatenate(parts)


@eqx.filter_jit
def _mean(model: Lux, block: Batch):
    return latent_posterior(model, block).mean
