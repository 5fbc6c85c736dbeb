"""Training stars as held-out ones: each evaluated by a model that was fitted without it.

Where all labelled stars train the model, none is left to test it. Models of the folds, fitted in the same way, stand in for it:
what they say of the stars that they did not see is what such a model says of new stars.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..core import InputError
from ..data import Catalog
from ..fitted import FittedModel
from ._held_out import infer_held_out
from ._measure import HeldOutStars
from ._stars import InferredStars

__all__ = ["CrossFittedStars", "infer_cross_fitted"]


@dataclass(frozen=True, eq=False)
class CrossFittedStars(InferredStars):
    """Stars whose predictions come from the models of their folds; latents and slopes from the model of all stars.

    Attributes
    ----------
    parts : tuple of InferredStars
        The stars of each fold, by its model.
    order : (star,) int array
        Where each star is among those of the parts, one after another.
    """

    parts: tuple[InferredStars, ...] = ()
    order: np.ndarray = None  # type: ignore[assignment]  # given with the parts

    def _gathered(self, of) -> np.ndarray:
        return np.concatenate([of(part, rows) for part, rows in zip(self.parts, self._rows(), strict=True)])[
            self.order
        ]

    def _rows(self) -> list[np.ndarray]:
        """The stars of each part, as rows of all."""
        where = np.argsort(self.order)
        return np.split(where, np.cumsum([len(part) for part in self.parts])[:-1])

    def label_cov(self, others: Sequence[int]) -> np.ndarray:
        return self._gathered(lambda part, _: part.label_cov(others))

    def without(self, pixels: np.ndarray) -> HeldOutStars:
        found = [part.without(pixels) for part in self.parts]
        arrays = {
            f.name: np.concatenate([getattr(part, f.name) for part in found])[self.order]
            for f in fields(HeldOutStars)
            if f.name != "labels"
        }
        return HeldOutStars(self.labels, **arrays)

    def change(self, pixels: np.ndarray, difference: np.ndarray) -> np.ndarray:
        return self._gathered(lambda part, rows: part.change(pixels, difference[rows]))


def infer_cross_fitted(
    fitted: FittedModel,
    catalog: Catalog,
    fold_models: Sequence[FittedModel],
    fold: np.ndarray,
    inputs: Sequence[str] | None = None,
) -> CrossFittedStars:
    """The stars that a model was fitted to, each as the model of its fold sees it.

    Parameters
    ----------
    fitted : FittedModel
        Model of all stars.
    catalog : Catalog
    fold_models : sequence of FittedModel
        In the order of the folds.
    fold : (star,) int array
        Which fold each star of `catalog` was held out in.
    inputs : sequence of str, optional
    """
    fold = np.asarray(fold)
    if fold.shape != (len(catalog),) or not np.isin(fold, np.arange(len(fold_models))).all():
        raise InputError(
            f"the folds of {len(catalog)} stars were given as {fold.shape} numbers for {len(fold_models)} models; give each "
            "star's, from 0."
        )
    present = [k for k in range(len(fold_models)) if np.any(fold == k)]
    rows = [np.flatnonzero(fold == k) for k in present]
    parts = tuple(
        infer_held_out(fold_models[k], catalog.select(r), inputs) for k, r in zip(present, rows, strict=True)
    )
    order = np.argsort(np.concatenate(rows))
    whole = infer_held_out(fitted, catalog, inputs)
    facts = {f.name: getattr(whole, f.name) for f in fields(InferredStars)}
    facts["predicted"] = np.concatenate([part.predicted for part in parts])[order]
    return CrossFittedStars(**facts, parts=parts, order=order)
