"""The labels of the held-out stars: how accurate they are, compared with other methods."""

from typing import Any

from markupsafe import Markup

from ...plots.internal import METHODS, label_html, number, plot_accuracy, save
from ...runs import RunFolder
from ...stats import bootstrap_interval, rmse
from ...stats.internal import compare, has_reference, label_names
from .._section import Cell, Section, Shown, Table

__all__ = ["compared", "labels", "reference"]


def labels(run: RunFolder) -> Section | None:
    """RMSE and bias of every label, with the bound and the baselines where they are known."""
    if not run.has("metrics") or not run.metrics.get("labels"):
        return None
    metrics = run.metrics["labels"]
    intervals = _rmse_intervals(run)
    baselines = [
        b for b in METHODS if any((m.get("baselines") or {}).get(b) is not None for m in metrics.values())
    ]
    columns = ["Label", "Stars", "RMSE", "Bias", "Bound", "RMSE / bound", *(METHODS[b][0] for b in baselines)]
    rows: list[list[str | Cell]] = []
    for name, m in metrics.items():
        unit, scale, bound = m.get("unit") or "", m.get("rmse"), m.get("bound_rmse")
        interval = intervals.get(name)
        span = f"{number(interval[0], like=scale)} to {number(interval[1], like=scale)}" if interval else ""
        rows.append(
            [
                Markup(label_html(name)),
                f"{m['n']:,}" if m.get("n") is not None else "",
                Cell(_number(m.get("rmse"), like=scale) + (f" {unit}" if unit else ""), span),
                _number(m.get("bias"), like=scale, signed=True),
                _number(bound, like=scale),
                f"{scale / bound:.2f}" if scale and bound else "",
                *(_number((m.get("baselines") or {}).get(b), like=scale) for b in baselines),
            ]
        )
    keep = [j for j in range(len(columns)) if any(_text(row[j]) for row in rows)]
    shown = {columns[j] for j in keep}
    table = Table(
        [columns[j] for j in keep],
        [[row[j] for j in keep] for row in rows],
        _caption(run, shown, bool(intervals), bool(baselines)),
    )
    figures: tuple[Shown, ...] = ()
    if any(m.get("rmse") is not None for m in metrics.values()):
        save(plot_accuracy(metrics), run.figures, "accuracy")
        figures = (
            Shown(
                "accuracy.png",
                "Bars of RMSE for Lux and the baselines, by label",
                _look(shown),
            ),
        )
    return Section("Labels", tables=(table,), figures=figures)


def _caption(run: RunFolder, shown: set[str], intervals: bool, baselines: bool) -> str:
    """What the columns are that the table has."""
    said = [f"Held-out stars, against {reference(run)} labels."]
    if intervals:
        said.append("Small print: 68% bootstrap interval over stars.")
    if "Bound" in shown:
        said.append(
            "The bound is the smallest RMSE that the noise of the spectra allows; a smaller one is prior knowledge, not "
            "measurement. Lux lies above it where its decoders cannot follow the curve of growth (a quadratic decoder "
            "comes closer) and because they were learned from a finite, noisy sample."
        )
    if baselines:
        said.append("The last columns are RMSEs of other methods.")
    if METHODS["labels_only"][0] in shown:
        said.append('"Labels only" guesses a label from the predicted others, by their correlation.')
    return " ".join(said)


def _look(shown: set[str]) -> str:
    """What to look for in the figure, of what it has."""
    said = ["RMSE in units of the label's own spread: at 1 nothing was learned."]
    wanted = ["close to the bound (black)"] if "Bound" in shown else []
    if METHODS["labels_only"][0] in shown:
        wanted.append("well below labels only; where it is not, the label may be a guess from the others")
    if wanted:
        said.append(f"Look for a bar of Lux {' and '.join(wanted)}.")
    elif METHODS["ridge"][0] in shown:
        said.append("Look for a bar of Lux no higher than that of ridge regression.")
    return " ".join(said)


def compared(run: RunFolder) -> list[str]:
    """Predicted labels with something to compare them to."""
    if not run.has("labels"):
        return []
    labels, _ = run.labels
    return [
        n for n in label_names(labels) if has_reference(labels, n, "true") or has_reference(labels, n, "obs")
    ]


def reference(run: RunFolder) -> str:
    """What the metrics compare with: the truth where it is known."""
    table = run.labels[0] if run.has("labels") else None
    truth = table is not None and any(has_reference(table, n, "true") for n in label_names(table))
    return "true" if truth else "observed"


def _rmse_intervals(run: RunFolder) -> dict[str, tuple[float, float]]:
    """68% bootstrap intervals of the RMSE, against what the metrics compare with; too slow for huge samples."""
    found: dict[str, tuple[float, float]] = {}
    if run.has("labels") and len(run.labels[0]) <= 20_000:
        labels, _ = run.labels
        for name in compared(run):
            c = compare(labels, name, "true" if has_reference(labels, name, "true") else "obs")
            stated = (run.metrics["labels"].get(name) or {}).get("rmse")
            # Only where the table and the metrics speak of the same stars.
            if stated is not None and abs(c.rmse / stated - 1) < 0.01:
                found[name] = bootstrap_interval(rmse, [c.predicted, c.reference], seed=0, n=400)
    return found


def _number(value: float | None, **kwargs: Any) -> str:
    return "" if value is None else number(value, **kwargs)


def _text(cell: str | Cell) -> str:
    return cell.text if isinstance(cell, Cell) else cell
