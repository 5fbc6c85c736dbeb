"""Whether the errors of the labels can be believed: coverage of intervals, and pulls."""

from markupsafe import Markup

from ...plots import plot_pulls
from ...plots.internal import CoverageCell, coverage_cells, label_html, plot_coverage, save
from ...runs import RunFolder
from ...stats import LEVELS
from .._section import Cell, Section, Shown, Table
from ._labels import compared

__all__ = ["calibration"]


def calibration(run: RunFolder) -> Section | None:
    """Coverage of every label in its band, and the distributions of the pulls."""
    if not run.has("metrics"):
        return None
    cells = coverage_cells(run.metrics.get("labels", {}))
    tables, figures = [], []
    if cells:
        tables.append(_coverage_table(cells))
        save(plot_coverage(cells), run.figures, "coverage")
        figures.append(
            Shown(
                "coverage.png",
                "Observed coverage by label at each level",
                "Observed coverage with its 95% Wilson interval. Points should lie on the grey band; those that do not "
                "are drawn open."
                + (
                    ""
                    if any(c.against == "true" for c in cells)
                    else " Observed labels alone are a weak test: their own noise can hide errors that are far too small."
                ),
            )
        )
    if names := compared(run):
        labels, _ = run.labels
        save(plot_pulls(labels, names), run.figures, "pulls")
        figures.append(
            Shown(
                "pulls.png",
                "Pull distributions by label with the unit Gaussian",
                "Residuals in units of their errors (those of prediction and observed label in quadrature). Widths "
                "(1.48 MAD) above 1 mean errors too small, below 1 too large; a mean away from 0 is a bias. Pulls "
                "beyond 5 are in the outermost bins.",
            )
        )
    return (
        Section("Uncertainties", tables=tuple(tables), figures=tuple(figures)) if tables or figures else None
    )


def _coverage_table(cells: list[CoverageCell]) -> Table:
    ways = [(a, level) for a in ("true", "obs") for level in LEVELS]
    ways = [w for w in ways if any((c.against, c.level) == w for c in cells)]
    words = {"true": "true labels", "obs": "observed labels"}
    found = {(c.label, c.against, c.level): c for c in cells}
    rows: list[list[str | Cell]] = []
    for name in dict.fromkeys(c.label for c in cells):
        row: list[str | Cell] = [Markup(label_html(name))]
        for way in ways:
            cell = found.get((name, *way))
            if cell is None:
                row.append("")
                continue
            mark = {True: "pass", False: "fail", None: ""}[cell.passed]
            band = f"band {cell.band.lower:.1%} to {cell.band.upper:.1%}" if cell.band else ""
            row.append(Cell(f"{cell.observed.fraction:.1%}", band, mark))
        rows.append(row)
    return Table(
        ["Label", *(f"{level:.0%}, {words[a]}" for a, level in ways)],
        rows,
        f"Share of stars whose interval holds the label. If all intervals are right, all {len(cells)} coverages lie in "
        "their bands with a probability of about 95%; the bands allow for the finite numbers of test and calibration "
        "stars.",
    )
