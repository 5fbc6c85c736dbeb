"""Labels of every star of a dataset, written incrementally: memory does not depend on the number of stars."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.sharding import Mesh

from ..core import Batch, Gaussian, InputError, Progress, check_name, unpack
from ..core.internal import join_names, pack
from ..fitted import FittedModel, Verdict
from ..fitted.internal import fingerprint
from ..parallel.internal import device_put_sharded, local_stars
from ._flags import FLAGS, limits_of, warn_of_misfit
from ._prediction import Prediction
from ._shrink import shortcuts
from ._transfer import assembled, chosen_calibration, input_names, predictor

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..dataset.internal import Results

__all__ = ["PredictionTable", "open_transferred", "transfer_dataset"]

KIND = "labels"
ORIGINS = ("latent", "decoder", "scatter")


def transfer_dataset(
    fitted: FittedModel,
    dataset: "Dataset",
    to: str | os.PathLike,
    *,
    inputs: Sequence[str] | None = None,
    labels: str | None = None,
    replace_shortcuts: bool = False,
    calibrated: bool = True,
    block: int = 512,
    part: int = 8192,
    mesh: Mesh | None = None,
    progress: bool | Progress | None = None,
) -> "PredictionTable":
    """Predict the labels of all stars of a dataset into a folder of parquet files.

    Stars are read ahead of the one block in use, and what is predicted is written behind it. It may be killed at any
    moment: the same call resumes after the last part that is there, to the same files.

    Parameters
    ----------
    fitted : FittedModel
    dataset : Dataset
        All of it, or a selection.
    to : path or str
        A new folder, or that of an earlier call with the same model, stars and settings; any address that fsspec knows.
    inputs, labels, replace_shortcuts, calibrated
        As for `transfer`.
    block : int
        Stars handled at a time; those in memory, with as many that are read ahead.
    part : int
        Stars of each file, a multiple of `block`.
    mesh : jax.sharding.Mesh, optional
        The devices that share the stars, as from `luxjax.parallel.star_mesh`; `block` is for each of them. Where they are
        of several processes, each writes the labels of its own stars into a folder inside `to`, ``process-00001-of-00004``;
        sorted by name, all together are in the order of the dataset.
    progress : bool or Progress, optional
        True shows the stars that are done on standard error; a function is called with ``("stars", done, total)``.

    Returns
    -------
    PredictionTable

    Raises
    ------
    InputError
        The folder holds labels of another model, of other stars, with other settings or by another number of processes.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.prediction import open_transferred, transfer_dataset
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dataset = luxjax.Dataset.create(f"{folder}/stars", stars.outputs)
    ...     dataset.append(stars)
    ...     written = transfer_dataset(fitted, dataset, f"{folder}/labels")
    ...     print(len(open_transferred(f"{folder}/labels")))
    90
    """
    from ..dataset.internal import Results

    devices = 1 if mesh is None else mesh.local_mesh.size
    if mesh is not None and devices < mesh.size:
        dataset, to = _own_part(dataset, to, mesh)

    labels = labels or fitted.label_output()
    check_name("output", labels, fitted.model.names)
    names = input_names(fitted, dataset.sizes, inputs, labels)
    if not len(dataset):
        raise InputError(f"{dataset!r} holds no stars; append some first.")
    dataset = dataset.suited_to(fitted, *names)  # raises where grids differ
    info = fitted.info(labels)
    block, part = Results.sizes(len(dataset), block * devices, part)
    filled = -(-block // devices) * devices
    calibration = chosen_calibration(fitted, labels, names, replace_shortcuts) if calibrated else None
    settings = {
        "inputs": list(names),
        "labels": labels,
        "replace_shortcuts": replace_shortcuts,
        "calibration": None if calibration is None else calibration.to_dict(),
        "stars": [block, part],
    }
    identity = {"model": fingerprint(fitted), "dataset": dataset.fingerprint, "settings": settings}
    verdicts = {n: fitted.verdicts[n].to_dict() for n in info.names if n in fitted.verdicts}
    facts = {
        "names": list(info.names),
        "units": dict(info.units),
        "species": dict(info.species),
        "n_latents": fitted.model.n_latents,
        "verdicts": verdicts,
        "shrunk": list(shortcuts(fitted.verdicts, info.names)) if replace_shortcuts else [],
        "cov": "upper triangle, row by row: " + ", ".join(_pairs(info.names)),
        "error_scale": _error_scale(fitted, labels),
        "flags": {"bits": FLAGS, "limits": limits_of(fitted, labels, names).to_dict()},
    }
    results = Results.begin(to, KIND, identity, len(dataset), facts)
    if results.facts.get("flags") != facts["flags"]:
        raise InputError(
            f"'{to}' holds labels that another version of luxjax wrote, with other flags or none; name another folder, or "
            "remove this one to begin again."
        )

    predict = predictor(fitted, names, labels, np.float32)

    def work(
        ids: np.ndarray, batches: Iterable[Batch]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        def predicted(batch: Batch):
            full = batch.pad(filled)
            return predict(full if mesh is None else device_put_sharded(full, mesh), batch.n_stars)

        with jax.enable_x64(True):
            parts = [predicted(batch) for batch in batches]
        return _columns(assembled(fitted, labels, names, ids, parts, replace_shortcuts, calibration)), {}

    notes = _notes(info.names, info.units)
    results.fill(
        dataset,
        lambda start: dataset.batches(block, *names, fitted=fitted, start=start),
        work,
        block=block,
        part=part,
        notes=notes,
        progress=progress,
    )
    warn_of_misfit(fitted, results.read(names=["chi2"])["chi2"])
    return PredictionTable(results)


def _own_part(dataset: "Dataset", to: str | os.PathLike, mesh: Mesh) -> tuple["Dataset", str]:
    """The stars of this process, and the folder for their labels."""
    from ..dataset.internal import Results

    processes = sorted({device.process_index for device in mesh.devices.flat})
    own = processes.index(jax.process_index())
    last = f"-of-{len(processes):05d}"
    if others := sorted(name for name in Results.names(to) if not name.endswith(last)):
        raise InputError(
            f"'{to}' holds {join_names(others, 4)}, and this is a run of {len(processes)} processes; go on with as many as "
            "before, or name an empty folder."
        )
    return dataset.select(local_stars(len(dataset), mesh)), f"{os.fspath(to)}/process-{own:05d}{last}"


def open_transferred(location: str | os.PathLike) -> "PredictionTable":
    """Labels that `transfer_dataset` or ``luxjax transfer`` wrote."""
    from ..dataset.internal import Results

    return PredictionTable(Results.open(location, KIND))


class PredictionTable:
    """Predicted labels on disk. Make them with `transfer_dataset`, read them with `open_transferred`.

    One row per star, in the order of the dataset: the columns of `Prediction.to_frame`, the variance of every label by origin
    (``<label>_var_latent``, ``..._var_decoder``, ``..._var_scatter``), and as lists of numbers ``cov`` (of the labels),
    ``latents`` and ``latents_cov``. Covariances are upper triangles, row by row: of labels a, b, c the elements aa, ab,
    ac, bb, bc, cc. ``pandas.read_parquet(folder)`` reads the same.
    """

    def __init__(self, results: "Results"):
        self.results = results

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        state = "" if len(self) == self.results.total else f" of {self.results.total}"
        return (
            f"PredictionTable({len(self)}{state} stars at '{self.results.location}': {', '.join(self.names)})"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Label names."""
        return tuple(self.results.facts["names"])

    def prediction(self, stars: Any = None) -> Prediction:
        """The prediction of all stars, or of those chosen by a slice, integer array or boolean mask; it is in memory then."""
        return self._prediction(self.results.read(stars))

    def parts(self) -> Iterator[Prediction]:
        """The prediction part by part, for more stars than memory holds."""
        return map(self._prediction, self.results.parts())

    @property
    def flag(self) -> np.ndarray:
        """The flags of all stars, (star,) int; see `Prediction`."""
        if "flags" in self.results.facts:
            return self.results.read(names=["flag"])["flag"]
        return np.concatenate([part.flag for part in self.parts()])

    def _prediction(self, columns: Mapping[str, np.ndarray]) -> Prediction:
        facts, names = self.results.facts, self.names
        variance = {o: np.column_stack([columns[f"{n}_var_{o}"] for n in names]) for o in ORIGINS}
        return Prediction(
            columns["id"],
            names,
            np.column_stack([columns[name] for name in names]),
            unpack(columns["cov"], len(names)),  # type: ignore[arg-type]  # host arrays stay such
            variance,
            Gaussian(columns["latents"], unpack(columns["latents_cov"], facts["n_latents"])),  # type: ignore[arg-type]
            columns["chi2"],
            columns["latent_distance"],
            columns["n_inputs"],
            facts["units"],
            facts["species"],
            {name: Verdict.from_dict(entry) for name, entry in facts["verdicts"].items()},
            tuple(facts["shrunk"]),
            tuple(self.results.identity["settings"]["inputs"]),
            self.results.identity["settings"]["calibration"] is not None,
            error_scale=facts.get("error_scale", {}),
            flag=columns.get("flag", np.zeros(0, int)),  # an older luxjax wrote none
        )


def _error_scale(fitted: FittedModel, labels: str) -> dict[str, float]:
    """What stated errors of labels are multiplied by, by name; empty without a read-out."""
    read_out = fitted.read_outs.get(labels)
    return (
        {}
        if read_out is None
        else dict(zip(fitted.info(labels).names, read_out.error_scale.tolist(), strict=True))
    )


def _columns(prediction: Prediction) -> dict[str, np.ndarray]:
    frame = prediction.to_frame()
    columns = {str(name): np.asarray(column) for name, column in frame.items()}
    for origin in ORIGINS:
        columns |= {
            f"{name}_var_{origin}": v
            for name, v in zip(prediction.names, prediction.parts[origin].T, strict=True)
        }
    columns["cov"] = np.asarray(pack(prediction.cov))  # type: ignore[arg-type]
    columns["latents"] = np.asarray(prediction.latents.mean)
    columns["latents_cov"] = np.asarray(pack(prediction.latents.cov))
    return columns


def _pairs(names: Sequence[str]) -> list[str]:
    return [f"{a}*{b}" for k, a in enumerate(names) for b in names[k:]]


def _notes(names: Sequence[str], units: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the columns' metadata say: units, and which element of a list is what."""
    notes = {c: {"unit": units[n]} for n in names if units.get(n) for c in (n, f"{n}_err")}
    bits = ", ".join(f"{bit} {name}" for name, bit in FLAGS.items())
    return notes | {"flag": {"bits": bits}, "cov": {"elements": " ".join(_pairs(names))}}
