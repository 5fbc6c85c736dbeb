"""Residuals in units of their errors, compared with the unit Gaussian: whether errors are believable."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from ...stats import robust_scatter
from ...stats.internal import compare, has_reference
from .._style import COLOURS, grid, label_name, note, styled

__all__ = ["plot_pulls"]

_LIMIT = 5.0
_WAYS = (("obs", "observed", "sky"), ("true", "true", "vermilion"))


@styled
def plot_pulls(labels: pd.DataFrame, names: Sequence[str], bins: int = 40) -> Figure:
    """One panel per label: the distribution of pulls, the unit Gaussian, and their robust widths in print.

    Against observed labels a pull is (predicted - observed) / sqrt(sigma_pred^2 + sigma_obs^2), filled; against
    the truth, where known, (predicted - true) / sigma_pred, as a line. Pulls beyond 5 are put in the last bins.
    """
    figure, axes = grid(len(names), 3, (2.37, 1.95), sharex=True, sharey=True)
    x = np.linspace(-_LIMIT, _LIMIT, 400)
    edges = np.linspace(-_LIMIT, _LIMIT, bins + 1)
    for k, (ax, name) in enumerate(zip(axes, names, strict=True)):
        lines = []
        for against, word, colour in _WAYS:
            if not has_reference(labels, name, against):  # type: ignore[arg-type]
                continue
            pull = compare(labels, name, against).pull  # type: ignore[arg-type]
            filled = against == "obs"
            weights = np.full(len(pull), 1 / (len(pull) * np.diff(edges)[0]))
            ax.hist(
                np.clip(pull, -_LIMIT, _LIMIT),
                list(edges),
                weights=weights,
                histtype="stepfilled" if filled else "step",
                color=COLOURS[colour],
                alpha=0.55 if filled else 1,
                linewidth=0 if filled else 1.3,
                label=f"against {word}",
            )
            lines.append(rf"{word}: $\sigma$ = {robust_scatter(pull):.2f}, $\mu$ = {np.mean(pull):+.2f}")
        ax.plot(
            x,
            stats.norm.pdf(x),
            color=COLOURS["ink"],
            linewidth=1,
            linestyle=(0, (5, 2)),
            label="unit Gaussian",
        )
        ax.set_xlim(-_LIMIT, _LIMIT)
        ax.set_title(label_name(name))
        note(ax, "\n".join(lines).replace("-", "\N{MINUS SIGN}"), "upper right")
        if k % 3 == 0:
            ax.set_ylabel("Density")
        else:
            ax.tick_params(labelleft=False)
        ax.set_xlabel("Pull")
        ax.tick_params(labelbottom=True)
    axes[0].set_ylim(
        0, max(0.68, 1.35 * max(ax.dataLim.y1 for ax in axes))
    )  # of all, whose heights are compared
    handles, words = axes[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=len(words))
    return figure
