"""Labels of new stars are as good as the training set allows, and their intervals cover, where the model is true.

Every training set comes from a bilinear world of its own, spectra and labels drawn from a known model with known noise.
A linear model is fitted with the default fitter, and the labels of test stars are predicted from the spectrum alone,
without any calibration.

Errors are compared with those of an oracle, the exact posterior mean that knows the true decoders. A label decoder of D
weights learned from N stars with label errors sigma (the stated median) adds D sigma^2 / N in mean square even where the
latents of the training stars are known, so RMSE^2 is compared with oracle^2 + D sigma^2 / N, label by label, all
training sets pooled.

Coverage of the true labels is judged per cell, a cell being one label, level and number of training stars. Stars that
share a training set share its decoder errors, so the unit of independence is the training set: its coverage c_s is one
number, and the interval mean(c_s) +- t sd(c_s) / sqrt(sets), with t from Student's distribution at a chance of
0.05 / cells (Bonferroni over all cells), must hold the nominal level. Beside it are reported the plain binomial band,
which takes all stars as independent and so is too narrow, and the coverage where the decoders are taken as certain.

In the course of development the claim failed once, with intervals of 0.70 instead of 0.68 at 200 stars: the noise of the spectral decoders
was counted beside that of the label rows, which have absorbed it (`luxjax.prediction.transfer`). Some excess remains, within the bands: the
labels of these worlds have no scatter of their own, and an estimate that cannot be negative finds some.

    python validation/in_model_labels.py [--smoke]
"""

import numpy as np
from claims import Claim
from scipy import stats

from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.prediction import transfer
from luxjax.simulation import bilinear
from luxjax.stats import LEVELS, coverage, familywise_band, rmse

ALPHA, N_LATENTS, LABEL_ERROR = 0.05, 8, 0.05
CLAIM = Claim(
    __file__,
    "Where the model is true, at 200 and at 2,000 training stars, every label's RMSE is within 5% of "
    "sqrt(oracle^2 + D sigma^2 / N), and the 68% and 95% intervals of every label cover the truth within the "
    "family-wise 95% band over all labels, levels and numbers of stars, without calibration.",
    {"rmse_ratio": "<= 1.05", "cells_outside_band": "== 0"},
    seed=30,
    smoke_threshold={"rmse_ratio": "<= 1.3", "cells_outside_band": "== 0"},
)


def oracle(world, test: slice) -> np.ndarray:
    """Posterior mean of the true labels with the true decoders, (star, label): dense, star by star."""
    spectra, b, w = world.catalog["flux"], world.intercepts["flux"], world.weights["flux"]
    latents = [
        np.linalg.solve((w.T * ivar) @ w + np.eye(w.shape[1]), (w.T * ivar) @ (flux - b))
        for flux, ivar in zip(spectra.flux[test], spectra.ivar[test], strict=True)
    ]
    return world.intercepts["labels"] + np.array(latents) @ world.weights["labels"].T


def training_set(n_train: int, n_test: int, pixels: int, seed) -> dict:
    """One world: errors of the predicted labels, of the oracle's, and the predicted errors."""
    sizes = {"flux": pixels, "labels": 5}
    world = bilinear(
        n_train + n_test, sizes, N_LATENTS, key=seed, label_error=LABEL_ERROR, snr=100, bad_fraction=0.01
    )
    test = slice(n_train, None)
    fitted = fit(Lux.linear(sizes, N_LATENTS), world.catalog.select(slice(n_train)), EM(), key=seed)
    stars = world.catalog.only("flux").select(test)
    found = transfer(fitted, stars)
    truth = world.noise_free("labels")[test]
    return {
        "error": found.value - truth,
        "oracle": oracle(world, test) - truth,
        "sigma": found.error,
        "certain": transfer(fitted.replace(weight_cov={}), stars).error,
    }


def per_set(error: np.ndarray, sigma: np.ndarray, level: float) -> np.ndarray:
    """Coverage of every label in every training set, (set, label), of arrays (set, star, label)."""
    pulls = np.moveaxis(error / sigma, 1, 2)
    return np.array([[coverage(p, level).fraction for p in labels] for labels in pulls])


def band(covered: np.ndarray, n_cells: int) -> tuple[float, float]:
    """The t-interval of the mean coverage of independent training sets."""
    t = stats.t.ppf(1 - ALPHA / n_cells / 2, len(covered) - 1)
    half = t * covered.std(ddof=1) / np.sqrt(len(covered))
    return covered.mean() - half, covered.mean() + half


def judge(n_train: int, sets: list[dict], n_cells: int) -> dict:
    """Everything about one number of training stars."""
    error, best, sigma, certain = (np.array([s[k] for s in sets]) for k in sets[0])
    n_labels = error.shape[2]
    reach = [
        np.hypot(rmse(best[..., j], 0 * best[..., j]), LABEL_ERROR * np.sqrt(N_LATENTS / n_train))
        for j in range(n_labels)
    ]
    found = [rmse(error[..., j], 0 * error[..., j]) for j in range(n_labels)]
    out = {
        "rmse": found,
        "rmse_oracle": [rmse(best[..., j], 0 * best[..., j]) for j in range(n_labels)],
        "rmse_ratio": np.divide(found, reach),
        "cells_outside_band": 0,
        "cells_outside_binomial_band": 0,
    }
    for level in LEVELS:
        key, covered = f"{round(100 * level)}", per_set(error, sigma, level)
        intervals = [band(covered[:, j], n_cells) for j in range(n_labels)]
        plain = familywise_band(error[..., 0].size, level, n_cells, ALPHA)
        out |= {
            f"coverage{key}": covered.mean(0),
            f"interval{key}": intervals,
            f"binomial_band{key}": list(plain),
            f"coverage{key}_decoders_certain": per_set(error, certain, level).mean(0),
        }
        out["cells_outside_band"] += sum(not low <= level <= high for low, high in intervals)
        out["cells_outside_binomial_band"] += sum(not plain.holds(c) for c in covered.mean(0))
    return out


def measure(args) -> dict:
    numbers, n_sets, n_test, pixels = ((100,), 4, 100, 256) if args.smoke else ((200, 2000), 24, 500, 1024)
    n_cells = 5 * len(LEVELS) * len(numbers)
    seeds = np.random.SeedSequence(CLAIM.seed).generate_state(len(numbers) * n_sets).reshape(len(numbers), -1)
    results = {}
    for n_train, row in zip(numbers, seeds, strict=True):
        sets = [training_set(n_train, n_test, pixels, int(s)) for s in row]
        results[str(n_train)] = judge(n_train, sets, n_cells)
    return {
        "rmse_ratio": max(np.max(r["rmse_ratio"]) for r in results.values()),
        "cells_outside_band": sum(r["cells_outside_band"] for r in results.values()),
        "cells_outside_binomial_band": sum(r["cells_outside_binomial_band"] for r in results.values()),
        "cells": n_cells,
        "training_sets": n_sets,
        "test_stars": n_test,
        "by_training_stars": results,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
