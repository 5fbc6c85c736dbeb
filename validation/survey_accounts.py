"""Accounts of the folder of real survey files, for the claim `real_files`: what becomes of every file, velocity and repeat."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from luxjax.core import InputError
from luxjax.data import same_star
from luxjax.lightcurves import read_light_curve
from luxjax.photometry import read_xp
from luxjax.preprocessing import measure_velocity
from luxjax.surveys import detect_format, ingest, read, read_catalog, read_many

# Folders whose files luxjax recognises by name without reading their spectra.
BY_NAME = ("sdss_optical", "gaia_xp", "gaia_rvs", "kepler", "tess")
COMBINED = ("apStar", "asStar", "aspcapStar")


def ingested(data):
    """Every file of the three surveys goes into a catalogue or is listed with its reason."""
    counts, unaccounted, galaxies = {}, 0, 0
    for name, files in _folders(data).items():
        result = ingest(files, progress=False)
        tables = [pd.DataFrame(c.table) for c in (result.labelled, result.unlabelled) if c is not None]
        kept = pd.concat(tables) if tables else pd.DataFrame({"file": [], "class": []})
        known = {_star(f) for f in [*kept["file"], *result.left_out["file"]]} | set(result.failures["path"])
        lost = [f for f in files if str(f) not in known and _star(f) not in known]
        unaccounted += len(lost)
        galaxies += int((~kept.get("class", pd.Series(["STAR"])).isin(["STAR", ""])).sum())
        reasons = Counter(_short(r) for r in result.failures["reason"])
        counts[name] = {"files": len(files), "stars": len(kept), "spectra_left_out": len(result.left_out)}
        counts[name] |= {"files_not_used": len(result.failures), "reasons": dict(reasons)}
    return counts, unaccounted, galaxies


def _folders(data):
    visits_and_stars = [f for f in _fits(data / "apogee") if not f.name.startswith("aspcapStar")]
    return {
        "apogee_combined_and_visits": visits_and_stars,
        "apogee_normalised": [f for f in _fits(data / "apogee") if f.name.startswith("aspcapStar")],
        "galah": _fits(data / "galah"),
        "lamost": _fits(data / "lamost"),
        "sdss_with_one_of_lamost": _fits(data / "sdss_optical") + _fits(data / "lamost" / "lrs_dr2"),
        "light_curves_with_one_of_lamost": _fits(data / "kepler")
        + _fits(data / "tess")
        + _fits(data / "lamost" / "lrs_dr3"),
    }


def _fits(folder):
    return sorted(f for f in folder.rglob("*") if f.name.lower().endswith((".fits", ".fits.gz")))


def _star(file):
    """The files of a star together: GALAH has one for each CCD."""
    name = Path(file).name.split(".")[0]
    return str(Path(file).parent / name[:15]) if len(name) == 16 and name.isdecimal() else str(file)


def _short(reason):
    return reason.split(" (HDUs")[0][:120]


def instruments(data):
    """BP and RP spectra and light curves: how many sources and curves are read of which files, and why others are refused."""
    found, lost = {}, 0
    light_curves = [*_fits(data / "kepler"), *_fits(data / "tess")]
    texts = sorted((data / "seismic").glob("*_LC.txt.gz"))
    readers = {
        "gaia_xp": (
            lambda f: len(read_xp(f)),
            sorted(f for f in (data / "gaia_xp").rglob("*") if f.is_file()),
        ),
        "light_curves": (lambda f: len(read_light_curve([f]).time), light_curves),
        # Text says nothing of its times; these begin at 0, and only differences are used.
        "light_curves_in_text": (lambda f: len(read_light_curve([f], time_standard="bkjd").time), texts),
    }
    for name, (reader, files) in readers.items():
        numbers, reasons = [], Counter()
        for file in files:
            try:
                numbers.append(reader(file))
            except InputError as problem:
                reasons[_short(str(problem).replace(str(file), "file"))] += 1
            except Exception as problem:  # a traceback is what must not be
                reasons[f"{type(problem).__name__}: {problem}"] += 1
                lost += 1
        found[name] = {
            "files": len(files),
            "read": len(numbers),
            "rows": int(sum(numbers)),
            "refused": dict(reasons),
        }
        lost += not numbers
    return found, lost


def recognised(data):
    """Names that luxjax has for the files of other surveys, and tables that it reads."""
    names, unknown = Counter(), 0
    for folder in BY_NAME:
        for file in sorted(
            f for f in (data / folder).rglob("*") if f.is_file() and f.suffix not in (".npz", ".md", ".txt")
        ):
            name = _name(file)
            unknown += name is None
            names[f"{folder}: {name}"] += 1
    tables = 0
    for file in sorted(data.rglob("*.csv")):
        tables += len(read_catalog(file)) > 0
    return dict(names), unknown, tables


def _name(file):
    try:
        return detect_format(file)
    except InputError:
        return None


def visits(data):
    """Velocities of visits, ingested without the combined spectra of their stars, against these spectra."""
    files = sorted(data.glob("apogee/*/apVisit*.fits"))
    combined = {}
    for file in sorted(f for kind in COMBINED for f in data.glob(f"apogee/*/{kind}*.fits")):
        spectra = read(file)
        combined.setdefault(str(spectra.ids[0]), spectra.select(slice(0, 1)))
    worst, kept, compared, reasons = 0.0, 0, 0, Counter()
    for file in files:
        try:
            one = ingest([file], progress=False).unlabelled.spectra("spectra")
        except InputError as error:
            reasons[_short(str(error).partition("the first: ")[2])] += 1
            continue
        kept += 1
        star = combined.get(str(one.ids[0]))
        if star is not None:
            compared += 1
            worst = max(worst, abs(float(measure_velocity(one, star)["velocity_kms"].iloc[0])))
    return {
        "visits": len(files),
        "visits_kept": kept,
        "visits_compared": compared,
        "visits_left_out": dict(reasons),
        "worst_visit_velocity_kms": worst,
    }


def repeats(data):
    """Files whose group of repeats is not that of the survey's own table."""
    folder = data / "lamost" / "lrs_dr8_repeats"
    groups = read_catalog(next(folder.glob("*.csv")))
    own = {Path(f).name: int(g) for f, g in zip(groups["combined_file"], groups["GroupID"], strict=True)}
    found = read_many(_fits(folder), progress=False, stack=False).spectra
    table = pd.concat([pd.DataFrame(s.table) for s in found], ignore_index=True)
    star = same_star(table, ids=np.concatenate([s.ids for s in found]))
    group = np.array([own[Path(f).name] for f in table["file"]])
    same = (star[:, None] == star) == (group[:, None] == group)
    return {
        "repeat_files": len(table),
        "repeat_stars": len(set(star)),
        "repeats_grouped_wrongly": int((~same.all(axis=1)).sum()),
    }
