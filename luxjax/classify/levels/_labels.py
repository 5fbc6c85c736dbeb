"""What is known of each star's class: main class, subclass, luminosity class and evolutionary stage, from catalogue columns.

Labels that are too rare to learn are joined with their neighbours where these are a matter of degree, and left out elsewhere; each
with the reason.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError, check_name
from ...core.internal import classes_of, identifiers, join_names, values
from ...data.internal import frame_of
from ...surveys.internal import parse_subclass
from .._class_scores import SEQUENCE

__all__ = [
    "CLASS_LEVELS",
    "COARSER",
    "GRAVITY",
    "STAGES",
    "class_labels",
    "evolutionary_stage",
    "prepared_labels",
    "star_counts",
]

#: The levels of a class, and the coarser level whose classes each finer one divides.
COARSER = {"subclass": "class", "luminosity": "stage", "branch": "stage"}
CLASS_LEVELS = ("class", "subclass", "luminosity", "stage", "branch")
STAGES = ("dwarf", "subgiant", "giant")

_STAGE_OF = {"I": "giant", "II": "giant", "III": "giant", "IV": "subgiant", "V": "dwarf", "VI": "dwarf"}
_COOL = 7000.0  # K; hotter dwarfs evolve across these gravities on the main sequence
GRAVITY = (3.5, 4.0)  # giants below, dwarfs above
#: Branches of giants, by the words of catalogues that know them from asteroseismology; neither temperature nor gravity can tell them apart.
_BRANCHES = {
    **dict.fromkeys(("RGB", "red_giant_branch"), "red_giant_branch"),
    **dict.fromkeys(("RC", "2CL", "CLUMP", "red_clump"), "red_clump"),
}


def evolutionary_stage(
    luminosity: Iterable[str] | None = None, logg: ArrayLike | None = None, teff: ArrayLike | None = None
) -> np.ndarray:
    """Dwarf, subgiant or giant, from the luminosity class where there is one, else from gravity.

    Parameters
    ----------
    luminosity : (row,) sequence of str, optional
        ``"I"`` to ``"VI"``; anything else is unknown.
    logg, teff : (row,) arrays, optional
        Stars cooler than 7,000 K are giants below log g = 3.5 and dwarfs from 4.0 on, round numbers that separate the branches of a
        colour-magnitude diagram; of hotter ones gravity does not tell.

    Returns
    -------
    (row,) array of str
        Blank where unknown.
    """
    roman = None if luminosity is None else classes_of("luminosity classes", list(luminosity))
    numbers = [None if a is None else np.atleast_1d(values("log g and teff", a)) for a in (logg, teff)]
    given = [roman, *numbers]
    n = max((len(a) for a in given if a is not None), default=0)
    stage = np.full(n, "", dtype="<U8")
    if given[1] is not None and given[2] is not None:
        g, t = given[1].astype(float), given[2].astype(float)
        known = np.isfinite(g) & (t < _COOL)
        stage[known] = np.array(STAGES)[2 - np.digitize(g, GRAVITY)][known]
    if given[0] is not None:
        named = np.array([_STAGE_OF.get(str(one), "") for one in given[0]])
        stage = np.where(named != "", named, stage)
    return stage


def class_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Labels of every level from a survey's table, or a simulation's.

    Parameters
    ----------
    table : DataFrame
        With any of the columns ``subclass`` (as LAMOST writes it: ``G2``, ``A7V``, ``dM1``), ``class`` (main class), ``luminosity``,
        ``stage``, ``branch`` (as APOKASC writes it: ``RGB``, ``RC``, ``2CL``), ``logg`` and ``teff``. A column that is there counts before what the subclass implies.

    Returns
    -------
    DataFrame
        Columns ``class``, ``subclass`` (class and one digit), ``luminosity``, ``stage`` and ``branch`` (of giants: ``red_giant_branch`` or
        ``red_clump``, only where the table says so); blank where unknown.
    """
    table = frame_of("table of classes", table)
    blank = pd.Series([""] * len(table))
    text = {
        c: pd.Series(classes_of(f"column '{c}'", table[c]), dtype=object) for c in CLASS_LEVELS if c in table
    }
    if "subclass" not in text and "class" not in text:
        raise InputError(
            f"labels of classes come from columns 'subclass' or 'class'; the table has {join_names(table.columns)}."
        )
    parsed = parse_subclass(text.get("subclass", blank))
    own = _among(text.get("class", blank), SEQUENCE)
    main = own.where(own != "", parsed["main"])
    digit = parsed["subtype"].map(lambda d: str(int(d)) if np.isfinite(d) else "")
    subclass = (main + digit).where((digit != "") & (main == parsed["main"]), "")
    luminosity = _among(text.get("luminosity", blank), _STAGE_OF)
    luminosity = luminosity.where(luminosity != "", parsed["luminosity"])
    gravity = [values(f"column '{c}'", table[c]) if c in table else None for c in ("logg", "teff")]
    stage = _among(text.get("stage", blank), STAGES)
    branch = text.get("branch", blank).map(lambda word: _BRANCHES.get(word, ""))
    stage = stage.where((stage != "") | (branch == ""), "giant")
    stage = stage.where(stage != "", evolutionary_stage(luminosity, *gravity))
    columns = {"class": main, "subclass": subclass, "luminosity": luminosity, "stage": stage}
    return pd.DataFrame(columns | {"branch": branch.where(stage == "giant", "")})


def _among(names: pd.Series, accepted: Iterable[str]) -> pd.Series:
    """These names; blank where they are none of those accepted."""
    return names.where(names.isin(list(accepted)), "")


def prepared_labels(
    labels: pd.DataFrame, ids: np.ndarray, levels: Sequence[str], min_per_class: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labels without those too rare to learn, and what was done about these: columns ``level``, ``label``, ``stars``, ``what``."""
    for level in levels:
        check_name("class level", level, CLASS_LEVELS)
    labels, notes = labels.copy(), []
    for level in (h for h in CLASS_LEVELS if h in levels and h != "subclass"):
        for name, stars in star_counts(labels[level], ids).items():
            if stars < min_per_class:
                labels.loc[labels[level] == name, level] = ""
                notes.append((level, name, stars, f"left out: fewer than {min_per_class} stars"))
    if "subclass" in levels:
        labels.loc[labels["class"] == "", "subclass"] = ""
        for main in sorted(set(labels["class"]) - {""}):
            inside = labels["subclass"].where(labels["class"] == main, "")
            for group in _joined(star_counts(inside, ids), min_per_class):
                name = group[0][0] if len(group) == 1 else f"{group[0][0]}-{group[-1][0]}"
                labels.loc[inside.isin([n for n, _ in group]), "subclass"] = name
                if len(group) > 1:
                    notes += [("subclass", n, s, f"joined into {name}") for n, s in group]
    return labels, pd.DataFrame(notes, columns=["level", "label", "stars", "what"])


def star_counts(names: pd.Series, ids: np.ndarray) -> dict[str, int]:
    """Stars of each label, in the order of their names."""
    known = (names != "").to_numpy()
    pairs = pd.DataFrame(
        {"name": names[known].to_numpy(), "id": identifiers("ids", ids)[known]}
    ).drop_duplicates()
    return {str(k): int(v) for k, v in pairs["name"].value_counts().sort_index().items()}


def _joined(counts: dict[str, int], least: int) -> list[list[tuple[str, int]]]:
    """Neighbouring subclasses joined, from hot to cool, until each group has enough stars; the last joins the one before it."""
    groups: list[list[tuple[str, int]]] = [[]]
    for item in counts.items():
        if sum(s for _, s in groups[-1]) >= least:
            groups.append([])
        groups[-1].append(item)
    if len(groups) > 1 and sum(s for _, s in groups[-1]) < least:
        last = groups.pop()
        groups[-1] += last
    return [g for g in groups if g]
