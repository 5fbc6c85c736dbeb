"""Train on all labelled stars, and evaluate every one of them by a model that did not see it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import InputError, Progress, check_name
from ..core.internal import PRNGKeyArray, reporting, short_repr
from ..data import Catalog
from ..data import folds as number_folds
from ..fitted import FittedModel
from ..fitting import AbstractFitter
from ..prediction import Prediction, calibrate_by_inputs, cannon, ridge, transfer
from ..prediction.internal import LEAST_CALIBRATION, applied, flagged_by
from ._plan import DECODERS, KINDS, NOISE, fit_and_read_out, inputs_of, latents_for

__all__ = ["Trained", "train"]

LEAST_STARS = 20
BASELINES = {"ridge": ridge, "cannon": cannon}


@dataclass(frozen=True, eq=False)
class Trained:
    """A model of all labelled stars, and out-of-fold predictions of each star by models that did not see it.

    Attributes
    ----------
    fitted : FittedModel or None
        Fitted to all labelled stars, with a calibration learned from `out_of_fold` where there were stars enough. None where no
        model was asked for.
    stars : Catalog
        The labelled stars.
    inputs : tuple of str
    fold : (star,) int array
        Which fold each star was held out in.
    fold_models : tuple of FittedModel
        One for each fold, fitted without its stars.
    raw : Prediction
        Labels of every star by the model of its fold, with the errors that this states.
    out_of_fold : Prediction
        The same with errors calibrated on the stars of all other folds; `raw` where there were too few.
    baselines : dict of str to (star, label) array
        What ridge regression and The Cannon say, fitted to the same folds.
    problems : tuple of str
        What could not be done, and why.

    Examples
    --------
    >>> from luxjax.simulation import bilinear
    >>> from luxjax.training import train
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> found = train(stars, latents=2, readout="linear", folds=3, key=1)
    >>> sorted(set(found.fold.tolist())), len(found.fold_models)
    ([0, 1, 2], 3)
    """

    fitted: FittedModel | None
    stars: Catalog
    inputs: tuple[str, ...]
    fold: np.ndarray
    fold_models: tuple[FittedModel, ...]
    raw: Prediction
    out_of_fold: Prediction
    baselines: dict[str, np.ndarray] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    __repr__ = short_repr


def train(
    catalog: Catalog,
    *,
    inputs: Sequence[str] = (),
    labels: str = "labels",
    latents: int | Sequence[int] | None = None,
    decoder: str = "linear",
    readout: str = "auto",
    noise: str = "gaussian",
    folds: int = 5,
    baselines: Sequence[str] = ("ridge", "cannon"),
    refit: bool = True,
    fitter: AbstractFitter | None = None,
    key: PRNGKeyArray | int,
    seed: int | None = None,
    progress: bool | Progress | None = None,
) -> Trained:
    """Choose, fit, evaluate and calibrate a model of labelled stars.

    The stars are split into folds. Those of each fold are predicted by a model that was fitted, and its number of latents and
    read-out chosen, without them; from these predictions come scores, and the calibration of errors. At last a model is fitted to
    all.

    Parameters
    ----------
    catalog : Catalog
        Stars without any label are left out.
    inputs : sequence of str
        The outputs to predict from. Default: all that are no labels.
    labels : str
    latents : int or sequence of int, optional
        Several: chosen among them. Default: what stars and pixels allow (at most 60).
    decoder : {"linear", "quadratic", "mlp"}
        Decoder of the inputs.
    readout : {"auto", "linear", "quadratic", "gp", "joint"}
        How labels follow from the latents: see `luxjax.readout.read_out`; where more than 2% of the stars lack some of several inputs
        ``"auto"`` is ``"joint"``, which is right for stars with any of them. ``"joint"``: decoded like the inputs, and fitted with
        them.
    noise : {"gaussian", "student"}
        Noise of the spectra. ``"student"``: Student's t with 4 degrees of freedom, which a few bad pixels (cosmic rays, sky lines) do
        not impress; for linear decoders, and about nine times slower.
    folds : int
    baselines : sequence of str
        Other methods on the same folds: ``"ridge"``, ``"cannon"``.
    refit : bool
        Whether a model is fitted to all stars at the end.
    fitter : AbstractFitter, optional
        Default: what suits the decoder.
    key : jax random key or int
    seed : int
        Random seed of the folds. Default: `key` where that is a whole number, as on the command line; else 0.
    progress : bool or Progress, optional
        True shows the folds on standard error; a function is called with ``("folds", done, total)``.

    Returns
    -------
    Trained

    Examples
    --------
    >>> from luxjax.simulation import bilinear
    >>> from luxjax.training import train
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> found = train(stars, latents=2, readout="linear", folds=3, key=1)
    >>> found.out_of_fold.value.shape, found.fitted.calibrations[0].n_stars.tolist()
    ((90, 3), [90, 90, 90])
    """
    used, several, stars = check_training(
        catalog, inputs, labels, latents, decoder, readout, folds, noise, baselines
    )
    if seed is None:
        seed = key if isinstance(key, int) else 0
    number = np.asarray(number_folds(list(stars.ids), folds, seed=seed))
    how: dict[str, Any] = {
        "labels": labels,
        "decoder": decoder,
        "readout": readout,
        "noise": noise,
        "key": key,
        "fitter": fitter,
    }
    models, parts, others = (
        [],
        [],
        {name: np.full(stars.labels(labels).value.shape, np.nan) for name in baselines},
    )
    problems: list[str] = []
    with reporting(progress, "train") as tell:
        tell("folds", 0, folds + refit)
        for k in range(folds):
            seen, held = stars.select(number != k), stars.select(number == k)
            own = several or [latents_for(stars, used, len(seen))]
            models.append(fit_and_read_out(seen, used, latents=own, **how))
            parts.append(transfer(models[-1], held, inputs=used, labels=labels, calibrated=False))
            _others(others, seen, held, number == k, used, labels, problems)
            tell("folds", k + 1, folds + refit)
        typical = _typical(parts)
        models = [m.replace(typical=typical) for m in models]
        raw = Prediction.gather(
            [flagged_by(m, p, labels) for m, p in zip(models, parts, strict=True)], stars.ids
        )
        calibrated, problem = _calibrated_by_others(raw, stars, labels, number)
        problems += [problem] if problem else []
        fitted = None
        if refit:
            own = several or [latents_for(stars, used, len(stars))]
            fitted = fit_and_read_out(stars, used, latents=own, **how).replace(typical=typical)
            if not problem:
                for calibration in calibrate_by_inputs(raw, stars.labels(labels)):
                    fitted = fitted.with_calibration(calibration)
            tell("folds", folds + 1, folds + 1)
    return Trained(
        fitted, stars, used, number, tuple(models), raw, calibrated, others, tuple(dict.fromkeys(problems))
    )


def check_training(
    catalog: Catalog, inputs, labels, latents, decoder, readout, n_folds, noise="gaussian", baselines=()
) -> tuple[tuple[str, ...], list[int], Catalog]:
    """The inputs, numbers of latents asked for and labelled stars; `InputError` where they cannot be trained on."""
    check_name("decoder", decoder, DECODERS)
    check_name("read-out", readout, KINDS)
    check_name("noise", noise, NOISE)
    if noise != "gaussian" and decoder != "linear":
        raise InputError(f"Student-t noise is fitted with linear decoders; given: decoder '{decoder}'.")
    for name in baselines:
        check_name("baseline", name, BASELINES)
    used = inputs_of(catalog, inputs, labels)
    several = [] if latents is None else [latents] if isinstance(latents, int) else list(latents)
    if several and min(several) < 1:
        raise InputError(f"latents are whole numbers of 1 or more, such as 8 or 8,12,16; given: {several}.")
    if readout == "joint" and len(several) > 1:
        raise InputError(
            "several numbers of latents are chosen among by a read-out; with readout 'joint' give one."
        )
    table = catalog.labels(labels)
    stars = catalog.select(np.isfinite(table.value).any(axis=1))
    if len(stars) < LEAST_STARS:
        raise InputError(
            f"{len(stars)} of {len(catalog)} stars have labels; training needs at least {LEAST_STARS}, and some hundred for errors "
            "good to 10%."
        )
    number_folds(list(stars.ids), n_folds)
    limit = len(stars) - -(-len(stars) // n_folds) - 1
    if several and max(several) > limit:
        raise InputError(
            f"{max(several)} latents were asked for; {len(stars)} labelled stars in {n_folds} folds allow {limit} at most."
        )
    return used, several, stars


def _typical(parts: Sequence[Prediction]) -> dict[str, float]:
    """What 95% of held-out stars stay below, as `FittedModel.typical`: training stars fit better than any star to come."""
    found = {}
    for name in ("chi2", "latent_distance"):
        values = np.concatenate([getattr(p, name) for p in parts])
        if np.isfinite(values).any():
            found[name] = float(np.nanpercentile(values, 95))
    return found


def _others(others, seen, held, rows, inputs: Sequence[str], labels: str, problems: list[str]) -> None:
    for name in list(others):
        try:
            others[name][rows] = BASELINES[name](seen, held, inputs=inputs, labels=labels)
        except InputError as error:  # The Cannon needs more stars than some folds have
            del others[name]
            problems.append(f"{name} is not compared with: {error}")


def _calibrated_by_others(raw: Prediction, stars: Catalog, labels: str, number) -> tuple[Prediction, str]:
    """Errors of each fold calibrated on all others; as they are, and why, where that cannot be."""
    table, n_folds = stars.labels(labels), len(np.unique(number))
    least = (
        LEAST_CALIBRATION * (n_folds - 1) // n_folds
    )  # of as many stars as the calibration of the model needs
    parts = []
    try:
        for k in np.unique(number):
            others = number != k
            learned = calibrate_by_inputs(raw.select(others), table.select(others), least=least)
            parts.append(applied(raw.select(~others), learned[0], learned))
    except InputError as error:
        return raw, f"errors are not calibrated: {error}"
    return Prediction.gather(parts, stars.ids), ""
