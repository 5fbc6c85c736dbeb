"""A score of single latents with its null, its interval and its distribution over gauges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...core import check_name
from ...stats import Interval
from ._gauge import over_rotations

__all__ = ["DRAWS", "Draws", "GaugeScore", "gauge_score"]


class Draws(NamedTuple):
    """Numbers of random draws that a score is compared with."""

    null: int = 100
    """Of labels shuffled among stars."""
    halves: int = 100
    """Of half the stars, for the interval."""
    rotations: int = 100
    """Of random gauges."""


DRAWS = Draws()


@dataclass(frozen=True, eq=False)
class GaugeScore:
    """A score of single latents in the gauge given, against nothing being there and against other gauges.

    Attributes
    ----------
    metric : str
    names : tuple of str
        What was scored, usually the labels and their ``mean``.
    value : (name,) array
    lower, upper : (name,) arrays
        95% interval from random halves of the stars. Halves rather than bootstrap samples, since repeated stars
        raise every information estimate; a half taken without replacement scatters about the full sample exactly as the
        full sample about the population (delete-half jackknife; Shao & Wu 1989).
    null : (draw, name) array
        With labels shuffled among stars, all labels of a star together.
    rotations : (draw, name) array
        In random gauges of the same latents.
    """

    metric: str
    names: tuple[str, ...]
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    null: np.ndarray
    rotations: np.ndarray

    @property
    def excess(self) -> np.ndarray:
        """Value minus the mean of its null, (name,)."""
        return self.value - self.null.mean(0)

    @property
    def p_value(self) -> np.ndarray:
        """Chance of such a value or a larger one with shuffled labels, (name,)."""
        return (1 + (self.null >= self.value).sum(0)) / (1 + len(self.null))

    @property
    def gauge_percentile(self) -> np.ndarray:
        """Share of random gauges with a smaller value, in percent, (name,)."""
        return 100 * (self.rotations < self.value).mean(0)

    def __getitem__(self, name: str) -> float:
        check_name("entry", name, self.names)
        return float(self.value[self.names.index(name)])

    def interval(self, name: str) -> Interval:
        """95% interval of one entry."""
        check_name("entry", name, self.names)
        j = self.names.index(name)
        return Interval(float(self.lower[j]), float(self.upper[j]))


def gauge_score(
    metric: str,
    names: tuple[str, ...],
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
    z: np.ndarray,
    y: np.ndarray,
    draws: Draws,
    seed: int,
) -> GaugeScore:
    """The score ``statistic(z, y)`` of latents (star, latent) and labels (star, label), with all it is compared with."""
    rng = np.random.default_rng(seed)
    value = statistic(z, y)
    null = np.array([statistic(z, rng.permutation(y)) for _ in range(draws.null)])
    halves = [rng.permutation(len(z))[: len(z) // 2] for _ in range(draws.halves)]
    halved = np.array([statistic(z[rows], y[rows]) for rows in halves])
    lower, upper = value + np.quantile(halved - halved.mean(0), [0.025, 0.975], axis=0)
    rotations = over_rotations(lambda x: statistic(x, y), z, n=draws.rotations, seed=seed)
    return GaugeScore(metric, names, value, lower, upper, null, rotations)
