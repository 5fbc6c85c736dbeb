"""Fitted models on disk: a folder with readable JSON and plain arrays. Loading one never runs code."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError
from ..models import FeatureDecoder, Linear, Lux, Quadratic
from ._fitted import Fitted, OutputInfo

__all__ = ["SCHEMA", "load", "save"]

SCHEMA = 1
DECODERS: dict[str, type[FeatureDecoder]] = {"linear": Linear, "quadratic": Quadratic}


def save(fitted: Fitted, folder: str | os.PathLike) -> Path:
    """Write a fitted model to a folder: ``model.json`` to read, ``arrays.npz`` beside it.

    Written beside the target first and moved into place, so that an interrupted save leaves no half model. A
    model already there is replaced; a folder that holds anything else is refused.
    """
    folder = Path(folder)
    if (
        folder.exists()
        and not (folder / "model.json").is_file()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        raise InputError(
            f"'{folder}' exists and holds no model; name a new folder or an earlier model to replace."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    header, arrays = _describe(fitted)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (temporary / "model.json").write_text(json.dumps(header, indent=1) + "\n")
        temporary.chmod(0o755)  # mkdtemp makes folders that only their owner can read
        np.savez(temporary / "arrays.npz", **arrays)  # type: ignore[arg-type]
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def load(folder: str | os.PathLike) -> Fitted:
    """Read a fitted model back, bit for bit.

    Raises
    ------
    InputError
        If there is no model, it was written by a newer luxjax, or its files do not fit together.
    """
    folder = Path(folder)
    path = folder / "model.json"
    if not path.is_file():
        raise InputError(
            f"no model at '{folder}': there is no model.json; give the folder that luxjax.save wrote."
        )
    try:
        header = json.loads(path.read_text())
        schema = header["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' is not a model header ({error}); save the model again.") from error
    if schema > SCHEMA:
        raise InputError(
            f"the model at '{folder}' has schema {schema}, written by luxjax {header.get('luxjax', '?')}; this luxjax "
            f"reads schemas up to {SCHEMA}: install a newer one."
        )
    try:
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
        return _rebuild(header, arrays)
    except (OSError, KeyError, ValueError) as error:
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
    return Fitted(Lux(decoders, scatter), cov, outputs, objective, header["summary"])
