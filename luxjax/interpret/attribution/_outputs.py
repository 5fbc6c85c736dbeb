"""Names of labels and spectra resolved against a fitted model."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...core import Batch, InputError, check_name
from ...core.internal import choose_from, join_names
from ...data import Catalog
from ...fitted import FittedModel
from ...models import Lux
from ..representation._gauge import input_names

__all__ = ["LabelRow", "find_label", "input_batch", "is_exact", "spectral_output", "wide"]


class LabelRow(NamedTuple):
    """Where a label stands in a model; ``loc + scale * model value`` is the label in its own unit."""

    output: str
    place: int
    loc: float
    scale: float
    unit: str


def find_label(fitted: FittedModel, label: str) -> LabelRow:
    """The row of the model that holds `label`."""
    known: list[str] = []
    for output in fitted.model.names:
        info = fitted.info(output)
        if label in info.names:
            j = info.names.index(label)
            unit = info.units.get(label, "")
            return LabelRow(output, j, float(info.loc[j]), float(info.scale[j]), unit)
        known += info.names
    raise InputError(choose_from("label", label, known, "Ask for one of the model's labels"))


def spectral_output(fitted: FittedModel, spectra: str | None, label_output: str) -> str:
    """The output whose flux is meant: the one named, or the model's only one apart from the labels."""
    found = [n for n in fitted.model.names if n != label_output]
    found = [n for n in found if fitted.info(n).is_spectra] or found
    if spectra is not None:
        check_name("output", spectra, found, "Name one of the model's spectra")
        return spectra
    if len(found) != 1:
        raise InputError(
            f"the model has {len(found)} spectral outputs ({join_names(found)}); say which with spectra=."
        )
    return found[0]


def input_batch(
    fitted: FittedModel, data: Catalog | Batch, inputs: Sequence[str] | None, spectra: str
) -> Batch:
    """What the latents of these stars are inferred from, `spectra` among it, in double precision."""
    names = input_names(fitted, data, inputs)
    check_name("input", spectra, names, "The spectra to differentiate by must be among the inputs")
    return fitted.batch(data, *names, dtype=np.float64)


def is_exact(model: Lux, inputs: Sequence[str]) -> bool:
    """Whether latents inferred from these outputs have an exactly Gaussian posterior, linear in the pixels."""
    known = model.only(*inputs)
    return known.is_linear and known.is_gaussian


def wide(tree: Batch | Lux):
    """The same arrays in double precision; to be called where 64-bit types are enabled."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), tree)
