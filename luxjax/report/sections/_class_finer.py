"""More than the main class: subclass, luminosity class and stage, and atmospheric parameters, as they were evaluated."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from ...plots import plot_one_to_one
from ...plots.internal import label_html, number, plot_stage_borders, save
from ...runs import RunFolder
from ...runs.internal import UNITS
from .._section import Cell, Section, Shown, Table

__all__ = ["class_finer"]


def class_finer(run: RunFolder) -> Section | None:
    """Finer classes and parameters; None for runs that have neither."""
    metrics = run.metrics if run.has("metrics") else {}
    levels = metrics.get("class_levels") or metrics.get("class_heads")  # as it was called
    parameters = metrics.get("class_parameters")
    tables = [_levels_table(levels)] if levels else []
    if parameters:
        tables += [_parameters_table(parameters), *_trends_tables(parameters)]
    figures = _borders_shown(run, levels) if levels else ()
    if parameters:
        names = list(parameters["scores"])
        table = pd.read_csv(run.file("parameters.csv"))
        half = {f"{n}_err": (table[f"{n}_upper"] - table[f"{n}_lower"]) / 2 for n in names}
        frame = table.assign(**half).rename(columns={f"{n}_truth": f"{n}_true" for n in names})
        save(plot_one_to_one(frame, names, "true", UNITS), run.figures, "classes_parameters")
        whose = "true ones" if run.config.get("simulate") else "those of the catalogue"
        caption = f"Parameters of the stars held out against {whose}. A cloud flatter than the dashed line is shrinkage to the mean."
        figures += (Shown("classes_parameters.png", "Predicted against known parameters", caption),)
    return Section("Finer classes and parameters", tables=tuple(tables), figures=figures) if tables else None


UNITS_APART = {"subclass": "subclasses", "luminosity": "luminosity classes", "stage": "stages"}


def _levels_table(found: dict[str, Any]) -> Table:
    rows: list[list[str | Cell]] = []
    for level, e in found["scores"].items():
        if e["spectra"]:
            right = Cell(f"{e['right']:.1%}", f"{e['lower']:.1%} to {e['upper']:.1%}")
            more = [] if "matthews" not in e else [_matthews(e), _apart(level, e), _inside(e)]
            rows.append([level.capitalize(), f"{e['spectra']:,.0f}", right, f"{e['baseline']:.1%}", *more])
    head = ["Level", "Spectra", "Right", "Commonest answer"]
    if rows and len(rows[0]) > len(head):
        head += ["Matthews correlation", "Mean distance", "Sets that hold the true one"]
    caption = (
        "Where both are known. Rare subclasses were joined with their neighbours: a range that holds the true one is right. Distance: in steps "
        "of the level, and with all at the median. Sets of finer levels hold the true class at least as often as asked for. Small print: 95% "
        "interval."
    )
    return Table(head, rows, caption)


def _matthews(e: dict[str, Any]) -> str:
    return "\N{EN DASH}" if e["matthews"] is None else f"{e['matthews']:.2f}"


def _apart(level: str, e: dict[str, Any]) -> str | Cell:
    if e["apart"] is None:
        return "\N{EN DASH}"
    ends = f"{e['apart_lower']:.2f} to {e['apart_upper']:.2f}; median {e['apart_baseline']:.2f}"
    return Cell(f"{e['apart']:.2f} {UNITS_APART.get(level, '')}".strip(), ends)


def _inside(e: dict[str, Any]) -> str | Cell:
    if e.get("inside") is None:
        return "\N{EN DASH}"
    return Cell(
        f"{e['inside']:.1%}", f"{e['inside_lower']:.1%} to {e['inside_upper']:.1%}; mean size {e['size']:.2f}"
    )


def _borders_shown(run: RunFolder, levels: dict[str, Any]) -> tuple[Shown, ...]:
    """The figure of the borders of stages, where gravity is known."""
    table = pd.DataFrame(levels.get("stage_borders") or [])
    if table.empty:
        return ()
    save(plot_stage_borders(table), run.figures, "classes_stages")
    caption = (
        "Stages are cuts through gravity, at log g 4.0 and 3.5 here (3.75 between dwarfs and giants where no subgiant was learnt). The probability of the more evolved stage should rise smoothly through the "
        "border: a slow rise is what the spectra cannot tell, a step aside of it an offset. 95% intervals."
    )
    return (
        Shown(
            "classes_stages.png",
            "Probability of the more evolved of two stages against the distance to their border",
            caption,
            wide=False,
        ),
    )


def _parameters_table(found: dict[str, Any]) -> Table:
    rows: list[list[str | Cell]] = []
    for name, e in found["scores"].items():
        unit = UNITS.get(name, "")
        rows.append([
            Markup(label_html(name)), f"{e['n']:,.0f}",
            Cell(f"{number(e['mae'])} {unit}", f"{number(e['mae_lower'], like=e['mae'])} to {number(e['mae_upper'], like=e['mae'])}"),
            number(e["bias"], like=e["mae"], signed=True), number(e["baseline"], like=e["mae"]),
            Cell(f"{e['coverage']:.1%}", f"{e['coverage_lower']:.1%} to {e['coverage_upper']:.1%}"), f"{number(e['width'])} {unit}",
        ])  # fmt: skip
    head = [
        "Parameter",
        "Spectra",
        "Mean |error|",
        "Bias",
        "Mean |error| of a constant",
        f"In {found['level']:.0%} intervals",
        "Width",
    ]
    return Table(
        head,
        rows,
        "Small print: 95% intervals, bootstrap over stars (exact for the coverage). Width: median of the intervals.",
    )


TRENDS = {
    "slope_label": "per unit of the label",
    "slope_log10_snr": "per tenfold S/N",
    "slope_magnitude": "per magnitude",
}


def _trends_tables(found: dict[str, Any]) -> tuple[Table, ...]:
    """R2, and how errors run with label, S/N and magnitude; none for runs without them."""
    scores = found["scores"]
    columns = [k for k in TRENDS if any(e.get(k) is not None for e in scores.values())]
    if not columns:
        return ()
    rows: list[list[str | Cell]] = []
    for name, e in scores.items():
        cells = [_with_ends(e, k, signed=k != "r2") for k in ("r2", *columns)]
        rows.append([Markup(label_html(name)), *cells])
    caption = (
        "R2: share of the variance of the labels that is explained; a constant has 0. Then the slopes of the error, predicted minus known value: "
        "a constant has -1 per unit of the label, and errors of the known values themselves make this slope more negative. Small print: 95% "
        "bootstrap interval over stars."
    )
    return (Table(["Parameter", "R2", *(f"Error {TRENDS[k]}" for k in columns)], rows, caption),)


def _with_ends(e: dict[str, Any], name: str, *, signed: bool) -> str | Cell:
    value, low, high = (e.get(name + end) for end in ("", "_lower", "_upper"))
    if value is None:
        return "\N{EN DASH}"
    sign = "+" if signed else ""
    return Cell(f"{value:{sign}.3g}", "" if low is None else f"{low:{sign}.3g} to {high:{sign}.3g}")
