"""Sections of a run with a posterior: whether it can be believed, the labels that it gives, and its chains."""

from typing import Any

from markupsafe import Markup, escape

from ...plots.internal import label_html, number
from ...runs import RunFolder
from .._section import Cell, Section, Shown, Table

__all__ = [
    "posterior_chains",
    "posterior_diagnosis",
    "posterior_headline",
    "posterior_labels",
    "posterior_spectra",
]

MARK = {True: "pass", False: "wrong", None: ""}


def _posterior(run: RunFolder) -> dict[str, Any]:
    return run.metrics.get("posterior") or {} if run.has("metrics") else {}


def posterior_headline(run: RunFolder) -> str:
    """The diagnosis in one sentence; nothing where the run has no posterior."""
    found = _posterior(run).get("diagnosis")
    if not found:
        return ""
    wrong = [f["check"] for f in found["findings"] if f["ok"] is False]
    said = "nothing wrong was found" if not wrong else f"something is wrong: {', '.join(wrong)}"
    return f"{found['subject']}: {said}."


def posterior_diagnosis(run: RunFolder) -> Section | None:
    """Every check with its number, threshold and the place where it is worst."""
    found = _posterior(run)
    if not found:
        return None
    rows: list[list[str | Cell]] = []
    for f in found["diagnosis"]["findings"]:
        value = "infinite" if f["value"] is None else f"{f['value']:,.4g}"
        words = f["worst"] if not f["advice"] else Markup("{}<br>{}").format(f["worst"], f["advice"])
        rows.append(
            [
                f["check"],
                Cell("not checked" if f["ok"] is None else value, mark=MARK[f["ok"]]),
                f["threshold"],
                Markup('<span class="words">{}</span>').format(words),
            ]
        )
    free = " and ".join(found["settings"].get("free", ["latents"]))
    text = Markup("<p>Inferred: {} of {} stars, from {}, by {}.{}</p>").format(
        free,
        f"{found['n_stars']:,}",
        " and ".join(found["inputs"]),
        found["method"],
        ""
        if "decoders" in free
        else " Decoders are taken as known: nothing is added for the finite training set.",
    )
    table = Table(["Check", "Worst value", "Should be", "Where it is worst, and what to do"], rows)
    return Section("Can it be believed?", text, tables=(table,))


def posterior_labels(run: RunFolder) -> Section | None:
    """Labels with their intervals, and how they compare with what is known."""
    labels = _posterior(run).get("labels")
    if not labels:
        return None
    known = [e for e in labels.values() if e.get("n")]
    head = ["Label", "Median error"]
    rows: list[list[str | Cell]] = []
    for name, e in labels.items():
        unit, scale = e.get("unit") or "", e["median_error"]
        row: list[str | Cell] = [Markup(label_html(name)), f"{number(scale)} {unit}".rstrip()]
        if known:
            row += (
                [f"{e['n']:,}", f"{number(e['rmse'], like=scale)} {unit}".rstrip()]
                if e.get("n")
                else ["", ""]
            )
            row += [_covered(e, level) for level in ("68", "95")]
        rows.append(row)
    caption = "Posterior of the true label, the model's own scatter of labels included."
    if known:
        against = known[0]["against"]
        head += ["Stars", f"RMSE to {against}", "in 68%", "in 95%"]
        caption += (
            f" Against {against} labels{'' if against == 'true' else ', whose errors are added'}; small print: exact 95% "
            "binomial interval of the coverage. All numbers of all stars are in labels.csv."
        )
    shown = _shown(
        run,
        ("posterior_labels", "Labels of each star with their posterior intervals",
         "Median (dot), 68% (thick) and 95% (thin) of the posterior of the true label. "
         "Observed labels, grey, were not used unless decoders or scatter were inferred."),
        ("posterior_corner", "Labels of one star in pairs",
         "Labels of the first star: 68% and 95% regions. A tilted ellipse is a degeneracy that separate errors do not tell."),
    )  # fmt: skip
    return Section("Labels", tables=(Table(head, rows, caption),), figures=shown)


def _covered(entry: dict[str, Any], level: str) -> str | Cell:
    if not entry.get("n"):
        return ""
    low, high = entry[f"coverage{level}_interval"]
    return Cell(f"{entry[f'coverage{level}']:.0%}", f"{low:.0%} to {high:.0%}")


def posterior_spectra(run: RunFolder) -> Section | None:
    """An observed spectrum with what the posterior predicts."""
    if not _posterior(run):
        return None
    shown = _shown(
        run,
        ("posterior_spectrum", "Observed spectrum with posterior-predictive bands",
         "The first star. Residuals are in units of the predictive standard deviation and should lie in the light band 95 times "
         "in 100; structure at lines is something the model does not know. Last row: where the model's own flux is known "
         "worst; dark: 95% of the noise-free model, light: with noise and scatter."),
    )  # fmt: skip
    return Section("Posterior-predictive spectrum", figures=shown) if shown else None


def posterior_chains(run: RunFolder) -> Section | None:
    """Traces, ranks and energies, of chains."""
    if not _posterior(run):
        return None
    shown = _shown(
        run,
        ("posterior_traces", "Distributions and traces by chain",
         "The quantities of largest R-hat. Chains, each in its colour, should be noise about one and the same level, and their "
         "distributions agree. Trends and steps are chains that have not converged."),
        ("posterior_ranks", "Rank histograms by chain",
         "The same quantities: ranks of each chain's draws among all. Every histogram should be flat; a slope is another place, "
         "a hump or a trough another width."),
        ("posterior_energies", "Energies and their changes by chain",
         "Energies (filled) and their changes from draw to draw (line). Changes much narrower than the energies, E-BFMI below "
         "0.3, mean that the tails are not reached."),
    )  # fmt: skip
    return Section("Chains", figures=shown) if shown else None


def _shown(run: RunFolder, *figures: tuple[str, str, str]) -> tuple[Shown, ...]:
    """Those of the figures that were drawn."""
    there = [f for f in figures if (run.figures / f"{f[0]}.png").is_file()]
    narrow = ("posterior_corner",)
    return tuple(
        Shown(f"{name}.png", alt, escape(caption), name not in narrow) for name, alt, caption in there
    )
