"""Figures of several methods on the same stars: how their posteriors agree, and how well each is calibrated."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ...posterior import rank_test
from .._style import COLOURS, WIDTH, grid, label_name, note, styled

__all__ = ["plot_agreement", "plot_calibration_curves"]

INK = ("blue", "vermilion", "green", "purple", "orange", "sky", "grey", "ink")


@styled
def plot_agreement(
    moments: Mapping[str, tuple[np.ndarray, np.ndarray]], reference: str, labels: Sequence[str]
) -> Figure:
    """Means and standard deviations of labels, every star a point, against those of one method.

    Parameters
    ----------
    moments : mapping of str to (mean, sd)
        (star, label) each, by method.
    reference : str
    labels : sequence of str
    """
    names = [name for name in moments if name != reference]
    figure = Figure(figsize=(WIDTH, 0.9 + 0.55 * len(names)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    rng = np.random.default_rng(0)
    for row, name in enumerate(names):
        (mean, sd), (other, other_sd) = moments[name], moments[reference]
        values = ((mean - other) / other_sd, sd / other_sd)
        for j, label in enumerate(labels):
            y = row + 0.7 * ((j + 0.5) / len(labels) - 0.5)
            for ax, value in zip((left, right), values, strict=True):
                jitter = 0.25 / len(labels) * rng.uniform(-1, 1, len(value))
                ax.plot(
                    value[:, j], y + jitter, ".", color=COLOURS[INK[j % len(INK)]], markersize=2.5, alpha=0.6,
                    label=label_name(label) if row == 0 and ax is left else None,
                )  # fmt: skip
    for ax, centre in ((left, 0), (right, 1)):
        ax.axvline(centre, color=COLOURS["ink"], linewidth=0.6, zorder=0)
        ax.tick_params(axis="y", which="minor", left=False, right=False)
        ax.set_ylim(len(names) - 0.5, -0.5)
        for row in range(1, len(names)):
            ax.axhline(row - 0.5, color="#D0D0D0", linewidth=0.5, zorder=0)
    reach = 1.05 * max(0.1, *np.abs(left.get_xlim()))
    left.set_xlim(-reach, reach)
    left.set_yticks(range(len(names)), names)
    left.set_xlabel(f"Difference of means (standard deviations of {reference})")
    right.set_xlabel(f"Standard deviation over that of {reference}")
    figure.legend(loc="outside upper center", ncols=len(labels), markerscale=3)
    return figure


@styled
def plot_calibration_curves(
    ranks: Mapping[str, np.ndarray], draws: int, labels: Sequence[str], *, seed: int
) -> Figure:
    """How far the ranks of true labels depart from uniform, method by method, with simultaneous 95% bands.

    Draws too narrow make an S that begins above zero; draws too wide one that begins below.

    Parameters
    ----------
    ranks : mapping of str to (simulation, label) int array
        By method.
    draws : int
        That the truth is ranked among.
    labels : sequence of str
    seed : int
        Random seed of the bands.
    """
    figure, axes = grid(len(ranks), 3, (WIDTH / 3, 2.1), minor=False, sharex=True, sharey=True)
    for ax, (name, rank) in zip(axes, ranks.items(), strict=True):
        tests = [rank_test(r, draws, seed=seed) for r in rank.T]
        band = tests[0]
        ax.fill_between(
            band.at,
            band.lower - band.at,
            band.upper - band.at,
            color="#E4E4E4",
            linewidth=0,
            label="95% band",
        )
        for j, (label, test) in enumerate(zip(labels, tests, strict=True)):
            ax.plot(test.at, test.ecdf - test.at, color=COLOURS[INK[j % len(INK)]], linewidth=1, label=label_name(label))  # fmt: skip
        ax.axhline(0, color=COLOURS["ink"], linewidth=0.5)
        ax.set_title(name, fontsize=9)
        note(ax, f"smallest p = {min(t.p_value for t in tests):.2g}", "lower left")
    axes[0].set_xlim(0, 1)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    figure.supxlabel("Rank of the true label among draws, as a fraction", fontsize=9)
    figure.supylabel("Fraction below, less uniform", fontsize=9)
    return figure
