"""The light curve of one star: times in a stated standard, flux, errors, and the piece of the survey each cadence is from."""

import dataclasses
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from ..core import InputError
from ..core.internal import doubles, identifiers, join_names, number

__all__ = ["LightCurve", "TimeStandard"]

TimeStandard = Literal["bkjd", "btjd", "bjd"]
"""Barycentric Julian date less 2454833 (Kepler), less 2457000 (TESS), or in full."""

DAY_S = 86400.0
_FULL = 2.4e6  # days; full Julian dates of our time are above it, those of the missions below
_SAME_CADENCE = 0.01  # relative difference up to which two cadences are the same


@dataclass(frozen=True, eq=False)
class LightCurve:
    """Light curve of one star. Host arrays, never changed in place.

    Cadences without a finite time, flux and error, and flagged ones, are taken out and counted in the history; the others are put
    in the order of time.

    Parameters
    ----------
    id : str or int
        Identifier of the star.
    time : (cadence,) array
        Days, in `time_standard`.
    flux : (cadence,) array
        In any unit; a mission's curve has another level in every piece.
    time_standard : "bkjd", "btjd" or "bjd"
        Barycentric Julian date less 2454833 (Kepler), less 2457000 (TESS), or in full. Mandatory: it is never guessed.
    flux_err : (cadence,) array, optional
        One-sigma errors. Default: None, not known.
    pieces : (cadence,) array of int, optional
        Quarter or sector of each cadence. Default: all are of one piece.
    cadence_s : float, optional
        Seconds from one cadence to the next. Default: the median step of time.
    normalized : bool
        Whether every piece has been divided by its level.
    meta : mapping, optional
        Facts of the star by name, such as ``teff`` (K), ``logg`` (dex) and ``mag``.
    history : tuple of str
        What was done to the curve, in order.
    flagged : (cadence,) bool array, optional
        Cadences to take out. Default: none.

    Raises
    ------
    InputError
        The time standard is not known, lengths differ, two cadences have one time, or no cadence is left.

    Examples
    --------
    >>> from luxjax.data import LightCurve
    >>> curve = LightCurve("KIC 1", [2.0, 1.0, 3.0], [10.0, 12.0, float("nan")], "bkjd")
    >>> curve.time.tolist(), curve.flux.tolist()
    ([1.0, 2.0], [12.0, 10.0])
    >>> curve.history
    ('1 of 3 cadences without a finite time and flux taken out', 'cadences put in the order of time')
    >>> print(curve.normalize().flux.round(3))
    [1.091 0.909]
    """

    id: str
    time: np.ndarray
    flux: np.ndarray
    time_standard: TimeStandard
    flux_err: np.ndarray | None = None
    pieces: np.ndarray | None = None
    cadence_s: float | None = None
    normalized: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[str, ...] = ()
    flagged: InitVar[Any] = None

    def __post_init__(self, flagged: Any) -> None:
        (name,) = identifiers("the id of a light curve", [self.id])
        if self.time_standard not in get_args(TimeStandard):
            raise InputError(
                f"the time standard {self.time_standard!r} of light curve '{name}' is not known; say 'bkjd' (Kepler), 'btjd' (TESS) "
                "or 'bjd' (the full date): it is never guessed."
            )
        time = doubles(f"times of '{name}'", self.time, "d").reshape(-1)
        flux = _column(name, "flux", self.flux, len(time))
        error = None if self.flux_err is None else _column(name, "flux_err", self.flux_err, len(time))
        pieces = np.zeros(len(time), int) if self.pieces is None else _whole(name, self.pieces, len(time))
        left, steps = _usable(name, time, flux, error, flagged)
        time, flux, pieces = time[left], flux[left], pieces[left]
        error = None if error is None else error[left]
        if np.any(np.diff(time) < 0):
            order = np.argsort(time, kind="stable")
            time, flux, pieces = time[order], flux[order], pieces[order]
            error = None if error is None else error[order]
            steps += ["cadences put in the order of time"]
        _check_times(name, time, self.time_standard)
        step = float(np.median(np.diff(time))) * DAY_S if len(time) > 1 else np.nan
        cadence = step if self.cadence_s is None else number(f"the cadence of '{name}'", self.cadence_s, "s")
        if self.cadence_s is not None and not 0 < cadence < np.inf:
            raise InputError(f"the cadence of light curve '{name}' is {cadence:g} s; give a positive number.")
        made = {"id": str(name), "time": time, "flux": flux, "flux_err": error, "pieces": pieces}
        made |= {"cadence_s": cadence, "meta": dict(self.meta), "history": (*self.history, *steps)}
        for key, value in made.items():
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        return (
            f"LightCurve({self.id}: {len(self)} cadences of {self.cadence_s:.0f} s in {len(np.unique(np.asarray(self.pieces)))} pieces, "
            f"{self.time[0]:.2f}-{self.time[-1]:.2f} d {self.time_standard})"
        )

    @property
    def observed_d(self) -> float:
        """Days observed: the number of cadences times their length, gaps left out."""
        return len(self) * float(self.cadence_s) / DAY_S  # type: ignore[arg-type]

    def replace(self, *, step: str = "", **changes: Any) -> "LightCurve":
        """A copy with fields changed; `step` is added to the history."""
        if step:
            changes["history"] = (*self.history, step)
        return dataclasses.replace(self, **changes)

    def select(self, index: Any) -> "LightCurve":
        """The cadences chosen by a slice, an integer array or a boolean mask."""
        rows = np.arange(len(self))[index]
        error = None if self.flux_err is None else self.flux_err[rows]
        pieces = np.asarray(self.pieces)[rows]
        return self.replace(time=self.time[rows], flux=self.flux[rows], flux_err=error, pieces=pieces)

    def normalize(self) -> "LightCurve":
        """The curve with every piece divided by its median; raises `InputError` where that was done before."""
        if self.normalized:
            raise InputError(
                f"light curve '{self.id}' is normalised already; a second division would hide what was done. Use it unchanged."
            )
        names, which = np.unique(np.asarray(self.pieces), return_inverse=True)
        level = np.array([np.median(self.flux[which == k]) for k in range(len(names))])
        if not np.all(level > 0):
            raise InputError(
                f"piece {names[level <= 0][0]} of light curve '{self.id}' has the median flux {level[level <= 0][0]:g}, and a level "
                "must be positive; add the star's mean flux to a curve of differences first."
            )
        error = None if self.flux_err is None else self.flux_err / level[which]
        step = f"{len(names)} pieces divided by their medians"
        return self.replace(flux=self.flux / level[which], flux_err=error, normalized=True, step=step)

    def join(self, *others: "LightCurve") -> "LightCurve":
        """One curve of several pieces of the same star: same id, time standard and cadence, all normalised or none."""
        parts = (self, *others)
        for part in others:
            for what in ("id", "time_standard", "normalized"):
                if getattr(part, what) != getattr(self, what):
                    raise InputError(
                        f"light curves whose {what} differs ({getattr(self, what)!r} and {getattr(part, what)!r}) are not joined; "
                        "join pieces of one star that were treated alike."
                    )
            if abs(float(part.cadence_s) / float(self.cadence_s) - 1) > _SAME_CADENCE:  # type: ignore[arg-type]
                raise InputError(
                    f"light curves of '{self.id}' with cadences of {self.cadence_s:.1f} and {part.cadence_s:.1f} s are not joined; "
                    "use those of one cadence."
                )
        known = [p.flux_err for p in parts if p.flux_err is not None]
        return self.replace(
            **{n: np.concatenate([getattr(p, n) for p in parts]) for n in ("time", "flux", "pieces")},
            flux_err=np.concatenate(known) if len(known) == len(parts) else None,
            meta={k: v for p in reversed(parts) for k, v in p.meta.items()},
            history=tuple(dict.fromkeys(step for p in parts for step in p.history)),
            step=f"{len(parts)} curves joined" if others else "",
        )


def _column(name: str, what: str, given: Any, n: int) -> np.ndarray:
    array = doubles(f"{what} of '{name}'", getattr(given, "value", given)).reshape(-1)
    if len(array) != n:
        raise InputError(
            f"light curve '{name}' has {n} times and {len(array)} values of {what}; give as many."
        )
    return array


def _whole(name: str, given: Any, n: int) -> np.ndarray:
    pieces = np.asarray(given)
    if pieces.shape != (n,) or pieces.dtype.kind not in "iu":
        raise InputError(
            f"pieces of light curve '{name}' are whole numbers (quarters or sectors), one for each of its {n} times; given "
            f"{pieces.dtype} of shape {pieces.shape}."
        )
    return pieces.astype(int)


def _usable(name: str, time, flux, error, flagged: Any) -> tuple[np.ndarray, list[str]]:
    """Cadences that can be used, and what was taken out, in words."""
    n, steps = len(time), []
    finite = np.isfinite(time) & np.isfinite(flux)
    if n == 0 or not finite.any():
        raise InputError(
            f"light curve '{name}' has no cadence with a finite time and flux ({n} in all); choose another flux column, or leave it out."
        )
    if not finite.all():
        steps.append(f"{n - finite.sum()} of {n} cadences without a finite time and flux taken out")
    left = finite
    if error is not None:
        left = finite & np.isfinite(error) & (error > 0)
        if not left.any():
            raise InputError(
                f"light curve '{name}' has no errors: flux_err is nowhere finite and positive; leave flux_err out where errors are not known."
            )
        if not np.array_equal(left, finite):
            steps.append(f"{(finite & ~left).sum()} of {n} cadences without an error taken out")
    if flagged is not None:
        bad = np.asarray(flagged, bool)
        if bad.shape != (n,):
            raise InputError(
                f"flags of light curve '{name}' have shape {bad.shape}; give one for each of its {n} times."
            )
        if not (left & ~bad).any():
            raise InputError(
                f"all {left.sum()} usable cadences of light curve '{name}' are flagged; drop fewer flags (known by name), or leave it out."
            )
        if (bad & left).any():
            steps.append(f"{(bad & left).sum()} of {n} cadences flagged by the survey taken out")
        left = left & ~bad
    return left, steps


def _check_times(name: str, time: np.ndarray, standard: str) -> None:
    """Refuse equal times, and dates that cannot be in the stated standard."""
    if (same := np.flatnonzero(np.diff(time) == 0)).size:
        shown = join_names((f"{t:.5f}" for t in time[same]), 3)
        raise InputError(
            f"light curve '{name}' has {len(same)} times more than once ({shown}); a file may have been given twice: give each cadence once."
        )
    if (standard == "bjd") != (np.median(time) > _FULL):
        other = "'bkjd' or 'btjd'" if standard == "bjd" else "'bjd'"
        raise InputError(
            f"light curve '{name}' is said to be in '{standard}', but its times are about {np.median(time):.1f} days; say {other}, or "
            "correct the times."
        )
