"""The reasons of a classifier in its run: all that the figures show, as arrays, and small tables to be read.

reasons/values.npz      Shapley values, and all rankings with their bootstrap draws
reasons/features.csv    Shapley rankings of features and families, for each class and all
reasons/families.csv    the families by every measure: naive, permuted, permuted among like stars, trained without, with it alone
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ...classify.internal import RankingComparison
from ...interpret.internal import FeatureRanks, Shapley
from ...stats import Ranking
from .._folder import RunFolder
from ._reasons import ClassReasons

__all__ = ["pack_shapley", "read_reasons", "unpack_shapley", "write_reasons"]

FILE = "reasons/values.npz"
Arrays = Mapping[str, np.ndarray]


def write_reasons(run: RunFolder, reasons: ClassReasons) -> None:
    """Write the reasons into the run."""
    (run.path / "reasons").mkdir(exist_ok=True)
    comparison = reasons.comparison
    run.write_csv("reasons/features.csv", reasons.ranks.table())
    tables = [r.table().reset_index().assign(measure=n) for n, r in comparison.rankings.items()]
    run.write_csv("reasons/families.csv", pd.concat(tables, ignore_index=True))
    arrays = pack_shapley(reasons.shapley)
    arrays |= {f"claim/{k}": np.array(getattr(comparison, k), dtype=str) for k in ("first", "second")}
    groups = {
        "features": reasons.ranks.features,
        "families": reasons.ranks.families,
        "measures": comparison.rankings,
    }
    for group, rankings in groups.items():
        arrays[f"{group}/names"] = np.array(list(rankings), dtype=str)
        for k, ranking in enumerate(rankings.values()):
            arrays |= {f"{group}/{k}/{what}": value for what, value in _pack_ranking(ranking).items()}
    run.write_arrays(FILE, arrays)


def read_reasons(run: RunFolder) -> ClassReasons | None:
    """The reasons that a run holds; None where it was not asked for them.

    Raises
    ------
    InputError
        If they are damaged.
    """
    return run.arrays(FILE, "reasons", _reasons) if (run.path / FILE).is_file() else None


def _reasons(arrays: Arrays) -> ClassReasons:
    ranks = FeatureRanks(_rankings(arrays, "features"), _rankings(arrays, "families"))
    first, second = (tuple(arrays[f"claim/{k}"].tolist()) for k in ("first", "second"))
    comparison = RankingComparison(_rankings(arrays, "measures"), first, second)
    return ClassReasons(unpack_shapley(arrays), ranks, comparison)


def _rankings(arrays: Arrays, group: str) -> dict[str, Ranking]:
    found = {}
    for k, name in enumerate(arrays[f"{group}/names"].tolist()):
        a = {
            what: arrays[f"{group}/{k}/{what}"]
            for what in ("words", "names", "value", "draws", "null", "noise")
        }
        what, unit = a["words"].tolist()
        null = a["null"] if a["null"].ndim else float(a["null"])
        found[name] = Ranking(
            what, unit, tuple(a["names"].tolist()), a["value"], a["draws"], null, float(a["noise"])
        )
    return found


def _pack_ranking(ranking: Ranking) -> dict[str, np.ndarray]:
    words = {"words": (ranking.what, ranking.unit), "names": ranking.names}
    numbers = {k: np.asarray(getattr(ranking, k)) for k in ("value", "draws", "null", "noise")}
    return {k: np.array(v, dtype=str) for k, v in words.items()} | numbers


def pack_shapley(shapley: Shapley) -> dict[str, np.ndarray]:
    """Shapley values as named arrays."""
    words = {"words": (shapley.kind, shapley.output), "features": shapley.features, "labels": shapley.labels}
    found = {f"shapley/{k}": np.array(v, dtype=str) for k, v in words.items()}
    return found | {
        f"shapley/{k}": np.asarray(getattr(shapley, k)) for k in ("values", "base", "data", "error")
    }


def unpack_shapley(arrays: Arrays) -> Shapley:
    """Shapley values from what `pack_shapley` made."""
    kind, output = arrays["shapley/words"].tolist()
    features, labels = (tuple(arrays[f"shapley/{k}"].tolist()) for k in ("features", "labels"))
    values, base, data, error = (arrays[f"shapley/{k}"] for k in ("values", "base", "data", "error"))
    return Shapley(kind, features, labels, values, base, data, error, output)
