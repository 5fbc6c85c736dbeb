"""Split of every star's labels into element lines and the rest of the spectrum; results are written incrementally."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ..core import Batch, InputError, Progress, check_name
from ..core.internal import join_names
from ..data import Catalog, LabelTable
from ..fitted import FittedModel
from ..fitted.internal import fingerprint
from ..interpret.attribution import flux_jacobian
from ..lines import LineList
from ._held_out import infer_held_out
from ._label_lines import LabelLines, element_lines
from ._star_split import OF_STARS, Own, star_split
from ._stars import InferredStars

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..dataset.internal import Results

__all__ = ["ExplanationTable", "explain_dataset", "open_explained"]

KIND = "explanations"
OLD_FACTS = {"own_lines": "element_lines"}  # as an earlier luxjax wrote them
RUNS, RUN = 16, 64  # of stars, for which the element windows are chosen


def explain_dataset(
    fitted: FittedModel,
    dataset: "Dataset",
    to: str | os.PathLike,
    *,
    lines: LineList | None = None,
    species: Mapping[str, str | Sequence[str]] | None = None,
    inputs: Sequence[str] | None = None,
    resolution: float | Mapping[str, float] | None = None,
    block: int = 512,
    part: int = 8192,
    progress: bool | Progress | None = None,
) -> "ExplanationTable":
    """Split every label of every star into what its element lines say and what the rest of the spectrum says.

    Stars are read ahead and written behind as in `luxjax.prediction.transfer_dataset`, and a call that was killed is resumed in
    the same way. The split is exact; it is no verdict, which takes held-out stars with labels (`explain`).

    Parameters
    ----------
    fitted : FittedModel
        With linear decoders of the inputs and Gaussian noise.
    dataset : Dataset
        Its labels, if it has any, are not looked at.
    to : path or str
        A new folder, or that of an earlier call with the same model, stars and settings; any address that fsspec knows.
    lines, species, inputs, resolution
        As for `explain_all`. Which lines show is decided in the typical star of about 1,000 from all over the dataset.
    block, part, progress
        As for `luxjax.prediction.transfer_dataset`.

    Returns
    -------
    ExplanationTable

    Raises
    ------
    InputError
        Other decoders, or the folder holds explanations of another model, of other stars or with other settings.
    """
    from ..dataset.internal import Results

    if not len(dataset):
        raise InputError(f"{dataset!r} holds no stars; append some first.")
    lines = LineList.builtin() if lines is None else lines
    shared = [n for n in fitted.names_of("input") if n in dataset.sizes] if inputs is None else inputs
    dataset = dataset.suited_to(fitted, *shared)
    sample = _sample(fitted, dataset, inputs)
    if not (sample.model.is_linear and sample.model.is_gaussian):
        raise InputError(
            "stars are explained one by one for linear decoders of the inputs and Gaussian noise; use explain for others."
        )
    for name in species or {}:
        check_name("label", name, sample.labels, "Ask for the model's labels")
    split = _Split(sample, element_lines(sample, lines, species or {}, resolution))
    block, part = Results.sizes(len(dataset), block, part)
    settings = {
        "inputs": split.inputs,
        "lines": _told(lines),
        "species": dict(species or {}),
        "resolution": resolution,
        "stars": [block, part],
    }
    identity = {"model": fingerprint(fitted), "dataset": dataset.fingerprint, "settings": settings}
    results = Results.begin(to, KIND, identity, len(dataset), split.facts)
    results.attach("pixels", split.pixels)
    results.fill(
        dataset,
        lambda start: dataset.batches(block, *split.inputs, fitted=fitted, start=start),
        lambda ids, batches: split(ids, batches, block),
        block=block,
        part=part,
        notes=split.notes,
        progress=progress,
    )
    return ExplanationTable(results)


def open_explained(location: str | os.PathLike) -> "ExplanationTable":
    """Explanations that `explain_dataset` or ``luxjax explain --dataset`` wrote."""
    from ..dataset.internal import Results

    return ExplanationTable(Results.open(location, KIND))


class ExplanationTable:
    """Explanations of stars on disk. Make them with `explain_dataset`, read them with `open_explained`.

    One row per star, in the order of the dataset, and for every label, in its unit: the label as predicted (posterior
    mean), and where it has element lines in these spectra

    * ``<label>_own`` and ``<label>_rest``, what its element lines and all other pixels add to the label of the mean star,
      ``facts["mean_star"]``: the three add up to the label;
    * ``<label>_without``, the label predicted with its element lines hidden;
    * ``<label>_depth`` and ``<label>_depth_err``, how much deeper its element lines are than the rest of the spectrum predicts, in
      dex of abundance: NaN where no pixel of its lines is good.

    ``pandas.read_parquet(folder)`` reads the same.
    """

    def __init__(self, results: "Results"):
        self.results = results

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        state = "" if len(self) == self.results.total else f" of {self.results.total}"
        return f"ExplanationTable({len(self)}{state} stars at '{self.results.location}': {join_names(self.facts['labels'])})"

    @property
    def facts(self) -> dict[str, Any]:
        """Labels, their units, those of the mean star, and the element lines in words."""
        return {OLD_FACTS.get(name, name): value for name, value in self.results.facts.items()}

    def table(self, stars: Any = None) -> pd.DataFrame:
        """One row per star, for all or those chosen by a slice, integer array or boolean mask."""
        return pd.DataFrame(self.results.read(stars))

    def pixels(self) -> pd.DataFrame:
        """One row per pixel: what the labels have to do with it, over all stars that are there.

        ``output``, ``wavelength`` (Angstrom) and ``good``, the share of the stars that have it; for every label ``<label>_own``,
        whether it belongs to its element lines; ``<label>_slope`` and ``<label>_slope_abs``, the means over stars of
        d label/d flux and of its absolute value; ``<label>_flux``, d flux/d label at the mean star, with linear decoders the same
        for every star.
        """
        frame, n = pd.DataFrame(self.results.attached("pixels")), max(len(self), 1)
        means = {name: values / n for name, values in self.results.sums().items()}
        return frame.assign(**means)


class _Split:
    """From batches of stars to columns and sums over stars.

    Parameters
    ----------
    sample : InferredStars
        Some of the stars, as the model sees them.
    windows : mapping of str to LabelLines
        The element lines of every label.
    """

    def __init__(self, sample: InferredStars, windows: Mapping[str, LabelLines]):
        self.fitted, self.sample, self.windows = sample.fitted, sample, windows
        self.inputs, self.names = [p.name for p in sample.inputs], sample.labels
        self.output = self.fitted.label_output()
        self.info = self.fitted.info(self.output)
        self.base = sample.label_values(np.zeros((1, self.fitted.model.n_latents)))[0]
        self.own = {
            j: Own(jnp.asarray(np.flatnonzero(found.pixels)), jnp.asarray(found.profile[found.pixels]))
            for j, name in enumerate(self.names)
            if (found := windows[name]).pixels.any()
        }
        self.lined = [self.names[j] for j in self.own]

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "labels": list(self.names),
            "units": dict(self.info.units),
            "mean_star": dict(zip(self.names, self.base.tolist(), strict=True)),
            "element_lines": {name: self.windows[name].describe() for name in self.lined},
        }

    @property
    def notes(self) -> dict[str, dict[str, str]]:
        """Units of the columns."""
        ends = ("", "_own", "_rest", "_without")
        units = {f"{n}{end}": unit for n, unit in self.info.units.items() if unit for end in ends}
        units |= {f"{n}_{what}": "dex" for n in self.lined for what in ("depth", "depth_err")}
        return {column: {"unit": unit} for column, unit in units.items()}

    def pixels(self) -> dict[str, np.ndarray]:
        """What is known of the pixels before any star is seen."""
        inputs = self.sample.inputs
        columns = {
            "output": np.repeat(self.inputs, [len(p.wavelength) for p in inputs]),
            "wavelength": np.concatenate([p.wavelength for p in inputs]),
        }
        for name in self.names:
            columns[f"{name}_own"] = self.windows[name].pixels
            moved = [flux_jacobian(self.fitted, name, spectra=k).value for k in self.inputs]
            columns[f"{name}_flux"] = np.concatenate(moved)
        return columns

    def __call__(
        self, ids: np.ndarray, batches: Iterable[Batch], block: int
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Columns of the stars of some batches, and their sums over stars."""
        found: list[dict[str, np.ndarray]] = []
        with jax.enable_x64(True):
            for batch in batches:
                split = star_split(
                    self.fitted.model, batch.pad(block), tuple(self.inputs), self.output, self.own
                )
                host = {k: np.asarray(x) for k, x in jax.block_until_ready(split)._asdict().items()}
                found.append(host | {k: host[k][: batch.n_stars] for k in OF_STARS})
        stars = {k: np.concatenate([f[k] for f in found]) for k in OF_STARS}
        total = {k: np.sum([f[k] for f in found], axis=0) for k in ("good", "slope", "slope_abs")}
        sums = {"good": total["good"]}
        unit = np.concatenate([self.fitted.scale_of(k) for k in self.inputs])
        for j, name in enumerate(self.names):
            for what in ("slope", "slope_abs"):
                sums[f"{name}_{what}"] = total[what][j] * self.info.scale[j] / unit
        return {"id": ids} | self._columns(**stars), sums

    def _columns(self, predicted, own, masked, depth, depth_error) -> dict[str, np.ndarray]:
        """By label, in its own unit."""
        columns, place = {}, {name: k for k, name in enumerate(self.lined)}
        for j, name in enumerate(self.names):
            scale, base = self.info.scale[j], self.base[j]
            columns[name] = base + predicted[:, j] * scale
            if name in place:
                k = place[name]
                columns[f"{name}_own"] = own[:, k] * scale
                columns[f"{name}_rest"] = (predicted[:, j] - own[:, k]) * scale
                columns[f"{name}_without"] = base + masked[:, k] * scale
                columns[f"{name}_depth"] = depth[:, k]
                columns[f"{name}_depth_err"] = depth_error[:, k]
        return columns


def _sample(fitted: FittedModel, dataset: "Dataset", inputs: Sequence[str] | None) -> InferredStars:
    """Stars in runs from all over the dataset, as the model sees them, their labels left out."""
    starts = np.linspace(0, max(len(dataset) - RUN, 0), RUNS).astype(int)
    rows = np.unique(starts[:, None] + np.arange(RUN))
    output = fitted.label_output()
    names = [n for n in dataset.sizes if n != output] if inputs is None else inputs
    stars = dataset.select(rows[rows < len(dataset)]).catalog(*names)
    labels = fitted.info(output).names
    none = np.full((len(stars), len(labels)), np.nan)
    return infer_held_out(
        fitted,
        Catalog({**stars.outputs, output: LabelTable(none, none, labels, stars.ids)}, stars.table),
        inputs,
    )


def _told(lines: LineList) -> str:
    """What tells a line list from others."""
    text = repr([np.asarray(getattr(lines, f.name)).tolist() for f in dataclasses.fields(lines)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
