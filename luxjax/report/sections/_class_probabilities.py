"""Sections of a run with a classifier: whether its probabilities and sets can be believed, at every S/N."""

from typing import Any

from markupsafe import Markup

from ...plots import plot_classes_by_snr
from ...plots.internal import plot_class_reliability, plot_set_coverage, save
from ...runs import RunFolder
from .._section import Cell, Section, Shown, Table
from ._class_scores import classes_found, read_judged

__all__ = ["class_probabilities", "class_snr"]


def class_probabilities(run: RunFolder) -> Section | None:
    """Whether probabilities mean what they say, and sets hold the true class as often as promised."""
    found = classes_found(run)
    if not found:
        return None
    judged = read_judged(run)
    save(plot_class_reliability(judged), run.figures, "classes_reliability")
    figures = [
        Shown("classes_reliability.png", "Reliability diagrams",
              "Share of right classes among spectra of similar probability, with 95% intervals (Wilson, by stars); points should lie on the "
              "dashed line. Left: the likeliest class, before and after calibration on stars that the classifier has not seen; ECE is "
              "the mean distance from the line in 15 bins. Right: each class, in bins of ten spectra or more.")
    ]  # fmt: skip
    tables = []
    if found["sets"]:
        save(plot_set_coverage(found["sets"], judged, found["level"]), run.figures, "classes_sets")
        figures.append(
            Shown("classes_sets.png", "Coverage and size of conformal sets",
                  "Conformal sets hold the true class with the chance asked for, over all stars (left: measured on one spectrum of each star; "
                  "the band allows for finite calibration and test stars). No promise is made class by class (middle). Right: a "
                  "set of two says that the star is between classes; an empty one that no class is likely enough.")
        )  # fmt: skip
        tables.append(_sets(found["sets"]))
    before, after = found["uncalibrated"], found["scores"]
    said = ", ".join(
        f"{name} {before[key]:.3f} to {after[key]['value']:.3f}"
        for key, name in (("ece", "calibration error"), ("log_loss", "log loss"), ("brier", "Brier score"))
    )
    kind = found["about"]["calibration"]
    text = Markup("<p>Calibration by {} changed {}.</p>").format(
        "one temperature" if kind == "temperature" else "isotonic regression", said
    )
    return Section("Probabilities and sets", text, tables=tuple(tables), figures=tuple(figures))


def class_snr(run: RunFolder) -> Section | None:
    """Scores against S/N, where it is known."""
    found = classes_found(run)
    if not found:
        return None
    figure = plot_classes_by_snr(read_judged(run), found["level"])
    if figure is None:
        return None
    save(figure, run.figures, "classes_snr")
    caption = (
        "In bins of S/N with equal numbers of spectra, with 95% intervals. Probabilities are honest at every S/N where the open "
        "diamonds lie within the bars; coverage is promised over all S/N together, not in each bin."
    )
    return Section("Against S/N", figures=(Shown("classes_snr.png", "Scores against S/N", caption),))


def _sets(levels: list[dict[str, Any]]) -> Table:
    rows: list[list[str | Cell]] = []
    for e in levels:
        inside = e["band_lower"] <= e["fraction"] <= e["band_upper"]
        band = f"band {e['band_lower']:.1%} to {e['band_upper']:.1%}"
        rows.append([
            f"{e['level']:.0%}",
            Cell(f"{e['fraction']:.1%}", band, "pass" if inside else "fail"),
            f"{e['size']:.2f}",
            f"{e['empty']:.1%}",
        ])  # fmt: skip
    return Table(
        ["Level", "Coverage", "Classes in a set", "Empty sets"], rows, f"On {levels[0]['n']:,} stars."
    )
