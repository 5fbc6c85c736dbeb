"""Velocities that can be believed: those of the files where nothing speaks against them, else measured ones, else none.

A velocity is finite long before it is right: fits fail, and headers keep what came out. So the lines of every spectrum are compared with those
of the star's combined spectrum, where that is among the files, or else of simulated stars. What is "at rest" by its file is checked in the
same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError
from ..data import Spectra
from ..preprocessing import measure_velocity, to_rest
from ._templates import FINE, combined_of, templates_for

__all__ = ["believed", "off_rest"]

LIGHT_KMS = 299792.458
# Sky and telluric lines stand still while stars move.
OF_THE_SKY = ("SIG_SKYLINE", "SIG_TELLURIC")
# A star bound to the Galaxy moves by at most about 550 km/s near the Sun (Deason et al. 2019).
FASTEST_KMS = 600.0
# Spectra of arrays that are looked at, and pixels that they need.
LOOKED_AT, LEAST_PIXELS = 48, 500
MISSING = "the file gives none"


@dataclass(frozen=True)
class Rule:
    """When a measured velocity decides.

    Parameters
    ----------
    significance, correlation : float
        Least ones of a measurement that decides against the file.
    weak : float
        Least significance of one that confirms the file.
    differ_kms : float
        Largest difference from the file's velocity that is none.
    reach_kms : float
        Velocities looked at.
    """

    significance: float
    correlation: float
    weak: float
    differ_kms: float
    reach_kms: float


# Of 36 spectra of APOGEE and GALAH, M and L dwarfs among them, wrong peaks reach a significance of 3.8; right ones of simulated templates
# begin at 4, and with the star's own combined spectrum at 11.
FINE_RULE = Rule(6.0, 0.1, 4.0, 10.0, FASTEST_KMS)
OWN_RULE = Rule(6.0, 0.2, 6.0, 3.0, FASTEST_KMS)
# Low resolution: 150 of 186 stars of LAMOST correlate by 0.3 or more; these differ from its pipeline by 7 km/s in the median, 5% of them by more than 46,
# none by more than 150.
COARSE_RULE = Rule(0.0, 0.3, 0.0, 200.0, 3000.0)


def believed(spectra: Spectra, combined: Mapping[str, str] | None = None) -> Spectra:
    """The spectra of one star with a velocity that can be believed in their table, or moved where they were not at rest.

    Parameters
    ----------
    spectra : Spectra
        As read. Column ``rv_doubt`` of their table says why the survey's velocity is doubtful, ``rv_unsure`` that it must be confirmed.
    combined : mapping of str to str, optional
        File of the combined spectrum by star.

    Raises
    ------
    InputError
        There is no velocity to be believed; the message is the reason.
    """
    if len(spectra) != 1:
        parts = [believed(spectra.select(slice(k, k + 1)), combined) for k in range(len(spectra))]
        return _stacked(parts, spectra.wavelength)
    facts = {str(k): v for k, v in pd.DataFrame(spectra.table).iloc[0].items()}
    if str(facts.get("class") or "STAR").strip().upper() != "STAR":
        return spectra  # no star, which was asked for: stars are no templates of it
    stated = _stated(spectra, facts)
    doubt = str(facts.get("rv_doubt") or "")
    if not np.isfinite(stated) and not doubt:
        doubt = MISSING
    elif abs(stated) > FASTEST_KMS + 60 and not doubt:
        doubt = f"faster than {FASTEST_KMS:g} km/s"
    own = combined_of(str(spectra.ids[0]), combined or {}) if spectra.frame == "observed" else None
    templates = own if own is not None else templates_for(spectra)
    if templates is None:
        if doubt:
            raise InputError(f"{_doubtful(doubt)}, and there are no templates to measure it with")
        return spectra
    rule = _rule(spectra, own)
    around = -float(facts.get("barycentric_kms") or 0.0) if spectra.frame == "observed" else 0.0
    found = measure_velocity(
        _without_sky(spectra), templates, largest_kms=rule.reach_kms, around_kms=np.nan_to_num(around)
    ).iloc[0]
    return _decided(spectra, facts, stated, doubt, found, rule)


def off_rest(spectra: Spectra) -> str:
    """A sentence where the lines of spectra that are called at rest stand elsewhere; blank where they stand right.

    Spectra that were not read from files of a survey are not moved: of a few dozen, those whose lines are found are looked at.
    """
    templates = (
        templates_for(spectra) if spectra.frame == "rest" and spectra.n_pixels > LEAST_PIXELS else None
    )
    if templates is None:
        return ""
    rule = _rule(spectra, None)
    found = measure_velocity(spectra.select(slice(0, LOOKED_AT)), templates, largest_kms=rule.reach_kms)
    sure = (found["significance"] >= rule.significance) & (found["correlation"] >= max(rule.correlation, 0.3))
    sure &= found["second"] < 0.85 * found["correlation"]
    off = found["velocity_kms"][sure & (found["velocity_kms"].abs() > rule.differ_kms)]
    if len(off) <= 0.1 * max(int(sure.sum()), 1):
        return ""
    return (
        f"velocities: the lines of {len(off)} of {int(sure.sum())} spectra looked at stand more than {rule.differ_kms:g} km/s from rest "
        f"(median {off.median():.0f} km/s); say in which frame they are (--frame), with their velocities, or shift them"
    )


def _rule(spectra: Spectra, own: Spectra | None) -> Rule:
    step = LIGHT_KMS * float(np.median(np.diff(np.log(spectra.wavelength))))
    return OWN_RULE if own is not None else FINE_RULE if step < FINE else COARSE_RULE


def _stated(spectra: Spectra, facts: dict[str, Any]) -> float:
    """Velocity in the frame of the spectrum, by its file; 0 at rest, NaN where there is none."""
    if spectra.frame == "rest":
        return 0.0
    if "z" in facts:
        z = float(facts["z"])
        return LIGHT_KMS * ((1 + z) ** 2 - 1) / ((1 + z) ** 2 + 1) if z > -1 else np.nan
    velocity = facts.get("rv_kms", np.nan)
    return float(velocity) - (
        float(facts.get("barycentric_kms", np.nan)) if spectra.frame == "observed" else 0.0
    )


def _without_sky(spectra: Spectra) -> Spectra:
    names = [name for name in OF_THE_SKY if name in spectra.bits]
    return spectra.replace(ivar=np.where(spectra.flagged(names), 0, spectra.ivar)) if names else spectra


def _decided(spectra, facts, stated: float, doubt: str, found, rule: Rule) -> Spectra:
    measured = float(found["velocity_kms"])
    strong = (
        found["significance"] >= rule.significance
        and found["correlation"] >= rule.correlation
        and found["second"] < 0.85 * found["correlation"]
        and abs(measured) < FASTEST_KMS + 100
    )
    error = facts.get("rv_err_kms")
    allowed = max(rule.differ_kms, 3 * float(error) if error is not None and 0 < float(error) < 5 else 0.0)
    agree = abs(measured - stated) <= allowed
    if agree and not doubt and (strong or found["significance"] >= rule.weak):
        return spectra
    if strong and (doubt or not agree):
        return _moved(spectra, facts, measured, found, doubt)
    if doubt:
        raise InputError(f"{_doubtful(doubt)}, and cross-correlation with {_what(rule)} finds none")
    if facts.get("rv_unsure"):
        raise InputError(
            f"its velocity is not confirmed by cross-correlation with {_what(rule)}; give the combined spectrum of the star too"
        )
    return spectra


def _doubtful(doubt: str) -> str:
    if doubt == MISSING:
        return "there is no usable redshift or velocity in the file"
    return f"its velocity is doubtful ({doubt})"


def _what(rule: Rule) -> str:
    return "the star's combined spectrum" if rule is OWN_RULE else "simulated stars"


def _moved(spectra: Spectra, facts, measured: float, found, doubt: str) -> Spectra:
    """With the measured velocity in the table; what should be at rest is moved there."""
    table = pd.DataFrame(spectra.table).copy()
    why = doubt or "the lines of the spectrum stand elsewhere"
    table["rv_source"] = f"measured with {found['template']}: {why}"
    table["rv_err_kms"] = float(found["error_kms"])
    step = f"velocity measured by cross-correlation ({found['template']}): {measured:.1f} km/s"
    if spectra.frame == "rest":
        table["rv_kms"] = float(facts.get("rv_kms", np.nan)) + measured
        return to_rest(spectra.replace(frame="barycentric", table=table, step=step), velocity_kms=measured)
    moving = np.nan_to_num(float(facts.get("barycentric_kms") or 0.0)) if spectra.frame == "observed" else 0.0
    table["rv_kms"] = measured + moving
    if spectra.frame == "observed":
        table["barycentric_kms"] = moving
    if "z" in table:
        table["z"] = np.sqrt((1 + measured / LIGHT_KMS) / (1 - measured / LIGHT_KMS)) - 1
    return spectra.replace(table=table, step=step)


def _stacked(parts: list[Spectra], wavelength: np.ndarray) -> Spectra:
    """Spectra of one star together again, on the wavelengths that they had."""
    same = [
        part
        if np.array_equal(part.wavelength, wavelength)
        else to_rest(part.replace(frame="barycentric"), velocity_kms=[0.0], grid=wavelength)
        for part in parts
    ]
    return Spectra.stack(same)
