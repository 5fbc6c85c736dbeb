"""Stars of five spectral libraries with their types, made like LAMOST spectra, and what a classifier says of them.

Used by `library_classes.py`; not a claim by itself. Where nothing else is known the resolving power is left as it is.

library     medium   resolution           what
MILES       air      2.5 Angstrom FWHM    stars, 3540 to 7410 Angstrom
STELIB      air      3 Angstrom FWHM      stars, 3200 to 9900 Angstrom
Pickles     air      about 500            averages of stars of a type, pixels of 5 Angstrom
PyHammer    vacuum   2000 (SDSS)          averages of SDSS stars of a type and [Fe/H]
cool        air      not stated           K7 to M subdwarfs and dwarfs, L and T dwarfs: text files, as a user has them
"""

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from luxjax import Spectra
from luxjax.preprocessing import broaden, error_from_scatter
from luxjax.runs import spectra_data
from luxjax.stats import binomial_interval

CLASSES = list("AFGKM")
SEQUENCE = "OBAFGKMLT"
BORDERS = {"AF": 7300.0, "FG": 6000.0, "GK": 5300.0, "KM": 3900.0}  # K, dwarfs; roughly
LAMOST = 1800.0
_TYPE = re.compile(
    r"(?:(?:usd|esd|sd|d|g|c):?\s*)?(?P<main>[OBAFGKMLT]|0(?=\d))(?P<sub>\d(?:\.\d)?)?(?=[^A-Z]|[IV]|$)"
)


def parsed(types) -> pd.DataFrame:
    """Main class and subclass of types however written (``sd:F``, ``G8/K0III``, ``07Ia``); blank where none is told (``HB``, ``GB``, ``DA``)."""
    rows = []
    for given in types:
        found = _TYPE.match(str(given).strip())
        main = found["main"].replace("0", "O") if found else ""
        rows.append((str(given).strip(), main, float(found["sub"]) if found and found["sub"] else np.nan))
    return pd.DataFrame(rows, columns=["type", "main", "sub"])


def star_key(name: str) -> str:
    """The same for the same star in two libraries: its HD number, or its position in the name (``J1340+1902``); else the name."""
    if found := re.match(r"HD\s*0*(\d+)", name):
        return f"HD{found[1]}"
    found = re.search(r"J(\d{4}[+-]\d{4})", name) or re.search(r"(?<![A-Za-z])(\d{4}[+-]\d{4})", name)
    return f"J{found[1]}" if found else name.replace(" ", "")


def _made(flux, wave, medium: str, ids, own, table: pd.DataFrame) -> Spectra:
    """Spectra with errors from their scatter, no more resolved than LAMOST's."""
    flux = np.where(flux == 0, np.nan, flux).astype(float)
    error = error_from_scatter(flux)
    spectra = Spectra.from_error(flux, error, wave, medium, ids, table=table.assign(errors_from="scatter"))
    return spectra if own is None else broaden(spectra, LAMOST, own=own(wave))


def miles(folder: Path) -> list[Spectra]:
    with np.load(folder / "miles/miles.npz", allow_pickle=False) as d:
        wave = float(d["wave_start"]) + float(d["wave_step"]) * np.arange(d["flux"].shape[1])
        table = parsed(d["sptype"]).assign(teff=d["teff"], logg=d["logg"], feh=d["feh"], name=d["name"])
        ids = [f"MILES {n}" for n in d["miles_id"]]
        return [_made(d["flux"], wave, "air", ids, lambda w: w / float(d["fwhm_angstrom"]), table)]


def stelib(folder: Path) -> list[Spectra]:
    with np.load(folder / "stelib/stelib.npz", allow_pickle=False) as d:
        held = {k: d[k] for k in d.files}
    table = parsed(held["sptype"]).assign(
        teff=held["teff"], logg=held["logg"], feh=held["feh"], name=held["object"]
    )
    spectra = []
    for k, n in enumerate(held["n_pixels"]):
        wave, flux = held["crval"][k] + held["cdelt"][k] * np.arange(n), held["flux"][k, :n][None]
        ids = [f"STELIB {held['object'][k]}"]
        one = table.iloc[[k]].reset_index(drop=True)
        spectra.append(_made(flux, wave, "air", ids, lambda w: w / 3.0, one))
    return spectra


def pickles(folder: Path) -> list[Spectra]:
    with np.load(folder / "pickles/pickles_uk.npz", allow_pickle=False) as d:
        seen = (d["wave"] > 3000) & (d["wave"] < 10000)
        names = [re.sub(r"^([obafgkm])(\d)(\d?)(.*)$", r"\1\2\4", n) for n in d["name"]]  # k34ii: K3 to K4
        table = parsed([n[:2].upper() + n[2:].upper() for n in names]).assign(name=d["name"])
        ids = [f"Pickles {n}" for n in d["name"]]
        return [_made(d["flux"][:, seen], d["wave"][seen], "air", ids, None, table)]


def pyhammer(folder: Path) -> list[Spectra]:
    with np.load(folder / "pyhammer_templates/templates.npz", allow_pickle=False) as d:
        table = parsed(d["sptype"]).assign(feh=d["feh"], name=d["name"])
        ids = [f"PyHammer {n}" for n in d["name"]]
        wave = 10 ** d["loglam"]
        return [_made(d["flux"], wave, "vacuum", ids, lambda w: np.full(len(w), 2000.0), table)]


def cool(folder: Path) -> pd.DataFrame:
    """Types and stars of the text files, which `spectra_data` reads itself: ``esdM65_LSPMJ0830+3612_lepine2007`` is an esdM6.5."""
    files = sorted((folder / "cool_standards").glob("*.txt.gz"))
    parts = [f.name.removesuffix(".txt.gz").split("_") for f in files]
    types = [f"{p[0][:-1]}.{p[0][-1]}" for p in parts]
    return parsed(types).assign(
        name=[p[1] for p in parts], source=[p[2] for p in parts], file=[str(f) for f in files]
    )


READERS = {"MILES": miles, "STELIB": stelib, "Pickles": pickles, "PyHammer": pyhammer}


def library_data(name: str, folder: Path) -> tuple:
    """Features of a library's spectra, what is known of them row for row, and what is left out."""
    if name == "cool":
        table = cool(folder)
        data = spectra_data(list(table["file"]), medium="air")
        facts = table.set_index("file").loc[data.table["file"]].reset_index()
        return data, facts, data.left_out
    spectra = READERS[name](folder)
    facts = pd.concat([pd.DataFrame(s.table) for s in spectra], ignore_index=True)
    facts.index = pd.Index(np.concatenate([s.ids for s in spectra]))
    data = spectra_data(spectra)
    return data, facts.loc[data.table["id"]].reset_index(drop=True), data.left_out


def called(classifier, features, facts: pd.DataFrame) -> pd.DataFrame:
    """What the classifier says of each spectrum, beside the library's type."""
    found = classifier.classify(features).reset_index()
    facts = facts.reindex(columns=["type", "main", "sub", "name", "teff", "logg", "feh"])
    return pd.concat([facts, found], axis=1).assign(key=[star_key(n) for n in facts["name"]])


def steps(table: pd.DataFrame) -> np.ndarray:
    """How many classes lie between type and class given."""
    pairs = zip(table["main"], table["class"], strict=True)
    return np.array([abs(CLASSES.index(a) - CLASSES.index(b)) for a, b in pairs])


def summary(found: pd.DataFrame) -> dict:
    """Agreement with the types of the library, where they are among the classes; and what becomes of the others."""
    known = found[found["main"].isin(CLASSES)]
    other = found[(found["main"] != "") & ~found["main"].isin(CLASSES)]
    off = steps(known)
    right, n = int((off == 0).sum()), len(known)
    inside = [t in s.split() for t, s in zip(known["main"], known["set"], strict=True)]
    ends, held = binomial_interval(right, n, 0.95), binomial_interval(int(np.sum(inside)), n, 0.95)
    strange = other["outside"] | (other["set"] == "")
    matrix = pd.crosstab(known["main"], known["class"]).reindex(index=CLASSES, columns=CLASSES, fill_value=0)
    return {
        "spectra": len(found), "judged": n, "right": right, "agreement": right / n, "lower": ends.lower, "upper": ends.upper,
        "balanced": float(pd.Series(off == 0).groupby(known["main"].to_numpy()).mean().mean()),
        "adjacent": float(np.mean(off <= 1)), "sets_hold": float(np.mean(inside)), "sets_lower": held.lower, "sets_upper": held.upper,
        "set_size": float(known["set"].str.split().str.len().mean()), "empty": float((known["set"] == "").mean()),
        "outside": float(known["outside"].mean()), "right_inside": float(np.mean(off[~known["outside"].to_numpy(bool)] == 0)),
        "without_type": int((found["main"] == "").sum()), "others": len(other), "others_flagged": float(strange.mean()) if len(other) else None,
        "confusion": matrix.to_numpy().tolist(),
    }  # fmt: skip


def borders(found: pd.DataFrame) -> dict[str, str]:
    """The subclass of the library at which half of the stars get the cooler class, for each two neighbours, such as ``K1.8`` for G and K."""
    out = {}
    for hot, cold in itertools.pairwise(CLASSES):
        some = found[
            found["main"].isin([hot, cold]) & found["class"].isin([hot, cold]) & found["sub"].notna()
        ]
        place = some["sub"] + 10 * (some["main"] == cold)
        if len(some) < 15 or some["class"].nunique() < 2:
            out[hot + cold] = "too few"
            continue
        fit = LogisticRegression(C=10).fit(place.to_numpy()[:, None], some["class"] == cold)
        at = float(np.clip(-fit.intercept_[0] / fit.coef_[0, 0], 0, 19.9))
        out[hot + cold] = f"{hot}{at:.1f}" if at < 10 else f"{cold}{at - 10:.1f}"
    return out


def why(row: pd.Series) -> str:
    """A probable reason why class and type differ."""
    reasons = []
    order = [CLASSES.index(row["main"]), CLASSES.index(row["class"])]
    step = abs(order[0] - order[1])
    cooler = order[1] > order[0]
    if step == 1 and np.isfinite(row["sub"]) and (row["sub"] >= 8 if cooler else row["sub"] <= 1):
        reasons.append("at the border of the two classes")
    if np.isfinite(row["teff"]) and _class_of(row["teff"]) == row["class"]:
        reasons.append(f"{row['teff']:.0f} K, which is {row['class']}")
    if np.isfinite(row["feh"]) and row["feh"] < -1 and not cooler:
        reasons.append(f"[Fe/H] {row['feh']:.1f}: weak lines look hotter")
    if re.search(r"I[ab]|[^I]II?[^IV]|[^IV]I$", row["type"] + " ") or (
        np.isfinite(row["logg"]) and row["logg"] < 2
    ):
        reasons.append("luminous, and the training has few such stars")
    if re.search(r"[pmew+]|var|\.\.\.", row["type"].removeprefix("esd").removeprefix("usd")):
        reasons.append("peculiar, variable or composite")
    if row["outside"]:
        reasons.append("called outside")
    return "; ".join(reasons) or "no reason seen"


def _class_of(teff: float) -> str:
    return CLASSES[sum(teff < t for t in BORDERS.values())]


def same_stars(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Every two spectra of one star with a type each, from two libraries or two sources: their types, and the classes given."""
    table = pd.concat([t.assign(library=name) for name, t in found.items()], ignore_index=True)
    table = table[(table["main"] != "") & table["key"].str.match(r"HD\d|J\d")]
    pairs = table.merge(table, on="key", suffixes=("", "_2"))
    return pairs[pairs["id"] < pairs["id_2"]].reset_index(drop=True)


def agreement(pairs: pd.DataFrame) -> dict:
    """How often the types of the same star are of one class, how far apart in subclasses, and whether the classifier agrees with itself."""
    if pairs.empty:
        return {"pairs": 0}
    place = [10 * pairs[f"main{s}"].map(SEQUENCE.index) + pairs[f"sub{s}"] for s in ("", "_2")]
    ends = binomial_interval(int((pairs["main"] == pairs["main_2"]).sum()), len(pairs), 0.95)
    return {
        "pairs": len(pairs),
        "types_agree": float((pairs["main"] == pairs["main_2"]).mean()),
        "lower": ends.lower,
        "upper": ends.upper,
        "subclasses_apart": float((place[0] - place[1]).abs().mean()),
        "classes_agree": float((pairs["class"] == pairs["class_2"]).mean()),
    }
