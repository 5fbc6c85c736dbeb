"""The figures of a posterior's page, drawn from what its run keeps."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..core import InputError
from ..plots import (
    plot_corner,
    plot_energies,
    plot_label_intervals,
    plot_predictive,
    plot_rank_bars,
    plot_traces,
)
from ..plots.internal import save
from ..posterior import SamplePosterior
from ..runs import RunFolder
from ..runs.internal import read_posterior

__all__ = ["draw_posterior"]


def draw_posterior(run: RunFolder) -> None:
    """Draw all figures that this kind of posterior has; nothing where the run has no posterior."""
    kept = read_posterior(run)
    if kept is None:
        return
    posterior, shown, truth, key = kept.posterior, kept.shown, kept.truth, kept.seed
    drawn: dict[str, Callable[[], Any]] = {
        "posterior_labels": lambda: plot_label_intervals(shown, kept.observed, truth, key=key),
        "posterior_corner": lambda: plot_corner(shown, 0, None if truth is None else truth[0], key=key),
        "posterior_spectrum": lambda: plot_predictive(shown, 0, key=key),
    }
    if isinstance(posterior, SamplePosterior) and "diverging" in posterior.stats:
        drawn |= {
            "posterior_traces": lambda: plot_traces(posterior),
            "posterior_ranks": lambda: plot_rank_bars(posterior),
            "posterior_energies": lambda: plot_energies(posterior),
        }
    for name, draw in drawn.items():
        with suppress(InputError):  # chains too short to draw, say: the diagnosis tells
            save(draw(), run.figures, name)
