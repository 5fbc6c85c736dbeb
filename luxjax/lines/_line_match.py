"""Comparison of a saliency with a line list: whether the pixels that follow a label lie on lines of its element.

The score is the enrichment: the mean saliency in windows about the lines over its mean in all good pixels, 1 by chance.
Chance is measured with the same lines moved: every detector's lines are shifted together by a random number of pixels,
circularly, so that the null keeps the number, spacing and blending of the lines and the texture of the saliency.
"""

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import find_peaks

from ..core import InputError, LuxWarning, check_name
from ..core.internal import join_names
from ..data.internal import Medium
from ..stats import robust_scatter
from ._lines import LineList

__all__ = ["LineMatch", "match_lines"]

GAP = 50  # pixels without data in a row that part detectors
PEAK = 5.0  # robust standard deviations that a peak stands out, where no errors are given
FAR_BETTER = (0.05, 0.002)  # p values that raise the warning: of the list as given, of the other medium


@dataclass(frozen=True, eq=False)
class LineMatch:
    """How well a saliency matches a line list.

    Parameters
    ----------
    score : float
        Enrichment: mean saliency within `tolerance` of the lines over its mean everywhere; 1 by chance.
    null : (draw,) array
        The score at random shifts of the lines.
    n_lines : int
        Lines that fall on good pixels.
    matched, unmatched : DataFrame
        Peaks of the saliency that have one of the element's lines within the tolerance and the right sign, and the
        others: ``wavelength``, ``saliency``, ``sign``, the nearest line within the tolerance (``species``, ``line``;
        for unmatched peaks of the whole list, empty if none) and ``chance``, the probability that a peak anywhere in
        its detector has an element line within the tolerance.
    expected_by_chance : float
        Peaks that would be matched at random shifts, on average.
    medium : "air" or "vacuum"
        Medium of all wavelengths here.
    other_medium : float
        The p value, had the list's wavelengths been in the other medium than it states.
    """

    score: float
    null: np.ndarray
    n_lines: int
    matched: pd.DataFrame
    unmatched: pd.DataFrame
    expected_by_chance: float
    medium: Medium
    other_medium: float

    @property
    def p_value(self) -> float:
        """Fraction of shifts that score as high, the list itself counted."""
        return _p_value(self.score, self.null)

    @property
    def false_alarm_rate(self) -> float:
        """Matched peaks that chance explains, as a fraction of those found; at most 1, NaN without any."""
        return min(1.0, self.expected_by_chance / len(self.matched)) if len(self.matched) else float("nan")

    def __repr__(self) -> str:
        return (
            f"LineMatch(enrichment {self.score:.2f}, p = {self.p_value:.3g}; {len(self.matched)} of "
            f"{len(self.matched) + len(self.unmatched)} peaks on {self.n_lines} lines, "
            f"{self.expected_by_chance:.1f} expected by chance)"
        )


def match_lines(
    saliency: np.ndarray,
    wavelength: np.ndarray,
    medium: Medium,
    lines: LineList,
    *,
    resolution: float,
    seed: int,
    species: Sequence[str] | None = None,
    sd: np.ndarray | None = None,
    good: np.ndarray | None = None,
    segments: Sequence[slice] | None = None,
    sign: int = -1,
    n_shifts: int = 2000,
) -> LineMatch:
    """Compare a saliency with the lines of an element.

    Parameters
    ----------
    saliency : (pixel,) array
        Such as d flux/d label at fixed other labels.
    wavelength : (pixel,) array
        Angstrom, in `medium`.
    lines : LineList
        Converted to `medium`; lines need no strength. May hold all elements, to name the peaks that are not own.
    resolution : float
        lambda / FWHM: a line's window, and the tolerance of a match, is half a FWHM to either side, or one pixel.
    seed : int
        Random seed of the random shifts.
    species : sequence of str, optional
        The lines of the element (``"Eu"``, ``"Fe II"``). Default: all of `lines`.
    sd : (pixel,) array, optional
        Standard deviation of the saliency, which is then measured in units of it.
    good : (pixel,) bool array, optional
        Pixels that count. Default: those where the saliency is finite and not zero.
    segments : sequence of slice, optional
        Detectors. Default: new ones begin where the grid jumps or 50 pixels in a row are not good.
    sign : -1, 1 or 0
        Sign of the saliency at a line that is the label's own: -1 for flux that falls as the abundance rises, 0 for either.
    n_shifts : int
    medium : "air" or "vacuum"
        Medium of `wavelength`.

    Returns
    -------
    LineMatch
        With a `LuxWarning` if the list would match far better were its wavelengths in the other medium.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.lines import LineList, match_lines
    >>> wavelength = np.arange(6600.0, 6700.0, 0.1)
    >>> saliency = -np.exp(-0.5 * ((wavelength - 6645.06) / 0.1) ** 2)
    >>> found = match_lines(saliency, wavelength, "air", LineList.builtin("air").of("Eu"), resolution=28000.0, seed=1)
    >>> found.n_lines, found.matched["wavelength"].round(2).tolist()
    (1, [6645.1])
    """
    s, wave, good = _checked(saliency, wavelength, sd, good)
    if sign not in (-1, 0, 1):
        raise InputError(f"sign is {sign}; give -1 (flux falls as the label rises), 1, or 0 for either.")
    check_name("wavelength medium", medium, ("air", "vacuum"))
    parts = _segments(wave, good) if segments is None else list(segments)
    own = lines if species is None else lines.of(*species)
    strength = np.where(good, np.abs(s) if sign == 0 else np.maximum(sign * s, 0), 0)
    here = own.to(medium).wavelength
    window, shown = _window(here, wave, resolution, parts, good)
    if not shown:
        raise InputError(
            f"none of the {len(own)} lines ({join_names(sorted(set(own.species)))}) falls on a good pixel of "
            f"{wave[0]:.0f}-{wave[-1]:.0f} A {medium}; a saliency can be matched to lines in its window only."
        )
    score, null = _enrichment(strength, good, window, parts, n_shifts, seed)
    peaks = find_peaks(
        np.abs(s), height=max(PEAK * (robust_scatter(s[good]) if sd is None else 1.0), 1e-300)
    )[0]
    right = np.zeros(len(s), bool)
    right[peaks] = (np.sign(s[peaks]) == sign) | (sign == 0)
    hits = window[peaks] & right[peaks]
    chance = np.zeros(len(s))
    for part in parts:
        chance[part] = window[part].sum() / max(good[part].sum(), 1)
    matched, unmatched = (
        _table(peaks[chosen], s, wave, named.to(medium), chance, resolution)
        for chosen, named in ((hits, own), (~hits, lines))
    )
    by_chance = _enrichment(right, good, window, parts, n_shifts, seed, total=True)[1]
    other = dataclasses.replace(own, medium="air" if own.medium == "vacuum" else "vacuum")
    found = LineMatch(
        score,
        null,
        shown,
        matched,
        unmatched,
        float(by_chance.mean()),
        medium,
        _other_medium(other.to(medium).wavelength, strength, wave, good, parts, resolution, n_shifts, seed),
    )
    if found.p_value > FAR_BETTER[0] and found.other_medium < FAR_BETTER[1]:
        warnings.warn(
            f"these lines do not match as {own.medium} wavelengths (enrichment {score:.2f}, p = {found.p_value:.2g}) "
            f"but would as {other.medium} wavelengths (p = {found.other_medium:.2g}); check the medium of the list.",
            LuxWarning,
            stacklevel=2,
        )
    return found


def _checked(saliency, wavelength, sd, good):
    s, wave = np.asarray(saliency, float), np.asarray(wavelength, float)
    if s.ndim != 1 or s.shape != wave.shape:
        raise InputError(
            f"a saliency of shape {s.shape} came with wavelengths of shape {wave.shape}; give one number per pixel "
            "(average over stars first)."
        )
    if sd is not None:
        sd = np.asarray(sd, float)
        s = np.divide(s, sd, out=np.zeros_like(s), where=(sd > 0) & np.isfinite(sd))
    usable = np.isfinite(s) & (s != 0)
    good = usable if good is None else np.asarray(good, bool) & np.isfinite(s)
    if good.sum() < 10:
        raise InputError(
            f"only {good.sum()} pixels have a saliency; at least 10 are needed to compare with lines."
        )
    return np.where(good, s, 0), wave, good


def _segments(wave: np.ndarray, good: np.ndarray) -> list[slice]:
    """Runs of pixels between jumps of the grid and long stretches without data."""
    used = np.flatnonzero(good)
    step = np.diff(wave)
    jump = np.append(0, np.cumsum(step > GAP / 5 * np.median(step)))
    apart = (np.diff(used) > GAP) | (np.diff(jump[used]) > 0)
    starts, ends = used[np.append(True, apart)], used[np.append(apart, True)] + 1
    return [slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def _window(lines: np.ndarray, wave: np.ndarray, resolution: float, parts, good) -> tuple[np.ndarray, int]:
    """Pixels within the tolerance of any line, (pixel,) bool, and how many lines have such a good pixel."""
    window, shown = np.zeros(len(wave), bool), 0
    for part in parts:
        w = wave[part]
        half = np.maximum(w / (2 * resolution), np.gradient(w)) if len(w) > 1 else w / (2 * resolution)
        near = np.abs(w - lines[(lines > w[0] - half[0]) & (lines < w[-1] + half[-1])][:, None]) <= half
        window[part] |= near.any(axis=0)
        shown += int((near & good[part]).any(axis=1).sum())
    return window & good, shown


def _enrichment(strength, good, window, parts, n_shifts: int, seed: int, *, total: bool = False):
    """Mean strength in the windows over that of all good pixels, as given and at random shifts (or the plain sums).

    Every shift of one detector at once is a circular correlation, so a draw is a sum of one number per detector.
    """
    rng = np.random.default_rng(seed)
    top, bottom, tops, bottoms = 0.0, 0.0, np.zeros(n_shifts), np.zeros(n_shifts)
    for part in parts:
        m = window[part].astype(float)
        if not m.any():
            continue
        spectrum = np.conj(np.fft.rfft(m))
        sums, counts = (
            np.fft.irfft(spectrum * np.fft.rfft(np.asarray(x[part], float)), len(m)) for x in (strength, good)
        )
        # Shifts shorter than two windows still overlap the lines themselves.
        nearest = min(2 * _longest_run(m), len(m) // 4)
        shift = rng.integers(nearest + 1, max(len(m) - nearest, nearest + 2), n_shifts) % len(m)
        top, bottom = top + sums[0], bottom + counts[0]
        tops, bottoms = tops + sums[shift], bottoms + counts[shift]
    if total:
        return top, tops
    level = strength[good].mean()
    if level == 0:
        return 0.0, np.zeros(n_shifts)
    return float(top / bottom / level), tops / np.maximum(bottoms, 1) / level


def _longest_run(m: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], m, [0]])))
    return int((edges[1::2] - edges[::2]).max())


def _p_value(score: float, null: np.ndarray) -> float:
    # Sums by Fourier transform are good to rounding; ties count against the list.
    return float((1 + np.sum(null >= score - 1e-9)) / (1 + len(null)))


def _other_medium(lines, strength, wave, good, parts, resolution, n_shifts, seed) -> float:
    window, shown = _window(lines, wave, resolution, parts, good)
    return _p_value(*_enrichment(strength, good, window, parts, n_shifts, seed)) if shown else 1.0


def _table(peaks, s, wave, lines: LineList, chance, resolution) -> pd.DataFrame:
    """The peaks, each with the nearest line that is within the tolerance."""
    tolerance = np.maximum(wave / (2 * resolution), np.gradient(wave))
    rows, names = [], lines.species
    for p in peaks:
        distance = np.abs(lines.wavelength - wave[p])
        near = int(np.argmin(distance)) if len(lines) else None
        hit = near is not None and distance[near] <= tolerance[p]
        species, line = (str(names[near]), lines.wavelength[near]) if hit else ("", np.nan)
        rows.append((wave[p], s[p], int(np.sign(s[p])), species, line, chance[p]))
    return pd.DataFrame(rows, columns=["wavelength", "saliency", "sign", "species", "line", "chance"])
