"""One page per label, on whether it was measured: the verdict, all evidence in one table, and the figures."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from ..core.internal import rounded
from ..evidence import Evidence, Explanation
from ..evidence.internal import line_of_evidence
from ..plots.internal import (
    label_html,
    plot_off_trend,
    plot_saliency,
    plot_supporting,
    plot_tests,
    plot_twins,
    plot_zooms,
    save,
)
from ..runs import RunFolder
from ..runs.internal import figure_name, page_name, read_explanations
from ._html import write_page
from ._section import Cell, Section, Shown, Table
from .sections._verdicts import caveat_name, number, span

__all__ = ["render_explanations"]

# What the numbers of the rule are. Its own upper limit of the response, more careful than the interval, is in the JSON alone:
# two upper limits of one number on one page would be one too many.
WORDS = {
    "response": "off-trend response",
    "response_lower": "off-trend response: lower end of its 95% interval",
    "response_interval_upper": "off-trend response: upper end of its 95% interval",
    "covariance": "covariance of prediction and label off the trend",
    "covariance_error": "covariance: its standard error",
    "response_z": "covariance in standard errors",
    "tau2": "variance of the label off the trend, without noise",
    "tau2_error": "variance: its standard error",
    "tau2_z": "variance in standard errors",
    "label_error": "error of the observed label, root mean square",
    "expected_t": "T that a good line would have shown",
    "n": "stars",
    "element_line_t": "T of the element lines",
    "element_line_information": "information in the element lines, per star",
    "own_response": "response by the pixels of the element lines",
    "rest_response": "response by all other pixels",
    "own_response_z": "response by the pixels of the element lines, in standard errors",
    "element_share": "share of the response by the pixels of the element lines",
    "line_shape": "share of what follows the label that has the shape of lines",
}
FIGURES: tuple[tuple[Any, str, str, str | Mapping[str, str]], ...] = (
    (
        plot_off_trend,
        "off_trend",
        "Observed label against prediction and element lines, off trend",
        {
            "": "The label when its trend with the other labels is taken away.",
            "response": "Prediction against observed label: a pure guess lies on the dotted line, a perfect measurement on the "
            "dashed one; red: the response with its 95% interval, corrected for the noise of the observed label, which flattens "
            "the running median (orange; typical error at the lower left).",
            "element_lines": "Element lines: how much deeper they are than the rest of the spectrum says; those of a measured "
            "label rise.",
            "shifted": "T: the significance of that rise (red), with that of the same lines put at random other places (grey).",
        },
    ),
    (
        plot_saliency,
        "saliency",
        "Three derivatives of the label by wavelength",
        {
            "flux_by_label": "Blue: what the model thinks the label does to the flux at fixed other labels.",
            "lines": "Ticks mark the label's element lines; a measured label dips there and nowhere else.",
            "label_by_flux": "Green: the filter that reads the label; large weight does not mean signal, it may cancel another "
            "label's.",
            "pattern": "Red: all that goes along with the label, by correlation too.",
        },
    ),
    (
        plot_zooms,
        "lines",
        "The strongest element lines close up",
        "The strongest element lines: the model's change of flux per unit of the label (blue, with its standard error where "
        "known), and the change expected from line strengths (dashed). Look for a dip of that shape; a flat line means the "
        "model knows nothing of it.",
    ),
    (
        plot_tests,
        "tests",
        "Ablation, doppelgangers and injection",
        {
            "": "Experiments.",
            "ablation": "The response should fall when the label's element windows are hidden, more than for random windows (grey).",
            "doppelgangers": "Stars alike in all other labels but rich and poor in this one should differ at its lines (dashed).",
            "injection": "The prediction should follow an abundance put into the spectra.",
        },
    ),
    (
        plot_twins,
        "twins",
        "One star less its twins at the element lines",
        "One star that is rich in the label, less the mean of twenty twins that are alike in all other labels: points with errors, "
        "and the change expected for its difference in the label (dashed). A measured label dips there.",
    ),
    (
        plot_supporting,
        "supporting",
        "Probe, Shapley values and disentanglement",
        {
            "": "Supporting numbers. None of them can tell a measured label from a guessed one:",
            "probe": "latents that hold the other labels hold a correlated one as well;",
            "shapley": "Shapley values share out the prediction, guessed or not;",
            "disentanglement": "scores of single latents depend on the choice of axes;",
        },
    ),
)


def render_explanations(run: RunFolder) -> list[Path]:
    """Draw the page of every label that has an explanation in the run; returns their paths."""
    return [_render(run, e) for e in read_explanations(run).values()]


def _render(run: RunFolder, explanation: Explanation) -> Path:
    label, verdict = explanation.label, explanation.verdict
    figures = []
    for draw, name, alt, caption in FIGURES:
        figure = draw(explanation)
        if figure is not None:
            file, wide = figure_name(label, name), figure.get_figwidth() > 4
            save(figure, run.figures, file)
            # A single panel need not fill the page.
            figures.append(Shown(f"{file}.png", alt, _caption(caption, figure), wide))
    sections = [
        Section("Why", _reasons(explanation)),
        Section("Evidence", tables=(_table(explanation),)),
        *([Section("Figures", figures=tuple(figures))] if figures else []),
        Section("Numbers of the rule", tables=(_numbers(explanation),)),
    ]
    name = Markup(label_html(label))
    headline = Markup('<span class="{0}">{0}</span>').format(verdict.verdict)
    return write_page(
        run,
        page_name(label),
        title=Markup("Was {} measured?").format(name),
        headline=headline,
        sections=sections,
        back="report.html",
    )


def _caption(words: str | Mapping[str, str], figure: Any) -> str:
    """What is drawn, and no more: the sentences of those panels that the figure has, after the one for all of them."""
    if isinstance(words, str):
        return words
    drawn = {"", str(figure.get_label()), *(str(ax.get_label()) for ax in figure.axes)}
    text = " ".join(sentence for panel, sentence in words.items() if panel in drawn)
    return text.removesuffix(";").removesuffix(".") + "."


def _reasons(explanation: Explanation) -> Markup:
    verdict = explanation.verdict
    items = Markup("").join(Markup("<li>{}</li>").format(reason) for reason in verdict.reasons)
    species = ", ".join(explanation.species)
    own = f"element lines: {species}" if species else "no element lines: the response alone decides"
    others = Markup(", ").join(Markup(label_html(o)) for o in explanation.others) or "none"
    caveats = Markup("").join(
        Markup('<li class="caveat"><code>{}</code> {}</li>').format(caveat_name(c.code), c.sentence)
        for c in verdict.caveats
    )
    return Markup(
        "<ul>{}{}</ul><p>On {} held-out stars, from {}; at fixed {}; {}. Thresholds of version {}, fixed before these stars "
        "were looked at.</p>"
    ).format(
        items,
        caveats,
        f"{verdict.n_stars:,}",
        " and ".join(explanation.inputs),
        others,
        own,
        verdict.thresholds,
    )


def _table(explanation: Explanation) -> Table:
    rows: list[list[str | Cell]] = [
        [
            line_of_evidence(name).title,
            _value(e),
            _null(e),
            Markup('<span class="words">{}</span>').format(e.statement),
        ]
        for name, e in explanation.evidence.items()
    ]
    return Table(
        ["Evidence", "Value", "Where nothing is there", "In words"],
        rows,
        "Small print: 95% interval of the value; 95% range of the null and the share of it that reaches the value.",
    )


def _value(evidence: Evidence) -> Cell:
    unit = f" {evidence.unit}" if evidence.unit else ""
    digits = _digits(evidence)
    text = number(evidence.value, digits)
    return Cell(text + (unit if math.isfinite(evidence.value) else ""), span(evidence.interval, digits))


def _null(evidence: Evidence) -> str | Cell:
    null = evidence.null
    if null is None or not np.isfinite(null).any():
        return ""
    low, high = np.nanpercentile(null, [2.5, 97.5])
    digits = _digits(evidence)
    p = evidence.p_value
    said = f"p = {p:.2g}, {len(null)} draws" if math.isfinite(p) else f"{len(null)} draws"
    return Cell(f"{number(low, digits)} to {number(high, digits)}", said)


def _digits(evidence: Evidence) -> int:
    """Decimals that show two figures of a small value, none of a large one."""
    size = abs(evidence.value)
    if not math.isfinite(size) or size == 0:
        return 2
    return min(max(2 - math.floor(math.log10(size)) - 1, 0), 4) if size < 100 else 0


def _numbers(explanation: Explanation) -> Table:
    numbers = {
        k: v
        for k, v in explanation.verdict.numbers.items()
        if not k.startswith("t_without") and k != "response_upper"
    }
    rows: list[list[str | Cell]] = [
        [WORDS.get(k, k.replace("_", " ")), _printed(k, v)] for k, v in numbers.items()
    ]
    own = explanation.evidence.get("element_lines")
    each = np.empty(0) if own is None else own.arrays.get("t_without", np.empty(0))
    if np.isfinite(each).any():
        rows.append(["T without its weightiest line", _printed("", float(np.nanmin(each)))])
    return Table(
        ["", "Value"],
        rows,
        "The numbers that the rule compared with its thresholds; all digits are in explanation.json.",
    )


def _printed(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "\N{EN DASH}"
    return (f"{value:,.0f}" if name == "n" else rounded(value)).replace("-", "\N{MINUS SIGN}")
