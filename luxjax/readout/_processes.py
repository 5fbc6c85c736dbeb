"""The Gaussian-process read-out: a mean of processes that differ in what they assume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..core.internal import Array
from ..models import AbstractDecoder, GaussianProcess
from ..models.internal import Kernels
from ..system.internal import in_threads
from ._few_stars import WIDTHS, alike, law_of, maximise_graded, share_of_first
from ._gp_evidence import CONSTANT, Hyper, maximise_evidence
from ._inducing import Projected, choose_points, exact_posterior, project
from ._kinds import AbstractReadOut, PolynomialReadOut
from ._sample import Found, Sample, mean_log_error

__all__ = ["GaussianProcessReadOut"]

MANY = 2000  # stars beyond which a Gaussian process has to show first, on a sample, that it is worth its time
TRIAL, GAIN = (
    1000,
    0.97,
)  # stars of that sample, and the ratio of its errors to a quadratic's that it has to reach


class Member(NamedTuple):
    """One process: of how many leading latents, how far relevances may leave the law of few stars (None: free), which errors."""

    n_latents: int
    width: float | None = None
    stated: bool = True


class Fit(NamedTuple):
    """One label by one member: hyper-parameters, log evidence, posterior."""

    hyper: Hyper
    evidence: float
    posterior: Projected

    @property
    def residual(self) -> np.ndarray:
        """Residual of each star when the others predict it, in units of the label's spread."""
        return self.posterior.residual / (1 - np.minimum(self.posterior.leverage, 0.99))


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
    few : float
        Training stars for each latent below which relevances follow how well the latents are measured, and processes with one
        error for all stars are averaged with those that have the stated errors.
    """

    leading: tuple[int, ...] = (24, 40, 60)
    exact: int = 2000
    n_points: int = 500
    n_evidence: int = 900
    few: float = 4.0

    def suits(self, sample: Sample) -> bool:
        if int(sample.known.sum()) <= MANY:
            return True
        few = sample.select(np.random.default_rng(0).permutation(np.flatnonzero(sample.known))[:TRIAL])
        own, other = (mean_log_error(kind.fit(few)[2]) for kind in (self, PolynomialReadOut(leading=20)))
        return own - other < np.log(GAIN)

    def fit(self, sample: Sample) -> tuple[AbstractDecoder, Array | None, list[Found]]:
        members, labels = self._members(sample), range(sample.n_labels)
        jobs = [(m, j) for m in members for j in labels]
        hypers = dict(zip(jobs, in_threads(lambda job: self._hyper(sample, *job), jobs), strict=True))
        exact = int(sample.known.sum()) <= self.exact
        points = sample.latents[sample.known]
        if not exact:
            points = self._points(points, [hypers[members[-1], j][0] for j in labels])
        posteriors = in_threads(lambda job: _projected(sample, points, exact, hypers[job][0], *job), jobs)
        fits = {job: Fit(*hypers[job], p) for job, p in zip(jobs, posteriors, strict=True)}
        centre = np.array([_centre(sample, j) for j in labels])
        shares = np.array([_shares(members, fits, j) for j in labels]).T
        found = [_found(members, fits, shares[:, j], centre[j, 1], j) for j in labels]
        return _decoder(points, centre, members, fits, shares), None, found

    def _members(self, sample: Sample) -> list[Member]:
        n = sample.latents.shape[1]
        if int(sample.known.sum()) >= self.few * n:
            return [Member(d) for d in sorted({min(d, n) for d in self.leading})]
        every = all(alike(sample.of(j)[2]) for j in range(sample.n_labels))
        return [Member(n, w, stated) for stated in ((True,) if every else (True, False)) for w in WIDTHS]

    def _hyper(self, sample: Sample, member: Member, j: int) -> tuple[Hyper, float]:
        seen, y, variance = _seen(sample, member, j)
        loc, unit = _centre(sample, j)
        some, d = np.random.default_rng(j).permutation(len(y))[: self.n_evidence], member.n_latents
        given = sample.latents[seen][some, :d], (y[some] - loc) / unit, variance[some] / unit**2
        if member.width is None:
            h, evidence = maximise_evidence(*given)
        else:
            h, evidence = maximise_graded(*given, law_of(sample.information, d), member.width)
        rest = np.zeros(sample.latents.shape[1] - d)
        # Of the label itself, not of the label in units of its spread.
        return h._replace(tau=np.append(h.tau, rest)), evidence - len(some) * float(np.log(unit))

    def _points(self, known: np.ndarray, hypers: list[Hyper]) -> np.ndarray:
        few = np.random.default_rng(0).permutation(len(known))[: 10 * self.n_points]
        return known[few][choose_points(hypers, known[few], self.n_points)]


def _seen(sample: Sample, member: Member, j: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `Sample.of`, with the errors that the member believes."""
    seen, y, variance = sample.of(j)
    return seen, y, variance if member.stated else np.full_like(variance, np.median(variance))


def _centre(sample: Sample, j: int) -> tuple[float, float]:
    """Weighted mean and spread of a label: its process is one of (value - mean) / spread."""
    _, y, variance = sample.of(j)
    weight = 1 / (variance + np.var(y) + 1e-300)
    loc = float(np.average(y, weights=weight))
    return loc, max(float(np.sqrt(np.average((y - loc) ** 2, weights=weight))), 1e-150)


def _projected(
    sample: Sample, points: np.ndarray, exact: bool, h: Hyper, member: Member, j: int
) -> Projected:
    seen, y, variance = _seen(sample, member, j)
    loc, unit = _centre(sample, j)
    noise = np.maximum(h.scale2 * variance / unit**2 + h.scatter2, 1e-10)
    given = sample.latents[seen], (y - loc) / unit, noise
    if not exact:
        return project(h, points, *given)
    found, own = exact_posterior(h, *given), seen[sample.known]  # of the points, those that have the label
    alpha, root = np.zeros(len(points)), np.zeros((len(found.root), len(points)))
    alpha[own], root[:, own] = found.alpha, found.root
    return found._replace(alpha=alpha, root=root)


Fits = Mapping[tuple[Member, int], Fit]


def _shares(members: Sequence[Member], fits: Fits, j: int) -> np.ndarray:
    """What each member counts in the mean, (member,): those of one kind of errors alike."""
    stated = np.array([m.stated for m in members])
    residual = np.array([fits[m, j].residual for m in members])
    share = (
        1.0 if stated.all() else share_of_first(residual[stated].mean(axis=0), residual[~stated].mean(axis=0))
    )
    return np.where(stated, share / stated.sum(), (1 - share) / max((~stated).sum(), 1))


def _found(members: Sequence[Member], fits: Fits, share: np.ndarray, unit: float, j: int) -> Found:
    own = [fits[m, j] for m in members]
    residual = unit * np.average([f.residual for f in own], axis=0, weights=share)
    t, s = (
        np.sqrt(np.average([getattr(f.hyper, k) for f in own], weights=share)) for k in ("scale2", "scatter2")
    )
    evidence = float(np.average([f.evidence for f in own], weights=share))
    effective = float(np.average([f.posterior.effective for f in own], weights=share))
    stated = float(share[[m.stated for m in members]].sum())
    return Found(float(t), float(s * unit), residual, evidence, effective, stated)


def _decoder(
    points: np.ndarray, centre: np.ndarray, members: Sequence[Member], fits: Fits, shares: np.ndarray
) -> GaussianProcess:
    """All members and labels as one decoder, in the units of the sample.

    The decoder takes the plain mean of its members: what one counts goes into its kernel, as a factor of the variance.
    """
    n_labels = len(centre)
    unit2 = centre[:, 1] ** 2 * shares * len(members)  # (member, label)
    rank = max(f.posterior.root.shape[0] for f in fits.values())

    def grid(of):
        return np.array([[of(fits[m, j]) for j in range(n_labels)] for m in members])

    def root(f: Fit):
        own = f.posterior.root
        return np.pad(own, ((0, rank - len(own)), (0, 0)))

    kernels = Kernels(
        CONSTANT * unit2,
        grid(lambda f: f.hyper.tau) * unit2[..., None],
        grid(lambda f: f.hyper.square) / unit2,
        grid(lambda f: f.hyper.amplitude) * unit2,
        grid(lambda f: f.hyper.roughness) / unit2,
    )
    alpha = grid(lambda f: f.posterior.alpha) / centre[:, 1:]
    roots = grid(root) / np.sqrt(unit2)[..., None, None]
    return jax.tree.map(jnp.asarray, GaussianProcess(centre[:, 0], points, kernels, alpha, roots))
