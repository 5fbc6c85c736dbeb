"""A page for one spectrum: what class it was given, how surely, and which features speak for it."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..classify.internal import family_words
from ..plots.internal import feature_name, plot_spectrum_why, save
from ..runs import RunFolder
from ..runs.internal import OneSpectrum, read_single_spectra
from ._html import write_page
from ._section import Cell, Section, Shown, Table

__all__ = ["render_star_pages", "star_pages"]

STRONGEST = 10  # features in the table


def render_star_pages(run: RunFolder) -> list[Path]:
    """Draw the page of every single spectrum that a run keeps; returns their paths."""
    return [_star_page(run, one) for one in read_single_spectra(run)]


def _star_page(run: RunFolder, one: OneSpectrum) -> Path:
    """Write the page and return its path."""
    facts, name = one.facts, one.name
    figure = plot_spectrum_why(
        one.spectra, one.row, one.shapley, one.row, one.probabilities, redshift=float(facts["z"])
    )
    save(figure, run.figures, name)
    caption = (
        "At rest, with the bands of the features that pull most between the likeliest class and the next: vermilion to the "
        "likeliest, blue to the next. Their values are those of this spectrum."
    )
    shown = Shown(f"{name}.png", "The spectrum, its probabilities and its strongest features", caption)
    given, true = str(one.found["class"]), str(facts["class"])
    said = f"given class {given} with probability {one.found['probability']:.2f}"
    said = f"Rightly {said}." if given == true else f"Wrongly {said}: it is of class {true}."
    return write_page(
        run,
        f"{name}.html",
        title=f"Star {facts['id']}",
        headline=said,
        sections=[
            Section("The spectrum", _about(facts), figures=(shown,)),
            Section("Numbers", tables=(_probabilities(one), _features(one, _explained(run)))),
        ],
        back="report.html",
    )


def _about(facts: pd.Series) -> str:
    seen = "has not seen" if str(facts["part"]) in ("test", "fold 0") else "was trained on"
    known = [
        f"File {Path(facts['file']).name}." if facts["file"] else "Simulated.",
        f"Subclass {facts['subclass']}." if facts["subclass"] else "",
        f"S/N {facts['snr']:.0f} per pixel in g." if np.isfinite(facts["snr"]) else "",
        f"The classifier {seen} this star.",
    ]
    return " ".join(k for k in known if k)


def _probabilities(one: OneSpectrum) -> Table:
    inside = str(one.found.get("set", "")).split()
    rows: list[list[str | Cell]] = [
        [str(name), f"{p:.3f}", "yes" if name in inside else ""] for name, p in one.probabilities.items()
    ]
    return Table(["Class", "Probability", "In the set"], rows)


def _explained(run: RunFolder) -> str:
    """What Shapley values add up to."""
    member = run.metrics.get("classes_explained", {}).get("member") if run.has("metrics") else None
    if member is None:
        return "what the classifier says of this spectrum"
    return f"the probability that the average's strongest member, {member['name']}, gives before calibration"


def _features(one: OneSpectrum, what: str) -> Table:
    given, other = np.argsort(-one.probabilities.to_numpy(), kind="stable")[:2]
    values = one.shapley.values[one.row]
    pull = values[:, given] - values[:, other]
    rows: list[list[str | Cell]] = []
    for j in np.argsort(-np.abs(pull), kind="stable")[:STRONGEST]:
        name = one.shapley.features[j]
        value, error = (float(t[name].iloc[0]) for t in (one.features.values, one.features.errors))
        digits = int(np.clip(1 - np.floor(np.log10(error)), 0, 6)) if error > 0 else 3
        said = (
            f"{value:.{digits}f} \N{PLUS-MINUS SIGN} {error:.{digits}f}"
            if np.isfinite(value)
            else "not measured"
        )
        family = family_words(one.features.families[name])
        rows.append([feature_name(name), family, said, *(f"{v:+.2f}" for v in (values[j, given], values[j, other], pull[j]))])  # fmt: skip
    first, second = one.shapley.labels[given], one.shapley.labels[other]
    caption = (
        f"The {len(rows)} features that pull most between {first} and {second}, the next likely class: values with one-sigma errors, in "
        f"angstrom, magnitudes or ratios as the index is defined, and Shapley values of {one.shapley.output}, which with those of all "
        f"other features add up to {what}."
    )
    return Table(["Feature", "Family", "Value", f"for {first}", f"for {second}", "Difference"], rows, caption)


def star_pages(run: RunFolder) -> list[Path]:
    """The pages of single spectra that a run has."""
    return sorted(run.path.glob("class_*.html"))
