"""Element-line residual: whether the lines of an element know more about it than the rest of the spectrum does.

Latents are inferred with the element's windows masked, and the flux there is predicted from them. What the lines show beyond that prediction is the residual r, projected on the line profile h with the pixels' weights w,

    x = - sum(w h r) / sum(w h^2),

positive where lines are deeper than predicted. With x and the observed label y both residualised to second order on
the other labels, and the label itself, *as predicted from the masked spectrum*,

    T = mean(x_perp y_perp) / standard error,

one-sided, because lines of an element can only deepen with it. Blends and correlated neighbours are in the prediction
already, so they do not count. Where no line of the element is there, T has a standard deviation of 1.0 to 1.25.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError
from ...stats import Interval
from ...stats.internal import same_stars
from .._evidence import Evidence
from ._line import NO_LINES, AbstractLine, span
from ._trend import residualize, second_order

if TYPE_CHECKING:
    from .._case import Case
    from .._label_lines import LabelLines
    from .._measure import HeldOutStars

__all__ = ["ElementLineResidual", "ElementLines", "element_line_residual", "line_depth", "line_depth_without"]


@dataclass(frozen=True)
class ElementLines:
    """What the lines of an element say about it off trend.

    Attributes
    ----------
    t : float
        Covariance of line depth and label off trend, over its standard error.
    information : float
        q = N_x^2 / (var(x_perp) tau^2): the share of the off-trend variance that the lines could give, about
        l / (1 + l) with l = (tau / error of the label from these lines)^2. NaN where tau^2 is not positive.
    slope : float
        N_x / tau^2, change of the projected depth per unit of the label. NaN where tau^2 is not positive.
    n : int
        Stars used.
    t_without : tuple of float
        T with each line left out in turn; empty unless asked for.
    t_without_expected : tuple of float
        What these would be if every line followed the label as its profile says: T sqrt(1 - weight of the line).
    shape, shape_size : float
        Share of what follows the label in the windows that has the shape of lines, and how significant that is; NaN and 0
        unless asked for.
    """

    t: float
    information: float
    slope: float
    n: int
    t_without: tuple[float, ...] = ()
    t_without_expected: tuple[float, ...] = ()
    shape: float = float("nan")
    shape_size: float = 0.0


def line_depth(flux: ArrayLike, ivar: ArrayLike, model: ArrayLike, profile: ArrayLike) -> np.ndarray:
    """How much deeper than `model` the lines of a profile are: least-squares amplitude, (star,).

    Parameters
    ----------
    flux, ivar, model : (star, pixel) arrays
        Observed flux, its inverse variance (0 where bad; learned scatter included), and the flux predicted.
    profile : (pixel,) array
        Expected depth of the lines, in any unit; 0 outside of them.

    Returns
    -------
    (star,) array
        In units of `profile`; NaN for a star with no good pixel in the lines.
    """
    top, bottom = _projections(flux, ivar, model, profile)
    return _ratio(top.sum(axis=1), bottom.sum(axis=1))


def line_depth_without(
    flux: ArrayLike, ivar: ArrayLike, model: ArrayLike, profile: ArrayLike, line: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """`line_depth` with each line left out in turn, and the weight of each line.

    Parameters
    ----------
    flux, ivar, model, profile
        As for `line_depth`.
    line : (pixel,) integer array
        Number of the line that a pixel belongs to, from 0; negative outside of lines.

    Returns
    -------
    depth : (star, line) array
        NaN where no other line has a good pixel.
    weight : (line,) array
        Mean share of each line in sum(w h^2).
    """
    line = np.asarray(line)
    member = (line[:, None] == np.arange(line.max(initial=-1) + 1)).astype(float)
    top, bottom = _projections(flux, ivar, model, profile)
    total = bottom.sum(axis=1, keepdims=True)
    own = bottom @ member
    depth = _ratio(top.sum(axis=1, keepdims=True) - top @ member, np.where(own < total, total - own, 0.0))
    seen = total[:, 0] > 0
    return depth, np.mean(own[seen] / total[seen], axis=0)


def element_line_residual(
    depth: ArrayLike,
    predicted_others: ArrayLike,
    observed: ArrayLike,
    error: ArrayLike,
    *,
    tau2: float | None = None,
    depth_without: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> ElementLines:
    """T and the information in the lines of an element, over held-out stars.

    Parameters
    ----------
    depth : (star,) array
        From `line_depth`, the model's flux predicted with the element windows masked.
    predicted_others : (star, other) array
        The other labels and the label itself as predicted from the spectrum with the element windows masked: what these
        windows add to it is asked for.
    observed, error : (star,) arrays
        The label as catalogued, and its one-sigma error.
    tau2 : float, optional
        Off-trend variance of the true label, as from `off_trend_response`. Default: var(y_perp) - s_y^2, which is
        larger by the error of the predicted others.
    depth_without, weight : (star, line) and (line,) arrays, optional
        From `line_depth_without`: whether T survives without each line, so that an artefact in one window cannot
        pass for the element.
    """
    o, x, y, s = same_stars("the element-line residual", predicted_others, depth, observed, error)
    good = np.all(np.isfinite(np.column_stack([x, o, y, s])), axis=1)
    t, covariance, variance, noise_free = _t(x[good], o[good], y[good], s[good])
    tau2 = noise_free if tau2 is None else tau2
    known = tau2 > 0
    left, expected = [], []
    if depth_without is not None and weight is not None:
        for other, share in zip(np.asarray(depth_without, float).T, np.asarray(weight), strict=True):
            both = good & np.isfinite(other)
            enough = both.sum() >= good.sum() / 2
            left.append(_t(other[both], o[both], y[both], s[both])[0] if enough else float("nan"))
            expected.append(float(t * np.sqrt(max(1.0 - share, 0.0))))
    return ElementLines(
        t,
        covariance**2 / (variance * tau2) if known else float("nan"),
        covariance / tau2 if known else float("nan"),
        int(good.sum()),
        tuple(left),
        tuple(expected),
    )


def _t(x, others, y, error) -> tuple[float, float, float, float]:
    """T, covariance of x and y off trend, variance of x off trend, variance of y less its noise."""
    terms = second_order(others)
    n, n_terms = terms.shape
    if n < 2 * n_terms:
        raise InputError(
            f"{n} held-out stars have this label and good pixels in its element lines; the trend to second order has "
            f"{n_terms} terms and asks for at least {2 * n_terms} such stars; give more stars or fewer other labels."
        )
    x_perp, y_perp = residualize(x, terms), residualize(y, terms)
    free = n / (n - n_terms)
    product = x_perp * y_perp * free
    t = product.mean() / (product.std(ddof=1) / np.sqrt(n))
    noise_free = np.mean(y_perp**2) * free - np.mean(error**2)
    return float(t), float(product.mean()), float(np.mean(x_perp**2) * free), float(noise_free)


def _projections(flux, ivar, model, profile) -> tuple[np.ndarray, np.ndarray]:
    flux, w, model = (np.asarray(a, float) for a in (flux, ivar, model))
    h = np.asarray(profile, float)
    if flux.shape != w.shape or flux.shape != model.shape or h.shape != flux.shape[1:]:
        raise InputError(
            f"flux, ivar and model must be (star, pixel) arrays alike and the profile (pixel,); given {flux.shape}, "
            f"{w.shape}, {model.shape} and {h.shape}."
        )
    residual = np.where(w > 0, flux - model, 0.0)
    return -w * h * residual, w * h**2


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)


class ElementLineResidual(AbstractLine):
    """The element-line residual T, against the same lines at other wavelengths."""

    name: ClassVar[str] = "element_lines"
    title: ClassVar[str] = "Element-line residual T"
    question: ClassVar[str] = (
        "Are the label's element lines deeper where the label is higher, beyond what the rest of the spectrum predicts?"
    )

    def measure(self, case: "Case") -> Evidence:
        found = case.measured.element_lines
        if found is None:
            return self.missing(NO_LINES, unit="standard errors")
        h, pixels, null = case.held, case.lines.pixels, case.null.get(self.name)
        depth = line_depth(h.flux, h.ivar, h.model, case.lines.profile[pixels])
        others, observed = (
            h.masked[:, h.columns((*case.others, case.label))],
            h.observed[:, h.column(case.label)],
        )
        kept = np.isfinite(depth + observed + others.sum(axis=1))
        terms = second_order(others[kept])
        moved = "" if null is None else f"; moved elsewhere they give {span(null)}"
        return self.evidence(
            found.t,
            Interval(found.t - 1.96, found.t + 1.96),
            null,
            unit="standard errors",
            statement=f"Its element lines ({case.lines.describe()}) are {'deeper' if found.t >= 0 else 'shallower'} where the "
            f"label is higher off trend, by {abs(found.t):.1f} standard errors{moved}.",
            arrays={
                "depth": residualize(depth[kept], terms),
                "observed": residualize(observed[kept], terms),
                "t_without": np.array(found.t_without),
                **case.lines.table(),
            },
        )

    def elsewhere(self, case: "Case", lines: "LabelLines", held: "HeldOutStars") -> float:
        j, o = held.column(case.label), held.columns(case.others)
        pixels = lines.pixels
        if not pixels.any():
            return float("nan")
        depth = line_depth(held.flux, held.ivar, held.model, lines.profile[pixels])
        return element_line_residual(depth, held.masked[:, [*o, j]], held.observed[:, j], held.error[:, j]).t
