"""What a spectrum says of itself as its file was read: what object it is, how it moves, and which of its pixels to use."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError
from ..core.internal import join_names
from ..data import Spectra

__all__ = [
    "badly_reduced",
    "motion_of",
    "no_star",
    "step_kms",
    "unusable",
    "with_facts_of_all",
    "without_band",
]

HOW_TO_READ = ("rv_unsure", "ccd_flags", "fibre_flags")


def without_band(spectra: Spectra) -> Spectra:
    """Without weight in bands of the Earth's atmosphere, where the reader marks them."""
    if "TELLURIC" not in spectra.bits:
        return spectra
    return spectra.replace(
        ivar=np.where(spectra.flagged(["TELLURIC"]), np.float32(0), spectra.ivar), mask=None, bits={}
    )


def with_facts_of_all(spectra: Spectra, rest: bool) -> Spectra:
    """With the same columns in the table of every spectrum, and without those that only say how to read it."""
    table = pd.DataFrame(spectra.table).drop(columns=list(HOW_TO_READ), errors="ignore")
    if rest and "rv_source" not in table:
        table["rv_source"] = ""
    return spectra.replace(table=table)


def badly_reduced(spectra: Spectra) -> str:
    """The steps of the reduction of a file that its survey says failed, or that its fibre saw nothing; blank where all is well."""
    table = pd.DataFrame(spectra.table)
    ccd, fibre = (str(table[name].iloc[0]) if name in table else "" for name in ("ccd_flags", "fibre_flags"))
    if ccd:
        return f"the survey flags this CCD as badly reduced ({ccd} = 0)"
    return f"the survey says that this fibre saw no object (ZWARNING {fibre})" if fibre else ""


def step_kms(wavelength: np.ndarray) -> float:
    return 299792.458 * float(np.median(np.diff(np.log(wavelength))))


def no_star(spectra: Spectra, classes: Sequence[str]) -> str:
    """Why an object is no star that is wanted, blank where it is or its file does not say."""
    table = pd.DataFrame(spectra.table)
    if not classes or "class" not in table:
        return ""
    found = str(table["class"].iloc[0]).strip()
    if not found or found.upper() in {c.upper() for c in classes}:
        return ""
    return f"its class is {found}, not {join_names(classes)}"


def unusable(spectra: Spectra, classes: Sequence[str]) -> str:
    """Why the spectrum of a file is not to be used, by what its survey says of it; blank where nothing speaks against it."""
    return badly_reduced(spectra) or no_star(spectra, classes)


def motion_of(spectra: Spectra) -> dict[str, Any]:
    """The star's motion in the frame of its spectrum, as the files give it."""
    table = pd.DataFrame(spectra.table)
    if "z" in table:
        return {"redshift": table["z"].to_numpy(float)}
    if "rv_kms" not in table:
        raise InputError(
            f"the spectra are in the {spectra.frame} frame and carry no velocity (no column 'rv_kms' or 'z' in their "
            "table); add one, or say rest=False to leave them there."
        )
    velocity = table["rv_kms"].to_numpy(float)
    if spectra.frame == "observed":
        if "barycentric_kms" not in table:
            raise InputError(
                "the spectra are in the observed frame and carry no barycentric correction (no column "
                "'barycentric_kms'); add it, or leave them there (--no-rest; in Python rest=False)."
            )
        velocity = velocity - table["barycentric_kms"].to_numpy(float)
    return {"velocity_kms": velocity}
