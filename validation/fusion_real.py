"""Photometry and parallaxes of real stars, each alone and together, against catalogue labels in five folds by star.

Two sets, none of it simulated:

* 621 APOGEE DR12 stars of the Hipparcos catalogue: Hp, B-V, V-I, J, H, K and the Hipparcos parallax; Teff, log g, [M/H], [alpha/M].
  No errors of these labels are in the table: 90 K, 0.11, 0.06 and 0.04 dex are stated here (of the order of those of DR12).
* 11,783 LAMOST stars in 13 bands of Gaia, Pan-STARRS 1, 2MASS and WISE with the Gaia parallax; Teff, log g, [Fe/H] with covariances.

Every star is predicted by a model that never saw it, with its errors calibrated on stars of the other folds, from photometry alone and with
the parallax as well: magnitudes and 5 log10 of the parallax where it is above five standard errors. Boosted trees see the same values
and folds. Ratios of RMSE have bootstrap intervals over stars; coverages are those of the catalogue labels, with the label errors that each model
believes (see `luxjax.readout`). Thresholds were fixed before the first run, those of coverage for the 68% intervals.

    python validation/fusion_real.py [--smoke] [--data FOLDER]
"""

import os
import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table
from claims import Claim
from sklearn.ensemble import HistGradientBoostingRegressor

from luxjax import Catalog, InputError, LabelTable, LuxWarning, Measurements
from luxjax.photometry import parallax_scale, with_floor
from luxjax.stats import rmse
from luxjax.training import train

CLAIM = Claim(
    __file__,
    "A parallax on top of photometry lowers the error of log g of real stars, below 0.95 of photometry alone for APOGEE stars of Hipparcos "
    "(upper end of the interval) and to at most 0.85 for LAMOST stars, costs Teff and metallicity nothing, and leaves every label "
    "within 1.10 of boosted trees on the same values, with 68% intervals that hold 0.60 to 0.85 of the catalogue labels.",
    {
        "hipparcos_logg_ratio_upper": "< 0.95",
        "hipparcos_teff_ratio_upper": "< 1.05",
        "hipparcos_m_h_ratio_upper": "< 1.05",
        "hipparcos_coverage_low": ">= 0.60",
        "hipparcos_coverage_high": "<= 0.85",
        "lamost_logg_ratio": "<= 0.85",
        "lamost_worst_against_trees": "<= 1.10",
        "lamost_coverage_low": ">= 0.60",
        "lamost_coverage_high": "<= 0.85",
    },
    seed=1,
    smoke_threshold={
        "hipparcos_logg_ratio_upper": "< 1.3",
        "lamost_logg_ratio": "<= 1.1",
        "lamost_worst_against_trees": "<= 2",
        "lamost_coverage_low": ">= 0.4",
    },
)
FOLDS, RESAMPLES = 5, 2000
INPUTS = ("photometry", "parallax")


def options(parser):
    default = os.environ.get("LUXJAX_REAL_DATA")
    parser.add_argument("--data", default=default, help="folder of real survey files")


def hipparcos(data: Path) -> Catalog:
    """APOGEE stars of the Hipparcos catalogue with good labels; of repeated ones the first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # units of the survey's own
        table = Table.read(data / "apogee/catalogue/allStar-v603-Hipparcos-subset.fits.gz")

    def column(name):
        return np.asarray(table[name], float)

    good = (column("TEFF") > 0) & (column("LOGG") > -5) & (column("PARAM_M_H") > -5) & (column("SNR") > 50)
    first = np.zeros(len(table), bool)
    first[np.unique(table["HIP"], return_index=True)[1]] = True
    table = table[good & first]
    ids = [str(h) for h in table["HIP"]]
    bands = {"Hp": ("Hpmag", "e_Hpmag"), "B-V": ("B-V", "e_B-V"), "V-I": ("V-I", None)}
    bands |= {band: (band, f"{band}_ERR") for band in "JHK"}
    value = np.stack([column(v) for v, _ in bands.values()], axis=1)
    error = np.stack(
        [np.full(len(table), 0.03) if e is None else column(e) for _, e in bands.values()], axis=1
    )
    value[(value < -5) | (value > 30) | (value == 0)] = np.nan
    labels = {
        "teff": ("TEFF", 90.0),
        "logg": ("LOGG", 0.11),
        "m_h": ("PARAM_M_H", 0.06),
        "alpha_m": ("PARAM_ALPHA_M", 0.04),
    }
    return Catalog(
        {
            "photometry": with_floor(Measurements(value, error, list(bands), ids), 0.02),
            "parallax": parallax_scale(column("Plx"), column("e_Plx"), ids, least=4.0, survey="hipparcos"),
            "labels": LabelTable(
                np.stack([column(c) for c, _ in labels.values()], axis=1), [e for _, e in labels.values()], list(labels), ids
            ),
        }
    )  # fmt: skip


def lamost(data: Path) -> Catalog:
    """LAMOST stars with 13 bands and the Gaia parallax; they have no identifiers."""
    given = np.load(data / "photometry/lamost_gaia_ps1_2mass_wise.npz", allow_pickle=False)
    ids = [f"row{k:05d}" for k in range(len(given["parallax"]))]
    photometry = Measurements(given["mag"], given["mag_err"], [str(n) for n in given["mag_names"]], ids)
    error = np.sqrt(np.diagonal(given["atm_param_cov"], axis1=1, axis2=2))
    return Catalog(
        {
            "photometry": with_floor(photometry, 0.01),
            "parallax": parallax_scale(given["parallax"], given["parallax_err"], ids),
            "labels": LabelTable(given["atm_param"], error, ["teff", "logg", "fe_h"], ids),
        }
    )


def trees(stars: Catalog, inputs, fold: np.ndarray) -> np.ndarray:
    """Labels by boosted trees on the same values, missing ones left to the trees, in the same folds, (star, label)."""
    x = np.concatenate([stars[name].value for name in inputs], axis=1)
    y = stars.labels().value
    out = np.full(y.shape, np.nan)
    for k in np.unique(fold):
        for j in range(y.shape[1]):
            seen = (fold != k) & np.isfinite(y[:, j])
            out[fold == k, j] = (
                HistGradientBoostingRegressor(random_state=0).fit(x[seen], y[seen, j]).predict(x[fold == k])
            )
    return out


def interval(error: np.ndarray, other: np.ndarray, seed: int) -> list[float]:
    """2.5, 50 and 97.5% of the ratio of the RMSE of two methods over resampled stars."""
    rng, known = np.random.default_rng(seed), np.isfinite(error) & np.isfinite(other)
    pick = rng.integers(0, known.sum(), (RESAMPLES, known.sum()))
    squares = error[known][pick] ** 2, other[known][pick] ** 2
    ratio = np.sqrt(squares[0].mean(axis=1) / squares[1].mean(axis=1))
    return [float(q) for q in np.percentile(ratio, [2.5, 50, 97.5])]


def judged(stars: Catalog, smoke: bool) -> dict:
    """RMSE, ratios and coverages of each label from photometry, and from photometry and parallax."""
    table, found = stars.labels(), {}
    how = {"latents": 4, "readout": "quadratic"} if smoke else {}
    for inputs in (INPUTS[:1], INPUTS):
        found[inputs] = train(
            stars, inputs=inputs, folds=FOLDS, baselines=(), refit=False, key=CLAIM.seed, **how
        )
    alone, both = (found[inputs].out_of_fold for inputs in (INPUTS[:1], INPUTS))
    by_trees = [trees(stars, inputs, found[inputs].fold) for inputs in (INPUTS[:1], INPUTS)]
    out = {}
    for j, name in enumerate(table.names):
        residual = [p.value[:, j] - table[name] for p in (alone, both)]
        noise = both.believed_error(table)[:, j]
        pull = residual[1] / np.hypot(both.error[:, j], noise)
        out[name] = {
            "photometry": rmse(alone.value[:, j], table[name]),
            "with_parallax": rmse(both.value[:, j], table[name]),
            "trees": [rmse(t[:, j], table[name]) for t in by_trees],
            "ratio": interval(residual[1], residual[0], CLAIM.seed),
            "against_trees": interval(residual[1], by_trees[1][:, j] - table[name], CLAIM.seed),
            "coverage_68": float(np.nanmean(np.abs(pull) < 1)),
            "coverage_95": float(np.nanmean(np.abs(pull) < 1.96)),
            "label_errors_times": both.error_scale.get(name, 1.0),
        }
    chosen = [m.read_outs["labels"].kind for m in found[INPUTS].fold_models]
    return {"stars": len(stars), "read_outs": chosen, "labels": out}


def measure(args) -> dict:
    if not args.data:
        raise InputError("real stars are needed; name their folder with --data or LUXJAX_REAL_DATA.")
    data, sets = Path(args.data), {}
    for name, read in (("hipparcos", hipparcos), ("lamost", lamost)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LuxWarning)  # how many parallaxes are left out
            stars = read(data)
        sets[name] = judged(stars.select(slice(0, 400)) if args.smoke else stars, args.smoke)
    hip, lam = (sets[name]["labels"] for name in ("hipparcos", "lamost"))
    covers = {name: [entry["coverage_68"] for entry in sets[name]["labels"].values()] for name in sets}
    return {
        **{f"hipparcos_{k}_ratio_upper": hip[k]["ratio"][2] for k in ("logg", "teff", "m_h")},
        "lamost_logg_ratio": lam["logg"]["with_parallax"] / lam["logg"]["photometry"],
        "lamost_worst_against_trees": max(e["with_parallax"] / e["trees"][1] for e in lam.values()),
        **{f"{name}_coverage_low": min(c) for name, c in covers.items()},
        **{f"{name}_coverage_high": max(c) for name, c in covers.items()},
        "sets": sets,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
