"""Off-trend response: how far the predicted label follows the true one where the other labels say nothing.

A label y is correlated with other labels o, so a model can guess it without seeing it. What tells a measurement from
a guess is the part of y that the others do not explain. Held-out stars; v_perp is v less its least-squares fit on
all terms to second order in o^, the other labels *as predicted from the spectrum*:

    N = mean(p_perp y_perp) n / (n - terms).

p is the predicted label. Given the spectrum, o = o^ + d with d independent of anything made from the spectrum (Berkson
error), so noise in the observed others cannot leak into N: in a perfect shortcut p is a function of o^ and N = 0. Residuals on the
*observed* others do not have this property: errors in them leave part of the trend in p and y alike. N over its error therefore
tests for zero; its size is measured by the scatter tau^2 of y off the trend, which `_moments` derives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...core import InputError
from ...fitted import Trend
from ...stats import Interval
from .._thresholds import Thresholds
from ..lines_of_evidence._trend import residualize, standard_trend
from ._moments import moments

__all__ = ["DRAWS", "ElementShare", "Response", "off_trend_response", "response_share"]

FLOOR = Thresholds.load().variance_floor
DRAWS = 200  # of stars, for intervals


@dataclass(frozen=True, eq=False)
class Response:
    """The off-trend response of one label, with the numbers it is made of.

    Attributes
    ----------
    beta : float
        Change of the predicted label per change of the true one at fixed other labels.
    interval : Interval
        Interval of beta at 95%, by bootstrap over stars; NaN where tau^2 is not resolved (below two standard errors) or no
        bootstrap was asked for.
    covariance, error : float
        N and its plain standard error, in the label's unit squared.
    tau2, tau2_error : float
        Variance of the true label off the trend, and its standard error. May come out negative.
    upper : float
        An upper limit of beta: (max(N, beta tau^2, 0) + 1.64 error) / max(tau^2 - 1.64 tau2_error, tau^2 / 4).
    label_error : float
        Root mean square of the observed label's stated errors.
    n : int
        Stars used.
    trend : Trend
        The label as expected from the predicted others.
    """

    beta: float
    interval: Interval
    covariance: float
    error: float
    tau2: float
    tau2_error: float
    upper: float
    label_error: float
    n: int
    trend: Trend

    @property
    def z(self) -> float:
        """N over its plain standard error; its own standard deviation is about 1.4 where N = 0."""
        return self.covariance / self.error

    @property
    def resolved(self) -> bool:
        """Whether tau^2 is at least two standard errors above zero."""
        return self.tau2 > 2 * self.tau2_error


@dataclass(frozen=True)
class ElementShare:
    """How much of an off-trend response comes from the element's own pixels: beta = beta_own + beta_rest.

    Attributes
    ----------
    beta_own, beta_rest : float
    n_own, n_own_error : float
        N of the own pixels' part of the prediction, and its plain standard error.
    share : float
        beta_own / beta; below 0 or above 1 where own pixels and the others pull in opposite directions.
    """

    beta_own: float
    beta_rest: float
    n_own: float
    n_own_error: float
    share: float

    @property
    def z(self) -> float:
        """`n_own` over its plain standard error."""
        return self.n_own / self.n_own_error


def off_trend_response(
    predicted: ArrayLike,
    predicted_others: ArrayLike,
    observed: ArrayLike,
    error: ArrayLike,
    observed_others: ArrayLike,
    error_others: ArrayLike,
    *,
    others: Sequence[str] = (),
    part: ArrayLike | None = None,
    draws: int = DRAWS,
) -> Response:
    """Off-trend response of one label over held-out stars.

    Parameters
    ----------
    predicted : (star,) array
        The label as predicted from the spectrum alone.
    predicted_others : (star, other) array
        The other labels, likewise from the spectrum alone.
    observed, error : (star,) arrays
        The label as catalogued, and its one-sigma error.
    observed_others, error_others : (star, other) arrays
    others : sequence of str, optional
        Names of the other labels.
    part : (star,) array, optional
        A part of the prediction, whose response is asked for. Default: all of it. Responses of parts add up.
    draws : int
        Number of bootstrap samples of stars, for the interval; 0 for none.

    Returns
    -------
    Response
        Stars with any missing value are left out.

    Raises
    ------
    InputError
        If shapes disagree, or fewer stars than twice the number of terms are complete.

    Examples
    --------
    >>> import numpy as np
    >>> from luxjax.evidence import off_trend_response
    >>> rng = np.random.default_rng(0)
    >>> fe_h = rng.normal(size=(400, 1))
    >>> eu_fe = fe_h[:, 0] + rng.normal(size=400)
    >>> error = np.full((400, 1), 0.1)
    >>> guess = off_trend_response(fe_h[:, 0], fe_h, eu_fe, error[:, 0], fe_h, error)
    >>> round(abs(guess.beta), 3)  # it goes by [Fe/H] alone
    0.0
    >>> measured = off_trend_response(eu_fe, fe_h, eu_fe, error[:, 0], fe_h, error)
    >>> round(measured.beta, 1)
    1.0
    """
    part = predicted if part is None else part
    p, o_hat, y, s, o, s_o, part = _complete(
        predicted, predicted_others, observed, error, observed_others, error_others, part
    )
    stated, s, s_o = s, _believed(s, y - p), _believed(s_o, o - o_hat)
    trend = standard_trend(o_hat, others)
    terms = trend.terms(o_hat)
    n, spare = len(y), len(y) - terms.shape[1]
    coef = np.linalg.lstsq(terms, y)[0]
    trend = Trend(trend.others, trend.loc, trend.scale, coef, 0.0)
    products = residualize(part, terms) * (y - terms @ coef) * (n / spare)
    squares = (y - terms @ coef) ** 2 * (n / spare)
    error_n, error_t = (v.std(ddof=1) / np.sqrt(n) for v in (products, squares))
    found = moments(part, p, o_hat, y, s, o, s_o, trend, n_draws=draws)
    covariance, numerator, tau2 = found.covariance[0], found.numerator[0], found.tau2[0]
    if draws:
        error_t = found.tau2[1:].std()
    used = max(tau2, FLOOR)
    beta = numerator / used
    upper = (max(covariance, numerator, 0.0) + 1.64 * error_n) / max(used - 1.64 * error_t, used / 4)
    low = high = np.nan
    if draws and tau2 > 2 * error_t:
        low, high = np.percentile(found.numerator[1:] / np.maximum(found.tau2[1:], used / 4), [2.5, 97.5])
    return Response(
        float(beta),
        Interval(float(low), float(high)),
        float(covariance),
        float(error_n),
        float(tau2),
        float(error_t),
        float(upper),
        float(np.sqrt(np.mean(stated**2))),
        n,
        Trend(trend.others, trend.loc, trend.scale, coef, float(np.sqrt(max(tau2, 0.0)))),
    )


def response_share(
    own_part: ArrayLike,
    predicted: ArrayLike,
    predicted_others: ArrayLike,
    observed: ArrayLike,
    error: ArrayLike,
    observed_others: ArrayLike,
    error_others: ArrayLike,
) -> ElementShare:
    """Split the off-trend response into the part from the element's own pixels and the rest.

    With linear decoders the predicted label is p = sum_j K_j f_j over pixels j. The response of a part is linear in it, so with
    p_own, the sum over own pixels, beta = beta_own + beta_rest exactly.

    Parameters
    ----------
    own_part : (star,) array
        p_own.
    predicted, predicted_others, observed, error, observed_others, error_others
        As for `off_trend_response`.
    """
    given = (predicted, predicted_others, observed, error, observed_others, error_others)
    kept = np.isfinite(np.asarray(own_part, float))
    known = tuple(np.asarray(a, float)[kept] for a in given)
    whole = off_trend_response(*known, draws=0)
    part = off_trend_response(*known, part=np.asarray(own_part, float)[kept], draws=0)
    return ElementShare(
        part.beta,
        whole.beta - part.beta,
        part.covariance,
        part.error,
        part.beta / whole.beta if whole.beta else float("nan"),
    )


def _believed(error: np.ndarray, miss: np.ndarray) -> np.ndarray:
    """Errors of labels, (star, ...), scaled down where they exceed what the predictions miss.

    A prediction of a star that the model was not fitted to misses the observed label by its own error and that of the label, so
    the mean square of what it misses, with two standard errors of it, is an upper limit of the label's mean variance.
    """
    most = np.mean(miss**2, axis=0) * (1 + 2 * np.sqrt(2 / len(miss)))
    return error * np.sqrt(np.minimum(1.0, most / np.maximum(np.mean(error**2, axis=0), FLOOR)))


def _complete(*arrays: ArrayLike) -> list[np.ndarray]:
    """The arrays at stars where all of them are finite; shapes checked, (star,) before and (star, other) after."""
    held = [np.asarray(a, float) for a in arrays]
    n, k = held[1].shape if held[1].ndim == 2 else (len(held[0]), -1)
    wanted = [(n,), (n, k), (n,), (n,), (n, k), (n, k), (n,)]
    if [a.shape for a in held] != wanted:
        raise InputError(
            "the off-trend response takes a label as (star,) and the other labels as (star, other) arrays of the same "
            f"stars; shapes given: {', '.join(str(a.shape) for a in held)}."
        )
    good = np.all([np.isfinite(a).reshape(n, -1).all(axis=1) for a in held], axis=0)
    n_terms = 1 + k + k * (k + 1) // 2
    if good.sum() < 2 * n_terms:
        raise InputError(
            f"{good.sum()} of {n} held-out stars have this label, its predictions and all {k} other labels; the trend to "
            f"second order has {n_terms} terms and asks for at least {2 * n_terms} such stars; give more stars or "
            "fewer other labels."
        )
    return [a[good] for a in held]
