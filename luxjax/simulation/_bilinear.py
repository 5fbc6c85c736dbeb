"""Spectra and labels drawn from a known bilinear model: stars for which the model is true.

y = b + B z + noise with z ~ N(0, I), the model of Horta et al. (2025, AJ 169, 314) with intercepts: the world
in which fitters, posteriors and error bars must be exactly right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core import InputError, check_name
from ..core.internal import PRNGKeyArray
from ..data import Catalog, LabelTable, Spectra
from ._random import generator

__all__ = ["Bilinear", "bilinear"]


@dataclass(frozen=True, eq=False)
class Bilinear:
    """A bilinear world: what is observed, and what made it. Host arrays in float64.

    Parameters
    ----------
    catalog : Catalog
        The observed outputs; ``catalog.batch()`` is what models see.
    latents : (star, latent) array
        z, drawn from N(0, I).
    weights : mapping of str to (out, latent) array
        B of each output.
    intercepts : mapping of str to (out,) array
        b of each output.
    scatter : mapping of str to (out,) array
        Intrinsic scatter s of each output; its noise variance is 1/ivar + s^2.

    Examples
    --------
    >>> from luxjax.simulation import bilinear
    >>> world = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1)
    >>> spectra = world.catalog.spectra("flux")
    >>> pull = (spectra.flux - world.noise_free("flux")) * spectra.ivar**0.5
    >>> bool(abs(pull.std() - 1) < 0.05)  # the stated errors are right
    True
    """

    catalog: Catalog
    latents: np.ndarray
    weights: Mapping[str, np.ndarray]
    intercepts: Mapping[str, np.ndarray]
    scatter: Mapping[str, np.ndarray]

    def noise_free(self, name: str) -> np.ndarray:
        """Noise-free b + B z of one output, (star, out)."""
        check_name("output", name, self.weights)
        return self.intercepts[name] + self.latents @ self.weights[name].T


def bilinear(
    n_stars: int = 200,
    sizes: Mapping[str, int] | None = None,
    n_latents: int = 6,
    *,
    key: "PRNGKeyArray | int",
    labels: Sequence[str] = ("labels",),
    snr: float = 100.0,
    snr_scatter: float = 0.3,
    label_error: float = 0.05,
    scatter: float | Mapping[str, float] = 0.0,
    bad_fraction: float = 0.0,
    missing_fraction: float = 0.0,
    like: Bilinear | None = None,
    first: int = 1,
) -> Bilinear:
    """Draw stars from a known bilinear model.

    Parameters
    ----------
    n_stars, n_latents : int
        Stars and latent dimensions.
    sizes : mapping of str to int
        Pixels or labels of each output; Default: 1,024 pixels of ``flux`` and 5 ``labels``.
    key : JAX key or int
        Source of randomness.
    labels : sequence of str
        Which outputs hold labels (standardised: the part that follows the latents has unit variance); the
        others hold normalised spectra, whose B is a few narrow lines per latent and zero elsewhere.
    snr : float
        Median signal-to-noise ratio per pixel; log-normal between stars with `snr_scatter`, and by 10% between pixels.
    label_error : float
        Median one-sigma label error; it differs by about 30% between stars and labels.
    scatter : float or mapping of str to float
        Intrinsic scatter, the same for every pixel or label of an output; not part of the stated errors.
    bad_fraction, missing_fraction : float
        Fraction of pixels that are bad (with absurd values) and of labels that are missing.
    like : Bilinear, optional
        More stars of this world: its weights, intercepts and scatter, and so its `sizes` and `n_latents`, instead of
        new ones. The errors are those asked for here.
    first : int
        Number of the first star, in its identifier.
    snr_scatter : float
        Standard deviation of ln S/N between stars.

    Examples
    --------
    >>> from luxjax.simulation import bilinear
    >>> world = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1)
    >>> world.catalog.sizes, world.latents.shape
    ({'flux': 40, 'labels': 3}, (90, 2))
    """
    if like is not None:
        sizes = {name: len(w) for name, w in like.weights.items()}
        n_latents = like.latents.shape[1]
    sizes = {"flux": 1024, "labels": 5} if sizes is None else dict(sizes)
    _check(n_stars, sizes, n_latents, labels, snr, label_error, bad_fraction, missing_fraction)
    rng = generator(key)
    z = rng.standard_normal((n_stars, n_latents))
    ids = np.array([f"sim-{i:06d}" for i in range(first, first + n_stars)])
    per_star = 1 / (snr * np.exp(snr_scatter * rng.standard_normal((n_stars, 1))))
    outputs: dict[str, Spectra | LabelTable] = {}
    weights, intercepts, scatters = {}, {}, {}
    for name, size in sizes.items():
        is_label = name in labels
        if like is None:
            draw = _label_weights if is_label else _line_weights
            weights[name], intercepts[name] = draw(rng, size, n_latents)
            s = scatter.get(name, 0.0) if isinstance(scatter, Mapping) else scatter
            scatters[name] = np.full(size, float(s))
        else:
            weights[name], intercepts[name] = like.weights[name], like.intercepts[name]
            scatters[name] = like.scatter[name]
        if is_label:
            error = label_error * np.exp(0.3 * rng.standard_normal((n_stars, size)))
        else:
            error = per_star * np.exp(0.1 * rng.standard_normal(size))
        y = intercepts[name] + z @ weights[name].T
        y = y + np.hypot(error, scatters[name]) * rng.standard_normal(y.shape)
        lost = rng.random(y.shape) < (missing_fraction if is_label else bad_fraction)
        if is_label:
            names = tuple(f"label_{j + 1}" for j in range(size))
            outputs[name] = LabelTable(np.where(lost, np.nan, y), error, names, ids, survey="bilinear")
        else:
            outputs[name] = Spectra(
                np.where(lost, 50.0, y),
                np.where(lost, 0.0, error**-2.0),
                10 ** (4.179 + 6e-6 * np.arange(size)),
                medium="vacuum",
                ids=ids,
                survey="bilinear",
                normalized=True,
                history=("drawn from a bilinear model",),
            )
    return Bilinear(Catalog(outputs), z, weights, intercepts, scatters)


def _line_weights(rng: np.random.Generator, size: int, n_latents: int) -> tuple[np.ndarray, np.ndarray]:
    """Narrow lines on a flat continuum; each line answers to one or two latents."""
    n_lines = max(2 * n_latents, size // 12)
    centre, depth = rng.uniform(0, size, n_lines), rng.uniform(0.03, 0.3, n_lines)
    profile = np.exp(-0.5 * ((np.arange(size)[:, None] - centre) / 1.5) ** 2)
    response = np.zeros((n_lines, n_latents))
    response[np.arange(n_lines), np.arange(n_lines) % n_latents] = rng.normal(0, 0.15, n_lines)
    response[np.arange(n_lines), rng.integers(n_latents, size=n_lines)] += rng.normal(0, 0.08, n_lines)
    return -profile @ (depth[:, None] * response), 1 - profile @ depth


def _label_weights(rng: np.random.Generator, size: int, n_latents: int) -> tuple[np.ndarray, np.ndarray]:
    weights = rng.standard_normal((size, n_latents))
    return weights / np.linalg.norm(weights, axis=1, keepdims=True), 0.3 * rng.standard_normal(size)


def _check(n_stars, sizes, n_latents, labels, snr, label_error, bad_fraction, missing_fraction) -> None:
    counts = {"n_stars": n_stars, "n_latents": n_latents, **{f"size of '{k}'": v for k, v in sizes.items()}}
    for what, n in counts.items():
        if int(n) != n or n < 1:
            raise InputError(f"{what} is {n}; give a whole number of at least 1.")
    for name in labels:
        check_name("output among the sizes", name, sizes, "Give its size, or leave it out of labels")
    for what, fraction in (("bad_fraction", bad_fraction), ("missing_fraction", missing_fraction)):
        if not 0 <= fraction < 1:
            raise InputError(f"{what} is {fraction}; give a number from 0 up to, not including, 1.")
    for what, number in (("snr", snr), ("label_error", label_error)):
        if not number > 0:
            raise InputError(f"{what} is {number}; give a number above 0.")
