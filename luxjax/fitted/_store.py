"""Fitted models on disk: a folder with readable JSON and plain arrays. Loading one never runs code."""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..files.internal import FolderKind
from ..models import Lux
from ._calibration import Calibration
from ._decoder_arrays import arrays_of, decoder_from, settings_of
from ._fitted import FittedModel
from ._output_info import OutputInfo
from ._read_out import ReadOut
from ._verdict import Verdict

__all__ = ["MODEL_FOLDER", "fingerprint", "load", "save"]

# 2 added the verdicts of the labels, 3 decoders with hidden layers and modules of one's own, 4 Student-t noise, 5 roles and
# facts of outputs, calibrations and the hashes of training stars, 6 read-outs, the range of the training labels and what is
# typical of the training stars; all are read
MODEL_FOLDER = FolderKind("model", "model.json", schema=6)
FACTS = ("medium", "survey", "role", "frame", "normalization", "flux_unit", "resolution", "error_scale")


def save(fitted: FittedModel, folder: str | os.PathLike) -> Path:
    """Write a fitted model to a folder: ``model.json`` to read, and ``arrays.npz``.

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
        That `save` wrote, or the folder of a run, whose model is read.
    model : Lux, optional
        Needed for decoders that are modules of your own, whose code is not stored: a model built as the saved one was
        before its fit. Its arrays are replaced by those of the file.

    Raises
    ------
    InputError
        If there is no model, it was written by a newer luxjax, its files do not fit together, or it needs `model` and
        what was given does not fit.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = luxjax.load(luxjax.save(fitted, f"{folder}/model"))
    >>> again.objective == fitted.objective
    True
    """
    inside = Path(folder) / "model"  # of a run
    if not (Path(folder) / MODEL_FOLDER.header).is_file() and (inside / MODEL_FOLDER.header).is_file():
        folder = inside
    header = MODEL_FOLDER.read(folder)
    with MODEL_FOLDER.reading(folder):
        return _rebuild(header, MODEL_FOLDER.arrays(folder), model)


def fingerprint(fitted: FittedModel) -> str:
    """What tells a fitted model from others: 16 digits of a hash of its decoders, scalings, names, verdicts and
    calibrations.

    How it came about, and by which version of luxjax, does not count. A saved model has it when loaded again.
    """
    header, arrays = _describe(fitted)
    facts = {name: header[name] for name in ("n_latents", "outputs", "verdicts", "calibrations")}
    if fitted.read_outs:
        facts["read_outs"] = header["read_outs"]
    if fitted.typical:  # models that do not know these keep the fingerprint that they had
        facts["typical"] = header["typical"]
    total = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, values in sorted(arrays.items()):
        if name not in ("objective", "training"):
            total.update(f"{name} {values.dtype.str} {values.shape}".encode())
            total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()[:16]


def _describe(fitted: FittedModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays: dict[str, np.ndarray] = {"objective": np.asarray(fitted.objective), "training": fitted.training}
    outputs = {}
    for name in fitted.model.names:
        decoder, info = fitted.model.decoders[name], fitted.info(name)
        arrays |= arrays_of(name, decoder)
        arrays |= {
            f"{name}/scatter": np.asarray(fitted.model.scatter[name]),
            f"{name}/loc": info.loc,
            f"{name}/scale": info.scale,
        }
        if name in fitted.weight_cov:
            arrays[f"{name}/weight_cov"] = np.asarray(fitted.weight_cov[name])
        if info.wavelength is not None:
            arrays[f"{name}/wavelength"] = info.wavelength
        if info.low is not None and info.high is not None:
            arrays |= {f"{name}/low": info.low, f"{name}/high": info.high}
        if info.whitening is not None:
            arrays[f"{name}/whitening"] = info.whitening
        outputs[name] = {
            **settings_of(decoder),
            "size": len(fitted.model.scatter[name]),
            "dof": None if math.isinf(nu := fitted.model.dof[name]) else nu,
            **{fact: getattr(info, fact) for fact in FACTS},
            "names": list(info.names),
            "units": dict(info.units),
            "species": dict(info.species),
            "described": name in fitted.outputs,
        }
    header = {
        "n_latents": fitted.model.n_latents,
        "outputs": outputs,
        "summary": dict(fitted.summary),
        "verdicts": {name: verdict.to_dict() for name, verdict in fitted.verdicts.items()},
        "read_outs": {name: entry.to_dict() for name, entry in fitted.read_outs.items()},
        "calibrations": [{"inputs": list(c.inputs), "labels": c.to_dict()} for c in fitted.calibrations],
        "typical": dict(fitted.typical),
    }
    return header, arrays


def _rebuild(header: dict[str, Any], arrays: dict[str, np.ndarray], model: Lux | None) -> FittedModel:
    decoders, scatter, cov, outputs = {}, {}, {}, {}
    dof = {k: entry["dof"] for k, entry in header["outputs"].items() if entry.get("dof") is not None}
    with jax.enable_x64(True):
        for name, entry in header["outputs"].items():
            decoders[name] = decoder_from(name, entry, header["n_latents"], arrays, model)
            scatter[name] = jnp.asarray(arrays[f"{name}/scatter"])
            if f"{name}/weight_cov" in arrays:
                cov[name] = jnp.asarray(arrays[f"{name}/weight_cov"])
            if entry["described"]:
                outputs[name] = OutputInfo(
                    arrays[f"{name}/loc"],
                    arrays[f"{name}/scale"],
                    arrays.get(f"{name}/wavelength"),
                    names=tuple(entry["names"]),
                    units=entry["units"],
                    species=entry["species"],
                    **{fact: entry[fact] for fact in FACTS if fact in entry},
                    low=arrays.get(f"{name}/low"),
                    high=arrays.get(f"{name}/high"),
                    whitening=arrays.get(f"{name}/whitening"),
                )
    return FittedModel(
        Lux(decoders, scatter, dof),
        cov,
        outputs or _old_roles(header),
        tuple(float(v) for v in arrays["objective"]),
        header["summary"],
        {name: Verdict.from_dict(entry) for name, entry in header.get("verdicts", {}).items()},
        tuple(Calibration.from_dict(c["labels"], c["inputs"]) for c in header.get("calibrations", ())),
        {name: ReadOut.from_dict(entry) for name, entry in header.get("read_outs", {}).items()},
        arrays.get("training", np.zeros(0, np.uint64)),
        {name: float(number) for name, number in header.get("typical", {}).items()},
    )


def _old_roles(header: dict[str, Any]) -> dict[str, OutputInfo]:
    """Outputs that a file before schema 5 knows by size alone: labels were those of less than four values a latent."""
    sizes = {name: entry["size"] for name, entry in header["outputs"].items()}
    labels = [name for name, size in sizes.items() if size < 4 * header["n_latents"]]
    return (
        {name: OutputInfo.bare(name, size, labels) for name, size in sizes.items()}
        if header["schema"] < 5
        else {}
    )
