"""Figures of the probabilities of classes: ROC and precision-recall curves, and reliability."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from ...classify import reliability
from ...stats.internal import share_interval
from .._style import COLOURS, WIDTH, styled
from ._classes import INK, class_colours, judged_classes

__all__ = ["plot_class_curves", "plot_class_reliability"]

_LINES = ("-", "--", "-.", ":")
_ON_WHITE = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.85}


@styled
def plot_class_curves(judged: pd.DataFrame) -> Figure:
    """Each class against the rest: true against false positives (ROC), and precision against recall."""
    names = [n for n in judged_classes(judged) if 0 < (judged["truth"] == n).sum() < len(judged)]
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    least = 1.0
    for k, (name, colour) in enumerate(zip(names, class_colours(names), strict=True)):
        is_class, p = judged["truth"] == name, judged[f"p_{name}"]
        look = {"color": colour, "linestyle": _LINES[k // len(INK) % len(_LINES)], "linewidth": 1.1}
        false, true, _ = roc_curve(is_class, p)
        least = min(least, 1 / max((~is_class).sum(), 1))
        left.step(np.maximum(false, 1e-6), true, where="post", label=f"{name}  {roc_auc_score(is_class, p):.3f}", **look)  # fmt: skip
        precision, recall, _ = precision_recall_curve(is_class, p)
        right.step(recall, precision, where="pre", label=f"{name}  {average_precision_score(is_class, p):.3f}", **look)  # fmt: skip
        right.axhline(is_class.mean(), color=colour, linewidth=0.5, linestyle=(0, (1, 3)))
    x = np.geomspace(0.5 * least, 1, 50)
    left.plot(x, x, color=COLOURS["grey"], linewidth=0.6, linestyle=(0, (5, 3)))
    left.set_xscale("log")
    left.set_xlim(0.5 * least, 1)
    left.set_ylim(0, 1.02)
    left.set_xlabel("False positives: share of the others given this class")
    left.set_ylabel("True positives: share of the class found")
    right.set_xlim(0, 1)
    right.set_ylim(0, 1.02)
    right.set_xlabel("Recall")
    right.set_ylabel("Precision")
    columns = 1 + (len(names) > 8)
    left.legend(title="Area under the curve", loc="lower right", ncols=columns, **_ON_WHITE)
    right.legend(title="Average precision", loc="lower left", ncols=columns, **_ON_WHITE)
    return figure


@styled
def plot_class_reliability(judged: pd.DataFrame, n_bins: int = 10) -> Figure:
    """Share of right classes in bins of probability: of the likeliest class before and after calibration, and class by class."""
    names = judged_classes(judged)
    codes = pd.Index(names).get_indexer(pd.Index(judged["truth"]))
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    (left, right), (below, beside) = figure.subplots(2, 2, sharex="col", height_ratios=(3, 1))
    raw = all(f"raw_{n}" in judged for n in names)
    for prefix, colour, label, marker in (("raw_", "grey", "before calibration", "o"), ("p_", "blue", "calibrated", "s")):  # fmt: skip
        if prefix == "raw_" and not raw:
            continue
        p = judged[[f"{prefix}{n}" for n in names]].to_numpy()
        found = reliability(p, codes, n_bins=n_bins)
        which = np.minimum((p.max(axis=1) * n_bins).astype(int), n_bins - 1)
        hit = pd.Series(p.argmax(axis=1) == codes)
        for b in np.flatnonzero(found.count):
            _, ends = share_interval(hit[which == b], judged["id"][which == b])
            left.plot([found.confidence[b]] * 2, ends, color=COLOURS[colour], linewidth=0.9)
        used = found.count > 0
        left.plot(found.confidence[used], found.accuracy[used], marker, color=COLOURS[colour], markersize=4, label=f"{label}: ECE {reliability(p, codes).error:.3f}")  # fmt: skip
        below.stairs(found.count, found.edges, color=COLOURS[colour], linewidth=1)
    for name, colour in zip(names, class_colours(names), strict=True):
        own, is_class = judged[f"p_{name}"].to_numpy(), judged["truth"] == name
        which = np.minimum((own * n_bins).astype(int), n_bins - 1)
        count = np.bincount(which, minlength=n_bins)
        for b in np.flatnonzero(count >= 10):
            share, ends = share_interval(is_class[which == b], judged["id"][which == b])
            right.plot([own[which == b].mean()] * 2, ends, color=colour, linewidth=0.7)
            right.plot(own[which == b].mean(), share, "o", color=colour, markersize=3.5)
        right.plot([], [], "o", color=colour, markersize=3.5, label=name)
        beside.stairs(count, np.linspace(0, 1, n_bins + 1), color=colour, linewidth=0.8)
    for ax in (left, right):
        ax.plot([0, 1], [0, 1], color=COLOURS["ink"], linewidth=0.6, linestyle=(0, (5, 3)), zorder=0)
        ax.set_ylim(-0.02, 1.02)
    left.set_xlim(min(0.3, 1 / len(names)), 1)
    right.set_xlim(0, 1)
    left.set_ylabel("Share that are right")
    right.set_ylabel("Share of the class")
    below.set_xlabel("Probability of the likeliest class")
    beside.set_xlabel("Probability of a class")
    for ax in (below, beside):
        ax.set_yscale("log")
        ax.set_ylabel("Spectra")
    left.legend(loc="lower right")
    right.legend(loc="lower right", ncols=2)
    return figure
