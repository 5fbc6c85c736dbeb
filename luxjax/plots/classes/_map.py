"""Figures of how stars lie: maps of feature space, and errors along the sequence of classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter
from numpy.typing import ArrayLike

from ...classify.internal import SEQUENCE, Embedding, OrdinalError
from ...core import InputError
from .._style import COLOURS, WIDTH, grid, label_name, note, styled
from ._classes import class_colours

__all__ = ["plot_embedding", "plot_ordinal"]

METHODS = {"pca": "principal components", "tsne": "t-SNE", "umap": "UMAP"}


@styled
def plot_embedding(
    embeddings: Mapping[str, Embedding],
    colour: Sequence[str] | ArrayLike,
    name: str = "",
    *,
    most: int = 5000,
    seed: int = 0,
) -> Figure:
    """Maps side by side, every star in the colour of its class or of a quantity.

    Parameters
    ----------
    embeddings : mapping of str to Embedding
        By what was laid out ("indices", "latents"), of the same stars.
    colour : (row,) sequence of str, or (row,) array
        Classes, or a quantity; stars without are grey.
    name : str
        Name of the quantity, with its unit: ``"teff (K)"``.
    most, seed : int
        Stars to draw, chosen at random.
    """
    if not embeddings:
        raise InputError("give at least one map to draw.")
    values = np.asarray(colour)
    for title, one in embeddings.items():
        if len(one.coordinates) != len(values):
            raise InputError(
                f"map '{title}' is of {len(one.coordinates)} stars, the colours of {len(values)}."
            )
    rows = np.random.default_rng(seed).permutation(len(values))[:most]
    figure, axes = grid(len(embeddings), 3, (WIDTH / min(max(len(embeddings), 2), 3), 2.75), minor=False)
    points = None
    for ax, (title, one) in zip(axes, embeddings.items(), strict=True):
        found = _scatter(ax, one.coordinates[rows], values[rows])
        points = found or points
        ax.set_xticks([])
        ax.set_yticks([])
        method = METHODS.get(one.method, one.method)
        ax.set_title(title if title.lower() == method.lower() else f"{title}: {method}", fontsize=9)
        low, high = one.interval
        note(ax, f"trustworthiness {one.trustworthiness:.3f} [{low:.3f}, {high:.3f}]\nstars shuffled at random {one.null:.2f}", "lower left", fontsize=6.5)  # fmt: skip
        bottom, top = ax.get_ylim()
        ax.set_ylim(bottom - 0.16 * (top - bottom), top)
    if values.dtype.kind not in "fiu":
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside upper center", ncols=len(labels), markerscale=3, handletextpad=0.1
        )
    elif points is not None:
        bar = figure.colorbar(points, ax=axes, aspect=30, pad=0.01)
        word, _, unit = name.partition(" (")
        bar.set_label(f"{label_name(word)} ({unit}" if unit else label_name(word))
        bar.ax.minorticks_off()
    return figure


def _scatter(ax: Axes, xy: np.ndarray, values: np.ndarray):
    look: dict[str, Any] = {"s": 4.0, "linewidths": 0, "alpha": 0.8, "rasterized": True}
    if values.dtype.kind in "fiu":
        known = np.isfinite(values.astype(float))
        ax.scatter(*xy[~known].T, color="#C9C9C9", **look)
        ends = np.nanquantile(values.astype(float), [0.02, 0.98]) if known.any() else (0, 1)
        return ax.scatter(
            *xy[known].T, c=values[known].astype(float), cmap="viridis", vmin=ends[0], vmax=ends[1], **look
        )
    names = [n for n in SEQUENCE if n in set(values)] + sorted(set(map(str, values)) - set(SEQUENCE))
    for n, ink in zip(names, class_colours(names), strict=True):
        ax.scatter(
            [], [], color=ink, label=n, **look
        )  # the legend's, in order; below all are drawn in random order
    inks = dict(zip(names, class_colours(names), strict=True))
    ax.scatter(*xy.T, c=[inks[str(v)] for v in values], **look)
    return None


@styled
def plot_ordinal(error: OrdinalError) -> Figure:
    """Left: the probability of the cooler of two neighbouring classes against the distance to their border. Right: errors by one class and near it.

    Parameters
    ----------
    error : OrdinalError
    """
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    _borders(left, error.borders)
    rows = [("adjacent", "errors by one class"), ("near", "errors within 2.5\nsubclasses of the border")]
    rows = [(k, w) for k, w in rows if np.isfinite(error.value[k])]
    for y, (key, _) in enumerate(rows[::-1]):
        value, (low, high) = error.value[key], error.interval[key]
        right.plot(error.baseline[key], y, "D", color=COLOURS["grey"], markersize=4, markerfacecolor="white", label="by chance" if y == 0 else None)  # fmt: skip
        right.errorbar(value, y, xerr=[[max(value - low, 0)], [max(high - value, 0)]], color=COLOURS["vermilion"], marker="o", markersize=4, label="classifier" if y == 0 else None)  # fmt: skip
    right.set_yticks(range(len(rows)), [w for _, w in rows[::-1]], fontsize=7.5)
    right.set_ylim(-1.3, len(rows) + 0.8)
    right.set_xlim(0, 1.03)
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.minorticks_off()
    right.tick_params(axis="y", which="both", length=0)
    right.set_xlabel("Share of the errors")
    if rows:
        right.legend(loc="lower left", handletextpad=0.3)
    note(right, _words(error))
    return figure


def _borders(ax: Axes, borders: pd.DataFrame) -> None:
    colours = class_colours([b.split("|")[1] for b in dict.fromkeys(borders["border"])])
    for k, ((name, part), colour) in enumerate(
        zip(borders.groupby("border", sort=False), colours, strict=True)
    ):
        part = part.sort_values("distance")
        ends = np.abs(np.stack([part["probability"] - part["lower"], part["upper"] - part["probability"]]))
        ax.errorbar(part["distance"], part["probability"], yerr=ends, color=colour, marker="osD^vp"[k % 6], markersize=3.5, linewidth=1.1, label=str(name).replace("|", " / "))  # fmt: skip
    ax.step(
        [-10, 0, 10],
        [0, 0, 1],
        where="pre",
        color=COLOURS["ink"],
        linewidth=0.8,
        linestyle=(0, (4, 2)),
        label="class known",
    )
    ax.set_xlim(-10.3, 10.3)
    ax.set_ylim(-0.03, 1.03)
    ax.xaxis.set_major_locator(MultipleLocator(5))
    ax.set_xlabel("Distance to the border (subclasses, cooler to the right)")
    ax.set_ylabel("Probability of the cooler class")
    if len(borders):
        ax.legend(loc="upper left")
    else:
        note(ax, "positions along the sequence are not known")


def _words(error: OrdinalError) -> str:
    text = [f"{error.n:,} spectra; mean error {error.value['classes']:.3f} classes"]
    text.append(f"(at the median class {error.baseline['classes']:.2f})")
    if np.isfinite(error.value["subclasses"]):
        low, high = error.interval["subclasses"]
        text.append(f"{error.value['subclasses']:.2f} [{low:.2f}, {high:.2f}] subclasses")
        text.append(f"(class known {error.known:.2f}, at the median {error.baseline['subclasses']:.1f})")
    return "\n".join(text)
