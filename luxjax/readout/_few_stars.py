"""Gaussian processes of few stars: relevances that follow how well latents are measured, and two views of the stated errors.

With fewer than some four stars a latent, a relevance learned for each fits the noise of the labels. Here they follow one law,

    ln tau_a = c + p l_a + w d_a,    d_a ~ N(0, 1),

with l_a the logarithm of the information that a typical star has on latent a, less its mean. With w = 0 two numbers are
learned; at p = 1 the linear term is that of ridge regression on the pixels, in units of their noise. With w = 1 a latent may
leave the law by a factor of e.

Stated errors often grow with the label itself (giants have larger errors of log g than dwarfs). Weighed by them, the few stars
at that end hardly count. So there are processes with the stated errors and processes with one error for all stars, and
leave-one-out residuals say for each label how much either counts.
"""

import numpy as np
import scipy

from ._gp_evidence import PRIOR, STEPS, Hyper, as_hyper, minus_evidence
from ._noise import LEAST_SCALE

__all__ = ["WIDTHS", "alike", "law_of", "maximise_graded", "share_of_first"]

WIDTHS = (0.0, 1.0)
LEAST_INFORMATION = 1e-4  # of the best measured latent's
LEAST_SHARE = 0.02
IMPOSSIBLE = 1e10
# Mean and width of the normal priors, and the bounds, of c, p and each d.
LAW = {"level": (-3.0, 2.0), "power": (1.0, 1.0), "deviation": (0.0, 1.0)}
BOUNDS = {"level": (-20.0, 4.0), "power": (0.0, 2.0), "deviation": (-4.0, 4.0)}


def law_of(information: np.ndarray | None, n_latents: int) -> np.ndarray:
    """l_a of the law, (latent,): zero where nothing is known of the information."""
    if information is None:
        return np.zeros(n_latents)
    found = np.log(np.maximum(information, LEAST_INFORMATION * max(information.max(), 1e-300)))
    return found - found.mean()


def maximise_graded(
    z: np.ndarray, y: np.ndarray, variance: np.ndarray, law: np.ndarray, width: float
) -> tuple[Hyper, float]:
    """The most probable hyper-parameters of one label under the law, and the log evidence there.

    Parameters
    ----------
    z : (star, latent) array
    y, variance : (star,) arrays
        The label in units of its spread, and its squared stated error.
    law : (latent,) array
        l_a, as from `law_of`.
    width : float
        w: 0 for relevances that follow the law strictly.
    """
    n = len(law) if width else 0
    others = list(PRIOR)[1:]
    turn = np.zeros((len(law) + len(others), 2 + n + len(others)))
    turn[: len(law), 0], turn[: len(law), 1] = 1.0, law
    turn[:n, 2 : 2 + n] = width * np.eye(n)
    turn[len(law) :, 2 + n :] = np.eye(len(others))
    names = ["level", "power"] + ["deviation"] * n
    middle, spread = np.array([LAW[k] for k in names] + [PRIOR[k] for k in others]).T
    limits = [BOUNDS[k] for k in names] + [(-20.0, 8.0)] * (len(others) - 1)

    def loss(x):
        try:
            value, slope = minus_evidence(turn @ x, z, y, variance)
        except np.linalg.LinAlgError:  # labels without noise, far up the bounds: go back
            return IMPOSSIBLE, np.zeros(len(x))
        pull = (x - middle) / spread
        return value + 0.5 * pull @ pull, turn.T @ slope + pull / spread

    found = scipy.optimize.minimize(
        loss,
        middle,
        jac=True,
        method="L-BFGS-B",
        bounds=[*limits, (2 * np.log(LEAST_SCALE), 0.0)],
        options={"maxiter": STEPS},
    )
    theta = turn @ found.x
    return as_hyper(theta), -minus_evidence(theta, z, y, variance)[0]


def alike(variance: np.ndarray) -> bool:
    """Whether all stars that have a label have the same error of it."""
    return bool(np.ptp(variance) <= 1e-6 * variance.max())


def share_of_first(first: np.ndarray, second: np.ndarray) -> float:
    """The share of the first of two predictions in their mean that has the least squared leave-one-out residuals."""
    apart = second - first
    square = float(apart @ apart)
    share = float(second @ apart) / square if square > 1e-12 * float(second @ second) else 0.5
    return min(max(share, LEAST_SHARE), 1 - LEAST_SHARE)
