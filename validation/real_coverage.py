"""Intervals of the labels of real stars, before and after recalibration, over what the errors of those labels might be.

Two sets, none of it simulated: 471 APOGEE stars (100 pixels; Teff, logg, [M/H] without errors) and 92 LAMOST DR1 stars
(whole optical spectra; Teff, logg, [Fe/H] with errors). Each is judged at a grid of label errors: for APOGEE half, once and twice
91.5 K, 0.11 and 0.05 dex (of the order of those of DR12, not looked up again); for LAMOST half and once the stated ones, which
are too large (that of [Fe/H], 0.43 in the median, exceeds the spread of [Fe/H], 0.27).

Every star is predicted by a model that never saw it (ten folds), whose labels are read out from the latents. Three intervals of its catalogue label are compared: "raw", the model's own error and the label's in quadrature;
"scaled", the same after `luxjax.prediction.calibrate`; and "conformal", split conformal quantiles of the scaled errors. Both calibrations
know the training stars of the fold alone, each predicted in four inner folds by a model that never saw it.

A coverage is k of n stars, and its interval exact binomial (Clopper and Pearson 1934, Biometrika 26, 404), at a chance
of 0.05 over all cells of a set and method together; it must hold the nominal level. Scaling can only add to or take from the
*predicted* error. Where the stated error of the label alone is too large, scaled intervals stay too wide; the LAMOST ones are
therefore shown and not judged, which was known beforehand from `real_labels`.

    python validation/real_coverage.py [--smoke] [--data FOLDER]
"""

import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from claims import Claim
from scipy import stats

from luxjax.core import InputError
from luxjax.data import Catalog, folds, load_catalog
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.prediction import Prediction, calibrate, conformal, transfer
from luxjax.readout import read_out
from luxjax.stats import LEVELS, binomial_interval, interval_coverage

HERE = Path(__file__).resolve().parent
ALPHA, FOLDS, INNER = 0.05, 10, 4
METHODS = ("raw", "scaled", "conformal")
CLAIM = Claim(
    __file__,
    "On real stars in ten-fold cross-validation, after recalibration on training stars, the exact binomial intervals of the "
    "coverage of catalogue labels hold 68% and 95%: of APOGEE stars by scaled errors and by conformal intervals, of LAMOST "
    "stars by conformal intervals, whatever label errors are assumed.",
    {"apogee_scaled_outside": "== 0", "apogee_conformal_outside": "== 0", "lamost_conformal_outside": "== 0"},
    seed=1,
    smoke_threshold={"apogee_scaled_outside": "<= 2", "apogee_conformal_outside": "<= 2"},
)
SETS = {
    "apogee": (
        "ingest {data}/apogee/cannon_test_set/apogee_cannon_471_stars_100_pixels.npz --survey apogee --medium vacuum "
        "--labels teff,logg,m_h --array error=flux_err --array wavelength=wavelength_inferred_angstrom --label-error teff=91.5 "
        "--label-error logg=0.11 --label-error m_h=0.05 -o {out}",
        (0.5, 1.0, 2.0),
        8,
    ),
    "lamost": (
        "ingest {data}/lamost/lrs_dr1 --label-catalog {data}/lamost/catalogue/lamost_dr1_catalogue_subset.csv --labels "
        "teff,logg,fe_h --survey lamost --wavelength-range 3850,8900 --normalization quantile --binning 1 --noise-limit inf -o {out}",
        (0.5, 1.0),
        6,
    ),
}


def options(parser):
    default = os.environ.get("LUXJAX_REAL_DATA")
    parser.add_argument("--data", default=default, help="folder of real survey files")


def ingested(line: str, **folders) -> Catalog:
    """The catalogue that a documented command makes."""
    words = [word.format(**folders) for word in shlex.split(line)]
    program = [sys.executable, "-c", "from luxjax.cli import main; main()", *words]
    done = subprocess.run(program, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"'luxjax {line}' ended with status {done.returncode}: {done.stderr.strip()}")
    return load_catalog(folders["out"])


def with_label_errors(catalog: Catalog, factor: float) -> Catalog:
    table = catalog.labels()
    return Catalog({**catalog.outputs, "labels": replace(table, error=factor * table.error)}, catalog.table)


def in_folds(catalog: Catalog, n: int, seed: int, predict) -> list[tuple[Catalog, object]]:
    """The stars of every fold, with ``predict(others, stars)``."""
    number = folds(list(catalog.ids), n, seed=seed)
    parts = [(catalog.select(number != k), catalog.select(number == k)) for k in range(n)]
    return [(stars, predict(others, stars)) for others, stars in parts]


def intervals(train: Catalog, test: Catalog, n_latents: int) -> dict:
    """Ends of the intervals of the test stars' labels, by method and level: (level, end, star, label)."""
    model, fitter = Lux.linear(train.only("spectra").sizes, n_latents), EM(tol=1e-5, max_cycles=150)

    def predict(others, stars):
        fitted = read_out(fit(model, others.only("spectra"), fitter, key=CLAIM.seed), others)
        return transfer(fitted, stars.only("spectra"))

    inner = Prediction.gather([p for _, p in in_folds(train, INNER, CLAIM.seed + 1, predict)], train.ids)
    calibration = calibrate(inner, train.labels())
    quantiles = conformal(calibration.apply(inner), train.labels())
    raw = predict(train, test)
    scaled, noise = calibration.apply(raw), test.labels().error

    def normal(prediction, level):
        half = stats.norm.ppf(0.5 + level / 2) * np.hypot(prediction.error, noise)
        return prediction.value - half, prediction.value + half

    return {
        "raw": np.array([normal(raw, level) for level in LEVELS]),
        "scaled": np.array([normal(scaled, level) for level in LEVELS]),
        "conformal": np.array([quantiles.interval(scaled, level) for level in LEVELS]),
    }


def covered(catalog: Catalog, n_latents: int, n_folds: int) -> list[dict]:
    """Coverage of every label by method and level, all folds together."""
    done = in_folds(catalog, n_folds, CLAIM.seed, lambda o, s: intervals(o, s, n_latents))
    value = np.concatenate([stars.labels().value for stars, _ in done])
    cells = []
    for method in METHODS:
        ends = np.concatenate([found[method] for _, found in done], axis=2)
        for level, (low, high) in zip(LEVELS, ends, strict=True):
            for j, name in enumerate(catalog.labels().names):
                inside, n = interval_coverage(value[:, j], low[:, j], high[:, j])
                width = float(np.nanmedian((high - low)[:, j]))
                cells.append(
                    {
                        "method": method,
                        "level": level,
                        "label": name,
                        "inside": inside,
                        "n": n,
                        "width": width,
                    }
                )
    return cells


def judged(cells: list[dict]) -> list[dict]:
    """The cells of one set with their exact intervals, alone and for all cells of their method together."""
    n_cells = len(cells) / len(METHODS)
    for cell in cells:
        inside, n = cell["inside"], cell["n"]
        wide = binomial_interval(inside, n, 1 - ALPHA / n_cells, method="exact")
        cell |= {
            "coverage": inside / n,
            "interval95": list(binomial_interval(inside, n, 0.95, method="exact")),
            "familywise": list(wide),
            "outside": not wide.holds(cell["level"]),
        }
    return cells


def draw(found: dict[str, list[dict]]) -> None:
    """Coverage with its exact 95% interval, by set, label and assumed error."""
    from matplotlib.figure import Figure

    from luxjax.plots import label_name, styled

    looks = {"raw": ("#7A7A7A", "o"), "scaled": ("#0072B2", "s"), "conformal": ("#D55E00", "D")}

    @styled
    def figure() -> Figure:
        page = Figure(figsize=(7.1, 4.6), layout="constrained")
        panels = page.subplots(2, 2, sharey="row", width_ratios=[3, 2])
        for column, (name, cells) in zip(panels.T, found.items(), strict=True):
            labels = list(dict.fromkeys(c["label"] for c in cells))
            groups = sorted(
                {(c["label"], c["factor"]) for c in cells}, key=lambda g: (labels.index(g[0]), g[1])
            )
            for ax, level in zip(column, LEVELS, strict=True):
                for shift, (method, (colour, marker)) in zip((-0.22, 0, 0.22), looks.items(), strict=True):
                    mine = [c for c in cells if (c["method"], c["level"]) == (method, level)]
                    at = [groups.index((c["label"], c["factor"])) + shift for c in mine]
                    y = np.array([c["coverage"] for c in mine])
                    low, high = np.array([c["interval95"] for c in mine]).T
                    ax.errorbar(
                        at,
                        y,
                        [y - low, high - y],
                        fmt=marker,
                        color=colour,
                        markersize=3.5,
                        label=method,
                    )
                ax.axhline(level, color="0.1", linewidth=0.8, zorder=0)
                ticks = [
                    f"{factor:g}\n{label_name(label)}" if factor == 1 else f"{factor:g}\n "
                    for label, factor in groups
                ]
                ax.set_xticks(range(len(groups)), ticks, va="top")
                ax.tick_params(axis="x", which="both", length=0)
            column[0].set_title({"apogee": "APOGEE, 471 stars", "lamost": "LAMOST DR1, 92 stars"}[name])
            column[1].set_xlabel("Assumed label error / stated")
        for ax, level in zip(panels[:, 0], LEVELS, strict=True):
            ax.set_ylabel(f"Inside {level:.0%} intervals")
        page.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return page

    figure().savefig(HERE / "figures" / "real_coverage.png", dpi=150)


def measure(args) -> dict:
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    found: dict[str, list[dict]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (line, factors, n_latents) in list(SETS.items())[: 1 if args.smoke else 2]:
            data = str(Path(args.data).resolve())
            catalog = ingested(line, data=data, out=f"{folder}/{name}")
            for factor in (1.0,) if args.smoke else factors:
                cells = covered(with_label_errors(catalog, factor), n_latents, 2 if args.smoke else FOLDS)
                found.setdefault(name, []).extend({"factor": factor, **cell} for cell in cells)
    found = {name: judged(cells) for name, cells in found.items()}
    if not args.smoke:
        draw(found)
    outside = {
        f"{name}_{method}_outside": sum(c["outside"] for c in cells if c["method"] == method)
        for name, cells in found.items()
        for method in METHODS
    }
    return {**outside, "cells": {name: len(cells) // len(METHODS) for name, cells in found.items()}, **found}


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
