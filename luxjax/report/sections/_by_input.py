"""Which spectra say how much: the same stars predicted from each survey alone and from all together."""

from markupsafe import Markup

from ...plots.internal import label_html, number
from ...runs import RunFolder
from .._section import Cell, Section, Table

__all__ = ["by_input"]


def by_input(run: RunFolder) -> Section | None:
    """The RMSE of every label by what it was predicted from (``metrics["by_input"]``)."""
    found = run.metrics.get("by_input") if run.has("metrics") else None
    if not found or len(found) < 2:
        return None
    labels = run.metrics["labels"]
    rows: list[list[str | Cell]] = [
        [Markup(label_html(name)), *(_cell(scores.get(name), labels[name]) for scores in found.values())]
        for name in labels
    ]
    caption = (
        "RMSE of the same test stars, by the spectra they were predicted from; one model decodes them all. A label "
        "that improves little with the spectra that hold its element lines was hardly measured from the others either."
    )
    return Section("What each survey adds", tables=(Table(["Label", *found], rows, caption),))


def _cell(value: float | None, entry) -> str:
    if value is None:
        return ""
    return f"{number(value, like=value)} {entry.get('unit') or ''}".rstrip()
