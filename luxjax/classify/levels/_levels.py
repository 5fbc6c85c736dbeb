"""Class, subclass, luminosity class, evolutionary stage and branch together, so that no answer contradicts another.

These are the levels. A finer level is a classifier within each class of the coarser one: P(G2) = P(G) P(G2 | G). So the
probabilities of subclasses sum to that of their class, and the subclass that is named is one of the class that is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...core import InputError, check_name
from .._classifier import Classifier
from .._folds import answer_by_folds
from .._train_classifier import LEAST, LEAST_OF_A_FOLD, train_classifier
from ..estimators._estimators import AVERAGED
from ..features._features import Features
from ..features._learned import FeatureFamily, check_families, learn_families, with_learned
from ._labels import CLASS_LEVELS, COARSER, class_labels, prepared_labels, star_counts
from ._sets import finer_sets

__all__ = ["ClassLevels", "cross_validate_levels", "train_levels"]


@dataclass(frozen=True, eq=False)
class ClassLevels:
    """Classifiers of main class, subclass, luminosity class and stage, whose answers agree with each other.

    Attributes
    ----------
    coarse : dict of str to Classifier
        ``class`` and ``stage``, those of them that could be trained.
    fine : dict of str to dict of str to (Classifier or str)
        ``subclass`` by class, ``luminosity`` and ``branch`` by stage; the name alone where there is one only.
    staged : tuple of str
        The main classes among which stages were known, enough to learn from; elsewhere stage and luminosity are blank.
    learned : dict of str to FeatureFamily
        Families of features that were learned from spectra, once for all levels.
    notes : DataFrame
        Columns ``level``, ``label``, ``stars`` and ``what``: rare labels that were joined or left out, levels that were not trained.
    """

    coarse: Mapping[str, Classifier]
    fine: Mapping[str, Mapping[str, "Classifier | str"]]
    staged: tuple[str, ...]
    notes: pd.DataFrame
    learned: Mapping[str, FeatureFamily] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The levels that have answers."""
        return [h for h in CLASS_LEVELS if h in self.coarse or h in self.fine]

    def probabilities(self, features: Features, level: str = "class") -> pd.DataFrame:
        """Probabilities of a level's classes, one row for each spectrum.

        Those of a finer level sum to the probability of the coarser classes that have any. They take every star to be one of the kinds
        that the level was trained on (see `staged`).
        """
        check_name("class level", level, self.names)
        features = with_learned(features, self.learned)
        if level in self.coarse:
            return self.coarse[level].probabilities(features)
        coarse = self.coarse[COARSER[level]].probabilities(features)
        parts = [
            _inside(member, features).mul(coarse[name], axis=0) for name, member in self.fine[level].items()
        ]
        return pd.concat(parts, axis=1)

    def classify(self, features: Features, *, coverage: float = 0.9) -> pd.DataFrame:
        """The answers of all levels.

        Returns
        -------
        DataFrame
            For each level a column with its name, one ``_probability`` and one ``_set`` with the set that holds the true one with chance
            `coverage`, or more for finer levels; ``stage_p_dwarf`` and so on with the probability of each stage; index ``id``. A finer
            answer is the likeliest within the coarser one that is named, and its probability the product. Blank and NaN where a level does not know: stages of main classes in which no stage is known, say.
        """
        features = with_learned(features, self.learned)
        columns: dict[str, Any] = {}
        for level in self.names:
            if level in self.coarse:
                found = self.coarse[level].classify(features, coverage=coverage)
                columns |= {level: found["class"].astype(str), f"{level}_probability": found["probability"]}
                if "set" in found:
                    columns[f"{level}_set"] = found["set"]
                if level == "stage":
                    columns |= {f"stage_{c}": found[c] for c in found if str(c).startswith("p_")}
        for level, members in self.fine.items():
            above = columns[COARSER[level]], columns[f"{COARSER[level]}_probability"]
            columns |= self._finer(level, members, features, *above)
            if (sets := finer_sets(self.coarse[COARSER[level]], members, features, coverage)) is not None:
                columns[f"{level}_set"] = sets
        table = pd.DataFrame(columns, index=pd.Index(features.ids, name="id"))
        unknown = ~table["class"].isin(self.staged)
        chances = [str(c) for c in table if str(c).startswith("stage_p_")]
        for level in (h for h in ("stage", "luminosity", "branch") if h in table):
            table.loc[unknown, [c for c in (level, f"{level}_set") if c in table]] = ""
            table.loc[unknown, [f"{level}_probability", *(chances if level == "stage" else ())]] = np.nan
        order = [c for h in self.names for c in (h, f"{h}_probability", f"{h}_set") if c in table]
        at = order.index("stage_probability") + 1 if chances else 0
        order[at:at] = chances
        return table[order]

    @staticmethod
    def _finer(level, members, features: Features, coarse: pd.Series, chance: pd.Series) -> dict[str, Any]:
        answer = np.full(len(features), "", dtype=object)
        p = np.full(len(features), np.nan)
        for name, member in members.items():
            rows = np.flatnonzero((coarse == name).to_numpy())
            if len(rows):
                inside = _inside(member, features.select(rows))
                answer[rows] = inside.columns.to_numpy(object)[inside.to_numpy().argmax(axis=1)]
                p[rows] = inside.to_numpy().max(axis=1) * chance.to_numpy()[rows]
        return {level: answer.astype(str), f"{level}_probability": p}


def train_levels(
    features: Features,
    table: pd.DataFrame,
    levels: Sequence[str] = CLASS_LEVELS,
    *,
    min_per_class: int = 20,
    seed: int = 0,
    **options: Any,
) -> ClassLevels:
    """Train classifiers of main class, subclass, luminosity class, evolutionary stage and branch.

    Parameters
    ----------
    features : Features
    table : DataFrame
        One row for each row of the features, with the columns that `class_labels` reads. Rows whose label is missing are left out of that level.
    levels : sequence of str
        A finer level brings its coarser one, and ``stage`` brings ``class``.
    min_per_class : int
        Stars that a label needs. Rarer subclasses are joined with their neighbours in the same class; other rare labels are left out.
    seed : int
    options
        Of `train_classifier`. There are many classifiers, so randomised trees stand for the average of trees.

    Raises
    ------
    InputError
        If there are too few labels for a classifier of main classes.
    """
    labels, notes, asked = _prepared(features, table, levels, min_per_class)
    return _trained(features, labels, asked, notes, seed, options)


def cross_validate_levels(
    features: Features,
    table: pd.DataFrame,
    levels: Sequence[str] = CLASS_LEVELS,
    *,
    folds: int = 5,
    min_per_class: int = 20,
    seed: int = 0,
    groups: ArrayLike | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Classify every star by levels that have seen no spectrum of it, or of its group, fold after fold.

    Returns
    -------
    DataFrame
        As from `ClassLevels.classify`, in the order of the features, with the labels as ``class_truth`` and so on (blank where missing or
        too rare) and ``fold``. Which labels are rare is decided once, from their numbers alone.
    """
    labels, notes, asked = _prepared(features, table, levels, min_per_class)
    main = labels["class"].replace("", labels["class"].mode()[0])  # unknown classes go anywhere

    def answer(fit: np.ndarray, held: np.ndarray) -> pd.DataFrame:
        found = _trained(features.select(fit), labels.iloc[fit], asked, notes, seed, options, LEAST_OF_A_FOLD)
        truth = {f"{level}_truth": labels[level].to_numpy()[held] for level in found.names}
        return found.classify(features.select(held)).assign(**truth)

    return answer_by_folds(features, folds, seed, answer, classes=main, groups=groups)


def _prepared(features: Features, table: pd.DataFrame, levels: Sequence[str], min_per_class: int):
    if len(table) != len(features):
        raise InputError(
            f"every row of the features needs a row of the table; given {len(features)} and {len(table)}. For features of a survey's "
            "spectra that is spectra.table.iloc[features.rows]."
        )
    for level in levels:
        check_name("class level", level, CLASS_LEVELS)
    asked = {"class", *levels, *(COARSER[h] for h in levels if h in COARSER)}
    labels, notes = prepared_labels(class_labels(table), features.ids, sorted(asked), min_per_class)
    return labels, notes, asked


def _trained(
    features,
    labels: pd.DataFrame,
    asked: set[str],
    notes: pd.DataFrame,
    seed: int,
    options,
    least: int = LEAST,
) -> ClassLevels:
    options = dict(options)
    if isinstance(asks := options.get("estimator", "average"), str) and asks == "average":
        # which have nearly all of the weight where stars are few, as within a class
        options["estimator"] = AVERAGED[0]
    labels = labels.reset_index(drop=True)
    # once for all: what is learned of spectra does not know their classes
    learned = learn_families(check_families(options.pop("learned", None), features), features, seed)
    features = with_learned(features, learned)
    coarse: dict[str, Classifier] = {}
    fine: dict[str, dict[str, Classifier | str]] = {}
    more: list[tuple[str, str, int, str]] = []

    def train(level: str, inside: np.ndarray, parent: str = "") -> "Classifier | str | None":
        """A classifier of the labels that enough stars have, or the only one of them."""
        names = labels[level].where(pd.Series(inside), "")
        counts = {n: s for n, s in star_counts(names, features.ids).items() if s >= least}
        rows = np.flatnonzero(names.isin(list(counts)))
        if len(counts) > 1:
            return train_classifier(
                features.select(rows), names[rows].to_numpy(), seed=seed, least=least, **options
            )
        only = next(iter(counts), None)
        where = f" of {parent}" if parent else ""
        what = f"the only one known{where}" if only else f"not trained: none is known{where}"
        more.append((level, only or "", sum(counts.values()), what))
        return only

    staged = star_counts(labels["class"].where(labels["stage"] != "", ""), features.ids)
    for level in (h for h in ("class", "stage") if h in asked):
        found = train(level, np.ones(len(labels), bool))
        if isinstance(found, Classifier):
            coarse[level] = found
        elif level == "class":
            raise InputError(
                f"main classes need at least two with {least} stars each; give more stars, or other labels."
            )
    for finer, above in ((f, c) for f, c in COARSER.items() if f in asked and c in coarse):
        if finer == "branch" and not (labels["branch"] != "").any():
            continue  # no survey has these but from asteroseismology
        parents = coarse[above].classes
        if finer == "branch":
            parents = tuple(p for p in parents if p == "giant")
        members = {p: train(finer, (labels[above] == p).to_numpy(), p) for p in parents}
        fine[finer] = {p: member for p, member in members.items() if member is not None}
    if more:
        notes = pd.concat([notes, pd.DataFrame(more, columns=notes.columns)], ignore_index=True)
    return ClassLevels(coarse, fine, tuple(c for c, n in staged.items() if n >= least), notes, learned)


def _inside(member: "Classifier | str", features: Features) -> pd.DataFrame:
    """Probabilities within a coarser class."""
    if isinstance(member, str):
        return pd.DataFrame({member: np.ones(len(features))}, index=pd.Index(features.ids, name="id"))
    return member.probabilities(features)
