"""Errors of the training labels stretch the labels of The Cannon, and do not touch those of Lux.

The Cannon regresses each pixel on the training labels as if they were exact. Errors in a regressor flatten the regression:
with label covariance S and error covariance E the slopes become B S (S + E)^-1 instead of B (attenuation; Fuller 1987,
Measurement Error Models). New stars' labels are then read off slopes that are too flat and come out too far from the mean:
regressed on the truth, predicted label j has the slope (S + E)_jj / S_jj = 1 + sigma_j^2 / var_j, whatever the correlations.
Lux decodes the labels from latents as it decodes the pixels, with the error of each label known, and ridge regression has
labels as targets: noise in what is regressed flattens nothing. What noise in the *pixels* flattens is another matter and as it
should be: a posterior mean lies nearer to the mean than the truth does, so the slope of predicted on true falls with the
signal-to-noise ratio while that of true on predicted stays 1.

Bilinear worlds with as many labels as latents, so that The Cannon's model holds but for the errors. In each world every
method is trained on the same stars, and both slopes are taken over test stars against the *true* labels. Worlds are
independent, so intervals of the mean slope come from resampling worlds, the labels of each kept together. Shown beside it:
slopes over label errors of several sizes, and Lux told label errors that are ten times too small, which it makes up for by
learning the labels' scatter.

    python validation/attenuation.py [--smoke]
"""

from pathlib import Path

import numpy as np

from luxjax.core import Claim, bootstrap_interval
from luxjax.data import Catalog, LabelTable
from luxjax.fitting import fit
from luxjax.models import Lux
from luxjax.prediction import cannon, ridge, transfer
from luxjax.simulation import bilinear

LABELS, ERROR, ERRORS = 3, 0.7, (0.1, 0.3, 0.5, 0.7, 1.0)
METHODS = ("lux", "lux_errors_understated", "ridge", "cannon")
FIGURE = Path(__file__).resolve().parent / "figures" / "attenuation.png"
CLAIM = Claim(
    __file__,
    "With training labels whose errors are 0.7 of their spread, the mean slopes of Lux's labels, predicted on true and true "
    "on predicted, are within 0.03 of 1 and the 95% bootstrap interval of the latter holds 1, while The Cannon's labels "
    "are stretched: slope of predicted on true within 10% of 1 + sigma^2 / variance.",
    {
        "lux_slope_offset": "<= 0.03",
        "lux_interval_misses_one": "== 0",
        "cannon_over_expected": "<= 1.1",
        "expected_over_cannon": "<= 1.1",
    },
    seed=70,
    smoke_threshold={
        "lux_slope_offset": "<= 0.15",
        "cannon_over_expected": "<= 1.3",
        "expected_over_cannon": "<= 1.3",
    },
)


def slope(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Least-squares slope of each column of y on that of x."""
    x = x - x.mean(axis=0)
    return (x * y).sum(axis=0) / (x**2).sum(axis=0)


def understated(catalog: Catalog) -> Catalog:
    """The same labels with errors said to be ten times smaller than they are."""
    table = catalog.labels()
    labels = LabelTable(table.value, table.error / 10, table.names, table.ids)
    return Catalog({**catalog.outputs, "labels": labels})


def world(error: float, seed: int, n_train: int, n_test: int, pixels: int, methods=METHODS) -> dict:
    """Both slopes of every method and label in one world, and what attenuation predicts for The Cannon."""
    sizes = {"flux": pixels, "labels": LABELS}
    drawn = bilinear(n_train + n_test, sizes, LABELS, key=seed, label_error=error)
    train, test = (drawn.catalog.select(s) for s in (slice(n_train), slice(n_train, None)))
    truth = drawn.noise_free("labels")
    known = train.labels()

    def lux(catalog):
        return transfer(fit(Lux.linear(sizes, LABELS), catalog, key=seed), test.only("flux")).value

    by_name = {
        "lux": lambda: lux(train),
        "lux_errors_understated": lambda: lux(understated(train)),
        "ridge": lambda: ridge(train, test, inputs="flux"),
        "cannon": lambda: cannon(train, test, inputs="flux"),
    }
    found = {name: by_name[name]() for name in methods}
    return {
        "predicted_on_true": {k: slope(v, truth[n_train:]) for k, v in found.items()},
        "true_on_predicted": {k: slope(truth[n_train:], v) for k, v in found.items()},
        "expected": 1 + np.mean(known.error**2, axis=0) / np.var(truth[:n_train], axis=0),
    }


def means(worlds: list[dict], methods=METHODS) -> dict[str, dict]:
    """Mean slope over worlds and labels, with the 95% interval from resampling worlds."""
    out: dict[str, dict] = {}
    for kind in ("predicted_on_true", "true_on_predicted"):
        for name in methods:
            slopes = np.array([w[kind][name] for w in worlds])
            interval = bootstrap_interval(np.mean, [slopes], seed=0, n=2000, level=0.95)
            out.setdefault(name, {})[kind] = {
                "mean": slopes.mean(),
                "interval95": list(interval),
                "by_label": slopes.mean(axis=0),
            }
    return out


def draw(by_error: dict[float, dict], expected: dict[float, float]) -> None:
    """Slope of predicted on true over the size of the label errors."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    looks = {
        "lux": ("luxjax", "#0072B2", "o"),
        "ridge": ("ridge", "#009E73", "s"),
        "cannon": ("The Cannon", "#D55E00", "D"),
    }
    figure, panels = plt.subplots(1, 2, figsize=(7.1, 3.0), layout="constrained", sharex=True)
    kinds = {
        "predicted_on_true": "Slope of predicted on true",
        "true_on_predicted": "Slope of true on predicted",
    }
    errors = np.array(list(by_error))
    for ax, (kind, title) in zip(panels, kinds.items(), strict=True):
        for name, (text, colour, marker) in looks.items():
            cells = [by_error[e][name][kind] for e in by_error]
            mean = np.array([c["mean"] for c in cells])
            low, high = np.array([c["interval95"] for c in cells]).T
            bars = np.maximum([mean - low, high - mean], 0)
            ax.errorbar(errors, mean, bars, color=colour, marker=marker, markersize=4, capsize=2, label=text)
        ax.axhline(1, color="0.6", linewidth=0.8, zorder=0)
        ax.set(xlabel="Label error / spread of the labels", ylabel=title)
    curve = np.array([expected[e] for e in by_error])
    panels[0].plot(
        errors, curve, "--", color="0.2", linewidth=1, label=r"$1 + \sigma^2/\mathrm{var}$", zorder=5
    )
    panels[0].legend(frameon=False)
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=130)


def measure(args) -> dict:
    n_worlds, size = (2, (200, 200, 128)) if args.smoke else (16, (2000, 1000, 512))
    errors, methods = ((ERROR,), ("lux", "cannon")) if args.smoke else (ERRORS, METHODS)
    seeds = np.random.SeedSequence(CLAIM.seed).generate_state(n_worlds)
    worlds = {e: [world(e, int(s), *size, methods) for s in seeds] for e in errors}
    found = {e: means(w, methods) for e, w in worlds.items()}
    expected = {e: float(np.mean([w["expected"] for w in ws])) for e, ws in worlds.items()}
    if not args.smoke:
        draw(found, expected)
    judged = found[ERROR]["lux"]
    low, high = judged["true_on_predicted"]["interval95"]
    stretched = found[ERROR]["cannon"]["predicted_on_true"]["mean"] / expected[ERROR]
    return {
        "lux_slope_offset": max(abs(cell["mean"] - 1) for cell in judged.values()),
        "lux_interval_misses_one": int(not low <= 1 <= high),
        "cannon_over_expected": stretched,
        "expected_over_cannon": 1 / stretched,
        "expected": expected,
        "by_error": found,
        "worlds": n_worlds,
        "stars": {"train": size[0], "test": size[1]},
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
