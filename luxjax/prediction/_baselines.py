"""What others would predict from the same training stars: ridge, The Cannon, and other labels alone."""

from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from ..core import InputError
from ..data import Catalog, LabelTable, Spectra
from ..data.internal import Output
from ..fitting.internal import fit_given_latents
from ..latents.internal import blocks, latent_posterior
from ..models import Lux
from ._prediction import Prediction

__all__ = ["cannon", "labels_only", "ridge"]

ALPHAS = np.logspace(-2, 6, 17)


def ridge(
    train: Catalog, test: Catalog, *, inputs: str | Sequence[str], labels: str = "labels"
) -> np.ndarray:
    """Ridge regression of each label on the pixels, its strength chosen by leave-one-out on the training stars.

    Pixels and measurements are weighted by their typical signal-to-noise ratio and bad ones set to the training mean, as
    anyone would who has no model of the noise.

    Parameters
    ----------
    train, test : Catalog
        Training stars with spectra and labels, and the stars to predict.
    inputs : str or sequence of str
        Names of the spectra and measurements.
    labels : str
        Name of the labels.

    Returns
    -------
    (star, label) array
        Predicted labels of the test stars.

    Examples
    --------
    >>> from luxjax.prediction import ridge
    >>> from luxjax.simulation import bilinear
    >>> from luxjax.stats import rmse
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> test = stars.select(slice(60, 90))
    >>> guess = ridge(stars.select(slice(0, 60)), test, inputs="flux")
    >>> rmse(guess, test.labels().value) < 0.5  # the labels have a spread of 1
    True
    """
    from sklearn.linear_model import RidgeCV  # a second to import, wanted by comparisons alone

    names, table = [inputs] if isinstance(inputs, str) else list(inputs), train.labels(labels)
    x, new = (
        np.concatenate(d, axis=1) for d in zip(*(_designs(train[n], test[n]) for n in names), strict=True)
    )
    out = np.empty((len(new), len(table.names)))
    complete = np.isfinite(table.value).all(axis=1)
    groups = [(list(range(len(table.names))), complete)] if complete.mean() > 0.9 else []
    groups = groups or [([j], np.isfinite(table.value[:, j])) for j in range(len(table.names))]
    for columns, seen in groups:
        y = table.value[seen][:, columns]
        centre, scale = y.mean(axis=0), y.std(axis=0)
        fit = RidgeCV(ALPHAS * len(y) ** 0.5, alpha_per_target=True).fit(x[seen], (y - centre) / scale)
        out[:, columns] = np.reshape(fit.predict(new), (len(new), -1)) * scale + centre
    return out


def _designs(train: Output, test: Output) -> tuple[np.ndarray, np.ndarray]:
    """What training and test stars have of an output, as columns of a regression."""
    flux, ivar = _values(train)
    good = ivar > 0
    mean = np.where(good, flux, 0).sum(0) / np.maximum(good.sum(0), 1)
    level = np.sqrt(ivar.mean(axis=0))
    used = level > 0

    def columns(flux, ivar):
        return (np.where(ivar > 0, flux - mean, 0) * level)[:, used].astype(np.float64)

    return columns(flux, ivar), columns(*_values(test))


def _values(output: Output) -> tuple[np.ndarray, np.ndarray]:
    return (output.flux, output.ivar) if isinstance(output, Spectra) else (output.value, output.ivar)


def cannon(
    train: Catalog, test: Catalog, *, inputs: str | Sequence[str], labels: str = "labels"
) -> np.ndarray:
    """The Cannon (Ness et al. 2015, ApJ 808, 16): flux quadratic in the labels, labels found by least squares.

    In luxjax's terms a quadratic decoder whose latents are the scaled labels, with learned pixel scatter and no
    prior on the labels of new stars. Label errors are ignored and stars that lack a label are left out, as in
    the original.

    Parameters
    ----------
    train, test : Catalog
        Training stars with spectra and labels, and the stars to predict.
    inputs : str or sequence of str
        Names of the spectra and measurements.
    labels : str
        Name of the labels.

    Examples
    --------
    >>> from luxjax.prediction import cannon
    >>> from luxjax.simulation import bilinear
    >>> from luxjax.stats import rmse
    >>> stars = bilinear(90, {"flux": 40, "labels": 2}, 2, key=1).catalog
    >>> test = stars.select(slice(60, 90))
    >>> guess = cannon(stars.select(slice(0, 60)), test, inputs="flux")
    >>> rmse(guess, test.labels().value) < 0.5  # the labels have a spread of 1
    True
    """
    table = train.labels(labels)
    complete = np.isfinite(table.value).all(axis=1)
    n_features = 1 + len(table.names) * (len(table.names) + 3) // 2
    if complete.sum() < n_features:
        raise InputError(
            f"{complete.sum()} training stars have all labels; The Cannon with {len(table.names)} labels needs at least "
            f"{n_features}."
        )
    low, centre, high = np.percentile(table.value[complete], [2.5, 50, 97.5], axis=0)
    scale = (high - low) / 4
    latents = (table.value[complete] - centre) / scale
    names = [inputs] if isinstance(inputs, str) else list(inputs)
    batch = train.only(*names).select(complete).batch()
    model = fit_given_latents(Lux.quadratic(batch.sizes, latents.shape[1]), batch, latents).model
    found = []
    with jax.enable_x64(True):
        for block, _, where in blocks(test.only(*names).batch()):
            # A vanishing prior only keeps stars without good pixels finite.
            z = _search(model, block, 1e-8)
            found.append(np.asarray(z)[: where.stop - where.start])
    return np.concatenate(found) * scale + centre


@eqx.filter_jit
def _search(model, block, prior):
    return latent_posterior(model, block, prior).mean


def labels_only(calibration: Prediction, observed: LabelTable, test: Prediction) -> np.ndarray:
    """Each label guessed from the *predicted* other labels, to second order, without the spectrum.

    What a label would look like if the model had only its correlation with the others to go by. Trained on
    calibration stars, whose observed labels the model never saw. Predicted rather than observed others: noise
    in observed ones would leak into the comparison.

    Parameters
    ----------
    calibration, test : Prediction
        Predictions of the stars to learn from, and of the stars to guess.
    observed : LabelTable
        Observed labels of the calibration stars, row for row.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.prediction import labels_only
    >>> from luxjax.simulation import bilinear
    >>> from luxjax.stats import rmse
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = luxjax.transfer(fitted, stars)
    >>> guess = labels_only(found.select(slice(0, 60)), stars.labels().select(slice(0, 60)), found.select(slice(60, 90)))
    >>> rmse(guess, stars.select(slice(60, 90)).labels().value) < 0.5  # with two latents each label follows from the others
    True
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    out = np.empty_like(test.value)
    for j, name in enumerate(test.names):
        others = [k for k in range(len(test.names)) if k != j]
        y = observed[name]
        seen = np.isfinite(y)
        model = make_pipeline(
            StandardScaler(), PolynomialFeatures(2), StandardScaler(), RidgeCV(np.logspace(-4, 3, 15))
        )
        model.fit(calibration.value[seen][:, others], y[seen])
        out[:, j] = model.predict(test.value[:, others])
    return out
