"""How stars lie: maps of their features, groups found without classes, and errors along the sequence of classes."""

import numpy as np

from ...classify.internal import SEQUENCE, ordinal_error, sequence_position
from ...plots import plot_embedding, plot_ordinal
from ...plots.internal import save
from ...runs import RunFolder
from ...runs.internal import read_maps
from .._section import Cell, Section, Shown, Table
from ._class_scores import read_judged

__all__ = ["class_maps", "class_sequence"]

MAPS = {"pca": "Principal components", "tsne": "t-SNE"}


def class_maps(run: RunFolder) -> Section | None:
    """The maps of a run whose classes were explained."""
    found = run.metrics.get("classes_maps") if run.has("metrics") else None
    if not found:
        return None
    _draw(run)
    rows: list[list[str | Cell]] = [
        [
            MAPS[method],
            Cell(f"{e['trustworthiness']:.3f}", "{:.3f} to {:.3f}".format(*e["interval"])),
            f"{e['null']:.2f}",
            f"{e['groups']}",
            f"{e['noise']:.0%}",
            Cell(f"{e['rand']:.2f}", "{:.2f} to {:.2f}".format(*e["rand_interval"])),
            f"{e['rand_null']:.2f}",
        ]
        for method, e in found["maps"].items()
    ]
    columns = [
        "Map",
        "Trustworthiness",
        "by chance",
        "Groups",
        "in none",
        "Adjusted Rand index",
        "by chance (95%)",
    ]
    table = Table(
        columns,
        rows,
        f"{found['spectra']:,} spectra held out. Trustworthiness: 1 if all neighbours on the map are neighbours among the features "
        "(Venna & Kaski 2001). Groups: found on the map by density (HDBSCAN) without the classes, and compared with them; an index near 0 "
        "says that the classes are cuts through a continuum, one near 1 that they are separate groups.",
    )
    shown = [
        Shown(
            "classes_maps.png",
            "Maps of the features, coloured by class",
            "Every point a spectrum; neighbours have similar features.",
        )
    ]
    if found["coloured"]:
        shown.append(
            Shown(
                "classes_maps_heat.png",
                f"The same maps, coloured by {found['coloured']}",
                f"The same, by {found['coloured']}.",
            )
        )
    return Section("How the stars lie", tables=(table,), figures=tuple(shown))


def _draw(run: RunFolder) -> None:
    """The maps in the colours of the classes, and of the temperatures where they are known."""
    maps = read_maps(run)
    if maps is None:
        return
    named = {MAPS[method]: one for method, one in maps.embeddings.items()}
    save(plot_embedding(named, maps.classes), run.figures, "classes_maps")
    if maps.coloured:
        name = "teff (K)" if maps.word == "Teff" else f"{maps.word} (from O0)"
        save(plot_embedding(named, maps.heat, name), run.figures, "classes_maps_heat")


def class_sequence(run: RunFolder) -> Section | None:
    """Errors along the sequence O B A F G K M; nothing for other classes."""
    found = run.metrics.get("classes") if run.has("metrics") else None
    if not found or not set(found["names"]) <= set(SEQUENCE):
        return None
    judged = read_judged(run)
    # A main class alone has no place within it.
    place = np.where(judged["subclass"].str.len() > 1, sequence_position(judged["subclass"]), np.nan)
    error = ordinal_error(judged, place, ids=judged["id"].to_numpy(), seed=run.seed)
    save(plot_ordinal(error), run.figures, "classes_sequence")
    figure = Shown(
        "classes_sequence.png",
        "Probability of the cooler of two classes against the distance to their border; where errors lie",
        "Classes are cuts through a continuous sequence. Left: the probability of the cooler of two neighbours should rise smoothly through the "
        "border between them. Right: errors should be by one class, and near a border.",
    )
    return Section("Along the sequence", figures=(figure,))
