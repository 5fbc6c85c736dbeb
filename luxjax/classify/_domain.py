"""Whether a spectrum is like any that a classifier was trained on: its distance to the nearest of them, against that of stars apart.

A classifier answers with one of its classes, whatever it is shown. So the distance of the features to those of the training spectra is
judged too, as a conformal test (Vovk, Gammerman & Shafer 2005; nearest neighbours as in Sun et al. 2022, ICML): in every fold of the training, stars
outside the fold are compared with those in it, and a new spectrum is outside where it is farther than 99% of these. So about one in a hundred stars of the
training's own kind is called outside, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Domain", "apart"]

NEIGHBOUR = 5  # which of the nearest training spectra; the nearest itself may be as odd
SHARE = 0.99  # of stars apart, that are not outside
FARTHEST = 6.0  # spreads; one broken feature should not decide
MOST = 2000  # training spectra that are kept
BLOCK = 1024
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
    apart : (star,) array
        Sorted distances of stars that were not among the training spectra.
    """

    known: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    apart: np.ndarray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def fit(cls, x: np.ndarray, apart: np.ndarray | None = None, seed: int = 0) -> "Domain":
        """From the features of training spectra, (row, feature), and distances of stars apart."""
        seen = np.isfinite(x).any(axis=0)
        filled = np.where(seen, x, 0.0)
        middle = np.nanmedian(filled, axis=0)
        low, high = np.nanpercentile(filled, CENTRAL, axis=0)
        spread = np.where(high > low, (high - low) / 4, np.inf)
        if len(x) > MOST:
            x = x[np.sort(np.random.default_rng(seed).choice(len(x), MOST, replace=False))]
        domain = cls(np.empty(0), middle, spread, np.sort(np.empty(0) if apart is None else apart))
        return Domain(domain._scaled(x).astype(np.float32), middle, spread, domain.apart)

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return np.clip((x - self.middle) / self.spread, -FARTHEST, FARTHEST)

    def distance(self, x: np.ndarray) -> np.ndarray:
        """Root mean square difference to the fifth nearest training spectrum over the features that both have, in spreads, (row,)."""
        rank = min(NEIGHBOUR, len(self.known)) - 1
        known = np.asarray(self.known, float)
        its, there = np.nan_to_num(known), np.isfinite(known).astype(float)
        parts = [np.empty(0)]
        for start in range(0, len(x), BLOCK):
            scaled = self._scaled(x[start : start + BLOCK])
            mine, here = np.nan_to_num(scaled), np.isfinite(scaled).astype(float)
            square = (mine**2) @ there.T + here @ (its**2).T - 2 * mine @ its.T
            shared = here @ there.T
            mean = np.where(shared > 0, square / np.maximum(shared, 1), np.inf)
            parts.append(np.sqrt(np.maximum(np.partition(mean, rank, axis=1)[:, rank], 0)))
        return np.concatenate(parts)

    @property
    def limit(self) -> float:
        """The distance that 99% of the stars apart do not exceed; infinite where there are fewer than 99."""
        rank = int(np.ceil(np.round((len(self.apart) + 1) * SHARE, 9)))
        return float(self.apart[rank - 1]) if 0 < rank <= len(self.apart) else np.inf

    def relative(self, x: np.ndarray) -> np.ndarray:
        """Distances over the limit, (row,): above 1 is outside. NaN where too few stars set the limit."""
        return self.distance(x) / self.limit if np.isfinite(self.limit) else np.full(len(x), np.nan)

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, for a file."""
        return {"known": self.known, "middle": self.middle, "spread": self.spread, "apart": self.apart}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Domain":
        return cls(arrays["known"], arrays["middle"], arrays["spread"], arrays["apart"])


def apart(fit: np.ndarray, held: np.ndarray, star: np.ndarray, seed: int = 0) -> np.ndarray:
    """Distances of stars held out to those fitted, one spectrum of each star; features (row, feature), stars of the rows held."""
    once = np.unique(star, return_index=True)[1]
    return Domain.fit(fit, seed=seed).distance(held[once])
