"""Information bound of a label: precision beyond it is prior knowledge."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...core import InputError
from ...core.internal import rounded
from ...data import Spectra
from ...simulation import Truth
from ...stats import rmse
from .._evidence import Evidence
from ._line import AbstractLine

if TYPE_CHECKING:
    from .._case import Case

__all__ = ["ConditionalBound", "InformationBound", "conditional_bound"]


@dataclass(frozen=True, eq=False)
class ConditionalBound:
    """Smallest errors of a label at known other labels, every other parameter of the stars unknown.

    Attributes
    ----------
    cramer_rao : (star,) array
        By the spectrum alone; infinite where it says nothing.
    van_trees : (star,) array
        With the population's covariance as prior (van Trees 1968; posterior means beat the first, not this one).
    prior : float
        By the other labels alone, without any spectrum.
    """

    cramer_rao: np.ndarray
    van_trees: np.ndarray
    prior: float

    @property
    def ceiling(self) -> float:
        """1 - van_trees^2 / prior^2, the off-trend response of the best estimate; about l/(1+l), l = (prior/error)^2."""
        return float(1 - np.mean(self.van_trees**2) / self.prior**2)


def conditional_bound(
    truth: Truth, spectra: Spectra, label: str, others: Sequence[str], *, n_stars: int = 16
) -> ConditionalBound:
    """The bound on `label` with the others known, for a sample of these stars.

    Parameters
    ----------
    truth : Truth
        What made the survey: its physical Jacobian and its population.
    spectra : Spectra
        Spectra of one of its windows; stars are found by their ids.
    label : str
    others : sequence of str
        The labels taken as known.
    n_stars : int
        Stars spread evenly over those given; each takes a physical Jacobian.
    """
    row = {star: k for k, star in enumerate(truth.ids)}
    found = [k for k, star in enumerate(spectra.ids) if star in row]
    if not found:
        raise InputError(
            "the truth knows none of these stars; give the truth of the survey that they come from."
        )
    chosen = np.array(found)[np.linspace(0, len(found) - 1, min(n_stars, len(found))).astype(int)]
    rows = np.array([row[spectra.ids[k]] for k in chosen])
    part = dataclasses.replace(
        truth,
        params=truth.params[rows],
        ids=truth.ids[rows],
        split=truth.split[rows],
        rv=truth.rv[:, rows],
        tilt=truth.tilt[:, rows],
    )
    bound = part.bound(spectra.select(chosen), known=tuple(others))
    column = truth.labels.index(label)
    return ConditionalBound(
        bound.cramer_rao[:, column], bound.van_trees[:, column], _prior_error(truth, label, others)
    )


def _prior_error(truth: Truth, label: str, others: Sequence[str]) -> float:
    """Spread of the label at known others in the population, linear."""
    rows = [truth.labels.index(name) for name in (label, *others)]
    cov = truth.label_matrix[rows] @ truth.prior @ truth.label_matrix[rows].T
    scale = np.sqrt(np.diag(cov))
    inverse = np.linalg.inv(cov / np.outer(scale, scale))
    return float(scale[0] / np.sqrt(inverse[0, 0]))


class InformationBound(AbstractLine):
    """The smallest error that the physics allows at known other labels, next to the model's; of simulated surveys."""

    name: ClassVar[str] = "bound"
    title: ClassVar[str] = "Information bound"
    question: ClassVar[str] = "How well could anyone have measured the label from these spectra?"

    def measure(self, case: "Case") -> Evidence | None:
        stars, truth, unit = case.stars, case.asked.truth, case.unit
        if truth is None or not {case.label, *case.others} <= set(truth.labels):
            return None
        if len(stars.inputs) > 1:
            words = f"The bound is known for one input at a time; these labels were inferred from {len(stars.inputs)}."
            return self.missing(words, unit=unit)
        spectra = case.asked.catalog.spectra(stars.inputs[0].name)
        found = conditional_bound(truth, spectra, case.label, case.others)
        typical = float(np.median(found.van_trees))
        error = rmse(stars.predicted[:, stars.column(case.label)], _true(truth, stars.ids, case.label))
        return self.evidence(
            typical,
            unit=unit,
            statement=f"With the other labels known, the spectrum and the population allow errors down to {rounded(typical)} {unit} "
            f"(by the spectrum alone {_number(np.median(found.cramer_rao))}, by the other labels alone {rounded(found.prior)}), a "
            f"response of at most {found.ceiling:.2f}; the model's error is {rounded(error)}. Precision beyond the spectrum's own "
            "bound is prior knowledge.",
            arrays={
                "bound": found.van_trees,
                "cramer_rao": found.cramer_rao,
                "prior": np.array(found.prior),
                "ceiling": np.array(found.ceiling),
            },
        )


def _true(truth: Truth, ids: np.ndarray, label: str) -> np.ndarray:
    """The true label of these stars, NaN for stars that the truth does not know."""
    row = {star: k for k, star in enumerate(truth.ids)}
    known = np.array([row.get(star, -1) for star in ids])
    return np.where(known >= 0, truth.label_values[known, truth.labels.index(label)], np.nan)


def _number(value: float) -> str:
    return rounded(value) if np.isfinite(value) else "nothing"
