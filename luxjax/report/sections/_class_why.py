"""What a classifier goes by: rankings of features, the claim about them, and links to single spectra."""

from markupsafe import Markup

from ...plots import plot_family_ranking, plot_naive_and_honest, plot_shapley_classes
from ...plots.internal import save
from ...runs import RunFolder
from ...runs.internal import read_reasons
from .._section import Cell, Section, Shown, Table
from .._star_page import star_pages

__all__ = ["class_why"]


def class_why(run: RunFolder) -> Section | None:
    """What the classifier goes by, where it was asked."""
    found = run.metrics.get("classes_explained") if run.has("metrics") else None
    if not found:
        return None
    _draw(run)
    links = Markup(", ").join(
        Markup('<a href="{}">{}</a>').format(p.name, p.stem.removeprefix("class_")) for p in star_pages(run)
    )
    text = Markup("<p>{}</p>").format(found["words"])
    if member := found.get("member"):
        text += Markup("<p>{}</p>").format(
            f"The classifier is an average; Shapley values are those of its strongest member, {member['name']}, which has {member['weight']:.0%} of the "
            "weight. Permutations and scores are of the whole."
        )
    if links:
        text += Markup("<p>Single spectra: {}.</p>").format(links)
    rows: list[list[str | Cell]] = [
        [
            name,
            e["says"],
            f"{e['chance']:.0%}",
            Cell(f"{e['difference']:.3g}", f"{e['lower']:.3g} to {e['upper']:.3g}"),
        ]
        for name, e in found["claim"].items()
    ]
    noise = (
        "" if found["noise"] is None else f" Training again on other folds changes {found['noise']:.2g} nats."
    )
    table = Table(
        [
            "Measure",
            "The claim",
            "Samples in which it holds",
            "Least of the first less greatest of the others",
        ],
        rows,
        f"On {found['spectra']:,} spectra of {found['stars']:,} stars held out; intervals and samples by bootstrap over stars. Mean |Shapley "
        "value| tells what this classifier uses; only training without a family allows for others that stand in for it."
        + noise,
    )
    shown = (
        Shown("classes_families.png", "Families of features ranked by several measures",
              "The families in the naive order, by every measure, with 95% intervals. The share is that of bootstrap samples in which "
              "the claim holds."),
        Shown("classes_features.png", "Features ranked by mean absolute Shapley value",
              "Features by mean |Shapley value| over all classes, with 95% intervals over stars. Features that go together share "
              "their credit as the trees happened to grow.", wide=False),
        Shown("classes_shapley.png", "Shapley values of each class",
              "For every class the features that move its score most: each point a spectrum, coloured by its rank in the feature."),
    )  # fmt: skip
    there = tuple(s for s in shown if (run.figures / s.file).is_file())
    return Section("What it goes by", text, tables=(table,), figures=there)


def _draw(run: RunFolder) -> None:
    reasons = read_reasons(run)
    if reasons is None:
        return
    save(plot_family_ranking(reasons.ranks.features["all"], features=True), run.figures, "classes_features")
    save(plot_shapley_classes(reasons.shapley, reasons.ranks), run.figures, "classes_shapley")
    save(plot_naive_and_honest(reasons.comparison), run.figures, "classes_families")
