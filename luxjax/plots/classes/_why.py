"""Figures of what a classifier goes by: families ranked naively and honestly, Shapley values of classes and of one spectrum."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...classify.internal import RankingComparison, family_words
from ...core import InputError
from ...interpret.internal import FeatureRanks, Shapley
from ...stats import Ranking
from .._style import COLOURS, WIDTH, styled

__all__ = [
    "feature_name",
    "plot_family_ranking",
    "plot_naive_and_honest",
    "plot_shapley_classes",
]

_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ"}
LOW_HIGH = LinearSegmentedColormap.from_list("low_high", ["#0072B2", "#C9C9C9", "#D55E00"])


def family_name(family: str) -> str:
    """A feature family in print."""
    words = family_words(family).replace("$", r"\$")
    return words.replace("Å", r"$\mathrm{\AA}$").replace("₂", "$_2$")  # letters that the font may lack


def feature_name(name: str) -> str:
    """A feature in print: ``Hbeta_depth`` is Hβ depth, ``CaII_K`` is Ca II K."""
    found = re.sub(r"\bH(alpha|beta|gamma|delta)", lambda m: "H" + _GREEK[m[1]], name)
    found = re.sub(r"^(Ca|He|Na|Mg|O)(II|I)(?![A-Za-z])_?", r"\1 \2 ", found).strip()
    return found.replace("_", " ").replace("$", r"\$")


def _figure(width: float, height: float) -> Figure:
    """With room at the sides: the names of features are long, and a PNG's letters a little wider than a PDF's."""
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("constrained", w_pad=0.09)
    return figure


def _dots(ax: Axes, ranking: Ranking, names: Sequence[str], colours: Sequence[str]) -> None:
    """Values with their 95% intervals, the first name on top; the null as a line."""
    table = ranking.table().loc[list(names)]
    y = np.arange(len(names))[::-1]
    ends = np.abs(np.stack([table["value"] - table["lower"], table["upper"] - table["value"]]))
    for k, colour in enumerate(colours):
        ax.errorbar(
            table["value"].iloc[k],
            y[k],
            xerr=ends[:, [k]],
            color=colour,
            marker="o",
            markersize=3.5,
            linewidth=1.1,
        )
    ax.axvline(float(np.mean(ranking.null)), color=COLOURS["ink"], linewidth=0.7, zorder=0)
    if ranking.noise > 0:
        ax.axvspan(-ranking.noise, ranking.noise, color="#E4E4E4", linewidth=0, zorder=0)
    ax.set_ylim(-0.7, len(names) - 0.3)
    ax.set_xlim(min(ax.get_xlim()[0], -0.02 * table["upper"].max()), None)
    ax.tick_params(axis="y", which="both", length=0)
    ax.grid(axis="y", which="major", color="#EAEAEA", linewidth=0.6)
    ax.minorticks_off()
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.set_axisbelow(True)


@styled
def plot_family_ranking(ranking: Ranking, *, n: int = 20, features: bool = False) -> Figure:
    """One ranking, most important first, with 95% intervals from bootstrap samples of stars; its noise as a grey band.

    Parameters
    ----------
    ranking : Ranking
    n : int
        How many to show.
    features : bool
        Whether the names are of features rather than families.
    """
    names = list(ranking.table().index[:n])
    figure = _figure(3.5, 0.19 * len(names) + 0.75)
    ax = figure.subplots()
    _dots(ax, ranking, names, [COLOURS["blue"]] * len(names))
    ax.set_yticks(
        np.arange(len(names))[::-1], [(feature_name if features else family_name)(n) for n in names]
    )
    ax.set_xlabel(_title(ranking))
    return figure


def _title(ranking: Ranking) -> str:
    what = ranking.what[:1].upper() + ranking.what[1:]
    return f"{what}\n({ranking.unit})" if "(" not in ranking.unit else f"{what}\n{ranking.unit}"


@styled
def plot_naive_and_honest(comparison: RankingComparison, *, title: str = "", most: int = 20) -> Figure:
    """The naive ranking on the left, the honest ones to its right, families in the naive order.

    The families of the claim are in colour; a grey band is what training again changes. Above every panel stands what it says of the claim, with the share of bootstrap samples in which the
    claim holds.

    Parameters
    ----------
    comparison : RankingComparison
    title : str
    most : int
        Families to show; those of the claim always.
    """
    order = list(comparison.table().index)
    claimed = {*comparison.first, *comparison.second}
    names = [n for k, n in enumerate(order) if k < most or n in claimed]
    ink = {n: COLOURS["vermilion"] for n in comparison.first} | {
        n: COLOURS["blue"] for n in comparison.second
    }
    columns = len(comparison.rankings)
    figure = _figure(max(WIDTH, 1.15 + 1.35 * columns), 0.19 * len(names) + 1.35)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    claim = comparison.claim
    for k, (ax, (name, ranking)) in enumerate(zip(axes, comparison.rankings.items(), strict=True)):
        _dots(ax, ranking, names, [ink.get(n, COLOURS["grey"]) for n in names])
        row, words = (
            claim.loc[name],
            name.replace("permutation at", "permutation\nat").replace("training ", "training\n"),
        )
        words = words if "\n" in words else words.replace("mean absolute ", "naive: mean\nabsolute ")
        words = words if "\n" in words else words + "\n"
        ax.set_title(f"{words}\n{row['says']} ({row['chance']:.0%})", fontsize=8, linespacing=1.3)
        ax.set_xlabel("nats" if "nats" in ranking.unit else ranking.unit)
        labels = [family_name(n) for n in names] if k == 0 else []
        ax.set_yticks(np.arange(len(names))[::-1], labels or [""] * len(names))
    for tick, name in zip(axes[0].get_yticklabels(), names, strict=True):
        tick.set_color(ink.get(name, COLOURS["ink"]))
    first, second = ([family_name(n) for n in part] for part in (comparison.first, comparison.second))
    text = f"Claim: {' and '.join(first)} outrank {' and '.join(second)}"
    figure.suptitle(f"{title}\n{text}" if title else text, fontsize=9.5)
    return figure


@styled
def plot_shapley_classes(
    shapley: Shapley, ranks: FeatureRanks, *, n: int = 8, most: int = 1500, seed: int = 0
) -> Figure:
    """For each class the features that move its score most: every spectrum a point, coloured by the feature's rank among the spectra.

    Parameters
    ----------
    shapley : Shapley
    ranks : FeatureRanks
        Ranks of the same values.
    n : int
        Features of each class.
    most, seed : int
        Spectra to draw, chosen at random.
    """
    for name in shapley.labels:
        if name not in ranks.features:
            raise InputError(f"the ranking has no class '{name}'; make it from the same Shapley values.")
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(shapley.values))[:most])
    level = pd.DataFrame(shapley.data[rows]).rank(pct=True).to_numpy()
    columns = min(3, len(shapley.labels))
    deep = -(-len(shapley.labels) // columns)
    figure = _figure(WIDTH, deep * (0.2 * n + 0.62) + 0.35)
    axes = figure.subplots(deep, columns, squeeze=False).ravel()
    for ax in axes[len(shapley.labels) :]:
        ax.remove()
    used = list(axes[: len(shapley.labels)])
    for k, (ax, name) in enumerate(zip(used, shapley.labels, strict=True)):
        best = [shapley.features.index(f) for f in ranks.features[name].table().index[:n]]
        for y, j in zip(range(len(best))[::-1], best, strict=True):
            values = shapley.values[rows, j, k]
            ax.scatter(
                values, y + _sideways(values, rng), c=np.nan_to_num(level[:, j], nan=0.5), cmap=LOW_HIGH, vmin=0, vmax=1, s=1.6,
                linewidths=0, rasterized=True,
            )  # fmt: skip
        ax.axvline(0, color=COLOURS["ink"], linewidth=0.6, zorder=0)
        ax.set_yticks(
            np.arange(len(best))[::-1], [feature_name(shapley.features[j]) for j in best], fontsize=7
        )
        ax.set_ylim(-0.6, len(best) - 0.4)
        ax.tick_params(axis="y", which="both", length=0)
        ax.minorticks_off()
        ax.set_title(f"Class {name}", fontsize=9)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    figure.supxlabel(f"Shapley value: {shapley.output}", fontsize=9)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), LOW_HIGH), ax=used, shrink=0.6, aspect=30, ticks=[0, 1], pad=0.01
    )
    bar.ax.set_yticklabels(["low", "high"])
    bar.ax.minorticks_off()
    bar.set_label("Feature among the spectra", labelpad=2)
    return figure


def _sideways(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Offsets that widen a row of points where they are many."""
    count, edges = np.histogram(values, 40)
    dense = count[np.clip(np.digitize(values, edges) - 1, 0, 39)] / max(count.max(), 1)
    return 0.38 * np.sqrt(dense) * rng.uniform(-1, 1, len(values))
