"""Line ablation: the response that is lost without the label's element windows.

Masking windows at inference asks what the fitted model takes from them; a model refitted without them may find the same
information elsewhere, in lines of a neighbour for example. What it cannot find elsewhere only the windows held.
"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...core import InputError
from ...data import Catalog, Spectra
from ...fitted import FittedModel
from ...fitting import EM, fit
from ...models import Lux
from ...readout import read_out
from .._evidence import Evidence
from .._held_out import infer_held_out
from ..off_trend._response import DRAWS, Response, off_trend_response
from ._line import NO_LINES, AbstractLine, span

if TYPE_CHECKING:
    from .._case import Case, Judgement
    from .._label_lines import LabelLines
    from .._measure import HeldOutStars

__all__ = ["LineAblation", "refitted_response"]


class LineAblation(AbstractLine):
    """The fall of the response when the element windows are masked, against as many windows elsewhere."""

    name: ClassVar[str] = "ablation"
    title: ClassVar[str] = "Line ablation"
    question: ClassVar[str] = (
        "Does the response fall when the label's element lines are hidden from the model?"
    )

    def measure(self, case: "Case") -> Evidence:
        if not len(case.lines):
            return self.missing(NO_LINES)
        lost, whole, null = _fall(case, case.held), case.measured.response.beta, case.null.get(self.name)
        moved = "" if null is None else f"; random windows cost {span(null)}"
        arrays, never = {"response": np.array([whole, whole - lost.beta])}, ""
        if case.asked.train is not None:
            refitted = refitted_response(case)
            arrays["refitted"] = np.array(refitted)
            never = f" A model that never saw them has {refitted:.2f}."
        return self.evidence(
            lost.beta,
            lost.interval if lost.resolved else None,
            null,
            statement=f"Without its element windows the response falls by {lost.beta:.2f} from {whole:.2f}{moved}.{never}",
            arrays=arrays,
        )

    def elsewhere(self, case: "Case", lines: "LabelLines", held: "HeldOutStars") -> float:
        return _fall(case, held, draws=0).beta


def _fall(case: "Judgement", held: "HeldOutStars", draws: int = DRAWS) -> Response:
    """The off-trend response that is lost with the masked pixels: that of predicted less masked."""
    j = held.column(case.label)
    return off_trend_response(*case.given(), part=held.predicted[:, j] - held.masked[:, j], draws=draws)


def refitted_response(case: "Case") -> float:
    """The off-trend response after a fit to the same training stars, the label's element windows masked throughout.

    Parameters
    ----------
    case : Case
        Case of a model with linear decoders of the inputs, and labels that are linear too or read out from the latents; the stars
        that it was fitted to among what is asked.
    """
    fitted, asked, names = case.stars.fitted, case.asked, [p.name for p in case.stars.inputs]
    assert asked.train is not None  # the caller has looked
    own = case.lines.pixels
    hidden = {p.name: own[p.where] for p in case.stars.inputs}
    outputs = fitted.model.names
    everything = np.zeros(len(asked.catalog), int) if asked.fold is None else np.asarray(asked.fold)
    predicted = np.full((len(asked.catalog), len(case.stars.labels)), np.nan)
    for k in np.unique(everything):
        held = everything == k
        # Stars of folds are each predicted by a refit to the others.
        train = asked.train if asked.fold is None else asked.catalog.select(~held)
        again = _refitted(fitted, _masked(train.only(*outputs), hidden), asked.seed)
        predicted[held] = infer_held_out(again, _masked(asked.catalog.select(held), hidden), names).predicted
    j, o = case.stars.column(case.label), case.stars.columns(case.others)
    return off_trend_response(predicted[:, j], predicted[:, o], *case.given()[2:], draws=0).beta


def _refitted(fitted: FittedModel, train: Catalog, seed: int) -> FittedModel:
    """The same kind of model of other data: labels that were read out from the latents are so again."""
    first = fitted.model.only(*(name for name in fitted.model.names if name not in fitted.read_outs))
    if not first.is_linear:
        raise InputError("refitting is for linear decoders; leave out train= for others.")
    known = train.only(*first.names)
    again = fit(Lux.linear(known.sizes, first.n_latents), known, EM(), key=seed)
    for name, how in fitted.read_outs.items():
        again = read_out(again, train, how.kind, labels=name)
    return again


def _masked(catalog: Catalog, hidden: dict[str, np.ndarray]) -> Catalog:
    outputs = dict(catalog.outputs)
    for name, pixels in hidden.items():
        spectra = outputs[name]
        if isinstance(spectra, Spectra):
            outputs[name] = spectra.replace(
                ivar=np.where(pixels, 0, spectra.ivar), step="element windows masked"
            )
    return Catalog(outputs, catalog.table)
