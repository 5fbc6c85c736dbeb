"""The sections of the page. Each is a function of the run that returns a `Section`, or None without its data.

To add one: write a function ``section(run: RunFolder) -> Section | None`` and put it into `SECTIONS`.
"""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

from ...plots import (
    plot_accuracy,
    plot_coverage,
    plot_history,
    plot_one_to_one,
    plot_pulls,
    plot_residuals,
    plot_spectrum,
)
from ...plots.internal import METHODS, CoverageCell, coverage_cells, label_html, number, save
from ...runs import RunFolder
from ...runs.internal import references
from ...stats import LEVELS, bootstrap_interval, rmse
from ...stats.internal import Against, compare, has_reference, label_names
from .._section import Cell, Section, Shown, Table
from ._by_input import by_input
from ._class_more import class_more
from ._class_page import (
    class_headline,
    class_losses,
    class_mistakes,
    class_probabilities,
    class_scores,
    class_snr,
    class_why,
)
from ._class_sequence import class_maps, class_sequence
from ._methods import methods
from ._posterior_page import (
    posterior_chains,
    posterior_diagnosis,
    posterior_headline,
    posterior_labels,
    posterior_spectra,
)
from ._verdicts import verdicts

__all__ = ["SECTIONS", "headline"]


def headline(run: RunFolder) -> str:
    """One sentence: what was run, on how many stars, and what came out."""
    if not run.has("metrics"):
        return "This run has no metrics yet."
    m = run.metrics
    labels = {k: v for k, v in m.get("labels", {}).items() if v.get("rmse") is not None}
    fit = m.get("fit", {})
    what = f"A {fit['decoder']} Lux" if fit.get("decoder") else "Lux"
    latents = f" with {fit['n_latents']} latents" if fit.get("n_latents") else ""
    stars = max((v.get("n") or 0 for v in labels.values()), default=0)
    said = [
        f"{label_html(k)} to {number(v['rmse'])} {escape(v.get('unit') or '')}".rstrip()
        for k, v in labels.items()
    ]
    numbers = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)
    time = f", in {_duration(m['wall_s'])}" if m.get("wall_s") else ""
    if not labels and (other := posterior_headline(run) or class_headline(run)):
        return other
    if not labels:
        return Markup(f"{escape(what)}{escape(latents)}{time}.")
    return Markup(
        f"{escape(what)}{escape(latents)} predicts {numbers} (RMSE against {_reference(run)} labels) "
        f"for {stars:,} held-out stars{time}."
    )


def _labels(run: RunFolder) -> Section | None:
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
    table = Table(
        [columns[j] for j in keep],
        [[row[j] for j in keep] for row in rows],
        f"Held-out stars, against {_reference(run)} labels. Small print: 68% bootstrap interval over stars. The "
        "bound is the smallest RMSE that the noise of the spectra allows; a smaller one is prior knowledge, not "
        "measurement. Lux lies above it where its decoders cannot follow the curve of growth (a quadratic decoder "
        "comes closer) and because they were learned from a finite, noisy sample. The last columns are RMSEs of "
        "other methods; labels only guesses a label from the predicted others, by their correlation.",
    )
    figures: tuple[Shown, ...] = ()
    if any(m.get("rmse") is not None for m in metrics.values()):
        save(plot_accuracy(metrics), run.figures, "accuracy")
        figures = (
            Shown(
                "accuracy.png",
                "Bars of RMSE for Lux and the baselines, by label",
                "RMSE in units of the label's own spread: at 1 nothing was learned. Look for a bar of Lux close to "
                "the bound (black), and well below labels only; where it is not, the label may be a guess from the "
                "others.",
            ),
        )
    return Section("Labels", tables=(table,), figures=figures)


def _calibration(run: RunFolder) -> Section | None:
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
                "Observed coverage with its 95% Wilson interval. Points should lie on the grey band, open ones do "
                "not. Observed labels alone are a weak test: their own noise can hide errors that are far too small, "
                "which the true labels show.",
            )
        )
    if names := _compared(run):
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


def _against(run: RunFolder, against: Against, title: str) -> Section | None:
    names = [n for n in _compared(run) if has_reference(run.labels[0], n, against)]
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


def _truth(run: RunFolder) -> Section | None:
    return _against(run, "true", "Predicted against true labels")


def _observed(run: RunFolder) -> Section | None:
    return _against(run, "obs", "Predicted against observed labels")


def _spectra(run: RunFolder) -> Section | None:
    if not run.has("examples"):
        return None
    figures = []
    examples = run.examples
    inputs = (run.metrics.get("inputs") if run.has("metrics") else None) or list(examples)
    for output, example in examples.items():
        unseen = (
            ""
            if output in inputs
            else f" This model spectrum was predicted from {' and '.join(inputs)} alone."
        )
        for star in range(min(1 if len(examples) > 1 else 2, len(example.ids))):
            name = f"spectrum_{''.join(c if c.isalnum() else '_' for c in output)}_{star + 1}"
            save(plot_spectrum(example, star, title=f"{output} {example.ids[star]}"), run.figures, name)
            figures.append(
                Shown(
                    f"{name}.png",
                    f"Spectrum and model of {example.ids[star]}",
                    f"{output}, star {example.ids[star]}. Residuals (blue, in sigma) should be noise within the grey "
                    "band two times out of three; structure at lines is something the model does not know."
                    + unseen,
                )
            )
    return Section("Example spectra", figures=tuple(figures)) if figures else None


def _fit(run: RunFolder) -> Section | None:
    fit = run.metrics.get("fit") if run.has("metrics") else None
    if not fit:
        return None
    rows: list[list[str | Cell]] = [
        [key.replace("_", " "), _value(value)]
        for key, value in fit.items()
        if not isinstance(value, list | dict)
    ]
    rows += [
        [f"{key.replace('_', ' ')} (s)", f"{t:.2f}"] for key, t in (run.metrics.get("timings") or {}).items()
    ]
    objective = [v for v in fit.get("objective") or [] if v is not None]
    figures: tuple[Shown, ...] = ()
    if len(objective) > 1:
        save(plot_history(objective, fit.get("tolerance")), run.figures, "history")
        figures = (
            Shown(
                "history.png",
                "Objective by cycle",
                "Distance of the objective J from its last value. It should fall steadily to rounding error; a "
                "plateau at the end means the fit was stopped early.",
                wide=False,
            ),
        )
    return Section("Fit", tables=(Table(["", "Value"], rows),) if rows else (), figures=figures)


def _configuration(run: RunFolder) -> Section:
    return Section(
        "Configuration", f"Random seed {run.seed}.", pre=(run.path / "config.toml").read_text("utf-8")
    )


def _versions(run: RunFolder) -> Section:
    return Section("Versions", tables=(Table(["", "Version"], [[k, v] for k, v in run.versions.items()]),))


def _cite(run: RunFolder) -> Section:
    text = Markup("").join(Markup("<p>{}</p>").format(r) for r in references(run))
    return Section("How to cite", text)


SECTIONS: list[Callable[[RunFolder], Section | None]] = [
    class_scores,
    class_probabilities,
    class_snr,
    class_sequence,
    class_more,
    class_why,
    class_maps,
    class_mistakes,
    class_losses,
    methods,
    posterior_diagnosis,
    posterior_labels,
    posterior_spectra,
    posterior_chains,
    _labels,
    verdicts,
    by_input,
    _calibration,
    _truth,
    _observed,
    _spectra,
    _fit,
    _configuration,
    _versions,
    _cite,
]


def _compared(run: RunFolder) -> list[str]:
    """Predicted labels with something to compare them to."""
    if not run.has("labels"):
        return []
    labels, _ = run.labels
    return [
        n for n in label_names(labels) if has_reference(labels, n, "true") or has_reference(labels, n, "obs")
    ]


def _reference(run: RunFolder) -> str:
    """What the metrics compare with: the truth where it is known."""
    labels = run.labels[0] if run.has("labels") else None
    truth = labels is not None and any(has_reference(labels, n, "true") for n in label_names(labels))
    return "true" if truth else "observed"


def _rmse_intervals(run: RunFolder) -> dict[str, tuple[float, float]]:
    """68% bootstrap intervals of the RMSE, against what the metrics compare with; too slow for huge samples."""
    found: dict[str, tuple[float, float]] = {}
    if run.has("labels") and len(run.labels[0]) <= 20_000:
        labels, _ = run.labels
        for name in _compared(run):
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


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
