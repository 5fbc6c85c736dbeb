"""The moments behind the off-trend response: N, tau^2 and the response itself, with star bootstrap.

y is the label, o the others, o^ and p their predictions from the spectrum, d = o - o^, y_perp and p_perp what is left of y and p
when they are fitted on all terms to second order in o^, and g = d trend / d o. With y = t(o) + u, u off the trend, and errors of
the observed labels independent of each other,

    var(y_perp) - s_y^2 = tau^2 + g'Sg + 2 g'cov(u, d),      S = cov(d) less label noise,   cov(u, d) = P - S g,   P = cov(y - p, d),

because d is independent of all that is made from the spectrum, p among it. So tau^2 = var(y_perp) - s_y^2 - 2 g'P + g'Sg. A guess has
p = t(o^), hence P = S g, and g'Sg is taken away; a full measurement has P = 0, and it is added. Where u and d go
together, o^ holds some of u, so that the slope of the trend on o^ is not that on o. With the gap D = S g - P and
C = cov(o^) + S this costs y_perp the part l'o^, l = C^-1 D, and

    tau^2 = var(y_perp) - s_y^2 - 2 g'P + g'Sg - D'l,        beta = (N + l'cov(o^, p)) / tau^2.

Both are exact for Gaussian labels and spectra; where the trend is curved, products with g are averages over stars. P is the one
moment that correlated errors of observed labels enter, so it is seen as an observation, with their variance and that of its
sampling, about what it would be if the spectrum told of y itself with the share beta: (1 - beta) S g, give or take what var(y - p)
and S allow. How correlated label errors are is learned from how far P lies outside of 0 to S g. Where N is not significant,
nothing of y off the trend is known to be in the prediction, and P is taken to be that of a guess.
"""

from typing import NamedTuple

import numpy as np

from ...fitted import Trend

__all__ = ["Moments", "moments"]

CORRELATED = 0.15  # correlation of label errors that is always allowed for
NOTHING = 3.0  # standard errors of N up to which a prediction passes for a guess
STEPS = 60
AT_ONCE = 2**18  # weights of stars in memory


class Moments(NamedTuple):
    """The moments of the stars, (draw,) each: first with every star once, then star bootstrap.

    Attributes
    ----------
    covariance : (draw,) array
        N of the part of the prediction.
    numerator : (draw,) array
        beta tau^2: N + l'cov(o^, p) for the whole, of which a part has the share that it has of N.
    tau2 : (draw,) array
    """

    covariance: np.ndarray
    numerator: np.ndarray
    tau2: np.ndarray


class _Averages(NamedTuple):
    """What the formulas are made of, draw by draw: (draw,), (draw, other) and (draw, other, other) arrays."""

    part: np.ndarray  # N of the part
    whole: np.ndarray  # N
    variance: np.ndarray  # of y_perp, less s_y^2
    slope: np.ndarray  # mean g
    spread: np.ndarray  # mean g'Sg
    spread_trusted: np.ndarray  # mean g'GSg, G how far P as observed is believed
    cross_slope: np.ndarray  # mean g'G(y - p)d
    miss_cov: np.ndarray  # S
    cross: np.ndarray  # G cov(y - p, d)
    guess_trusted: np.ndarray  # G S g
    others_cov: np.ndarray  # C
    with_whole: np.ndarray  # cov(o^, p)
    seen: float  # 0 where N is not significant, towards 1 where it clearly is


def moments(part, p, o_hat, y, s, o, s_o, trend: Trend, *, n_draws: int = 0, seed: int = 0) -> Moments:
    """N, its exact form and tau^2, of a part of the prediction; the arrays as for `off_trend_response`.

    In the bootstrap the trend takes one Newton step from the trend of all stars; so no draw costs a fit.
    """
    n, k = o_hat.shape
    rng, at_once = np.random.default_rng(seed), max(AT_ONCE // n, 1)
    none = np.zeros((0, 0))
    slope = trend.gradient(o_hat).mean(axis=0)
    trust, unknown = _trust(y, p, s, o - o_hat, s_o, slope) if k else (none, none)
    stars = _Stars(part, p, o_hat, y, s, o, s_o, trend, trust)
    found = []
    for weight, wrong in [(np.ones((1, n)), np.zeros((1, k))), *_draws(rng, n, n_draws, at_once, unknown)]:
        a = stars.averages(weight)
        found.append(_solved(a, wrong) if k else Moments(a.part, a.part, a.variance))
    return Moments(*(np.concatenate(each) for each in zip(*found, strict=True)))


def _draws(rng: np.random.Generator, n: int, n_draws: int, at_once: int, unknown: np.ndarray):
    """How often each star is drawn, (draw, star), and by how much P is off, (draw, other); some draws at a time."""
    for first in range(0, n_draws, at_once):
        many = min(at_once, n_draws - first)
        weight = np.array([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(many)], float)
        yield weight, rng.standard_normal((many, len(unknown))) @ unknown


class _Stars:
    """What all draws share: fits on all terms and the slopes of the trend."""

    def __init__(self, part, p, o_hat, y, s, o, s_o, trend: Trend, trust: np.ndarray):
        self.terms, self.trust, self.o_hat, self.p = trend.terms(o_hat), trust, o_hat, p
        n, n_terms = self.terms.shape
        self.free = n / (n - n_terms)
        self.inverse = np.linalg.pinv(self.terms)
        columns = np.column_stack([y, p, part])
        coef = self.inverse @ columns
        self.left = columns - self.terms @ coef
        jacobian = _term_slopes(trend, o_hat)  # (star, other, term)
        self.slopes, self.mean_jacobian = jacobian @ coef[:, 0], jacobian.mean(axis=0)
        products = self.left[:, 0] * self.left[:, 1] * self.free
        z = np.mean(products) / max(np.std(products) / np.sqrt(n), 1e-300)
        self.seen = max(0.0, 1 - (NOTHING / max(abs(z), 1e-9)) ** 2)
        self.miss, self.d, self.noise, self.others_noise = y - p - np.mean(y - p), o - o_hat, s**2, s_o**2

    def averages(self, w: np.ndarray) -> _Averages:
        """Over the stars, with the weights of each draw, (draw, star)."""
        n, d, trust = w.shape[1], self.d, self.trust
        steps = [(w * column) @ self.inverse.T for column in self.left.T]
        y_perp, p_perp, part_perp = (
            column - step @ self.terms.T for column, step in zip(self.left.T, steps, strict=True)
        )
        miss_cov = _noise_free(_cov(w, d, d), w @ self.others_noise / n)
        step = steps[0] @ self.mean_jacobian.T
        slope = w @ self.slopes / n
        square = _products(w, self.slopes, self.slopes)
        outer = slope[:, :, None] * step[:, None, :]
        square = square + outer + np.swapaxes(outer, 1, 2) + step[:, :, None] * step[:, None, :]
        cross = _cov(w, self.miss[:, None], d)[:, 0]
        by_star = self.miss * np.sum((self.slopes @ trust) * (d - d.mean(axis=0)), axis=1)
        return _Averages(
            np.mean(w * part_perp * y_perp, axis=1) * self.free,
            np.mean(w * p_perp * y_perp, axis=1) * self.free,
            np.mean(w * y_perp**2, axis=1) * self.free - w @ self.noise / n,
            slope + step,
            np.sum(miss_cov * square, axis=(1, 2)),
            np.einsum("ij,bjk,bki->b", trust, miss_cov, square),
            w @ by_star / n + np.einsum("bi,ij,bj->b", step, trust, cross),
            miss_cov,
            cross @ trust.T,
            np.einsum("bij,bj->bi", trust @ miss_cov, slope + step),
            _cov(w, self.o_hat, self.o_hat) + miss_cov,
            _cov(w, self.p[:, None], self.o_hat)[:, 0],
            self.seen,
        )


def _solved(a: _Averages, wrong: np.ndarray) -> Moments:
    """P is linear in the share beta, so N is linear in it and tau^2 quadratic: a fixed point of numbers."""
    guess = np.einsum("bij,bj->bi", a.miss_cov, a.slope)  # S g: P of a guess
    along = a.seen * (guess - a.guess_trusted)  # P = start - beta along
    start = guess + a.seen * (a.cross - a.guess_trusted + wrong)
    slope_along = a.seen * (a.spread - a.spread_trusted)  # of g'P, likewise
    slope_start = a.spread + a.seen * (a.cross_slope - a.spread_trusted + _dot(a.slope, wrong))
    scale = np.sqrt(np.einsum("bii->bi", a.others_cov))
    unit = np.linalg.pinv(a.others_cov / (scale[:, :, None] * scale[:, None, :]), hermitian=True)
    gap, lift = guess - start, np.einsum("bij,bj->bi", unit, (guess - start) / scale) / scale
    lift_along = np.einsum("bij,bj->bi", unit, along / scale) / scale
    n0, n1 = a.whole + _dot(lift, a.with_whole), _dot(lift_along, a.with_whole)
    t0 = a.variance - 2 * slope_start + a.spread - _dot(gap, lift)
    t1 = 2 * slope_along - 2 * _dot(gap, lift_along)
    t2 = -_dot(along, lift_along)
    share = np.zeros(len(n0))
    for _ in range(STEPS):
        tau2 = t0 + t1 * share + t2 * share**2
        top = n0 + n1 * share  # where tau^2 is not positive, the share is too small for such an N
        best = np.where(tau2 > 0, top / np.where(tau2 > 0, tau2, 1.0), top > 0)
        share = 0.5 * share + 0.5 * np.clip(best, 0.0, 1.0)
    # What o^ holds of y belongs to the whole: parts share it as they share N.
    numerator = a.part * np.where(a.whole != 0, (n0 + n1 * share) / np.where(a.whole != 0, a.whole, 1.0), 1.0)
    return Moments(a.part, numerator, t0 + t1 * share + t2 * share**2)


def _trust(y, p, s, d, s_o, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far P as observed is believed, (other, other): 1 where errors of labels are small against what it could be.

    And a root R of the covariance of what is left unknown of it, R'R.
    """
    scale = np.where(d.std(axis=0) > 0, d.std(axis=0), 1.0)
    miss_cov = _noise_free(_cov(np.ones((1, len(d))), d, d), np.mean(s_o**2, axis=0)[None])[0]
    miss_cov = miss_cov / np.outer(scale, scale)
    could = max(np.var(y - p) - np.mean(s**2), 0.0) * miss_cov
    product = (y - p - np.mean(y - p))[:, None] * (d - d.mean(axis=0)) / scale
    sampling = np.atleast_2d(np.cov(product.T)) / len(y)
    guess, found = miss_cov @ (slope * scale), product.mean(axis=0)
    outside = found - np.clip(found, np.minimum(guess, 0), np.maximum(guess, 0))
    most = np.mean(s**2) * np.mean(s_o**2, axis=0) / scale**2
    noise = np.clip(outside**2 - np.diag(could) - np.diag(sampling), CORRELATED**2 * most, most)
    believed = could @ np.linalg.pinv(could + np.diag(noise) + sampling, hermitian=True)
    values, vectors = np.linalg.eigh(could - believed @ could)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T * scale
    return believed * scale[:, None] / scale, root


def _noise_free(cov: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Covariances less label noise, negative eigenvalues set to zero; in units of the spread, or they would mix kelvins and dex."""
    scale = np.sqrt(np.maximum(np.einsum("bii->bi", cov), 1e-300))
    outer = scale[:, :, None] * scale[:, None, :]
    values, vectors = np.linalg.eigh((cov - noise[:, :, None] * np.eye(cov.shape[1])) / outer)
    return (vectors * np.maximum(values, 0.0)[:, None, :]) @ np.swapaxes(vectors, 1, 2) * outer


def _term_slopes(trend: Trend, values: np.ndarray) -> np.ndarray:
    """Derivative of every term by each other label, (star, other, term)."""
    n_terms = len(trend.coef)
    units = [Trend(trend.others, trend.loc, trend.scale, np.eye(n_terms)[q], 0.0) for q in range(n_terms)]
    return np.stack([unit.gradient(values) for unit in units], axis=2)


def _products(w: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean products of columns with the weights of each draw, (draw, column, column)."""
    both = (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)
    return (w @ both).reshape(-1, a.shape[1], b.shape[1]) / len(a)


def _cov(w: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Covariance of columns with the weights of each draw, (draw, column, column)."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    mean_a, mean_b = w @ a / len(a), w @ b / len(a)
    return _products(w, a, b) - mean_a[:, :, None] * mean_b[:, None, :]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sum(a * b, axis=1)
