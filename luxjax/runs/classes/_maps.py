"""Maps of the stars of a classifier: where they lie among their features, and whether groups found there are the classes.

reasons/maps.npz    the maps
metrics.json        ``classes_maps``: how far the maps can be trusted, and how groups on them go with the classes
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...classify.features import Features
from ...classify.internal import Embedding, cluster, embed
from ...stats import Interval
from .._folder import RunFolder

__all__ = ["FILE", "ClassMaps", "lay_out", "read_maps"]

FILE = "reasons/maps.npz"
METHODS = ("pca", "tsne")
LEAST = 60  # stars, for a map whose neighbours can be evaluated


@dataclass(frozen=True, eq=False)
class ClassMaps:
    """Maps of the same spectra.

    Parameters
    ----------
    embeddings : mapping of str to Embedding
        By method.
    classes : (spectrum,) array of str
    heat : (spectrum,) array
        Temperature, or the place in the sequence of classes; NaN where not known.
    word : str
        Which of them: ``"Teff"`` or ``"subclass"``.
    """

    embeddings: Mapping[str, Embedding]
    classes: np.ndarray
    heat: np.ndarray
    word: str

    @property
    def coloured(self) -> bool:
        """Whether the quantity is known of any star."""
        return bool(np.isfinite(self.heat).any())


def lay_out(
    run: RunFolder, features: Features, classes: np.ndarray, heat: np.ndarray, word: str, seed: int
) -> None:
    """Lay spectra held out on maps, find groups there, and write both into the run; nothing where they are few."""
    if len(features) < LEAST:
        return
    maps = ClassMaps({method: embed(features, method, seed=seed) for method in METHODS}, classes, heat, word)
    _write(run, maps)
    entry: dict[str, Any] = {"spectra": len(features), "coloured": word if maps.coloured else "", "maps": {}}
    for method, one in maps.embeddings.items():
        groups = cluster(one, list(classes), seed=seed)
        entry["maps"][method] = {
            "trustworthiness": one.trustworthiness,
            "interval": list(one.interval),
            "null": one.null,
            "groups": groups.n,
            "noise": groups.noise,
            "rand": groups.rand,
            "rand_interval": list(groups.rand_interval),
            "rand_null": groups.rand_null,
        }
    run.write_metrics({**run.metrics, "classes_maps": entry})


def _write(run: RunFolder, maps: ClassMaps) -> None:
    arrays = {
        "classes": maps.classes.astype(str),
        "heat": np.asarray(maps.heat, float),
        "word": np.array(maps.word),
    }
    for method, one in maps.embeddings.items():
        arrays[f"{method}/coordinates"] = one.coordinates
        arrays[f"{method}/numbers"] = np.array(
            [one.trustworthiness, *one.interval, one.null, one.n_neighbors]
        )
    (run.path / FILE).parent.mkdir(exist_ok=True)
    run.write_arrays(FILE, arrays)


def read_maps(run: RunFolder) -> ClassMaps | None:
    """The maps that `lay_out` wrote; None where it wrote none."""
    return run.arrays(FILE, "maps", _maps) if (run.path / FILE).is_file() else None


def _maps(arrays: Mapping[str, np.ndarray]) -> ClassMaps:
    found = {}
    for method in METHODS:
        trust, low, high, null, neighbours = arrays[f"{method}/numbers"].tolist()
        xy = arrays[f"{method}/coordinates"]
        found[method] = Embedding(method, xy, trust, Interval(low, high), null, int(neighbours))
    return ClassMaps(found, arrays["classes"], arrays["heat"], str(arrays["word"]))
