"""Importance of families of lines for the class: permuted on stars held out, and left out with retraining.

A ranking read off a model's own bookkeeping (mean |Shapley value|, split gains) says what it happens to use. The question
of the astronomer is what the class would be worse known without. Two experiments ask it, in nats of log-likelihood per spectrum:

- permuting all features of a family together among held-out stars (Breiman 2001, Machine Learning 45, 5): what this model loses;
  among stars of like temperature only (conditional permutation; Strobl et al. 2008, BMC Bioinformatics 9, 307): what the
  family tells beyond temperature;
- training without the family, or with it alone: what any model of the kind loses, or learns.

Families overlap: Ca II H holds H epsilon, the 4000-Angstrom break holds Ca II H and K. So a family left out is partly replaced
by others, which is the point, and never proves that its lines are no use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import classes_of, identifiers
from ..core.internal import values as values_of
from ..stats import Ranking
from ..stats.internal import star_means
from ._class_scores import class_codes
from ._classifier import Classifier
from ._train_classifier import cross_validate_classifier
from .calibration._calibrators import fit_calibrator
from .estimators._average import floored
from .estimators._estimators import AVERAGED
from .features._features import Features
from .features._learned import check_families, learn_families, with_learned

__all__ = ["FamilyAblation", "ablate_families", "condition_on", "permute_families"]

NATS = "nats per spectrum"
Groups = Mapping[str, Sequence[str]]


def condition_on(
    values: ArrayLike, ids: Sequence | np.ndarray | None = None, *, size: int = 10
) -> np.ndarray:
    """Sort stars into small groups of similar value, within which `permute_families` may permute.

    Parameters
    ----------
    values : (row,) or (row, quantity) array
        Such as the effective temperature; several quantities are halved at the median of the widest (in standard deviations), again and
        again, as in a k-d tree. Several spectra of a star count with their mean.
    ids : (row,) sequence, optional
        Star of each row.
    size : int
        Most stars of a group; there are at least half as many.

    Returns
    -------
    (row,) int array
        Number of the group; -1 where a value is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.classify import condition_on
    >>> teff = np.array([4000.0, 7000.0, 4100.0, 7100.0])
    >>> condition_on(teff, size=2).tolist()  # cool stars with cool ones
    [1, 0, 1, 0]
    """
    x = values_of("values to group by", values).astype(np.float64)
    x = x[:, None] if x.ndim == 1 else x
    star = np.arange(len(x)) if ids is None else np.unique(identifiers("ids", ids), return_inverse=True)[1]
    if size < 2 or len(star) != len(x):
        raise InputError(
            f"groups have 2 stars or more and every row its star; given size {size}, {len(x)} rows, {len(star)} stars."
        )
    mean = pd.DataFrame(x).groupby(star).mean().to_numpy()
    mean = mean / np.maximum(np.nanstd(mean, axis=0), np.finfo(float).tiny)
    group, number = np.full(len(mean), -1), 0
    known = pd.DataFrame(x).notna().groupby(star).any().all(axis=1).to_numpy()
    waiting = [np.flatnonzero(known)]
    while waiting:
        part = waiting.pop()
        if len(part) <= size:
            group[part], number = number, number + 1
            continue
        widest = np.ptp(mean[part], axis=0).argmax()
        part = part[np.argsort(mean[part, widest], kind="stable")]
        waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
    return group[star]


def permute_families(
    classifier: Classifier,
    features: Features,
    truth: Sequence[str],
    *,
    groups: Groups | None = None,
    within: ArrayLike | None = None,
    n_repeats: int = 10,
    n_draws: int = 200,
    seed: int = 0,
) -> Ranking:
    """Loss of log-likelihood when a family's features are those of other stars.

    Parameters
    ----------
    classifier : Classifier
    features : Features
        Features of stars that it was not trained on.
    truth : (row,) sequence of str
        Rows whose class is missing do not count.
    groups : mapping of str to sequence of str, optional
        Families to be permuted together, by a name for them. Default: each family by itself.
    within : (row,) int array, optional
        As from `condition_on`: every star gets the features of another star of its group. Stars in no group (-1), or alone in one, do
        not count.
    n_repeats : int
        Permutations to average over.
    n_draws, seed : int
        Bootstrap samples of stars.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from luxjax.classify import permute_families, train_classifier
    >>> from luxjax.classify.features import Features
    >>> heat = np.linspace(0.0, 1.999, 120)
    >>> values = pd.DataFrame({"H_beta": heat, "Mg_b": 2 - heat})
    >>> families, none = {"H_beta": "balmer", "Mg_b": "magnesium"}, pd.DataFrame(columns=["row", "id", "reason"])
    >>> features = Features(values, 0.1 + 0 * values, families, np.arange(120).astype(str), np.arange(120), none)
    >>> truth = np.array(["K", "G"])[heat.astype(int)]
    >>> classifier = train_classifier(features, truth, estimator="logistic", seed=1)
    >>> found = permute_families(classifier, features, truth, n_repeats=2, n_draws=20)
    >>> sorted(found.names), bool((found.value > 0).all())
    (['balmer', 'magnesium'], True)
    """
    features = classifier.complete(features)
    members = _members(features, groups)
    codes = class_codes(truth, classifier.classes)
    _, star = np.unique(features.ids, return_inverse=True)
    within = np.zeros(len(star), int) if within is None else np.asarray(within)
    if len(within) != len(features) or len(codes) != len(features):
        raise InputError(
            f"{len(features)} rows need as many classes and groups; given {len(codes)} and {len(within)}."
        )
    number = np.full(star.max() + 1, -1)
    number[star] = within
    size = np.bincount(number + 1, minlength=number.max() + 2)
    judged = (within >= 0) & (size[number[star] + 1] > 1) & (codes >= 0)
    if not judged.any():
        raise InputError(
            "no star has another one in its group, so nothing can be permuted; make groups larger."
        )
    rng = np.random.default_rng(seed)
    before = _loss(classifier.probabilities(features), codes)
    change = np.zeros((len(codes), len(members)))
    for _ in range(n_repeats):
        donor = _donors(star, number, rng)
        for k, names in enumerate(members.values()):
            values = features.values.copy()
            values[names] = features.values[names].to_numpy()[donor]
            after = _loss(classifier.probabilities(replace(features, values=values)), codes)
            change[:, k] += (after - before) / n_repeats
    mean, draws = star_means(change[judged], star[judged], n_draws=n_draws, seed=seed)
    return Ranking("loss of log-likelihood when permuted", NATS, tuple(members), mean, draws)


def _donors(star: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A row of another star of the group for every row, (row,): stars of a group pass their features round a random circle."""
    order = rng.permutation(len(group))
    order = order[np.argsort(group[order], kind="stable")]
    giver = np.arange(len(group))
    for part in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if group[part[0]] >= 0:
            giver[part] = np.roll(part, 1)
    rows = np.argsort(star, kind="stable")
    start = np.searchsorted(star[rows], np.arange(len(group) + 1))
    count = np.diff(start)
    visit = np.empty(len(star), int)
    visit[rows] = np.arange(len(star)) - start[star[rows]]
    other = giver[star]
    return rows[start[other] + visit % count[other]]


@dataclass(frozen=True, eq=False)
class FamilyAblation:
    """What is lost without a family, and what it gives alone; a classifier is trained for each.

    Attributes
    ----------
    without : Ranking
        Loss of log-likelihood on leaving the family out.
    only : Ranking
        Log-likelihood that the family alone gives above the classes' shares: what it tells of the class, at least (Xu et al. 2020, ICLR).
    noise : float
        Root mean square change of log-likelihood when all families are trained again on other folds: smaller losses mean nothing; 0 where none was trained again.
    scores : pandas.DataFrame
        ``log_loss`` and ``balanced_accuracy`` of every classifier: ``all``, ``without X``, ``only X``.
    """

    without: Ranking
    only: Ranking
    noise: float
    scores: pd.DataFrame


def ablate_families(
    features: Features,
    truth: Sequence[str],
    *,
    groups: Groups | None = None,
    folds: int = 5,
    n_again: int = 2,
    n_draws: int = 200,
    seed: int = 0,
    **options: Any,
) -> FamilyAblation:
    """Train without each family, and with each alone; evaluate by cross-validation, all spectra of a star together.

    There are many trainings, so families that are learned from spectra are learned once, from all stars (not from their classes); of an
    average, its randomised trees stand for it; and one temperature calibrates each set of out-of-fold probabilities.

    Parameters
    ----------
    features, truth
        As for `train_classifier`.
    groups : mapping of str to sequence of str, optional
        As in `permute_families`.
    folds : int
    n_again : int
        Trainings on other folds, for the noise.
    n_draws, seed : int
        Bootstrap samples of stars; folds.
    options
        Of `train_classifier`.
    """
    learned = learn_families(check_families(options.pop("learned", None), features), features, seed)
    features = with_learned(features, learned)
    members = _members(features, groups)
    whole = [name for name, names in members.items() if len(names) == len(features.names)]
    if whole:
        raise InputError(
            f"'{whole[0]}' holds every feature, so there is nothing to train without it; give smaller groups."
        )
    named = classes_of("classes", truth)
    if len(named) != len(features):
        raise InputError(
            f"every row of the features needs a class; given {len(features)} rows and {len(named)} classes."
        )
    features, known, scores = features.select(named != ""), list(named[named != ""]), {}
    calibration = options.pop("calibration", "temperature")
    if (
        isinstance(options.get("estimator", "average"), str)
        and options.get("estimator", "average") == "average"
    ):
        options["estimator"] = AVERAGED[0]

    def judged(name: str, part: Features, seed: int) -> np.ndarray:
        table = cross_validate_classifier(part, known, folds=folds, seed=seed, calibration=None, **options)
        p = table.filter(regex="^p_").rename(columns=lambda c: c.removeprefix("p_"))
        codes, values = class_codes(known, list(p.columns)), floored(p.to_numpy(float))
        if calibration is not None:
            values = fit_calibrator(calibration, values, codes)(values)
        loss = _loss(pd.DataFrame(values), codes)
        hit = (table["class"] == table["truth"]).groupby(table["truth"]).mean()
        scores[name] = {"log_loss": loss.mean(), "balanced_accuracy": hit.mean()}
        return loss

    complete = judged("all", features, seed)
    again = [judged(f"all, again {k + 1}", features, seed + 1 + k).mean() for k in range(n_again)]
    without = [
        judged(
            f"without {name}", _with_columns(features, [n for n in features.names if n not in names]), seed
        )
        for name, names in members.items()
    ]
    only = [judged(f"only {name}", _with_columns(features, names), seed) for name, names in members.items()]
    given = pd.Series(known)
    share = given.map(given.value_counts(normalize=True)).to_numpy(float)
    lost = np.column_stack(without) - complete[:, None]
    told = -np.log(share)[:, None] - np.column_stack(only)
    noise = float(np.sqrt(np.mean((np.array(again) - complete.mean()) ** 2))) if again else 0.0
    without_it, alone = (
        Ranking(
            what,
            NATS,
            tuple(members),
            *star_means(columns, features.ids, n_draws=n_draws, seed=seed),
            noise=noise,
        )
        for what, columns in (
            ("loss of log-likelihood without it", lost),
            ("log-likelihood from it alone", told),
        )
    )
    return FamilyAblation(without_it, alone, noise, pd.DataFrame.from_dict(scores, orient="index"))


def _members(features: Features, groups: Groups | None) -> dict[str, list[str]]:
    """Features of every group."""
    present = list(dict.fromkeys(features.families[n] for n in features.names))
    groups = {family: [family] for family in present} if groups is None else groups
    if not groups:
        raise InputError("name at least one group of families, or none for each family by itself.")
    for families in groups.values():
        for family in families:
            check_name("feature family", family, present)
    return {
        name: [n for n in features.names if features.families[n] in families]
        for name, families in groups.items()
    }


def _with_columns(features: Features, names: list[str]) -> Features:
    families = {n: features.families[n] for n in names}
    return replace(features, values=features.values[names], errors=features.errors[names], families=families)


def _loss(p: pd.DataFrame, codes: np.ndarray) -> np.ndarray:
    """Minus the log of the probability of each row's class, (row,)."""
    chosen = p.to_numpy(float)[np.arange(len(codes)), codes]
    return -np.log(np.maximum(chosen, np.finfo(float).eps))
