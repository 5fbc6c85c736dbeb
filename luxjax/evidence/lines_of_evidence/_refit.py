"""Ablation by refitting: the response of a model that never saw an element's element windows.

Masking windows at inference asks what the fitted model takes from them; a model refitted without them may find the same
information elsewhere, in lines of a neighbour for example. What it cannot find elsewhere only the windows held.
"""

import numpy as np

from ...core import InputError
from ...core.internal import PRNGKeyArray
from ...data import Catalog, Spectra
from ...fitted import FittedModel
from ...fitting import EM, fit
from ...models import Lux
from .._judge import Judgement
from .._stars import infer_held_out
from ._off_trend import off_trend_response

__all__ = ["refitted_response"]


def refitted_response(
    fitted: FittedModel,
    train: Catalog,
    held_out: Catalog,
    case: Judgement,
    inputs,
    *,
    key: PRNGKeyArray | int,
) -> float:
    """The off-trend response after a fit to the same training stars, the label's element windows masked throughout.

    Parameters
    ----------
    fitted : FittedModel
        With linear decoders.
    train, held_out : Catalog
        The stars it was fitted to, and the stars that are explained.
    case : Judgement
        The label, its lines and the labels it is conditioned on.
    inputs : tuple of Pixels
        The outputs that labels are inferred from.
    key : jax random key or int
        Start of the fit.
    """
    if not fitted.model.is_linear:
        raise InputError("refitting is for linear decoders; leave out train= for others.")
    own = case.lines.pixels
    hidden = {p.name: own[p.where] for p in inputs}
    train = _masked(train.only(*fitted.model.names), hidden)
    again = fit(Lux.linear(train.sizes, fitted.model.n_latents), train, EM(), key=key)
    stars = infer_held_out(again, _masked(held_out, hidden), [p.name for p in inputs])
    j, o = stars.column(case.label), stars.columns(case.others)
    return off_trend_response(stars.predicted[:, j], stars.predicted[:, o], *case.given()[2:]).beta


def _masked(catalog: Catalog, hidden: dict[str, np.ndarray]) -> Catalog:
    outputs = dict(catalog.outputs)
    for name, pixels in hidden.items():
        spectra = outputs[name]
        if isinstance(spectra, Spectra):
            outputs[name] = spectra.replace(
                ivar=np.where(pixels, 0, spectra.ivar), step="element windows masked"
            )
    return Catalog(outputs, catalog.table)
