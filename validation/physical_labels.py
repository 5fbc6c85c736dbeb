"""On simulated physical spectra no label is worse than what ridge or The Cannon give, and its intervals cover.

The settings are those of ``luxjax demo`` (5,400 stars seen by APOGEE and GALAH, 20 linear latents; labels of test stars from
their H-band spectra alone), the seeds are others than its own. Nothing in the simulation is linear in anything: line
strengths come from Saha and Boltzmann and a curve of growth.

For every seed and label, RMSE against the *true* label is divided by that of the better of ridge and The Cannon on the
same stars; the largest ratio is judged. After calibration on separate stars the coverages of the true and of the
observed labels at 68% and 95% must lie in the bands of `luxjax.prediction.coverage_bands`, with a chance of
0.05 of any false alarm over all seeds, labels, levels and references.

Shown beside it, without a threshold: the RMSE of a model with quadratic decoders of 6 latents, and the ratio of each to the
van Trees bound. That bound supposes the exact physics to be known. A linear decoder cannot follow the curve
of growth, so its ratio is that of a straight line through curved data; the quadratic decoder's says how much of
it is curvature. What remains is owed to decoders learned from a finite, noisy sample.

Two earlier runs failed on coverage, two cells of sixty each, with about 600 calibration stars. On seeds 101 to 103 the 68%
intervals of [Fe/H] were too wide (0.82 of true labels inside): errors were calibrated by a scale and a floor, and a few stars
far from the middle of the population, where a linear decoder fails most, set them for all; calibration has since had a term that
grows with latent distance. On seeds 201 to 203 those of [alpha/Fe] were (0.85): 600 labels with errors twice the model's hardly
know its scale; since then the model's own scale has a closer prior, peculiar stars are clipped, and the demonstration calibrates
on some 2,100 stars. The thresholds are as they were; the seeds are new each time.
A third verdict, of a linear label decoder, missed by one cell of sixty: 0.907 of the true [Fe/H] of one survey lay in their 95% intervals,
and the band began at 0.908.
The present verdict, of read-outs, misses by six, all too wide, among them 0.85 of the true [Eu/Fe] of one survey in 68% intervals; the errors
themselves became smaller, and observed labels are covered as they should be. Stated errors of the labels are multiplied by a learned t (0.72 for
that [Eu/Fe], where 1 is right), and what t takes from them goes to the model. The likelihood of t supposes normal
scatter; the scatter of [Eu/Fe] has long tails (kurtosis 6), which makes 5 nats of evidence against t = 1 look like 13.

    python validation/physical_labels.py [--smoke]
"""

import tempfile
from pathlib import Path

import numpy as np
from claims import Claim

from luxjax.prediction import coverage_bands
from luxjax.runs import RunFolder, demo, demo_settings
from luxjax.stats import LEVELS

SEEDS = (301, 302, 303)
REFERENCES = {"": "observed", "_truth": "true"}
CLAIM = Claim(
    __file__,
    "On three simulated physical surveys, no label's RMSE against truth is more than 1.02 times the better of ridge's "
    "and The Cannon's on the same stars, and after calibration on separate stars the 68% and 95% intervals cover "
    "true and observed labels within the family-wise 95% band in every cell.",
    {"rmse_over_best_baseline": "<= 1.02", "cells_outside_band": "== 0"},
    seed=SEEDS[0],
    smoke_threshold={"rmse_over_best_baseline": "<= 1.2", "cells_outside_band": "== 0"},
)


def survey(seed: int, settings: dict, n_cells: int) -> dict[str, dict]:
    """Everything about the labels of one simulated survey."""
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.create(Path(folder) / "run", config=settings, seed=seed)
        done = demo(run, seed=seed, **settings)
        table, _ = run.labels
    out = {}
    for name, entry in done.metrics["labels"].items():
        others, bound = entry["baselines"], entry["bound_rmse"]
        rivals = {k: v for k, v in others.items() if k != "labels_only"}
        out[name] = {
            "rmse": entry["rmse"],
            "rmse_interval": entry["rmse_interval"],
            "bias": entry["bias"],
            **{f"rmse_{k}": v for k, v in others.items()},
            "over_best_baseline": entry["rmse"] / min(others["ridge"], others["cannon"]),
            "van_trees_bound": bound,
            "over_bound": {k: v / bound for k, v in {"linear": entry["rmse"], **rivals}.items()},
            "coverage": cells(table, name, entry, n_cells),
        }
    return out


def cells(table, name: str, entry: dict, n_cells: int) -> dict[str, dict]:
    """Coverage of one label at every level, of observed and true labels, with its band."""
    error, noise = table[f"{name}_err"].to_numpy(float), table[f"{name}_obs_err"].to_numpy(float)
    distance, usable = table["latent_distance"].to_numpy(float), np.isfinite(noise)
    bands = coverage_bands(
        error[usable], noise[usable], distance[usable], n_calibration=entry["n_calibration"], n_cells=n_cells
    )
    keys = {
        f"{round(100 * level)}{end}": f"{round(100 * level)}% {what}"
        for level in LEVELS
        for end, what in REFERENCES.items()
    }
    return {
        title: {
            "coverage": entry[f"coverage{key}"],
            "band": list(bands[key]),
            "inside": bool(bands[key][0] <= entry[f"coverage{key}"] <= bands[key][1]),
        }
        for key, title in keys.items()
    }


def measure(args) -> dict:
    seeds, settings = (SEEDS[:1] if args.smoke else SEEDS), demo_settings(quick=args.smoke)
    n_cells = len(seeds) * 5 * len(LEVELS) * len(REFERENCES)
    found = {str(seed): survey(seed, settings, n_cells) for seed in seeds}
    labels = [entry for result in found.values() for entry in result.values()]
    judged = [cell for entry in labels for cell in entry["coverage"].values()]
    return {
        "rmse_over_best_baseline": max(entry["over_best_baseline"] for entry in labels),
        "cells_outside_band": sum(not cell["inside"] for cell in judged),
        "cells": n_cells,
        "settings": settings,
        "by_seed": found,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
