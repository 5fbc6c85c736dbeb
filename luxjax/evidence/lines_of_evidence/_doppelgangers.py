"""Doppelgangers: stars that look alike in every other label, one rich and one poor in this one.

Stars far above the trend of a label with the others are paired with stars far below it that have the same other
labels, as predicted from the spectrum and weighed by how well they are known. Stacked differences of their spectra then
show the label alone: at the element's lines if the spectrum holds it, elsewhere if a neighbour does, nowhere if
neither. The null changes sign from pair to pair at random, which leaves all noise and removes what rich and poor do not
share (random-sign permutation; a pair has no order where the label has no effect).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from ...core import InputError
from ...core.internal import rounded
from .._evidence import Evidence
from ..checks._twins import find_twins
from ._line import AbstractLine
from ._trend import residualize, second_order

if TYPE_CHECKING:
    from .._case import Case
    from .._label_lines import LabelLines
    from .._stars import InferredStars

__all__ = ["DoppelgangerPairs", "Doppelgangers", "doppelgangers"]

_LIGHT = 299792.458  # km/s
_VELOCITY = np.arange(-60.0, 60.1, 4.0)

MINIMUM = 20  # pairs
MOST = 500  # stars on either side, to bound the matrix of distances
FLIPS = 200
TWINS = 20


@dataclass(frozen=True, eq=False)
class Doppelgangers:
    """Stacked differences of rich less poor.

    Attributes
    ----------
    z : float
        Deepening at the element's lines, over the root sum of squares of the pairs' own; NaN without lines.
    null : (draw,) array
        The same with random signs.
    pixel_z : (pixel,) array
        Deepening of every pixel, likewise; 0 where no pair has the pixel.
    limit : float
        Largest |pixel_z| that random signs exceed in 5% of draws.
    pairs : (pair, 2) array of int
        Rows of the rich and the poor star.
    contrast : float
        Mean difference of the observed label within pairs, in its unit.
    """

    z: float
    null: np.ndarray
    pixel_z: np.ndarray
    limit: float
    pairs: np.ndarray
    contrast: float


def doppelgangers(
    flux: ArrayLike,
    weight: ArrayLike,
    observed: ArrayLike,
    predicted_others: ArrayLike,
    others_cov: ArrayLike,
    profile: ArrayLike | None = None,
    *,
    fraction: float = 0.25,
    seed: int = 0,
) -> Doppelgangers:
    """Pair rich and poor stars, and stack the differences of their spectra.

    Parameters
    ----------
    flux, weight : (star, pixel) arrays
        Flux and inverse variance, zero at bad pixels.
    observed : (star,) array
        The label; NaN where missing.
    predicted_others : (star, other) array
        From the spectrum alone.
    others_cov : (star, other, other) or (other, other) array
        Their covariance by the noise of the spectra.
    profile : (pixel,) array, optional
        Deepening of the element's lines, zero elsewhere.
    fraction : float
        Fraction of the stars farthest above, and farthest below, the trend.
    seed : int
        Random seed of the random signs.
    """
    flux, weight = np.asarray(flux, np.float32), np.asarray(weight, np.float32)
    y, o = np.asarray(observed, float), np.asarray(predicted_others, float)
    cov = np.broadcast_to(np.asarray(others_cov, float), (len(o), o.shape[1], o.shape[1]))
    known = np.flatnonzero(np.isfinite(y) & np.isfinite(o).all(axis=1))
    terms = second_order(o[known])
    side = min(MOST, int(fraction * len(known)))
    if side < max(MINIMUM, terms.shape[1]):
        raise InputError(
            f"{len(known)} stars with this label leave {side} on either side of its trend; pairing asks for at least "
            f"{max(MINIMUM, terms.shape[1])}: give {int(max(MINIMUM, terms.shape[1]) / fraction)} stars or more."
        )
    order = known[np.argsort(residualize(y[known], terms))]
    pairs = _matched(order[::-1][:side], order[:side], o, cov)
    rich, poor = pairs.T
    w = weight[rich] * weight[poor] / np.maximum(weight[rich] + weight[poor], 1e-30)
    difference = w * (flux[poor] - flux[rich])  # positive where the rich star is deeper
    signs = np.random.default_rng(seed).choice(np.array([-1, 1], np.float32), (FLIPS, len(pairs)))
    spread = np.sqrt(np.maximum((difference**2).sum(axis=0), 1e-30))
    peaks = np.max(np.abs(signs @ difference) / spread, axis=1)
    own = np.full(len(pairs), np.nan) if profile is None else difference @ np.asarray(profile, np.float32)
    size = np.sqrt(np.sum(own.astype(float) ** 2))
    return Doppelgangers(
        float(own.sum() / size) if size > 0 else float("nan"),
        (signs @ own / size).astype(float) if size > 0 else np.full(FLIPS, np.nan),
        (difference.sum(axis=0) / spread).astype(float),
        float(np.quantile(peaks, 0.95)),
        pairs,
        float(np.mean(y[rich] - y[poor])),
    )


def _matched(rich: np.ndarray, poor: np.ndarray, o: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Pairs of least total distance d' (C_rich + C_poor)^-1 d, the farther half of them left out, (pair, 2)."""
    # A thousandth of the population's covariance, so that labels known without error do not divide by zero.
    ridge = 1e-3 * np.atleast_2d(np.cov(o.T))
    distance = np.empty((len(rich), len(poor)))
    for k, star in enumerate(rich):
        d = o[star] - o[poor]
        both = cov[star] + cov[poor] + ridge
        distance[k] = np.einsum("na,na->n", d, np.linalg.solve(both, d[:, :, None])[:, :, 0])
    first, second = linear_sum_assignment(np.sqrt(distance))
    kept = np.argsort(distance[first, second], kind="stable")[: max(MINIMUM, (len(first) + 1) // 2)]
    return np.column_stack([rich[first[kept]], poor[second[kept]]])


class DoppelgangerPairs(AbstractLine):
    """Stars alike but for the label: what differs at its lines, and anywhere."""

    name: ClassVar[str] = "doppelgangers"
    title: ClassVar[str] = "Doppelgangers"
    question: ClassVar[str] = (
        "Do stars that are alike in all other labels, one rich and one poor in this one, differ at its element lines?"
    )

    def measure(self, case: "Case") -> Evidence:
        stars, o = case.stars, case.stars.columns(case.others)
        profile = case.lines.profile if len(case.lines) else None
        cov = stars.label_cov(o) if stars.model.is_linear else _sample_cov(stars, o)
        label, others = stars.observed[:, stars.column(case.label)], stars.predicted[:, o]
        try:
            found = doppelgangers(stars.flux, stars.weight, label, others, cov, profile, seed=case.asked.seed)
        except InputError as problem:
            return self.missing(str(problem), unit="sigma")
        wavelength = np.concatenate([p.wavelength for p in stars.inputs])
        return self.evidence(
            found.z,
            null=found.null if np.isfinite(found.z) else None,
            unit="sigma",
            statement=_words(found, wavelength, case.unit),
            arrays={
                "wavelength": wavelength,
                "pixel_z": found.pixel_z,
                "limit": np.array(found.limit),
                "pairs": found.pairs,
                **_velocity_stack(stars, case.lines, found),
                **_example(case, found),
            },
        )


def _example(case: "Case", found: Doppelgangers) -> dict[str, np.ndarray]:
    """The rich star of the best spectrum and its twins, for the figure."""
    rich = found.pairs[:, 0]
    row = int(rich[np.argmax(np.mean(case.stars.weight[rich], axis=1))])
    try:
        seen = find_twins(case.stars, row, case.label, case.others, case.lines, TWINS)
    except InputError:
        return {}
    return {f"twins_{name}": np.asarray(value) for name, value in vars(seen).items()}


def _words(found: Doppelgangers, wavelength: np.ndarray, unit: str) -> str:
    peak = int(np.argmax(np.abs(found.pixel_z)))
    most = abs(found.pixel_z[peak])
    anywhere = (
        f"most of all at {wavelength[peak]:.1f} Angstrom ({most:.1f} sigma)"
        if most > found.limit
        else f"at no pixel beyond chance ({most:.1f} sigma at most; chance reaches {found.limit:.1f})"
    )
    at_lines = (
        f"at its element lines the rich are {'deeper' if found.z >= 0 else 'shallower'} by {abs(found.z):.1f} sigma, and "
        if np.isfinite(found.z)
        else "it has no element lines here, and "
    )
    apart = f"{rounded(found.contrast)} {unit}".strip()
    return (
        f"{len(found.pairs)} pairs of stars alike but for the label, {apart} apart: {at_lines}"
        f"they differ {anywhere}."
    )


def _velocity_stack(
    stars: "InferredStars", lines: "LabelLines", found: Doppelgangers
) -> dict[str, np.ndarray]:
    """Rich less poor in velocity from the element lines, averaged over lines with their expected depth as weight."""
    if not len(lines):
        return {}
    rich, poor = found.pairs.T
    total, size = np.zeros((2, len(_VELOCITY)))
    for p, w in zip(stars.inputs, lines.windows, strict=True):
        for centre, strength in zip(w.lines.wavelength, w.response, strict=True):
            near = np.abs(p.wavelength / centre - 1) * _LIGHT < 80
            v = (p.wavelength[near] / centre - 1) * _LIGHT
            columns = np.flatnonzero(near) + p.where.start
            both = stars.weight[np.ix_(rich, columns)] * stars.weight[np.ix_(poor, columns)]
            share = both / np.maximum(
                stars.weight[np.ix_(rich, columns)] + stars.weight[np.ix_(poor, columns)], 1e-30
            )
            mean = (share * (stars.flux[np.ix_(rich, columns)] - stars.flux[np.ix_(poor, columns)])).sum(
                axis=0
            )
            norm = share.sum(axis=0)
            good = norm > 0
            if good.sum() > 3:
                height = np.interp(_VELOCITY, v[good], mean[good] / norm[good])
                weight = strength**2 * np.interp(_VELOCITY, v[good], norm[good])
                total, size = total + weight * height / strength, size + weight
    if not np.any(size > 0):  # pixels wider than a line: too few near any of them
        return {}
    unit = max(np.abs([r for w in lines.windows for r in w.response]).max(), 1e-30)
    seen = np.where(size > 0, size, np.nan)
    return {"velocity": _VELOCITY, "stack": unit * total / seen, "stack_error": unit / np.sqrt(seen)}


def _sample_cov(stars: "InferredStars", others: list[int]) -> np.ndarray:
    """Covariance of predicted less observed others: for decoders of the inputs whose posterior is not in closed form."""
    miss = stars.predicted[:, others] - stars.observed[:, others]
    return np.atleast_2d(np.cov(miss[np.isfinite(miss).all(axis=1)].T))
