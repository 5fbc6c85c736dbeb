"""Predicted labels against those that are known."""

from ...plots import plot_one_to_one, plot_residuals
from ...plots.internal import save
from ...runs import RunFolder
from ...stats.internal import Against, has_reference
from .._section import Section, Shown
from ._labels import compared

__all__ = ["observed", "truth"]


def truth(run: RunFolder) -> Section | None:
    """Against the true labels of a simulated survey."""
    return _against(run, "true", "Predicted against true labels")


def observed(run: RunFolder) -> Section | None:
    """Against the observed labels, whose noise is in the scatter."""
    return _against(run, "obs", "Predicted against observed labels")


def _against(run: RunFolder, against: Against, title: str) -> Section | None:
    names = [n for n in compared(run) if has_reference(run.labels[0], n, against)]
    if not names:
        return None
    labels, units = run.labels
    word = {"true": "true", "obs": "observed"}[against]
    save(plot_one_to_one(labels, names, against, units), run.figures, f"one_to_one_{word}")
    save(plot_residuals(labels, names, against, units), run.figures, f"residuals_{word}")
    noise = " Scatter here includes the noise of the observed labels." if against == "obs" else ""
    return Section(
        title,
        figures=(
            Shown(
                f"one_to_one_{word}.png",
                f"Predicted against {word} labels",
                "Look for a cloud along the dashed line of equality. A cloud flatter than the line is shrinkage "
                "towards the mean: little information. Orange: the median errors." + noise,
            ),
            Shown(
                f"residuals_{word}.png",
                f"Residuals against {word} labels",
                f"Predicted minus {word}, with running median and 16th to 84th percentile; carets are stars beyond the "
                f"panel. Against the {word} label (left) a downward slope is expected of posterior means; against "
                "the prediction (middle) a slope is a fault. Against S/N (right) the scatter should fall, without "
                "a trend in the median.",
            ),
        ),
    )
