"""Photometry and parallax of a table as features, and what they are worth: the same folds with them and without."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...classify.internal import DEFAULT_FAMILIES, METADATA, fold_gap, metadata_columns
from ...core import InputError
from ...core.internal import join_names
from ...surveys.internal import named_columns, read_star_rows
from ._data import ClassData
from ._truth import RADIUS, join_rows

__all__ = ["ablate_metadata", "ablation_lines", "families_to_learn", "with_metadata"]

COLOURS = (
    "bp_rp",
    "bp_g",
    "g_rp",
    "u_g",
    "g_r",
    "r_i",
    "i_z",
    "b_v",
    "j_h",
    "h_k",
    "j_k",
    "j_ks",
    "h_ks",
    "w1_w2",
)
GAIA_G = ("phot_g_mean_mag", "gmag")
# Magnitudes that are recognised, by wavelength; neighbours of one list make a colour.
BANDS = (
    {"bp": ("phot_bp_mean_mag", "bpmag", "bp_mag"), "rp": ("phot_rp_mean_mag", "rpmag", "rp_mag")},
    {
        "j": ("jmag", "j_m", "j_mag", "j"), "h": ("hmag", "h_m", "h_mag", "h"), "k": ("kmag", "ksmag", "k_m", "ks_m", "k_mag", "ks_mag", "k"),
        "w1": ("w1mpro", "w1mag", "w1"), "w2": ("w2mpro", "w2mag", "w2"),
    },
)  # fmt: skip
PARALLAX = ("parallax", "plx", "plx_value")


def with_metadata(
    data: ClassData,
    metadata: str | Path,
    *,
    photometry: Sequence[str] | None = None,
    parallax: str | None = None,
    match_radius: float = RADIUS,
) -> ClassData:
    """Add photometry and parallax of a table, which `train_classes` then takes for features; joined as for `with_truth`.

    A star without a row, or with several that differ, has none. Magnitudes only make colours: by itself a magnitude says how far a star
    is, not what it is. With a G magnitude of Gaia, parallax makes ``parallax * 10**(0.2 * G - 2)``, the luminosity to the power of -1/2, which is
    defined for parallaxes below 0 too.

    Parameters
    ----------
    data : ClassData
        With its spectra.
    metadata : path
        Any table that `luxjax.surveys.read_catalog` reads.
    photometry : sequence of str, optional
        Columns of photometry; ``A-B`` is the difference of two. Default: known colours and magnitudes of Gaia, 2MASS and WISE; none where it is empty.
    parallax : str, optional
        Column of the parallax, mas. Default: found by its usual names; none where it is blank.
    match_radius : float
        Largest separation of positions, arcsec.
    """
    if data.features.spectra is None:
        raise InputError(
            "metadata join the spectra at rest, and these features have none; measure them on spectra."
        )
    have, _ = named_columns(metadata, None)
    made = {**_photometry(have, photometry, metadata), **_parallax(have, parallax, metadata)}
    if not made:
        raise InputError(
            f"'{metadata}' has no column of photometry or parallax that is known (it has {join_names(have)}); name them with "
            "--photometry or --parallax."
        )
    wanted = list(dict.fromkeys(c for columns, _ in made.values() for c in columns))
    rows = read_star_rows(metadata, have, wanted, {})
    of, star, _ = join_rows(data, rows, match_radius)
    numbers = rows.frame[wanted].apply(pd.to_numeric, errors="coerce").astype(float)
    alone = ~numbers.assign(star=star).drop_duplicates()["star"].duplicated(keep=False)
    numbers = numbers.loc[alone.index[alone]].set_index(star[alone.index[alone]])
    own = numbers.reindex(np.where(of >= 0, of, -2)).reset_index(drop=True)
    values = {name: rule(*(own[c].to_numpy() for c in columns)) for name, (columns, rule) in made.items()}
    if not np.isfinite(np.column_stack(list(values.values()))).any():
        raise InputError(
            f"'{metadata}' has {join_names(made)} of no star of these spectra; give the table of these stars."
        )
    rest = data.features.spectra
    known = pd.DataFrame(index=range(len(rest))) if rest.table is None else rest.table.reset_index(drop=True)
    features = replace(data.features, spectra=rest.replace(table=known.assign(**values)))
    return replace(data, features=features, table=data.table.assign(**values))


Made = dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]]


def _photometry(have: list[str], asked: Sequence[str] | None, table: str | Path) -> Made:
    """Features of photometry: the columns they are made of, and how."""
    lower = {c.lower(): c for c in reversed(have)}
    if asked is not None:
        out: Made = {}
        for name in asked:
            parts = (name,) if name in have or "-" not in name else tuple(name.split("-", 1))
            for part in parts:
                _check(part, have, table)
            out[f"photometry: {name}"] = (parts, _same if len(parts) == 1 else np.subtract)
        return out
    out = {f"photometry: {name}": ((lower[name],), _same) for name in COLOURS if name in lower}
    for group in BANDS:
        found = {b: next((lower[n] for n in names if n in lower), None) for b, names in group.items()}
        bands = [(b, c) for b, c in found.items() if c]
        for (b, blue), (r, red) in pairwise(bands):
            if f"photometry: {b}_{r}" not in out:
                out[f"photometry: {b}_{r}"] = ((blue, red), np.subtract)
    return out


def _parallax(have: list[str], asked: str | None, table: str | Path) -> Made:
    """The feature of parallax."""
    lower = {c.lower(): c for c in reversed(have)}
    if asked:
        _check(asked, have, table)
    plx = asked if asked is not None else next((lower[n] for n in PARALLAX if n in lower), None)
    if not plx:
        return {}
    # A column gmag may be of another survey; of a table with Gaia's colours it is Gaia's.
    of_gaia = {"bp_rp", "bpmag", "phot_bp_mean_mag"} & set(lower)
    bright = next((lower[n] for n in GAIA_G if n in lower and (n != "gmag" or of_gaia)), None)
    if bright is None:
        return {"parallax: parallax": ((plx,), _same)}
    return {"parallax: luminosity": ((plx, bright), lambda p, g: p * 10 ** (0.2 * g - 2))}


def _same(column: np.ndarray) -> np.ndarray:
    return column


def _check(column: str, have: list[str], table: str | Path) -> None:
    if column not in have:
        raise InputError(
            f"'{table}' has no column {column} (it has {join_names(have)}); name one that it has."
        )


def families_to_learn(
    data: ClassData, learned: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The families to learn from spectra, and those of metadata that were joined to them."""
    if learned is None:
        learned = DEFAULT_FAMILIES if data.features.spectra is not None else ()
    joined = tuple(f for f in METADATA if f not in learned and metadata_columns(data.table, f))
    return tuple(learned), joined


def ablate_metadata(
    judge: Callable[[tuple[str, ...]], pd.DataFrame],
    data: ClassData,
    judged: pd.DataFrame,
    learned: tuple[str, ...],
    joined: tuple[str, ...],
    seed: int,
) -> dict[str, Any]:
    """What ``metrics.json`` says of metadata: scores on the same folds with all of them, and without.

    Parameters
    ----------
    judge : callable
        From families to learn to the held-out spectra, judged.
    data, judged
        The data, and the held-out spectra judged with all families.
    learned, joined : tuples of str
        Families of spectra, and those of metadata.
    seed : int
        Of the bootstrap samples of stars.
    """
    whole, found = judged.set_index("id"), {}
    for left in [joined, *([(f,) for f in joined] if len(joined) > 1 else [])]:
        kept = (*learned, *(f for f in joined if f not in left))
        bare = judge(kept).set_index("id")
        table = fold_gap(bare, whole, whole.index, seed=seed).table
        table = table.rename(columns={"by_star": "without", "by_block": "with", "gap": "difference"})
        found[" and ".join(left)] = table.to_dict(orient="index")
    names = [c for f in joined for c in metadata_columns(data.table, f)]
    known = data.table[names].apply(pd.to_numeric, errors="coerce").notna().any(axis=1)
    return {"columns": names, "spectra_with": int(known.sum()), "spectra": len(known), "without": found}


def ablation_lines(entry: Mapping[str, Any]) -> list[str]:
    """The same as lines of text; none where there are no metadata."""
    if not entry:
        return []
    lines = [
        f"metadata: {join_names(entry['columns'])}; known for {entry['spectra_with']} of {entry['spectra']} spectra",
        f"{'on the same folds':34}{'without':>9}{'with':>9}   difference [95% interval over stars]",
    ]
    for left, scores in entry["without"].items():
        for score, e in scores.items():
            name = f"{left}: {score.replace('_', ' ')}"
            lines.append(
                f"{name:34}{e['without']:9.3f}{e['with']:9.3f}   {e['difference']:+.3f} [{e['lower']:+.3f}, {e['upper']:+.3f}]"
            )
    return lines
