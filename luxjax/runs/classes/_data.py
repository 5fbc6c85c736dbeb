"""Spectra to classify, as features row for row with what is known of them: from survey files or simulated, and in a run folder.

features.npz    features and their errors, a row per spectrum
spectra.csv     the same rows: star, file, class, subclass, S/N; and in which part of the split they were
left_out.csv    files and spectra that are not among them, each with its reason
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...classify.features import Features, extract_features
from ...classify.internal import at_rest_again
from ...core import InputError, Progress
from ...core.internal import join_names, reporting
from ...data import Spectra
from ...preprocessing import reject_cosmic_rays
from ...simulation import simulate_lamost
from ...surveys import read_lamost
from .._folder import RunFolder

__all__ = [
    "ClassData",
    "blocks",
    "features_of",
    "keep_classes",
    "lamost_data",
    "measured",
    "pack_features",
    "read_class_data",
    "simulated_data",
    "survey_facts",
    "unpack_features",
    "write_class_data",
]

FACTS = ("obsid", "release", "snr", "subclass", "luminosity", "z")
PARAMETERS = ("teff", "logg", "fe_h", "alpha_fe")
PLACE = ("ra", "dec", "pmra", "pmdec", "epoch")  # as far as files or a dataset have them
ERRORS_FROM = "errors_from"  # of spectra that are not LAMOST's
MIN_GOOD = 0.5  # least share of good pixels
NOTHING = pd.DataFrame({"file": [], "id": [], "reason": []}, dtype=str)
BLOCK = 1024  # spectra between two reports of progress


@dataclass(frozen=True, eq=False)
class ClassData:
    """Features of spectra, what is known of them, and what is missing.

    Parameters
    ----------
    features : Features
    table : pandas.DataFrame
        Row for row: ``id``, ``file``, ``obsid``, ``release``, ``snr``, ``class``, ``subclass``, ``luminosity``, ``z``, and where they are known
        ``ra`` and ``dec`` (files), ``teff``, ``logg``, ``fe_h``, ``alpha_fe`` (simulated stars).
    left_out : pandas.DataFrame
        ``file``, ``id`` and ``reason``.
    spectra : Spectra, optional
        Row for row, as long as they are in memory.
    """

    features: Features
    table: pd.DataFrame
    left_out: pd.DataFrame
    spectra: Spectra | None = None

    def select(self, rows) -> "ClassData":
        """The rows chosen by an integer array or boolean mask."""
        rows = np.arange(len(self.table))[rows]
        return replace(
            self,
            features=self.features.select(rows),
            table=self.table.iloc[rows].reset_index(drop=True),
            spectra=None if self.spectra is None else self.spectra.select(rows),
        )


def lamost_data(
    files: Sequence[str | Path],
    *,
    repeats: str = "all",
    need_class: bool = True,
    reject_cosmic_rays: bool = False,
    progress: bool | Progress | None = None,
) -> ClassData:
    """Read LAMOST files and measure their features; spectra that cannot be used are listed, with the reason.

    Parameters
    ----------
    files : sequence of path
        Folders, searched through, and files.
    repeats : "all" or "best"
        Keep every spectrum of a star, or the one of highest S/N.
    need_class : bool
        Whether to leave out what the survey's pipeline did not class as a star of O to M.
    reject_cosmic_rays : bool
        Before features are measured.
    progress : bool or Progress, optional
        True shows the spectra that are done on standard error; a function is called with ``("spectra", done, total)``.
    """
    found = read_lamost(
        files[0] if len(files) == 1 and not Path(files[0]).is_file() else files,
        repeats=repeats,
        need_class=need_class,
        progress=progress,
    )
    facts = found.spectra.table
    assert facts is not None  # the reader makes one
    # Spectra of one star go together by position; its designation may differ between releases.
    star = facts["star"].to_numpy()
    first, number = np.unique(star, return_index=True, return_inverse=True)[1:]
    spectra = found.spectra.replace(ids=found.spectra.ids[first][number])
    table = facts.drop(columns="class").rename(columns={"main": "class"}).assign(id=spectra.ids)
    problems = found.problems.rename(columns={"path": "file"}).assign(id="")
    return measured(blocks(spectra, table), len(spectra), problems, reject_cosmic_rays, progress)


def simulated_data(
    n_stars: int,
    *,
    seed: int,
    snr: tuple[float, float] = (10.0, 100.0),
    visits: int = 1,
    mix: Mapping[str, float] | None = None,
    reject_cosmic_rays: bool = False,
    progress: bool | Progress | None = None,
) -> ClassData:
    """Features of a simulated LAMOST, whose true classes and parameters are known; options as for `simulate_lamost`."""
    made = simulate_lamost(n_stars, key=seed, snr=snr, visits=visits, mix=mix)
    facts = made.spectra.table
    assert facts is not None
    table = pd.concat(
        [facts[["obsid", "snr", "z"]], made.truth[["class", "subclass", "luminosity", *PARAMETERS]]], axis=1
    )
    table = table.assign(id=made.spectra.ids, file="", release="simulated")
    return measured(blocks(made.spectra, table), len(table), NOTHING, reject_cosmic_rays, progress)


def measured(
    parts: Iterable[tuple[Spectra, pd.DataFrame]],
    total: int,
    problems: pd.DataFrame,
    clean: bool,
    progress: bool | Progress | None,
    *,
    min_good: float = MIN_GOOD,
) -> ClassData:
    """Features of spectra, block after block, so that a long measurement shows how far it is.

    Parameters
    ----------
    parts : iterable of (Spectra, DataFrame)
        Blocks of spectra, and what is known of them.
    total : int
        Spectra in all blocks.
    problems : DataFrame
        What is left out already: ``file``, ``id``, ``reason``.
    clean : bool
        Whether to reject cosmic rays.
    progress
        As for `lamost_data`.
    """
    found, tables, kept, lost, done = [], [], [], [problems[["file", "id", "reason"]]], 0
    with reporting(progress, "measure features") as tell:
        for part, table in parts:
            one = features_of(part, table["z"].to_numpy(float), clean, min_good)
            out = one.left_out
            lost.append(pd.DataFrame({"file": table["file"].to_numpy()[out["row"].astype(int)], "id": out["id"].astype(str), "reason": out["reason"]}))  # fmt: skip
            tables.append(table.iloc[one.rows])
            kept.append(part.select(one.rows))
            found.append(one)
            done += len(part)
            tell("spectra", done, total)
    losses = pd.concat(lost, ignore_index=True).astype(str)
    features = _stacked(found)
    if not len(features):
        raise InputError(f"no spectrum can be used; the first reasons: {' | '.join(losses['reason'][:3])}")
    known = pd.concat(tables, ignore_index=True)
    columns = ["id", "file", "class", *FACTS, *(c for c in (*PLACE, *PARAMETERS, ERRORS_FROM) if c in known)]
    return ClassData(features, known[columns], losses, Spectra.stack(kept))


def features_of(spectra: Spectra, z: np.ndarray, clean: bool, min_good: float = MIN_GOOD) -> Features:
    """Features of spectra by their redshifts, which do not count where they are at rest."""
    shifts = None if spectra.frame == "rest" else z
    how: dict[str, Any] = {"min_good": min_good, "clean": reject_cosmic_rays if clean else None}
    return extract_features(spectra, redshift=shifts, **how)


def survey_facts(table: pd.DataFrame) -> pd.DataFrame:
    """What a table of answers repeats of spectra: which they are, and the survey's own classes."""
    facts = table[
        ["id", "file", "obsid", "snr", "class", "subclass", *(c for c in (ERRORS_FROM,) if c in table)]
    ]
    return facts.rename(columns={"class": "survey_class", "subclass": "survey_subclass"}).reset_index(
        drop=True
    )


def blocks(spectra: Spectra, table: pd.DataFrame) -> Iterator[tuple[Spectra, pd.DataFrame]]:
    """Spectra and their table, block after block, so that a long measurement shows how far it is."""
    for k in range(0, len(spectra), BLOCK):
        yield spectra.select(slice(k, k + BLOCK)), table.iloc[k : k + BLOCK]


def _stacked(parts: list[Features]) -> Features:
    """The same features of all spectra, counted through."""
    ids = np.concatenate([p.ids for p in parts])
    return replace(
        parts[0],
        values=pd.concat([p.values for p in parts], ignore_index=True),
        errors=pd.concat([p.errors for p in parts], ignore_index=True),
        ids=ids,
        rows=np.arange(len(ids)),
        spectra=Spectra.stack([p.spectra for p in parts if p.spectra is not None]),
        left_out=parts[0].left_out[:0],
    )


def keep_classes(data: ClassData, classes: Sequence[str] = (), min_per_class: int = 20) -> ClassData:
    """Keep the spectra of the wanted classes that have enough stars; the others are left out, with the reason.

    Parameters
    ----------
    data : ClassData
    classes : sequence of str
        Classes to keep; empty for all.
    min_per_class : int
        Minimum number of stars of a class.
    """
    stars = data.table.groupby("class")["id"].nunique()
    for name in classes:
        if name not in stars:
            raise InputError(f"no spectrum is of class '{name}'; there are {_counts(stars)}.")
    kept = [str(c) for c in stars.index if c in (classes or stars.index) and stars[c] >= min_per_class]
    if len(kept) < 2:
        raise InputError(
            f"a classifier needs two classes with {min_per_class} stars each; there are {_counts(stars)}. Give more spectra, or "
            "fewer as --min-per-class (at least 10)."
        )
    reasons = {
        c: f"class {c} has only {stars[c]} stars, {min_per_class} are needed"
        if c in (classes or stars.index)
        else f"class {c} was not asked for"
        for c in stars.index
        if c not in kept
    }
    lost = data.table[data.table["class"].isin(reasons)]
    lost = lost[["file", "id"]].astype(str).assign(reason=lost["class"].map(reasons))
    chosen = data.select(data.table["class"].isin(kept).to_numpy())
    return replace(chosen, left_out=pd.concat([data.left_out, lost], ignore_index=True))


def _counts(stars: "pd.Series[int]") -> str:
    return join_names([f"{name} ({n})" for name, n in stars.items()]) or "none"


def write_class_data(run: RunFolder, data: ClassData) -> None:
    """Write features, table and list of losses; the features last, so that where they stand all stands."""
    run.write_csv("spectra.csv", data.table)
    run.write_csv("left_out.csv", data.left_out)
    rest = data.features.spectra
    kept = {} if rest is None else {"rest_flux": rest.flux, "rest_ivar": rest.ivar}
    run.write_arrays("features.npz", pack_features(data.features) | kept)


def pack_features(features: Features) -> dict[str, np.ndarray]:
    """A table of features as named arrays, without spectra."""
    return {
        "names": np.array(features.names, dtype=str),
        "families": np.array([features.families[n] for n in features.names], dtype=str),
        "values": features.values.to_numpy(np.float64),
        "errors": features.errors.to_numpy(np.float64),
        "ids": features.ids.astype(str),
    }


def unpack_features(arrays: Mapping[str, np.ndarray], spectra: Spectra | None = None) -> Features:
    """A table of features from what `pack_features` made."""
    names, ids = arrays["names"].tolist(), arrays["ids"]
    values, errors = (pd.DataFrame(arrays[k], columns=names) for k in ("values", "errors"))
    families = dict(zip(names, arrays["families"].tolist(), strict=True))
    nothing = pd.DataFrame(columns=["row", "id", "reason"])
    return Features(values, errors, families, ids, np.arange(len(ids)), nothing, spectra)


def read_class_data(run: RunFolder) -> ClassData:
    """Read back what `write_class_data` wrote."""
    text: dict[str, Any] = dict.fromkeys(
        ("id", "file", "obsid", "release", "class", "subclass", "luminosity"), str
    )
    table = pd.read_csv(run.file("spectra.csv"), dtype=text, keep_default_na=False, na_values={c: [""] for c in ("snr", "z", *PLACE, *PARAMETERS)})  # fmt: skip
    lost = pd.read_csv(run.file("left_out.csv"), dtype=str, keep_default_na=False)
    file = run.file("features.npz")
    try:
        with np.load(file, allow_pickle=False) as stored:
            rest = (
                at_rest_again(stored["rest_flux"], stored["rest_ivar"], stored["ids"], table)
                if "rest_flux" in stored
                else None
            )
            features = unpack_features(stored, rest)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file} cannot be read as features ({error}); run again.") from None
    return ClassData(features, table, lost)
