"""Decoders as plain arrays and a few settings, and back.

The kinds that luxjax knows are rebuilt from these. Of a module of your own only the arrays are stored, by their place in it,
and whoever loads it brings a model built in the same way to put them into.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError
from ..core.internal import Array, join_names
from ..models import AbstractDecoder, Lux, ModuleDecoder
from ..models.internal import DECODERS, AbstractStoredDecoder

__all__ = ["arrays_of", "decoder_from", "settings_of"]

KINDS: dict[type[AbstractDecoder], str] = {kind: name for name, kind in DECODERS.items()}
OWN = "module"  # the kind of a decoder that luxjax does not know


def settings_of(decoder: AbstractDecoder) -> dict[str, Any]:
    """What the header has to say of a decoder."""
    kind = {"decoder": KINDS.get(type(decoder), OWN)}
    if type(decoder) in KINDS:
        assert isinstance(decoder, AbstractStoredDecoder)
        return kind | decoder.stored()[0]
    inside = decoder.module if isinstance(decoder, ModuleDecoder) else decoder
    return kind | {"class": type(inside).__name__, "wrapped": isinstance(decoder, ModuleDecoder)}


def arrays_of(name: str, decoder: AbstractDecoder) -> dict[str, np.ndarray]:
    """The arrays of the decoder of output `name`, by their names in the file."""
    if type(decoder) not in KINDS:
        return {f"{name}/{OWN}{path}": np.asarray(x) for path, x in _leaves(decoder).items()}
    assert isinstance(decoder, AbstractStoredDecoder)
    return {f"{name}/{path}": np.asarray(x) for path, x in decoder.stored()[1].items()}


def _leaves(tree) -> dict[str, Array]:
    """The arrays of a module by their place in it, such as ``.module.layers[0].weight``."""
    flat, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, eqx.is_array))
    return {jax.tree_util.keystr(path): x for path, x in flat}


def decoder_from(
    name: str, entry: dict[str, Any], n_latents: int, arrays, model: Lux | None
) -> AbstractDecoder:
    """The decoder that `settings_of` and `arrays_of` described; `model` lends the code of modules of one's own."""
    kind = entry["decoder"]
    if kind == OWN:
        return _own_decoder(name, entry, arrays, model)
    if kind not in DECODERS:
        raise ValueError(f"unknown decoder '{kind}'")
    own = {k.removeprefix(f"{name}/"): x for k, x in arrays.items() if k.startswith(f"{name}/")}
    return jax.tree.map(jnp.asarray, DECODERS[kind].restored(entry, own, n_latents))


def _own_decoder(name: str, entry: dict[str, Any], arrays, model: Lux | None) -> AbstractDecoder:
    if model is None or name not in model.names:
        raise InputError(
            f"output '{name}' was decoded by a module of the class {entry['class']}, whose code is not stored; build a "
            "model as it was before the fit and give it: load(folder, model=...)."
        )
    decoder = model[name]
    if entry["wrapped"] and not isinstance(decoder, ModuleDecoder):
        decoder = ModuleDecoder(decoder, decoder.n_latents)
    leaves = _leaves(decoder)
    stored = {path: arrays.get(f"{name}/{OWN}{path}") for path in leaves}
    n_stored = sum(key.startswith(f"{name}/{OWN}.") for key in arrays)
    wrong = [p for p, x in leaves.items() if (found := stored[p]) is None or found.shape != x.shape]
    if wrong or n_stored != len(leaves):
        raise InputError(
            f"the model given for output '{name}' is not built as the saved one, a {entry['class']} of {n_stored} arrays: "
            + (f"{join_names(wrong, 4)} differ." if wrong else f"it has {len(leaves)}.")
        )
    dynamic, static = eqx.partition(decoder, eqx.is_array)
    found = [jnp.asarray(stored[path]) for path in leaves]
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(dynamic), found), static)
