"""A classifier trained on LAMOST, on stars of other libraries: their types against its classes, and whether it says what it cannot know.

The default classifier is trained once on the real LAMOST files of DR1 to DR10 at hand (A, F, G, K, M, from 24 M to 118 F spectra) and asked about MILES,
STELIB, Pickles, the templates of PyHammer and the standards of cool dwarfs: other telescopes, ranges, resolutions and flux calibrations, no errors, and types by
eye. The 90% sets promise nothing there, and what they hold is reported. Spectra of types that the training has none of (O, B, L, T) should be called outside, or
get an empty set. Since MILES ends at 7,410 Angstrom and most cool standards begin at 5,900 or later, a classifier trained on LAMOST cut to that range stands
beside. Thresholds were written down before the first run, without a look at any answer; `outside` was made anew after it, on LAMOST stars alone (see the page). Tables go to validation/library_classes.md.

Needs the folder of real survey files, named by --data or LUXJAX_REAL_DATA.

    python validation/library_classes.py [--smoke] [--data FOLDER]
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from claims import Claim
from library_pages import draw, page
from library_stars import agreement, borders, called, library_data, same_stars, steps, summary, why

from luxjax.classify import train_classifier
from luxjax.classify.features import extract_features
from luxjax.core import InputError
from luxjax.runs import keep_classes, lamost_data

HERE = Path(__file__).resolve().parent
CLAIM = Claim(
    __file__,
    "A classifier trained on real LAMOST spectra gives A to M stars of other libraries the class of the library's type in at least 0.80 (MILES, PyHammer), "
    "0.75 (STELIB, Pickles) and 0.70 (cool standards) of the cases and one class off at most in 0.95, calls at most a quarter of MILES outside, and at least 0.6 of "
    "the O, B, L and T spectra outside or none of its classes.",
    {
        "miles_agreement": ">= 0.80",
        "stelib_agreement": ">= 0.75",
        "pickles_agreement": ">= 0.75",
        "pyhammer_agreement": ">= 0.80",
        "cool_agreement": ">= 0.70",
        "smallest_adjacent": ">= 0.95",
        "miles_outside": "<= 0.25",
        "others_flagged": ">= 0.6",
    },
    seed=61,
    smoke_threshold={"pickles_agreement": ">= 0.5", "smallest_adjacent": ">= 0.8"},
)
LIBRARIES = ("MILES", "STELIB", "Pickles", "PyHammer", "cool")
RANGES = {
    "MILES": (3700.0, 7410.0),
    "cool": (6170.0, 9099.0),
}  # Angstrom, what all their spectra have of LAMOST's


def options(parser):
    parser.add_argument(
        "--data", default=os.environ.get("LUXJAX_REAL_DATA"), help="folder of real survey files"
    )


def cut(data, low: float, high: float):
    """Features of the same spectra without the pixels outside a range."""
    inside = (data.spectra.wavelength >= low) & (data.spectra.wavelength <= high)
    part = data.spectra.replace(ivar=np.where(inside, data.spectra.ivar, 0))
    return extract_features(part, redshift=data.table["z"].to_numpy(float), min_good=0.2)


def others(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Spectra of types that the classifier has no class for, with whether it says so."""
    table = pd.concat([t.assign(library=name) for name, t in found.items()], ignore_index=True)
    return table[table["main"].isin(list("OBLT"))].assign(flagged=lambda t: t["outside"] | (t["set"] == ""))


def measure(args) -> dict:
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    folder = Path(args.data)
    names = LIBRARIES[2:3] if args.smoke else LIBRARIES
    settings: dict[str, Any] = {"estimator": "trees", "n_estimators": 60} if args.smoke else {}
    lamost = folder / "lamost" / "lrs_dr1" if args.smoke else folder / "lamost"
    training = keep_classes(lamost_data([lamost]), min_per_class=10 if args.smoke else 20)
    truth = training.table["class"].to_numpy(str)
    classifier = train_classifier(training.features, truth, seed=CLAIM.seed, **settings)
    found, left_out, narrow = {}, {}, {}
    for name in names:
        data, facts, lost = library_data(name, folder / "library")
        found[name], left_out[name] = (
            called(classifier, data.features, facts),
            lost["reason"].value_counts().to_dict(),
        )
        if name in RANGES:
            some = cut(training, *RANGES[name])
            own = train_classifier(some, truth[some.rows], seed=CLAIM.seed, **settings)
            its = cut(data, *RANGES[name])
            narrow[name] = summary(called(own, its, facts.iloc[its.rows].reset_index(drop=True)))
    judged = {name: summary(table) for name, table in found.items()}
    strange = others(found)
    result = {f"{name.lower()}_agreement": judged[name]["agreement"] for name in names}
    result |= {
        "smallest_adjacent": min(j["adjacent"] for j in judged.values()),
        "others_flagged": float(strange["flagged"].mean()),
        "left_out": left_out,
        "by_library": judged,
        "cut_to_range": narrow,
    }
    if args.smoke:
        return result
    wrong = pd.concat(
        [
            t[t["main"].isin(list("AFGKM")) & (t["main"] != t["class"])].assign(library=n)
            for n, t in found.items()
        ]
    )
    wrong = wrong.assign(reason=wrong.apply(why, axis=1), step=steps(wrong)).sort_values(
        ["step", "probability"], ascending=False
    )
    pairs, places = same_stars(found), {name: borders(table) for name, table in found.items()}
    draw(judged, HERE / "figures" / "library_classes.png")
    text = page(
        judged,
        narrow,
        left_out,
        wrong,
        strange,
        pairs,
        agreement(pairs),
        training.table["class"].value_counts().to_dict(),
        places,
    )
    (HERE / "library_classes.md").write_text(text, encoding="utf-8")
    return result | {
        "miles_outside": judged["MILES"]["outside"],
        "same_stars": agreement(pairs),
        "borders": places,
        "flagged_by_class": strange.groupby("main")["flagged"].agg(["size", "mean"]).to_dict("index"),
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
