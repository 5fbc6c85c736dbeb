"""One star and its twins: stars alike in all other labels, whose mean spectrum is taken from the star's own.

What is left shows the one label by which they differ: at its lines if the spectrum holds it, nowhere if it does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...core import InputError, check_name
from ...data import Catalog
from ...fitted import FittedModel
from ...lines import LineList
from .._held_out import infer_held_out
from .._label_lines import LabelLines, element_lines
from .._stars import InferredStars

__all__ = ["Twins", "find_twins", "twins"]


@dataclass(frozen=True, eq=False)
class Twins:
    """The difference between a star and its twins: stars alike in all labels but one.

    Attributes
    ----------
    id, label : str
    ids : (twin,) array of str
        The nearest first.
    distance : (twin,) array
        Distance in the other predicted labels, in sigmas of the spectra's noise and a hundredth of the spread of the stars.
    difference : float
        Observed label of the star less the mean of its twins.
    wavelength : (pixel,) array
        Angstrom, input after input.
    residual, error : (pixel,) arrays
        Flux of the star less the mean of its twins; NaN where either has no good pixel.
    expected : (pixel,) array
        The residual that the element lines would give for this difference.
    z : float
        Deepening at the element lines over its error; NaN without lines.
    line_wavelength, line_depth : (line,) arrays
    """

    id: str
    label: str
    ids: np.ndarray
    distance: np.ndarray
    difference: float
    wavelength: np.ndarray
    residual: np.ndarray
    error: np.ndarray
    expected: np.ndarray
    z: float
    line_wavelength: np.ndarray
    line_depth: np.ndarray


def twins(
    fitted: FittedModel,
    catalog: Catalog,
    star: str | int,
    label: str,
    k: int = 20,
    *,
    lines: LineList | None = None,
    species: str | Sequence[str] | None = None,
    condition_on: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    resolution: float | Mapping[str, float] | None = None,
) -> Twins:
    """The k stars most like one star in all labels but one, and the residual of its spectrum.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Stars with spectra and labels, the star among them.
    star : str or int
        Its id or its row.
    label : str
        The label that may differ.
    k : int
        Twins. Default: 20.
    lines, species, inputs, resolution
        As for `explain`.
    condition_on : sequence of str, optional
        The labels that twins share. Default: all others.

    Returns
    -------
    Twins

    Raises
    ------
    InputError
        Unknown star or label, or fewer than k other stars with the label.
    """
    stars = infer_held_out(fitted, catalog, inputs)
    check_name("label", label, stars.labels, "Ask for one of the model's labels")
    others = [n for n in stars.labels if n != label] if condition_on is None else condition_on
    for name in others:
        check_name("label that twins share", name, [n for n in stars.labels if n != label])
    rows = np.flatnonzero(stars.ids == star if isinstance(star, str) else np.arange(len(stars)) == star)
    if len(rows) != 1:
        raise InputError(
            f"star {star!r} is {len(rows)} times among these {len(stars)} stars; give one id or a row."
        )
    lines = LineList.builtin() if lines is None else lines
    windows = element_lines(stars, lines, {} if species is None else {label: species}, resolution)
    return find_twins(stars, int(rows[0]), label, others, windows[label], k)


def find_twins(
    stars: InferredStars, row: int, label: str, others: Sequence[str], lines: LabelLines, k: int
) -> Twins:
    """`twins` of one row of stars already inferred."""
    j, o = stars.column(label), stars.columns(others)
    known = np.isfinite(stars.observed[:, j])
    known[row] = False
    if not np.isfinite(stars.observed[row, j]) or k < 1 or known.sum() < k:
        raise InputError(
            f"{k} twins were asked for; the star must have the label '{label}', and so must {k} others ({known.sum()} have)."
        )
    values = stars.predicted[:, o]
    cov = 1e-4 * np.atleast_2d(np.cov(values.T))
    if stars.model.is_linear:
        cov = cov + 2 * np.mean(stars.label_cov(o), axis=0)
    d = values - values[row]
    distance = np.sqrt(np.einsum("na,na->n", d, np.linalg.solve(cov, d.T).T))
    distance[~known] = np.inf
    near = np.argsort(distance, kind="stable")[:k]
    flux, weight = stars.flux.astype(float), stars.weight.astype(float)
    total = weight[near].sum(axis=0)
    good = (total > 0) & (weight[row] > 0)
    safe, own = np.where(good, total, 1.0), np.where(good, weight[row], 1.0)
    mean = np.sum(weight[near] * flux[near], axis=0) / safe
    residual = np.where(good, flux[row] - mean, np.nan)
    error = np.where(good, np.sqrt(1 / own + 1 / safe), np.nan)
    difference = float(stars.observed[row, j] - stars.observed[near, j].mean())
    h = lines.profile
    seen = good & (h > 0)
    bottom = np.sum(h[seen] ** 2 / error[seen] ** 2)
    top = -np.sum(h[seen] * residual[seen] / error[seen] ** 2)
    table = lines.table()
    return Twins(
        str(stars.ids[row]),
        label,
        stars.ids[near],
        distance[near],
        difference,
        np.concatenate([p.wavelength for p in stars.inputs]),
        residual,
        error,
        -difference * h,
        float(top / np.sqrt(bottom)) if bottom > 0 else float("nan"),
        table["line_wavelength"],
        table["line_depth"],
    )
