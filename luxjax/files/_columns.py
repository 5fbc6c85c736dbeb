"""What the columns of a table of labels mean: unit, description, and UCD (the IVOA's words for quantities)."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

__all__ = ["ColumnFacts", "describe_columns", "provenance_of"]


class ColumnFacts(NamedTuple):
    """Facts of one column; empty where nothing is known."""

    unit: str = ""
    ucd: str = ""
    description: str = ""


KNOWN = {
    "id": ColumnFacts("", "meta.id;meta.main", "Identifier of the star"),
    "ra": ColumnFacts("deg", "pos.eq.ra", "Right ascension (ICRS)"),
    "dec": ColumnFacts("deg", "pos.eq.dec", "Declination (ICRS)"),
    "gaia_dr3": ColumnFacts("", "meta.id", "Gaia DR3 source_id"),
    "tmass_id": ColumnFacts("", "meta.id", "2MASS designation"),
    "snr": ColumnFacts("", "stat.snr", "Median signal-to-noise ratio of a pixel"),
    "chi2": ColumnFacts("", "stat.fit.chi2", "Reduced chi-squared of the spectra at the latents of the star"),
    "latent_distance": ColumnFacts(
        "", "stat.param", "Distance from the middle of the training stars, about 1 among them"
    ),
    "n_inputs": ColumnFacts("", "meta.number", "Pixels with weight"),
    "flag": ColumnFacts(
        "",
        "meta.code.error",
        "Sum of 1 far, 2 misfit, 4 out of range, 8 few pixels, 16 not finite; 0: nothing to be wary of",
    ),
}
LABELS = {
    "teff": ColumnFacts("K", "phys.temperature.effective", "effective temperature"),
    "logg": ColumnFacts("", "phys.gravity", "logarithm of the surface gravity in cm/s2"),
    "vmic": ColumnFacts("km/s", "phys.veloc.microTurb", "microturbulent velocity"),
    "vsini": ColumnFacts("km/s", "phys.veloc.rotat", "projected rotational velocity"),
    "age": ColumnFacts("Gyr", "time.age", "age"),
    "mass": ColumnFacts("solMass", "phys.mass", "mass"),
    "m_h": ColumnFacts("", "phys.abund.Z", "overall metallicity [M/H]"),
    "alpha_fe": ColumnFacts("", "phys.abund", "abundance of alpha elements [alpha/Fe]"),
    "alpha_m": ColumnFacts("", "phys.abund", "abundance of alpha elements [alpha/M]"),
}
# Longest first: of "teff_obs_err" the ending is "_obs_err".
ENDINGS = {
    "_obs_err": ("stat.error", "Error of the catalogue's {}"),
    "_obs": ("", "Catalogue's {}"),
    "_err": ("stat.error", "One-sigma error of the {}"),
    "_true": ("", "True {} (simulated)"),
    "_verdict": ("meta.code.qual", "Whether the {} was measured, or follows from other labels"),
    "_caveats": ("meta.code.qual", "What the verdict on the {} cannot rule out, or what speaks against it"),
    "_response": (
        "stat.fit.param",
        "Part of a deviation from the trend with other labels that is seen in the {}",
    ),
}


def describe_columns(columns: Sequence[str], units: Mapping[str, str]) -> dict[str, ColumnFacts]:
    """Facts of every column; those of ``L_err``, ``L_obs`` ... follow from the label ``L``."""
    return {name: _facts(name, units) for name in columns}


def _facts(name: str, units: Mapping[str, str]) -> ColumnFacts:
    if name in KNOWN:
        return KNOWN[name]._replace(unit=units.get(name, KNOWN[name].unit))
    for ending, (ucd, words) in ENDINGS.items():
        base = name.removesuffix(ending)
        if base != name and (base in units or base in LABELS or "_" in base):
            about = _label(base, units)
            unitless = ending in ("_verdict", "_caveats", "_response")
            whole = ";".join(part for part in (ucd, "" if unitless else about.ucd) if part)
            return ColumnFacts(
                "" if unitless else units.get(name, about.unit), whole, words.format(about.description)
            )
    found = _label(name, units)
    text = found.description
    return found._replace(unit=units.get(name, found.unit), description=text[:1].upper() + text[1:])


def _label(name: str, units: Mapping[str, str]) -> ColumnFacts:
    if name in LABELS:
        return LABELS[name]._replace(unit=units.get(name, LABELS[name].unit))
    top, _, bottom = name.partition("_")
    if bottom in ("fe", "h") and 0 < len(top) <= 2:
        ratio = f"[{top.capitalize()}/{bottom.capitalize()}]"
        return ColumnFacts(
            units.get(name, "dex"), "phys.abund.Fe" if name == "fe_h" else "phys.abund", f"abundance {ratio}"
        )
    return ColumnFacts(units.get(name, ""), "", name)


def provenance_of(**facts: str) -> dict[str, str]:
    """Where a table came from: the program and its version, the date, the command, and what else is given."""
    from .. import __version__

    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return {
        "creator": f"luxjax {__version__}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
        "command": command,
    }
