"""APOGEE and GALAH agree on the iron of real stars of M 67, and the cross-match finds those stars.

Real catalogue rows of stars that both surveys observed: how far apart are their [Fe/H] scales after the flag cuts that
GALAH recommends, and does the cross-match recover the known pairs from the two lists of 2MASS designations, which the
surveys write differently?

    python validation/overlap_offset.py [--smoke] [--data FOLDER]
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from claims import Claim

from luxjax.core import InputError
from luxjax.data import crossmatch
from luxjax.stats import bootstrap_interval, robust_scatter

CLAIM = Claim(
    __file__,
    "The median [Fe/H] of GALAH DR3 (flag_sp = 0, flag_fe_h = 0) is within 0.05 dex of APOGEE's for the same stars of "
    "M 67, and the cross-match recovers every one of these pairs by 2MASS designation, and no other.",
    {"abs_offset_dex": "< 0.05", "pairs_recovered": "== 1", "wrong_pairs": "== 0", "stars": ">= 50"},
    seed=20,
    smoke_threshold={"abs_offset_dex": "< 0.1", "pairs_recovered": "== 1", "wrong_pairs": "== 0"},
)
BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data" / "real"


def read(folder: Path) -> pd.DataFrame:
    file = folder / "overlap.csv"
    if not file.is_file():
        raise InputError(f"there is no {file}; name its folder with --data or LUXJAX_REAL_DATA.")
    return pd.read_csv(file, dtype={"tmass_id": str, "apogee_id": str, "galah_sobject_id": "int64"})


def match_again(known: pd.DataFrame, rng: np.random.Generator) -> dict:
    """Take the table of pairs apart into two shuffled catalogues, and match these."""
    left, right = rng.permutation(len(known)), rng.permutation(len(known))
    apogee = pd.DataFrame({"APOGEE_ID": known["apogee_id"].to_numpy()[left]})
    galah = pd.DataFrame({"star_id": known["tmass_id"].to_numpy()[right]})
    match = crossmatch(
        apogee, galah, left_columns={"tmass_id": "APOGEE_ID"}, right_columns={"tmass_id": "star_id"}
    )
    correct = left[match.left] == right[match.right]
    return {
        "pairs_recovered": correct.sum() / len(known),
        "wrong_pairs": int((~correct).sum()),
        "pairs": len(known),
    }


def measure(args) -> dict:
    rng = np.random.default_rng(CLAIM.seed)
    table = read(args.data)
    pairs = match_again(table.iloc[:60] if args.smoke else table, rng)
    # DR17 where there is a value, DR16 otherwise; where both have one, their medians are 0.01 dex apart.
    apogee = table["apogee_dr17_fe_h"].fillna(table["apogee_dr16_fe_h"])
    good = (table["galah_dr3_flag_sp"] == 0) & (table["galah_dr3_flag_fe_h"] == 0)
    difference = (table["galah_dr3_fe_h"] - apogee)[good].dropna().to_numpy()
    n = 200 if args.smoke else 5000
    low, high = bootstrap_interval(np.median, [difference], seed=CLAIM.seed, n=n, level=0.95)
    return pairs | {
        "abs_offset_dex": abs(np.median(difference)),
        "offset_dex_galah_minus_apogee": np.median(difference),
        "offset_interval_95_dex": [low, high],
        "scatter_dex": robust_scatter(difference),
        "stars": len(difference),
        "stars_before_flags": int((table["galah_dr3_fe_h"] - apogee).notna().sum()),
    }


def options(parser) -> None:
    default = Path(os.environ.get("LUXJAX_REAL_DATA") or BESIDE_THE_CHECKOUT)
    parser.add_argument("--data", type=Path, default=default, help="folder of overlap.csv")


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
