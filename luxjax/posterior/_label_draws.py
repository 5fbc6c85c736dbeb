"""Draws of the labels of stars, as figures and tables of a posterior show them."""

import numpy as np

from ..core.internal import PRNGKeyArray
from ._posterior import AbstractPosterior

__all__ = ["label_draws"]

DRAWS = 2000


def label_draws(posterior: AbstractPosterior, *, key: PRNGKeyArray | int) -> np.ndarray:
    """Draws of the true labels of all stars, their intrinsic scatter about the model included, (draw, star, label)."""
    unmeasured = posterior.replace(batch=None)  # the noise of a measured label is not part of the star
    return unmeasured.predict(posterior.fitted.label_output(), DRAWS, key=key, noise=True)
