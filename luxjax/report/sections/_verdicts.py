"""The verdict of every label in a run, each with a link to its evidence."""

import math

from markupsafe import Markup

from ...core.internal import rounded
from ...evidence import Explanation
from ...plots.internal import label_html, plot_responses, save
from ...runs import RunFolder
from ...runs.internal import page_name, read_explanations
from ...stats import Interval
from .._section import Cell, Section, Shown, Table

__all__ = ["caveat_name", "number", "span", "verdicts"]


def verdicts(run: RunFolder) -> Section | None:
    """The section of the page."""
    found = read_explanations(run)
    if not found:
        return None
    rows: list[list[str | Cell]] = [_row(run, e) for e in found.values()]
    table = Table(
        [
            "Label",
            "Verdict",
            "Caveats",
            "Off-trend response",
            "T of element lines",
            "Off-trend scatter",
            "Stars",
        ],
        rows,
        "The response is the change of the predicted label per change of the true one at fixed other labels, with its 95% "
        "interval: 0 for a guess from the other labels; a perfect spectrum would give 1, a noisy one less. T tells in "
        "standard errors whether the label's element lines follow it beyond what the rest of the spectrum says. The "
        "scatter is that of the noise-free label about its trend. All on stars kept out of training. Thresholds of version "
        + ", ".join(sorted({e.verdict.thresholds for e in found.values()}))
        + ".",
    )
    save(plot_responses([e.verdict for e in found.values()]), run.figures, "verdicts")
    shown = Shown(
        "verdicts.png",
        "Off-trend response of every label with its interval",
        "Off-trend response with its 95% interval. Look for intervals that hold 0: there the spectrum adds nothing to "
        "what the other labels say.",
        wide=False,
    )
    text = Markup("").join(
        Markup("<p><strong>{}</strong>: {}</p>").format(
            Markup(label_html(label)),
            _sentences(e),
        )
        for label, e in found.items()
    )
    return Section("Was it measured?", text, tables=(table,), figures=(shown,))


def caveat_name(code: str) -> str:
    """The code of a caveat in words."""
    return code.replace("_", " ")


def _sentences(explanation: Explanation) -> str:
    """The verdict, its reasons and its caveats, each a sentence that ends once."""
    verdict = explanation.verdict
    said = (f"{verdict.verdict}", *verdict.reasons, *(c.sentence for c in verdict.caveats))
    return " ".join(f"{sentence.rstrip('.')}." for sentence in said)


def _row(run: RunFolder, explanation: Explanation) -> list[str | Cell]:
    verdict = explanation.verdict
    name = Markup(label_html(explanation.label))
    link = Markup('<a href="{}">{}</a>').format(page_name(explanation.label), name)
    own = explanation.evidence.get("element_lines")
    scatter = math.nan if verdict.trend is None else verdict.trend.scatter
    unit = f" {explanation.unit}" if explanation.unit else ""
    return [
        link,
        Cell(verdict.verdict, mark=verdict.verdict),
        ", ".join(caveat_name(c.code) for c in verdict.caveats),
        Cell(number(verdict.response), span(verdict.response_interval)),
        number(own.value, 1) if own is not None else "",
        f"{rounded(scatter)}{unit}" if math.isfinite(scatter) and scatter > 0 else "unresolved",
        f"{verdict.n_stars:,}",
    ]


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign; a dash where there is none."""
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else "\N{EN DASH}"


def span(interval: Interval | None, digits: int = 2) -> str:
    """An interval in words."""
    if interval is None or not all(map(math.isfinite, interval)):
        return ""
    return f"{number(interval.lower, digits)} to {number(interval.upper, digits)}"
