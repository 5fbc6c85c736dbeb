"""Fitted models on disk: a folder with readable JSON and plain arrays. Loading one never runs code."""

import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError, Verdict, read_header, replaced_folder
from ..models import FeatureDecoder, Linear, Lux, Quadratic
from ._fitted import Fitted, OutputInfo

__all__ = ["SCHEMA", "load", "save"]

SCHEMA = 2  # 2 added the verdicts of the labels; folders of schema 1 are read, and have none
HEADER = "model.json"
DECODERS: dict[str, type[FeatureDecoder]] = {"linear": Linear, "quadratic": Quadratic}


def save(fitted: Fitted, folder: str | os.PathLike) -> Path:
    """Write a fitted model to a folder: ``model.json`` to read, ``arrays.npz`` beside it.

    Written beside the target first and moved into place, so that an interrupted save leaves no half model. A
    model already there is replaced; a folder that holds anything else is refused.
    """
    header, arrays = _describe(fitted)
    with replaced_folder(folder, HEADER, "model") as part:
        (part / HEADER).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
        np.savez(part / "arrays.npz", **arrays)  # type: ignore[arg-type]
    return Path(folder)


def load(folder: str | os.PathLike) -> Fitted:
    """Read a fitted model back, bit for bit.

    Raises
    ------
    InputError
        If there is no model, it was written by a newer luxjax, or its files do not fit together.
    """
    folder = Path(folder)
    header = read_header(folder, HEADER, "model", SCHEMA)
    try:
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
        return _rebuild(header, arrays)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the model at '{folder}' is damaged ({error}); save it again.") from error


def _describe(fitted: Fitted) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from .. import __version__

    arrays: dict[str, np.ndarray] = {"objective": np.asarray(fitted.objective)}
    outputs = {}
    kinds = {cls: kind for kind, cls in DECODERS.items()}
    for name in fitted.model.names:
        decoder, info = fitted.model.decoders[name], fitted.info(name)
        if type(decoder) not in kinds or not isinstance(decoder, FeatureDecoder):
            raise InputError(
                f"output '{name}' has a {type(decoder).__name__} decoder, which cannot be saved; savable: "
                f"{', '.join(DECODERS)}."
            )
        arrays |= {
            f"{name}/intercept": np.asarray(decoder.intercept),
            f"{name}/weight": np.asarray(decoder.weight),
            f"{name}/scatter": np.asarray(fitted.model.scatter[name]),
            f"{name}/loc": info.loc,
            f"{name}/scale": info.scale,
        }
        if name in fitted.weight_cov:
            arrays[f"{name}/weight_cov"] = np.asarray(fitted.weight_cov[name])
        if info.wavelength is not None:
            arrays[f"{name}/wavelength"] = info.wavelength
        outputs[name] = {
            "decoder": kinds[type(decoder)],
            "size": int(decoder.intercept.shape[0]),
            "medium": info.medium,
            "names": list(info.names),
            "units": dict(info.units),
            "species": dict(info.species),
            "survey": info.survey,
            "described": name in fitted.outputs,
        }
    header = {
        "what": "luxjax model",
        "schema": SCHEMA,
        "luxjax": __version__,
        "n_latents": fitted.model.n_latents,
        "outputs": outputs,
        "summary": dict(fitted.summary),
        "verdicts": {name: verdict.to_dict() for name, verdict in fitted.verdicts.items()},
    }
    return header, arrays


def _rebuild(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Fitted:
    decoders, scatter, cov, outputs = {}, {}, {}, {}
    with jax.enable_x64(True):
        for name, entry in header["outputs"].items():
            if entry["decoder"] not in DECODERS:
                raise ValueError(f"unknown decoder '{entry['decoder']}'")
            rows = jnp.asarray(arrays[f"{name}/intercept"]), jnp.asarray(arrays[f"{name}/weight"])
            decoders[name] = (
                Quadratic(*rows, header["n_latents"]) if entry["decoder"] == "quadratic" else Linear(*rows)
            )
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
    return Fitted(Lux(decoders, scatter), cov, outputs, objective, header["summary"], verdicts)
