"""Posteriors of the same stars by several methods, side by side, and the calibration of each."""

from markupsafe import Markup

from ...plots import plot_calibration_curves
from ...plots.internal import label_html, plot_agreement, save
from ...runs import RunFolder
from ...runs.internal import METHOD_DRAWS, read_methods
from .._section import Cell, Section, Shown, Table

__all__ = ["methods"]


def methods(run: RunFolder) -> Section | None:
    """The section of the page; None for runs that compared nothing."""
    found = run.metrics.get("methods") if run.has("metrics") else None
    if not found:
        return None
    entries, reference = found["methods"], found["reference"]
    _draw(run, reference)
    labels = list(entries[reference]["sd_ratio"])
    columns = ["Method", "Seconds", "Diagnosis", "Means off", *(Markup(label_html(k)) for k in labels)]
    covered = "coverage" in entries[reference]
    columns += ["in 68%", "in 95%"] if covered else []
    # What every method stumbles over lies in the stars or the model, not in the method.
    shared = [
        check for check in entries[reference]["wrong"] if all(check in e["wrong"] for e in entries.values())
    ]
    rows: list[list[str | Cell]] = []
    for name, e in entries.items():
        wrong = [check for check in e["wrong"] if check not in shared]
        seconds = "" if e["seconds"] is None else f"{e['seconds']:.1f}"
        verdict = Cell("; ".join(wrong) or "nothing wrong", mark="wrong" if wrong else "pass")
        row: list[str | Cell] = [name, seconds, verdict, f"{e['mean_off']:.3f}"]
        row += [f"{e['sd_ratio'][k]:.2f}" for k in labels]
        if covered:
            row += [Cell(f"{f:.0%}", f"{a:.0%} to {b:.0%}") for f, a, b in e["coverage"].values()]
        rows.append(row)
    table = Table(
        columns,
        rows,
        f"Posteriors of the labels of {found['n_stars']} test stars. Means off: root mean square difference of the means "
        f"from those of {reference}, in its standard deviations. Under each label: its standard deviation over that of "
        f"{reference}, median over stars. Both hold the Monte-Carlo error of {METHOD_DRAWS:,} draws, some 0.02."
        + (" Last: true labels in intervals, with the exact 95% interval for this number of stars." if covered else "")
        + (f" With every method some stars fail: {'; '.join(shared)}. That is due to these stars, not to a method." if shared else ""),
    )  # fmt: skip
    shown = [
        Shown(
            "methods_agreement.png",
            "Means and standard deviations of labels by each method against the reference",
            f"Every point is a label of a star. Left: means should agree with those of {reference}. Right: a method that "
            "ignores how latents are correlated gives labels errors that are wrong, some too small and some too large.",
        )
    ]
    if found["n_simulations"]:
        shown.append(
            Shown(
                "methods_ranks.png",
                "Departure of the ranks of true labels from uniform, by method",
                f"{found['n_simulations']} stars drawn from the fitted model itself: ranks of their true labels among draws of "
                "their posteriors, cumulated, less what uniform ranks give. A right method stays in the band, which holds all "
                "points together 95 times in 100.",
            )
        )
    return Section("Methods side by side", tables=(table,), figures=tuple(shown))


def _draw(run: RunFolder, reference: str) -> None:
    compared = read_methods(run)
    if compared is None:
        return
    save(plot_agreement(compared.moments, reference, compared.labels), run.figures, "methods_agreement")
    if compared.ranks:
        figure = plot_calibration_curves(
            compared.ranks, compared.rank_draws, compared.labels, seed=compared.seed
        )
        save(figure, run.figures, "methods_ranks")
