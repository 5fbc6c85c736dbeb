"""Folds of a run: by star, or by blocks of the sky with what that changes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...classify.internal import fold_gap, sky_blocks
from ...core import InputError, check_name
from ._data import ClassData

__all__ = ["GROUPS", "check_groups", "gap_entry", "groups_of"]

GROUPS = ("star", "sky")


def check_groups(groups: str, folds: int, simulated: bool = False) -> None:
    """Raise on groups that do not exist, or that cannot be compared."""
    check_name("grouping of folds", groups, GROUPS)
    if groups == "sky" and not folds:
        raise InputError(
            "folds by blocks of the sky are compared with folds by star on the same stars; give a number of folds too (--folds 5)."
        )
    if groups == "sky" and simulated:
        raise InputError("simulated stars have no place on the sky; leave the grouping of folds at 'star'.")


def groups_of(data: ClassData, groups: str, folds: int) -> np.ndarray | None:
    """The block of the sky of each row; None for folds by star."""
    check_groups(groups, folds)
    if groups == "star":
        return None
    place = data.table[["ra", "dec"]] if {"ra", "dec"} <= set(data.table) else None
    if place is None or place.isna().all().any():
        raise InputError("the spectra have no positions (ra, dec), so the folds can only be by star.")
    return sky_blocks(place["ra"].to_numpy(), place["dec"].to_numpy(), data.features.ids)


def gap_entry(
    judged: pd.DataFrame, by_star: pd.DataFrame, blocks: np.ndarray, seed: int
) -> Mapping[str, Any]:
    """What ``metrics.json`` says of the blocks: how many, and scores by star, by block and their gap with its interval."""
    found = fold_gap(by_star.set_index("id"), judged.set_index("id"), blocks, seed=seed)
    return {"blocks": found.n_blocks, "stars": found.n_stars, "gap": found.table.to_dict(orient="index")}
