"""The figure and the page of `library_classes.py`; not a claim by itself."""

from pathlib import Path

import numpy as np
from library_stars import CLASSES


def draw(judged: dict[str, dict], path: Path) -> None:
    """Class given against the library's type, a panel for each library."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(
        1, len(judged), figsize=(2.3 * len(judged), 2.75), layout="constrained", sharey=True
    )
    for ax, (name, entry) in zip(np.atleast_1d(axes), judged.items(), strict=True):
        matrix = np.array(entry["confusion"])
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        ax.imshow(np.where(matrix > 0, share, np.nan), cmap="Blues", vmin=0, vmax=1)
        for row, column in np.argwhere(matrix > 0):
            colour = "white" if share[row, column] > 0.55 else "black"
            ax.text(column, row, matrix[row, column], ha="center", va="center", color=colour, fontsize=7)
        ax.set(
            xticks=range(len(CLASSES)), xticklabels=CLASSES, yticks=range(len(CLASSES)), yticklabels=CLASSES
        )
        ax.tick_params(length=0)
        ax.set_title(f"{name}: {entry['agreement']:.0%} of {entry['judged']}", fontsize=9)
        ax.set_xlabel("class given")
    np.atleast_1d(axes)[0].set_ylabel("type of the library")
    fig.savefig(path, dpi=150)
    plt.close(fig)


def rows(head: str, lines: list[list]) -> str:
    """A Markdown table."""
    bar = "|" + "---|" * (head.count("|") + 1)
    return (
        "\n".join([f"| {head} |", bar, *("| " + " | ".join(map(str, cells)) + " |" for cells in lines)])
        + "\n"
    )


def line(name: str, e: dict) -> list:
    return [
        name,
        e["judged"],
        f"{e['agreement']:.3f} [{e['lower']:.3f}, {e['upper']:.3f}]",
        f"{e['balanced']:.2f}",
        f"{e['adjacent']:.3f}",
        f"{e['sets_hold']:.2f} [{e['sets_lower']:.2f}, {e['sets_upper']:.2f}]",
        f"{e['set_size']:.2f}",
        f"{e['empty']:.2f}",
        f"{e['outside']:.2f}",
        f"{e['right_inside']:.3f}",
    ]


def page(judged, narrow, left_out, wrong, strange, pairs, same, trained, places, n_worst: int = 40) -> str:
    """All as Markdown."""
    head = "library | A to M spectra | agreement | balanced | at most one class off | 90% sets hold the type | classes a set | empty sets | outside | agreement of those not outside"
    cut = [line(f"{name}, training cut to its range", e) for name, e in narrow.items()]
    lost = [[name, n, reason] for name, entry in left_out.items() for reason, n in entry.items()]
    worst = [
        [r.library, r.name_, r.type, r["class"], f"{r.probability:.2f}", r.set or "none", r.reason]
        for _, r in wrong.head(n_worst).rename(columns={"name": "name_"}).iterrows()
    ]
    unknown = strange.groupby(["library", "main"])
    foreign = [
        [*key, len(t), f"{t['outside'].mean():.2f}", f"{(t['set'] == '').mean():.2f}", f"{t['flagged'].mean():.2f}", f"{t['probability'].median():.2f}",
         ", ".join(f"{c} {k}" for c, k in t["class"].value_counts().items())]
        for key, t in unknown
    ]  # fmt: skip
    differ = pairs[pairs["main"] != pairs["main_2"]]
    each = [[r.id, r.type, r.id_2, r.type_2, r["class"], r.class_2] for _, r in differ.iterrows()]
    plain = wrong["reason"].str.replace(r"\[Fe/H\] -[\d.]+", "[Fe/H] below -1", regex=True)
    counts = plain.str.split("; ").explode().value_counts()
    causes = [[r, n] for r, n in counts.items() if " K, which" not in r]
    causes += [
        [
            "Teff of the library is that of the class given",
            int(wrong["reason"].str.contains(" K, which").sum()),
        ]
    ]
    halves = [[name, *entry.values()] for name, entry in places.items()]
    return TEXT.format(
        borders=rows("library | A and F | F and G | G and K | K and M", halves),
        trained=", ".join(f"{n} {c}" for c, n in trained.items()),
        scores=rows(head, [line(name, e) for name, e in judged.items()] + cut),
        foreign=rows(
            "library | type | spectra | outside | empty set | either | median probability | classes given",
            foreign,
        ),
        lost=rows("library | files or spectra | reason", lost) if lost else "Nothing was left out.\n",
        wrong=len(wrong),
        causes=rows("probable reason | spectra", sorted(causes, key=lambda c: -c[1])),
        worst=rows("library | star | type | class given | probability | 90% set | probable reason", worst),
        n_worst=min(n_worst, len(wrong)),
        pairs=same["pairs"],
        **{
            k: f"{same.get(k, np.nan):.2f}"
            for k in ("types_agree", "lower", "upper", "subclasses_apart", "classes_agree")
        },
        each=rows(
            "spectrum | type | other spectrum | its type | class given | class given to the other", each
        )
        if each
        else "None.\n",
    )


TEXT = """# A LAMOST classifier on stars of other libraries

Written by `python validation/library_classes.py`; thresholds and verdict in [README.md](README.md). Trained on real LAMOST spectra: {trained}.

![class given against type, by library](figures/library_classes.png)

{scores}
Intervals are those of Wilson for 95%. Only spectra of type A to M are judged; a type that spans two classes (`G8/K0III`) counts as the first. The sets
were calibrated on LAMOST stars, so nothing is promised here.

## Where the borders of the classes lie

The subclass of the library at which the class given changes (logistic regression of the class given on the subclass). Borders of the same meaning would lie between 9 and 0.

{borders}
## Types that the training has none of

{foreign}
## Left out

{lost}
## Where class and type differ

{wrong} spectra. Probable reasons, by rule, several for some:

{causes}
The {n_worst} that are most classes off, then those of the highest probability:

{worst}
## The same star in two libraries

{pairs} pairs of spectra are of one star, by HD number or by the position in its name. The libraries' own types are of one class in {types_agree} [{lower}, {upper}] of them, and
{subclasses_apart} subclasses apart in the mean; the classifier gives both spectra the same class in {classes_agree}. Where the types differ in class:

{each}"""
