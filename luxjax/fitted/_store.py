"""Fitted models on disk: a folder with readable JSON and plain arrays. Loading one never runs code.

The kinds of decoders that luxjax knows are rebuilt from the header. Of a module of your own only the arrays are stored,
by their place in it, and whoever loads it brings a model built in the same way to put them into.
"""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError
from ..core.internal import Array, join_names
from ..files.internal import FolderKind
from ..models import AbstractDecoder, Lux, ModuleDecoder
from ..models.internal import DECODERS, AbstractStoredDecoder
from ._fitted import FittedModel, OutputInfo
from ._verdict import Verdict

__all__ = ["MODEL_FOLDER", "fingerprint", "load", "save"]

# 2 added the verdicts of the labels, 3 decoders with hidden layers and modules of one's own, 4 Student-t noise; all are read
MODEL_FOLDER = FolderKind("model", "model.json", schema=4)
KINDS: dict[type[AbstractDecoder], str] = {kind: name for name, kind in DECODERS.items()}
OWN = "module"  # the kind of a decoder that luxjax does not know


def save(fitted: FittedModel, folder: str | os.PathLike) -> Path:
    """Write a fitted model to a folder: ``model.json`` to read, ``arrays.npz`` beside it.

    Written next to the target first and moved into place, so that an interrupted save leaves no half model. A
    model already there is replaced; a folder that holds anything else, or more, is refused.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = luxjax.load(luxjax.save(fitted, f"{folder}/model"))
    >>> bool((luxjax.transfer(again, stars).value == luxjax.transfer(fitted, stars).value).all())
    True
    """
    return MODEL_FOLDER.write(folder, *_describe(fitted))


def load(folder: str | os.PathLike, *, model: Lux | None = None) -> FittedModel:
    """Read a fitted model back, bit for bit.

    Parameters
    ----------
    folder : path
    model : Lux, optional
        Needed for decoders that are modules of your own, whose code is not stored: a model built as the saved one was
        before its fit. Its arrays are replaced by those of the file.

    Raises
    ------
    InputError
        If there is no model, it was written by a newer luxjax, its files do not fit together, or it needs `model` and
        what was given does not fit.
    """
    header = MODEL_FOLDER.read(folder)
    with MODEL_FOLDER.reading(folder):
        return _rebuild(header, MODEL_FOLDER.arrays(folder), model)


def fingerprint(fitted: FittedModel) -> str:
    """What tells a fitted model from others: 16 digits of a hash of its decoders, scalings, names and verdicts.

    How it came about, and by which version of luxjax, does not count. A saved model has it when loaded again.
    """
    header, arrays = _describe(fitted)
    facts = {name: header[name] for name in ("n_latents", "outputs", "verdicts")}
    total = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, values in sorted(arrays.items()):
        if name != "objective":
            total.update(f"{name} {values.dtype.str} {values.shape}".encode())
            total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()[:16]


def _describe(fitted: FittedModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays: dict[str, np.ndarray] = {"objective": np.asarray(fitted.objective)}
    outputs = {}
    for name in fitted.model.names:
        decoder, info = fitted.model.decoders[name], fitted.info(name)
        arrays |= _arrays_of(name, decoder)
        arrays |= {
            f"{name}/scatter": np.asarray(fitted.model.scatter[name]),
            f"{name}/loc": info.loc,
            f"{name}/scale": info.scale,
        }
        if name in fitted.weight_cov:
            arrays[f"{name}/weight_cov"] = np.asarray(fitted.weight_cov[name])
        if info.wavelength is not None:
            arrays[f"{name}/wavelength"] = info.wavelength
        outputs[name] = {
            "decoder": KINDS.get(type(decoder), OWN),
            "size": len(fitted.model.scatter[name]),
            "dof": None if math.isinf(nu := fitted.model.dof[name]) else nu,
            **_settings_of(decoder),
            "medium": info.medium,
            "names": list(info.names),
            "units": dict(info.units),
            "species": dict(info.species),
            "survey": info.survey,
            "described": name in fitted.outputs,
        }
    header = {
        "n_latents": fitted.model.n_latents,
        "outputs": outputs,
        "summary": dict(fitted.summary),
        "verdicts": {name: verdict.to_dict() for name, verdict in fitted.verdicts.items()},
    }
    return header, arrays


def _settings_of(decoder: AbstractDecoder) -> dict[str, Any]:
    """What the header has to say of a decoder beyond its kind."""
    if type(decoder) in KINDS:
        assert isinstance(decoder, AbstractStoredDecoder)
        return decoder.stored()[0]
    inside = decoder.module if isinstance(decoder, ModuleDecoder) else decoder
    return {"class": type(inside).__name__, "wrapped": isinstance(decoder, ModuleDecoder)}


def _arrays_of(name: str, decoder: AbstractDecoder) -> dict[str, np.ndarray]:
    if type(decoder) not in KINDS:
        return {f"{name}/{OWN}{path}": np.asarray(x) for path, x in _leaves(decoder).items()}
    assert isinstance(decoder, AbstractStoredDecoder)
    return {f"{name}/{path}": np.asarray(x) for path, x in decoder.stored()[1].items()}


def _leaves(tree) -> dict[str, Array]:
    """The arrays of a module by their place in it, such as ``.module.layers[0].weight``."""
    flat, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, eqx.is_array))
    return {jax.tree_util.keystr(path): x for path, x in flat}


def _decoder(name: str, entry: dict[str, Any], header, arrays, model: Lux | None) -> AbstractDecoder:
    kind = entry["decoder"]
    if kind == OWN:
        return _own_decoder(name, entry, arrays, model)
    if kind not in DECODERS:
        raise ValueError(f"unknown decoder '{kind}'")
    own = {k.removeprefix(f"{name}/"): x for k, x in arrays.items() if k.startswith(f"{name}/")}
    return jax.tree.map(jnp.asarray, DECODERS[kind].restored(entry, own, header["n_latents"]))


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


def _rebuild(header: dict[str, Any], arrays: dict[str, np.ndarray], model: Lux | None) -> FittedModel:
    decoders, scatter, cov, outputs = {}, {}, {}, {}
    dof = {k: entry["dof"] for k, entry in header["outputs"].items() if entry.get("dof") is not None}
    with jax.enable_x64(True):
        for name, entry in header["outputs"].items():
            decoders[name] = _decoder(name, entry, header, arrays, model)
            scatter[name] = jnp.asarray(arrays[f"{name}/scatter"])
            if f"{name}/weight_cov" in arrays:
                cov[name] = jnp.asarray(arrays[f"{name}/weight_cov"])
            if entry["described"]:
                outputs[name] = OutputInfo(
                    arrays[f"{name}/loc"],
                    arrays[f"{name}/scale"],
                    arrays.get(f"{name}/wavelength"),
                    entry["medium"],
                    tuple(entry["names"]),
                    entry["units"],
                    entry["species"],
                    entry["survey"],
                )
    objective = tuple(float(v) for v in arrays["objective"])
    verdicts = {name: Verdict.from_dict(entry) for name, entry in header.get("verdicts", {}).items()}
    return FittedModel(Lux(decoders, scatter, dof), cov, outputs, objective, header["summary"], verdicts)
