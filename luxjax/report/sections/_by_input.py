"""Which inputs say how much: the same stars predicted from each alone and from all, and stars that have only some."""

from collections.abc import Iterable

from markupsafe import Markup

from ...plots.internal import label_html, number, plot_kiel_by_inputs, save
from ...runs import RunFolder
from .._section import Cell, Section, Shown, Table

__all__ = ["by_input", "by_pattern"]

SHOWN = 12
KIEL = ("teff", "logg")


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
        "RMSE of test stars, by what they were predicted from; one model decodes it all. A column counts the stars that have its input, "
        "so columns are of the same stars only where all stars have all inputs. A label that improves little with the spectra that hold its "
        "element lines was hardly measured from the others either."
    )
    return Section("What each input adds", tables=(Table(["Label", *found], rows, caption),))


def _cell(value: float | None, entry) -> str:
    if value is None:
        return ""
    return f"{number(value, like=value)} {entry.get('unit') or ''}".rstrip()


def by_pattern(run: RunFolder) -> Section | None:
    """RMSE of every label by the inputs that stars have (``metrics["by_pattern"]``), and where these stars lie."""
    found = run.metrics.get("by_pattern") if run.has("metrics") else None
    if not found:
        return None
    names = list(run.metrics["labels"])
    rows: list[list[str | Cell]] = [
        [
            ", ".join(one["inputs"]) or "nothing",
            f"{one['n']:,}",
            *(_rmse(one["labels"].get(n)) for n in names),
            _coverage(one["labels"].values()),
        ]
        for one in found[:SHOWN]
    ]
    rest = sum(one["n"] for one in found[SHOWN:])
    caption = (
        "RMSE of held-out stars against their catalogue labels, by what each star was predicted from; one model serves all of them. "
        "Last column: the least and the largest part of these stars that the 68% intervals of a label hold; they are calibrated for "
        "these inputs where at least 100 stars have them."
    )
    if rest:
        caption += f" {len(found) - SHOWN} rarer combinations, {rest:,} stars together, are left out."
    table = Table(["Inputs", "Stars", *(Markup(label_html(n)) for n in names), "68% holds"], rows, caption)
    figures: tuple[Shown, ...] = ()
    frame = run.labels[0] if run.has("labels") else None
    if frame is not None and {*KIEL, "inputs"} <= set(frame):
        save(plot_kiel_by_inputs(frame), run.figures, "kiel_by_inputs")
        figures = (
            Shown(
                "kiel_by_inputs.png",
                "Predicted log g against predicted Teff, a panel for each combination of inputs",
                "Held-out stars by the inputs that they have; grey: all stars. Where inputs say little of log g, giants and dwarfs "
                "run together.",
            ),
        )
    return Section("What each star was predicted from", tables=(table,), figures=figures)


def _rmse(entry: dict | None) -> str:
    return "" if entry is None else number(entry["rmse"], like=entry["rmse"])


def _coverage(entries: Iterable[dict]) -> str:
    covered = [entry["coverage68"] for entry in entries]
    return f"{min(covered):.2f} to {max(covered):.2f}" if covered else ""
