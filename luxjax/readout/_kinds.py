"""The kinds of read-outs. A new one is a class, here or in a new file, and one line in the registry."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ..core.internal import Array, pack
from ..models import AbstractDecoder, GaussianProcess, Linear, Quadratic
from ..models.internal import Kernels
from ..system.internal import in_threads
from ._gp_evidence import CONSTANT, Hyper, maximise_evidence
from ._inducing import Projected, choose_points, exact_posterior, project
from ._noise import learn_noise
from ._polynomial import Design, as_monomials, regress
from ._sample import Found, Sample

__all__ = ["AbstractReadOut", "GaussianProcessReadOut", "PolynomialReadOut"]

ROUNDS = 3


class AbstractReadOut(ABC):
    """A Bayesian regression of labels on the latents that the inputs alone give."""

    @abstractmethod
    def fit(self, sample: Sample) -> tuple[AbstractDecoder, Array | None, list[Found]]:
        """The decoder of all labels, the packed covariances of its rows where it is linear in them, and what was found of each."""


@dataclass(frozen=True)
class PolynomialReadOut(AbstractReadOut):
    """Linear in the latents, or with the products of the leading ones."""

    leading: int = 0

    def fit(self, sample: Sample) -> tuple[AbstractDecoder, Array | None, list[Found]]:
        n = sample.latents.shape[1]
        design = Design(n, min(self.leading, n))
        rows, covs, found = zip(
            *in_threads(lambda j: self._label(design, sample, j), range(sample.n_labels)), strict=True
        )
        row = jnp.asarray(np.array(rows))
        decoder: AbstractDecoder = (
            Quadratic(row[:, 0], row[:, 1:], n, design.leading)
            if design.leading
            else Linear(row[:, 0], row[:, 1:])
        )
        return decoder, jnp.asarray(pack(np.array(covs))), list(found)  # type: ignore[arg-type]  # NumPy's, as it takes too

    def _label(self, design: Design, sample: Sample, j: int) -> tuple[np.ndarray, np.ndarray, Found]:
        seen, y, variance = sample.of(j)
        z, t, s, scales = sample.latents[seen], 1.0, 0.0, None
        for step in range(ROUNDS):
            noise = np.maximum(t**2 * variance + s**2, 1e-8 * np.var(y) + 1e-300)
            found, scales = regress(design, z, y, noise, scales)
            residual, leverage = _in_sample(design, found, z, y, noise)
            if step + 1 < ROUNDS:
                t, s = learn_noise(residual**2 / (1 - leverage), variance)
        row, cov = as_monomials(design, found)
        return row, cov, Found(t, s, residual / (1 - leverage), found.evidence, found.effective)


def _in_sample(design: Design, found, z, y, noise) -> tuple[np.ndarray, np.ndarray]:
    """Residuals and leverages of the training stars, some at a time."""
    residual, leverage = np.empty(len(y)), np.empty(len(y))
    for k in range(0, len(y), 4096):
        part = slice(k, k + 4096)
        x = design(z[part]) - found.mean_x
        residual[part] = y[part] - found.mean_y - x @ found.weight
        leverage[part] = (np.sum((x @ found.cov) * x, axis=1) + found.mean_variance) / noise[part]
    return residual, np.minimum(leverage, 0.99)


@dataclass(frozen=True)
class GaussianProcessReadOut(AbstractReadOut):
    """A linear, a quadratic and a squared-exponential kernel, one relevance for each latent.

    Parameters
    ----------
    leading : tuple of int
        Numbers of leading latents; a process for each, and the mean of all.
    exact : int
        Training stars up to which no approximation is made.
    n_points : int
        Inducing points beyond that.
    n_evidence : int
        Stars, drawn at random, that hyper-parameters are learned from.
    """

    leading: tuple[int, ...] = (24, 40, 60)
    exact: int = 2000
    n_points: int = 500
    n_evidence: int = 900

    def fit(self, sample: Sample) -> tuple[AbstractDecoder, Array | None, list[Found]]:
        n_latents, n_labels = sample.latents.shape[1], sample.n_labels
        counts = sorted({min(n, n_latents) for n in self.leading})
        jobs = [(d, j) for d in counts for j in range(n_labels)]
        hypers = dict(zip(jobs, in_threads(lambda job: self._hyper(sample, *job), jobs), strict=True))
        exact = int(sample.known.sum()) <= self.exact
        points = sample.latents[sample.known]
        if not exact:
            points = self._points(points, [hypers[counts[-1], j][0] for j in range(n_labels)])
        made = dict(
            zip(
                jobs,
                in_threads(lambda job: _projected(sample, points, exact, hypers[job][0], job[1]), jobs),
                strict=True,
            )
        )
        centre = np.array([_centre(sample, j) for j in range(n_labels)])
        decoder = _decoder(points, centre, counts, n_labels, hypers, made)
        return (
            decoder,
            None,
            [self._found(sample, j, counts, hypers, made, centre[j]) for j in range(n_labels)],
        )

    def _hyper(self, sample: Sample, d: int, j: int) -> tuple[Hyper, float]:
        seen, y, variance = sample.of(j)
        loc, unit = _centre(sample, j)
        some = np.random.default_rng(j).permutation(len(y))[: self.n_evidence]
        z = sample.latents[seen][some, :d]
        h, evidence = maximise_evidence(z, (y[some] - loc) / unit, variance[some] / unit**2)
        rest = np.zeros(sample.latents.shape[1] - d)
        # Of the label itself, not of the label in units of its spread.
        return h._replace(tau=np.append(h.tau, rest)), evidence - len(some) * float(np.log(unit))

    def _points(self, known: np.ndarray, hypers: list[Hyper]) -> np.ndarray:
        few = np.random.default_rng(0).permutation(len(known))[: 10 * self.n_points]
        return known[few][choose_points(hypers, known[few], self.n_points)]

    def _found(self, sample, j, counts, hypers, made, centre) -> Found:
        unit = centre[1]
        residual = np.mean(
            [made[d, j].residual / (1 - np.minimum(made[d, j].leverage, 0.99)) for d in counts], axis=0
        )
        t, s = (
            np.sqrt(np.mean([getattr(hypers[d, j][0], k) for d in counts])) for k in ("scale2", "scatter2")
        )
        evidence = float(np.mean([hypers[d, j][1] for d in counts]))
        effective = float(np.mean([made[d, j].effective for d in counts]))
        return Found(float(t), float(s * unit), residual * unit, evidence, effective)


def _centre(sample: Sample, j: int) -> tuple[float, float]:
    """Weighted mean and spread of a label: its process is one of (value - mean) / spread."""
    _, y, variance = sample.of(j)
    weight = 1 / (variance + np.var(y) + 1e-300)
    loc = float(np.average(y, weights=weight))
    return loc, max(float(np.sqrt(np.average((y - loc) ** 2, weights=weight))), 1e-150)


def _projected(sample: Sample, points: np.ndarray, exact: bool, h: Hyper, j: int) -> Projected:
    seen, y, variance = sample.of(j)
    loc, unit = _centre(sample, j)
    noise = np.maximum(h.scale2 * variance / unit**2 + h.scatter2, 1e-10)
    given = sample.latents[seen], (y - loc) / unit, noise
    if not exact:
        return project(h, points, *given)
    found, own = exact_posterior(h, *given), seen[sample.known]  # of the points, those that have the label
    alpha, root = np.zeros(len(points)), np.zeros((len(found.root), len(points)))
    alpha[own], root[:, own] = found.alpha, found.root
    return found._replace(alpha=alpha, root=root)


def _decoder(points, centre, counts, n_labels, hypers, made) -> GaussianProcess:
    """All members and labels as one decoder, in the units of the sample."""
    unit = centre[:, 1]
    rank = max(p.root.shape[0] for p in made.values())

    def grid(of):
        return np.array([[of(d, j) for j in range(n_labels)] for d in counts])

    def root(d, j):
        own = made[d, j].root
        return np.pad(own, ((0, rank - len(own)), (0, 0))) / unit[j]

    kernels = Kernels(
        grid(lambda d, j: CONSTANT * unit[j] ** 2),
        grid(lambda d, j: hypers[d, j][0].tau * unit[j] ** 2),
        grid(lambda d, j: hypers[d, j][0].square / unit[j] ** 2),
        grid(lambda d, j: hypers[d, j][0].amplitude * unit[j] ** 2),
        grid(lambda d, j: hypers[d, j][0].roughness / unit[j] ** 2),
    )
    alpha = grid(lambda d, j: made[d, j].alpha / unit[j])
    found = GaussianProcess(centre[:, 0], points, kernels, alpha, grid(root))
    return jax.tree.map(jnp.asarray, found)
