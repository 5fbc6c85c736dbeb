"""Figures of classified stars: confusion, ROC and precision-recall curves, reliability, coverage of sets, scores against S/N.

All are drawn from one table of judged spectra: ``id``, ``snr``, ``truth``, ``class``, ``probability``, ``set``, and for every class X its
probability ``p_X``, and ``raw_X`` before calibration.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from ...classify import reliability
from ...classify.internal import SEQUENCE
from ...stats import Interval, binomial_interval
from .._style import COLOURS, DENSITY, WIDTH, note, styled

__all__ = [
    "class_colours",
    "class_curves",
    "class_reliability",
    "classes_by_snr",
    "confusion",
    "judged_classes",
    "set_coverage",
]

# From hot to cool.
_INK = dict(zip(SEQUENCE, ("purple", "blue", "sky", "green", "orange", "vermilion", "ink"), strict=True))
_LINES = ("-", "--", "-.", ":")
_ON_WHITE = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.85}


def judged_classes(judged: pd.DataFrame) -> list[str]:
    """The classes of a table of judged spectra."""
    return [str(c).removeprefix("p_") for c in judged.columns if str(c).startswith("p_")]


def class_colours(names: Sequence[str]) -> list[str]:
    """A colour for every class: fixed ones along the sequence O to M, others in turn."""
    others = list(_INK.values())
    return [COLOURS[_INK.get(n, others[k % len(others)])] for k, n in enumerate(names)]


def share_interval(right: pd.Series, ids: pd.Series) -> tuple[float, Interval]:
    """A share of spectra with its 95% Wilson interval; as many trials as there are stars, not spectra."""
    share, stars = float(right.mean()), int(ids.nunique())
    return share, binomial_interval(round(share * stars), stars, 0.95)


@styled
def confusion(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Spectra of each true class (row) by the class that they were given (column).

    Parameters
    ----------
    matrix : (true class, predicted class) int array
    names : sequence of str
    """
    matrix = np.asarray(matrix)
    n = len(names)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = max(2.4, 0.52 * n + 0.7)
    figure = Figure(figsize=(size + 0.7, size), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(np.where(matrix > 0, share, np.nan), cmap=DENSITY, vmin=0, vmax=1)
    for row in range(n):
        for column in range(n):
            if matrix[row, column]:
                colour = "white" if share[row, column] > 0.3 else COLOURS["ink"]
                text = f"{share[row, column]:.0%}\n{matrix[row, column]:,}"
                ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=6.5, linespacing=1.1)  # fmt: skip
    ax.set_xticks(range(n), names)
    ax.set_yticks(range(n), names)
    ax.set_xticks(np.arange(n - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(n - 1) + 0.5, minor=True)
    ax.grid(which="minor", color="#E0E0E0", linewidth=0.5)
    ax.tick_params(which="both", length=0)
    ax.set_xlabel("Class given")
    ax.set_ylabel("True class")
    bar = figure.colorbar(image, ax=ax, shrink=0.85, format=PercentFormatter(1, decimals=0))
    bar.set_label("Share of the true class")
    bar.ax.minorticks_off()
    return figure


@styled
def class_curves(judged: pd.DataFrame) -> Figure:
    """Each class against the rest: true against false positives (ROC), and precision against recall."""
    names = [n for n in judged_classes(judged) if 0 < (judged["truth"] == n).sum() < len(judged)]
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    least = 1.0
    for k, (name, colour) in enumerate(zip(names, class_colours(names), strict=True)):
        is_class, p = judged["truth"] == name, judged[f"p_{name}"]
        look = {"color": colour, "linestyle": _LINES[k // len(_INK) % len(_LINES)], "linewidth": 1.1}
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
def class_reliability(judged: pd.DataFrame, n_bins: int = 10) -> Figure:
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


@styled
def set_coverage(levels: Sequence[Mapping[str, float]], judged: pd.DataFrame, level: float) -> Figure:
    """How often sets of classes hold the true one, level by level and class by class, and how large they are.

    Parameters
    ----------
    levels : sequence of mapping
        ``level``, ``fraction``, ``lower``, ``upper``, and the band of right sets, ``band_lower``, ``band_upper``; one spectrum per star.
    judged : DataFrame
    level : float
        Of its sets.
    """
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    at = [e["level"] for e in levels]
    band = [[e[f"band_{end}"] - e["level"] for e in levels] for end in ("lower", "upper")]
    left.fill_between(at, *band, color="#DDDDDD", linewidth=0, label="95% band of right sets")
    off = np.array([e["fraction"] - e["level"] for e in levels])
    ends = [[e["fraction"] - e["lower"] for e in levels], [e["upper"] - e["fraction"] for e in levels]]
    left.errorbar(at, off, yerr=np.maximum(ends, 0), fmt="o", markersize=4, color=COLOURS["blue"], elinewidth=0.9, label="measured")  # fmt: skip
    left.axhline(0, color=COLOURS["ink"], linewidth=0.6)
    left.set_xlabel("Level")
    left.set_ylabel("Coverage less level")
    low, high = left.get_ylim()
    left.set_ylim(low, high + 0.35 * (high - low))
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.legend(loc="upper left")
    inside = _inside(judged)
    names = judged_classes(judged)
    for k, (name, colour) in enumerate(zip(names, class_colours(names), strict=True)):
        rows = judged["truth"] == name
        if rows.any():
            share, (low, high) = share_interval(inside[rows], judged["id"][rows])
            middle.plot([k, k], [low, high], color=colour, linewidth=1)
            middle.plot(k, share, "o", color=colour, markersize=4)
    middle.axhline(level, color=COLOURS["ink"], linewidth=0.6, linestyle=(0, (5, 3)))
    middle.set_xticks(range(len(names)), names)
    middle.tick_params(axis="x", which="both", length=0)
    middle.set_xlim(-0.6, len(names) - 0.4)
    middle.set_xlabel("True class")
    middle.set_ylabel(f"Coverage of {level:.0%} sets")
    middle.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    sizes = judged["set"].fillna("").str.split().str.len()
    count = np.bincount(sizes, minlength=4) / len(sizes)
    right.bar(range(len(count)), count, color=COLOURS["sky"], width=0.7)
    for k, share in enumerate(count):
        right.text(k, share + 0.01, f"{share:.1%}", ha="center", va="bottom", fontsize=7)
    right.set_ylim(0, min(1.12 * max(count), 1.1))
    right.set_xticks(range(len(count)))
    right.tick_params(axis="x", which="both", length=0)
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set_xlabel(f"Classes in the {level:.0%} set")
    right.set_ylabel("Share of spectra")
    return figure


def _inside(judged: pd.DataFrame) -> pd.Series:
    sets = judged["set"].fillna("")
    return pd.Series([t in s.split() for t, s in zip(judged["truth"], sets, strict=True)], judged.index)


@styled
def classes_by_snr(judged: pd.DataFrame, level: float, bins: int = 6) -> Figure | None:
    """Right classes, coverage and size of sets in bins of S/N of equal numbers; None where S/N is not known."""
    known = judged[np.isfinite(judged["snr"]) & (judged["snr"] > 0)]
    bins = min(bins, len(known) // 25)
    if bins < 2:
        return None
    which = pd.qcut(known["snr"], bins, labels=False, duplicates="drop")
    right = known["class"] == known["truth"]
    inside, sizes = _inside(known), known["set"].fillna("").str.split().str.len()
    figure = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    axes = figure.subplots(1, 3)
    for b in np.unique(which):
        rows = which == b
        x, ids = known["snr"][rows].median(), known["id"][rows]
        for ax, hit, label in ((axes[0], right, "share right"), (axes[1], inside, "coverage")):
            share, ends = share_interval(hit[rows], ids)
            ax.plot([x, x], ends, color=COLOURS["blue"], linewidth=0.9)
            ax.plot(x, share, "o", color=COLOURS["blue"], markersize=4, label=label if b == 0 else None)
        mean = known["probability"][rows].mean()
        axes[0].plot(x, mean, "D", markerfacecolor="white", color=COLOURS["vermilion"], markersize=4, label="mean probability given" if b == 0 else None)  # fmt: skip
        error = sizes[rows].std() / np.sqrt(ids.nunique())
        axes[2].errorbar(x, sizes[rows].mean(), 1.96 * error, fmt="o", color=COLOURS["blue"], markersize=4, elinewidth=0.9)  # fmt: skip
    axes[1].axhline(level, color=COLOURS["ink"], linewidth=0.6, linestyle=(0, (5, 3)))
    titles = ("Share of right classes", f"Coverage of {level:.0%} sets", f"Classes in the {level:.0%} set")
    for ax, title in zip(axes, titles, strict=True):
        _snr_axis(ax, known["snr"])
        ax.set_ylabel(title)
    for ax in axes[:2]:
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.set_ylim(top=1.01)
    axes[0].set_ylim(bottom=1.01 - 1.35 * (1.01 - axes[0].get_ylim()[0]))
    axes[0].legend(loc="lower right")
    note(axes[2], f"{len(known):,} spectra", "upper right")
    return figure


def _snr_axis(ax: Axes, snr: pd.Series) -> None:
    low, high = np.quantile(snr, [0.01, 0.99])
    ax.set_xscale("log")
    ax.set_xlim(0.8 * low, 1.25 * high)
    ticks = [t for t in (2, 5, 10, 20, 50, 100, 200, 500) if 0.8 * low < t < 1.25 * high]
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("S/N per pixel in g")
