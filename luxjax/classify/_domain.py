"""Whether a spectrum is like any that a classifier was trained on: its distance to the nearest of them, against that of stars apart.

A classifier answers with one of its classes, whatever it is shown. So the distance of the features to those of the training spectra is
judged too, as a conformal test (Vovk, Gammerman & Shafer 2005; nearest neighbours as in Sun et al. 2022, ICML): in every fold of the training, stars
outside the fold are compared with those in it, and a new spectrum is outside where it is farther than 95% of these. So about one in twenty stars of the
training's own kind is called outside, too.

The distance was chosen by withholding A, K or M stars of LAMOST from a training: over measured features, with differences that are noise counted less, 31%, 29% and 83% of
those withheld are called outside; learned features add none, and residuals from latents and Mahalanobis distances see fewer.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import numpy as np

from .features._features import Features, errors_of, matrix_of

__all__ = ["Domain", "apart", "measured_of"]

NEIGHBOUR = 5  # which of the nearest training spectra; the nearest itself may be as odd
SHARE = 0.95  # of stars apart, that are not outside
FARTHEST = 6.0  # spreads; one broken feature should not decide
MOST = 2000  # training spectra that are kept
BLOCK = 1024
PARTS = ("known", "middle", "spread", "noise", "apart")
CENTRAL = (
    2.5,
    97.5,
)  # per cent of the training spectra, which are four standard deviations of a normal distribution


@dataclass(frozen=True, eq=False)
class Domain:
    """The training spectra among all features.

    Parameters
    ----------
    known : (spectrum, feature) array
        Features of training spectra in spreads from the middle; NaN where missing.
    middle, spread : (feature,) arrays
        Median, and a quarter of the range that holds 95% of the spectra; infinite for a feature that does not differ.
    noise : (feature,) array
        Median error of the training spectra, in spreads.
    apart : (star,) array
        Sorted distances of stars that were not among the training spectra.
    """

    known: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    noise: np.ndarray
    apart: np.ndarray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def fit(
        cls, x: np.ndarray, errors: np.ndarray, apart: np.ndarray | None = None, seed: int = 0
    ) -> "Domain":
        """From the features of training spectra and their errors, (row, feature), and distances of stars apart."""
        filled = np.where(np.isfinite(x).any(axis=0), x, 0.0)
        middle = np.nanmedian(filled, axis=0)
        low, high = np.nanpercentile(filled, CENTRAL, axis=0)
        spread = np.where(high > low, (high - low) / 4, np.inf)
        if len(x) > MOST:
            rows = np.sort(np.random.default_rng(seed).choice(len(x), MOST, replace=False))
            x, errors = x[rows], errors[rows]
        noise = np.median(_known_errors(errors), axis=0) / spread
        known = np.clip((x - middle) / spread, -FARTHEST, FARTHEST).astype(np.float32)
        return cls(known, middle, spread, noise, np.sort(np.empty(0) if apart is None else apart))

    def distance(self, x: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """To the fifth nearest training spectrum, (row,): root mean square of the differences over the features that both have.

        A difference is in units of the spread and of the errors of both, in quadrature.
        """
        rank = min(NEIGHBOUR, len(self.known)) - 1
        known = np.asarray(self.known, float)
        its, there = np.nan_to_num(known), np.isfinite(known).astype(float)
        parts = [np.empty(0)]
        for start in range(0, len(x), BLOCK):
            rows = slice(start, start + BLOCK)
            scaled = np.clip((x[rows] - self.middle) / self.spread, -FARTHEST, FARTHEST)
            mine, here = np.nan_to_num(scaled), np.isfinite(scaled).astype(float)
            weight = here / (1 + (_known_errors(errors[rows]) / self.spread) ** 2 + self.noise**2)
            square = (weight * mine**2) @ there.T + weight @ (its**2).T - 2 * (weight * mine) @ its.T
            shared = here @ there.T
            mean = np.where(shared > 0, square / np.maximum(shared, 1), np.inf)
            parts.append(np.sqrt(np.maximum(np.partition(mean, rank, axis=1)[:, rank], 0)))
        return np.concatenate(parts)

    @property
    def limit(self) -> float:
        """The distance that 95% of the stars apart do not exceed; infinite where there are fewer than 19."""
        rank = int(np.ceil(np.round((len(self.apart) + 1) * SHARE, 9)))
        return float(self.apart[rank - 1]) if 0 < rank <= len(self.apart) else np.inf

    def relative(self, x: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Distances over the limit, (row,): above 1 is outside. NaN where too few stars set the limit."""
        return self.distance(x, errors) / self.limit if np.isfinite(self.limit) else np.full(len(x), np.nan)

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, for a file."""
        return {name: getattr(self, name) for name in PARTS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Domain":
        return cls(*(arrays[name] for name in PARTS))


def apart(fit, held, star: np.ndarray, seed: int = 0) -> np.ndarray:
    """Distances of stars held out to those fitted, one spectrum of each star; both as features and their errors, (row, feature)."""
    once = np.unique(star, return_index=True)[1]
    return Domain.fit(*fit, seed=seed).distance(*(part[once] for part in held))


def measured_of(
    features: Features, families: Mapping[str, str], learned: Container[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Features, and their errors, by which a spectrum is judged, (row, feature): those of no learned family, or all if there are no others."""
    names = [name for name, family in families.items() if family not in learned] or list(families)
    return matrix_of(features, names), errors_of(features, names)


def _known_errors(errors: np.ndarray) -> np.ndarray:
    """The errors, 0 where none is known."""
    return np.where(np.isfinite(errors), errors, 0.0)
