"""Verdicts: whether a label was measured from the spectrum, as the answer travels with a fitted model and its predictions."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..core import InputError, check_name
from ..core.internal import join_names
from ..stats import Interval

__all__ = ["CAVEATS", "VERDICTS", "Caveat", "Trend", "Verdict", "current_words"]

VERDICTS = ("measured", "followed", "proxy", "shortcut", "inconclusive")
"""What a verdict can be. Measured: by the label's element lines. Followed: the prediction follows a label that has no element
lines, such as temperature, off the trend with the other labels; by what is not known. Proxy: off that trend, but by
something other than its element lines, such as a neighbour element or an artefact. Shortcut: guessed from the other
labels. Inconclusive: these stars do not tell."""

CAVEATS = {
    "same_wavelengths": "another element at the same wavelengths would look the same",
    "one_line": "no second line could have contradicted the one that decides",
    "line_shape": "what follows the label in the windows has not the shape of lines",
    "not_in_list": "the line list has no line of the species, which need not be complete",
    "wrong_medium": "the lines fit once their wavelengths are taken for air or vacuum instead",
    "shifted_list": "the lines fit once all are moved by some pixels",
    "same_source": "labels and spectra come from one survey or reduction and may share errors",
    "trained_on": "the model was fitted to some of the stars that test it",
    "hidden_variable": "a variable that no label names can make a prediction follow the label",
    "follows_visit": "predictions of repeat visits differ with their spectra more than noise allows",
    "decoupled": "the label is not followed in stars where the other labels do not give it away",
}
"""What a verdict cannot rule out, or what speaks against it: the code of each caveat, and what it stands for."""

# What luxjax wrote before these words were chosen.
_OLD_VERDICTS = {"undecided": "inconclusive"}
_OLD_NUMBERS = {
    "own_line_t": "element_line_t",
    "own_line_information": "element_line_information",
    "own_share": "element_share",
}
_OLD_PHRASE = re.compile(r"\bown([ -](?:line|window)s?)\b")


@dataclass(frozen=True, eq=False)
class Trend:
    """Trend of a label with the other labels: its mean as a quadratic function of them.

    Parameters
    ----------
    others : tuple of str
        Names of the other labels.
    loc, scale : (other,) arrays
        The function is one of x = (values - loc) / scale.
    coef : (term,) array
        Coefficients of 1, then x_i, then x_i x_j for i <= j.
    scatter : float
        Root mean square of the noise-free label about the trend, in the label's unit.

    Examples
    --------
    >>> from luxjax.fitted import Trend
    >>> trend = Trend(("fe_h",), loc=[0.0], scale=[1.0], coef=[0.1, -0.3, 0.0], scatter=0.05)
    >>> trend([[0.0], [1.0]]).round(2).tolist()  # of two stars with [Fe/H] = 0 and 1
    [0.1, -0.2]
    >>> trend.gradient([[0.0]]).round(2).tolist()
    [[-0.3]]
    """

    others: tuple[str, ...]
    loc: np.ndarray
    scale: np.ndarray
    coef: np.ndarray
    scatter: float

    def __post_init__(self):
        object.__setattr__(self, "others", tuple(str(name) for name in self.others))
        for name in ("loc", "scale", "coef"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), float).reshape(-1))
        k = len(self.others)
        if len(self.loc) != k or len(self.scale) != k or len(self.coef) != 1 + k + k * (k + 1) // 2:
            raise InputError(
                f"a trend on {k} labels ({join_names(self.others) or 'none'}) takes {k} centres and scales and "
                f"{1 + k + k * (k + 1) // 2} coefficients; given {len(self.loc)}, {len(self.scale)}, "
                f"{len(self.coef)}."
            )

    def terms(self, values: ArrayLike) -> np.ndarray:
        """The terms 1, x_i, x_i x_j (i <= j) of other labels (star, other), as (star, term)."""
        x = (self._stars(values) - self.loc) / self.scale
        i, j = np.triu_indices(x.shape[1])
        return np.column_stack([np.ones(len(x)), x, x[:, i] * x[:, j]])

    def __call__(self, values: ArrayLike) -> np.ndarray:
        """The label expected from other labels (star, other), as (star,)."""
        return self.terms(values) @ self.coef

    def gradient(self, values: ArrayLike) -> np.ndarray:
        """Derivative of the expected label by each of the other labels, (star, other)."""
        x = (self._stars(values) - self.loc) / self.scale
        k = x.shape[1]
        curvature = np.zeros((k, k))
        curvature[np.triu_indices(k)] = self.coef[1 + k :]
        return (self.coef[1 : 1 + k] + x @ (curvature + curvature.T)) / self.scale

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "others": list(self.others),
            "loc": self.loc.tolist(),
            "scale": self.scale.tolist(),
            "coef": self.coef.tolist(),
            "scatter": _number(self.scatter),
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Trend":
        """From `to_dict`."""
        scatter = _float(given["scatter"])
        return cls(tuple(given["others"]), given["loc"], given["scale"], given["coef"], scatter)

    def _stars(self, values: ArrayLike) -> np.ndarray:
        values = np.asarray(values, float)
        if values.ndim != 2 or values.shape[1] != len(self.others):
            raise InputError(
                f"this trend takes the labels {join_names(self.others) or '(none)'} as an array of shape "
                f"(star, {len(self.others)}); given {values.shape}."
            )
        return values


class Caveat(NamedTuple):
    """Caveat of a verdict: what it cannot rule out, or what contradicts it.

    Attributes
    ----------
    code : str
        One of `CAVEATS`, for programs.
    sentence : str
        For readers, with numbers and names.

    Examples
    --------
    >>> from luxjax.fitted import Caveat
    >>> caveat = Caveat("not_in_list", "No line of europium is in the list.")
    >>> caveat.code, caveat.sentence
    ('not_in_list', 'No line of europium is in the list.')
    """

    code: str
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """Verdict on whether one label was measured from the spectrum, with every number that it rests on.

    Parameters
    ----------
    label : str
    verdict : str
        One of `VERDICTS`.
    reasons : tuple of str
        In words, with the numbers.
    others : tuple of str
        The other labels that the label's trend was taken with.
    response : float
        Change of the predicted label per change of the true one, at fixed other labels: 0 where the spectrum
        adds nothing to the trend. NaN where the off-trend scatter is too small, or the stars too few.
    response_interval : Interval
        At 95%.
    numbers : mapping of str to float
        All that entered the rule.
    thresholds : str
        Version of the thresholds, a colon, and the first 12 digits of the SHA-256 hash of their file.
    n_stars : int
        Held-out stars that the numbers come from.
    trend : Trend, optional
        The label as expected from the predicted other labels.
    caveats : tuple of Caveat
        What the verdict cannot rule out, or what speaks against it.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.evidence import decide, measure_evidence
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> verdict = decide("label_1", False, *measure_evidence(fitted, stars, "label_1", ["label_2"]))
    >>> verdict.verdict, verdict.others, verdict.codes
    ('proxy', ('label_2',), 'not_in_list')
    """

    label: str
    verdict: str
    reasons: tuple[str, ...]
    others: tuple[str, ...]
    response: float
    response_interval: Interval
    numbers: Mapping[str, float]
    thresholds: str
    n_stars: int
    trend: Trend | None = None
    caveats: tuple[Caveat, ...] = ()

    def __post_init__(self):
        check_name("verdict", self.verdict, VERDICTS)
        object.__setattr__(self, "caveats", tuple(Caveat(*map(str, c)) for c in self.caveats))
        for caveat in self.caveats:
            check_name("caveat of a verdict", caveat.code, CAVEATS)

    def __str__(self) -> str:
        caveats = "".join(f" Caveat: {c.sentence}" for c in self.caveats)
        return f"{self.label}: {self.verdict}. {' '.join(self.reasons)}{caveats}"

    @property
    def codes(self) -> str:
        """The codes of its caveats, with blanks between them, as tables state them."""
        return " ".join(c.code for c in self.caveats)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: numbers that are not finite become null."""
        return {
            "label": self.label,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "others": list(self.others),
            "response": _number(self.response),
            "response_interval": [_number(end) for end in self.response_interval],
            "numbers": {name: _number(value) for name, value in self.numbers.items()},
            "thresholds": self.thresholds,
            "n_stars": int(self.n_stars),
            "trend": None if self.trend is None else self.trend.to_dict(),
            "caveats": [c._asdict() for c in self.caveats],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Verdict":
        """From `to_dict`; what an earlier luxjax wrote comes back in today's words."""
        verdict, numbers = str(given["verdict"]), given["numbers"]
        if (
            verdict == "measured"
            and "caveats" not in given
            and not {"element_line_t", "own_line_t"} & set(numbers)
        ):
            verdict = (
                "followed"  # as an earlier luxjax, which knew no caveats, did not call labels without lines
            )
        return cls(
            str(given["label"]),
            _OLD_VERDICTS.get(verdict, verdict),
            tuple(map(current_words, _words(given["reasons"]))),
            _words(given["others"]),
            _float(given["response"]),
            Interval(*(_float(end) for end in given["response_interval"])),
            {_OLD_NUMBERS.get(name, str(name)): _float(value) for name, value in numbers.items()},
            str(given["thresholds"]),
            int(given["n_stars"]),
            None if given["trend"] is None else Trend.from_dict(given["trend"]),
            tuple(Caveat(c["code"], c["sentence"]) for c in given.get("caveats", ())),
        )


def current_words(sentence: str) -> str:
    """A sentence that an earlier luxjax wrote, in today's words: its own lines are called element lines."""
    return _OLD_PHRASE.sub(r"element\1", sentence)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _words(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(word) for word in given)
