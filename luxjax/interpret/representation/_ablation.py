"""Latents taken away: what each label loses when one latent is set to its prior mean.

It depends on the choice of axes: look at single latents in `canonical_gauge` and remember that it is a convention.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...core import check_name
from ...core.internal import doubles
from ...fitted import FittedModel
from ...stats.internal import label_columns, percentiles, r2_of_sums, r2_terms, resampled_sums
from ._walks import decode

__all__ = ["LatentAblation", "ablate_latents"]


@dataclass(frozen=True, eq=False)
class LatentAblation:
    """What each label loses when one latent is set to its prior mean.

    Attributes
    ----------
    labels : tuple of str
    rmse, r2 : (label,) arrays
        With all latents.
    rmse_change, r2_change : (latent, label) arrays
    rmse_interval, r2_interval : (2, latent, label) arrays
        95%, by bootstrap over stars.
    n : (label,) array
        Stars evaluated.
    """

    labels: tuple[str, ...]
    rmse: np.ndarray
    r2: np.ndarray
    rmse_change: np.ndarray
    r2_change: np.ndarray
    rmse_interval: np.ndarray
    r2_interval: np.ndarray
    n: np.ndarray


def ablate_latents(
    fitted: FittedModel,
    latents: ArrayLike,
    labels: Mapping[str, ArrayLike],
    *,
    n_bootstrap: int = 500,
    seed: int,
) -> LatentAblation:
    """Set each latent in turn to its prior mean, zero, and predict the labels again.

    Parameters
    ----------
    fitted : FittedModel
    latents : (star, latent) array
        Latents of held-out stars, inferred from their spectra: ``star_latents(...).mean``.
    labels : mapping of str to (star,) array
        Labels of the model, as observed, in their own units.
    n_bootstrap, seed : int

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.interpret.representation import ablate_latents, star_latents
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> latents, labels = star_latents(fitted, stars).mean, {"label_1": stars.labels().value[:, 0]}
    >>> found = ablate_latents(fitted, latents, labels, n_bootstrap=50, seed=1)
    >>> bool((found.rmse_change > 0).any())  # the label is predicted worse without a latent
    True
    """
    z = doubles("latents", latents)
    names, y = label_columns(labels, len(z))
    output = fitted.label_output()
    info = fitted.info(output)
    for name in names:
        check_name("label of the model", name, info.names)
    columns = [info.names.index(n) for n in names]
    n_latents = z.shape[1]
    ablated = np.where(np.eye(n_latents, dtype=bool)[:, None, :], 0.0, z)
    kept = np.concatenate([z[None], ablated])  # (1 + latent, star, latent): first nothing taken away
    predicted = (decode(fitted, output, kept) * info.scale + info.loc)[..., columns]
    terms = r2_terms(y, predicted)
    flat = np.moveaxis(terms, 1, 0).reshape(len(z), -1)
    shape = (n_latents + 1, len(names), 4)
    rmse, r2 = _scores(flat.sum(0).reshape(shape))
    rmse_draws, r2_draws = _scores(
        resampled_sums(flat, n=n_bootstrap, seed=seed).reshape(n_bootstrap, *shape)
    )
    return LatentAblation(
        names,
        rmse[0],
        r2[0],
        rmse[1:] - rmse[0],
        r2[1:] - r2[0],
        percentiles(rmse_draws[:, 1:] - rmse_draws[:, :1]),
        percentiles(r2_draws[:, 1:] - r2_draws[:, :1]),
        np.isfinite(y).sum(0),
    )


def _scores(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(sums[..., 3] / sums[..., 0]), r2_of_sums(sums)
