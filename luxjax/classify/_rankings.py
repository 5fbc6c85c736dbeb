"""Comparison of rankings: whether one set of families outranks another, in one table and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..core.internal import join_names
from ..stats import Ranking
from .features._family_names import family_words

__all__ = ["RankingComparison", "compare_rankings"]

SURE = 0.975


@dataclass(frozen=True, eq=False)
class RankingComparison:
    """Rankings of the same families by several measures, and what each says of a claim.

    Attributes
    ----------
    rankings : dict of str to Ranking
        The first is the naive one.
    first, second : tuples of str
        The claim is that every family of `first` matters more than every one of `second`.
    """

    rankings: Mapping[str, Ranking]
    first: tuple[str, ...]
    second: tuple[str, ...]

    @property
    def claim(self) -> pd.DataFrame:
        """One row per ranking.

        ``difference`` of the least of `first` and the greatest of `second`, with its 95% interval; ``chance``, the share of bootstrap samples
        in which the claim holds; ``says``: "holds" from 97.5%, "does not hold" up to 2.5%, "inconclusive" between, or where the
        difference is within the noise of training again.
        """
        rows = {name: self._judged(r) for name, r in self.rankings.items()}
        return pd.DataFrame.from_dict(rows, orient="index")

    def _judged(self, ranking: Ranking) -> dict[str, float | str]:
        ours, theirs = ranking.select(self.first), ranking.select(self.second)
        gap = ours.draws.min(axis=1) - theirs.draws.max(axis=1)
        chance = float(np.mean(gap > 0))
        low, high = np.quantile(gap, [0.025, 0.975])
        says = "holds" if chance >= SURE else "does not hold" if chance <= 1 - SURE else "inconclusive"
        value = float(ours.value.min() - theirs.value.max())
        if abs(value) <= ranking.noise:
            says = "inconclusive"
        return {"difference": value, "lower": low, "upper": high, "chance": chance, "says": says}

    def table(self) -> pd.DataFrame:
        """One row per family in the naive order; for every ranking its ``value``, ``lower``, ``upper`` and ``rank``."""
        parts = {n: r.table()[["value", "lower", "upper", "rank"]] for n, r in self.rankings.items()}
        order = next(iter(parts.values())).index
        return pd.concat({n: part.loc[order] for n, part in parts.items()}, axis=1)

    def kept(self, after: str, before: str) -> pd.DataFrame:
        """How much of each family's importance by one measure another one leaves: columns ``share``, ``lower``, ``upper``.

        With a permutation among stars of like temperature after one among all of the same stars, it is the share of what a family tells that is not temperature. Only for
        families whose importance before is surely more than nothing.
        """
        for name in (after, before):
            check_name("ranking", name, self.rankings)
        first = self.rankings[before]
        names = [n for n in first.table().index if first.interval(n).lower > np.mean(first.null)]
        top, bottom = self.rankings[after].select(names), first.select(names)
        share = top.draws / np.where(bottom.draws > 0, bottom.draws, np.nan)
        low, high = np.nanquantile(share, [0.025, 0.975], axis=0)
        columns = {"share": top.value / bottom.value, "lower": low, "upper": high}
        return pd.DataFrame(columns, index=pd.Index(names, name="name"))

    @property
    def words(self) -> str:
        """The claim and what every ranking says of it, in sentences."""
        claim, text = (
            self.claim,
            [f"Claim: {_all(self.first)} outrank{'s' * (len(self.first) == 1)} {_all(self.second)}."],
        )
        for name, ranking in self.rankings.items():
            row = claim.loc[name]
            places = ranking.table()["rank"]
            ranks = ", ".join(f"{family_words(f)} {places[f]}" for f in (*self.first, *self.second))
            text.append(
                f"By {name} it {'is inconclusive' if row['says'] == 'inconclusive' else row['says']} (ranks of {len(places)}: {ranks}; in "
                f"{row['chance']:.0%} of the bootstrap samples)."
            )
        naive, *honest = claim["says"]
        if honest:
            agree = sum(s == naive for s in honest)
            text.append(
                f"{agree} of the {len(honest)} other measures say{'s' * (len(honest) == 1)} the same as the naive ranking."
            )
        return " ".join(text)


def compare_rankings(
    rankings: Mapping[str, Ranking],
    first: Sequence[str] = ("ca_hk", "magnesium"),
    second: Sequence[str] = ("balmer",),
) -> RankingComparison:
    """Compare a naive ranking with others and test whether some families outrank others.

    Parameters
    ----------
    rankings : mapping of str to Ranking
        By a name that tells how each was made; the naive one first, such as mean ``|Shapley value|``. All of the same families.
    first, second : sequences of str
        The claim that every one of `first` matters more than every one of `second`. Default: the often repeated one, that the metallicity-sensitive
        Ca II H and K and Mg b outrank the Balmer lines.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.classify import compare_rankings
    >>> from luxjax.stats import Ranking
    >>> draws = np.random.default_rng(1).normal([3.0, 1.0], 0.1, (200, 2))
    >>> permuted = Ranking("loss of accuracy", "", ("balmer", "magnesium"), np.array([3.0, 1.0]), draws)
    >>> compared = compare_rankings({"permuted": permuted}, first=["magnesium"], second=["balmer"])
    >>> compared.claim["says"].tolist()
    ['does not hold']
    """
    if not rankings:
        raise InputError("give at least one ranking to compare.")
    names = {name: set(r.names) for name, r in rankings.items()}
    shared = next(iter(names.values()))
    for name, given in names.items():
        if given != shared:
            raise InputError(
                f"the rankings are not of the same families: '{name}' differs by {join_names(sorted(given ^ shared))}."
            )
    if not first or not second or set(first) & set(second):
        raise InputError("a claim needs two different sets of families, neither empty.")
    for ranking in rankings.values():
        ranking.select([*first, *second])
    return RankingComparison(dict(rankings), tuple(first), tuple(second))


def _all(names: Sequence[str]) -> str:
    words = [family_words(n) for n in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
