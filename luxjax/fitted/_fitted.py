"""A fitted model with all that is needed to use it: grids, units, label scaling and how it was fitted."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from ..core import Batch, InputError, OutputData, check_name
from ..core.internal import choose_from, join_names
from ..data import Catalog, LabelTable, Spectra
from ..data.internal import Medium
from ..models import Lux
from ._verdict import Verdict

__all__ = ["FittedModel", "OutputInfo"]


@dataclass(frozen=True, eq=False)
class OutputInfo:
    """What one output of a model means.

    Parameters
    ----------
    loc, scale : (out,) arrays
        The model sees ``(value - loc) / scale``: zero and one for spectra, a robust centre and spread of the
        training stars for labels.
    wavelength : (out,) array or None
        Angstrom, for spectra.
    medium : "air", "vacuum" or None
    names : tuple of str
        Label names, for labels.
    units, species : mapping of str to str
        By label name.
    survey : str
    """

    loc: np.ndarray
    scale: np.ndarray
    wavelength: np.ndarray | None = None
    medium: Medium | None = None
    names: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    species: Mapping[str, str] = field(default_factory=dict)
    survey: str = ""

    @property
    def is_spectra(self) -> bool:
        return self.wavelength is not None

    @classmethod
    def of(cls, output: Spectra | LabelTable) -> "OutputInfo":
        """Learn the scaling of labels, and carry over grids, names and units."""
        if isinstance(output, Spectra):
            n = output.n_pixels
            return cls(np.zeros(n), np.ones(n), output.wavelength, output.medium, survey=output.survey)
        loc, scale = np.zeros(len(output.names)), np.ones(len(output.names))
        for j, name in enumerate(output.names):
            seen = output.value[np.isfinite(output.value[:, j]), j]
            if len(seen) == 0:
                raise InputError(
                    f"label '{name}' is missing for every training star; leave it out or add stars."
                )
            low, loc[j], high = np.percentile(seen, [2.5, 50, 97.5])
            scale[j] = (high - low) / 4 if high > low else 1.0
        return cls(
            loc, scale, names=output.names, units=output.units, species=output.species, survey=output.survey
        )


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A fitted model, ready to predict, explain and save.

    Attributes
    ----------
    model : Lux
        In scaled units (see `OutputInfo`).
    weight_cov : dict of str to (out, pair) array
        Covariance of each decoder row [intercept, weight], upper triangle.
    outputs : dict of str to OutputInfo
        Empty when the model was fitted to a bare `Batch`, which knows no wavelengths or units.
    objective : tuple of float
        Value after each cycle of the fit.
    summary : dict
        Readable facts of the training: fitter, settings, stars, cycles, convergence, versions.
    verdicts : dict of str to Verdict
        By label, as far as known: whether the model measures it or guesses it from the other labels. Found on stars
        kept out of training; they travel with the model and go with every label it predicts.
    """

    model: Lux
    weight_cov: Mapping[str, jax.Array]
    outputs: Mapping[str, OutputInfo] = field(default_factory=dict)
    objective: tuple[float, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{k} ({len(self.model.scatter[k])})" for k in self.model.names)
        state = self.summary.get("message", "")
        return f"Fitted({self.model.n_latents} latents -> {sizes}; {state})"

    def info(self, name: str) -> OutputInfo:
        """What the output `name` means."""
        check_name("output", name, self.model.names, "Ask for one of the model's outputs")
        if name not in self.outputs:
            size = len(self.model.scatter[name])
            return OutputInfo(np.zeros(size), np.ones(size), names=tuple(f"{name}_{j}" for j in range(size)))
        return self.outputs[name]

    def label_output(self) -> str:
        """The name of the output that holds labels, where there is only one."""
        found = [k for k in self.model.names if not self.info(k).is_spectra]
        if self.outputs and len(found) == 1:
            return found[0]
        if not found:
            raise InputError(
                f"this model has no labels (its outputs: {join_names(self.model.names)}); fit one with a LabelTable."
            )
        if "labels" in found:
            return "labels"
        raise InputError(
            f"this model has several label outputs ({join_names(found)}); say which with labels=."
        )

    def batch(self, data: Catalog | Batch, *names: str, dtype=np.float32) -> Batch:
        """The named outputs of `data` in the model's scaled units, grids and label names checked.

        Labels are put in the model's order; labels the table lacks are missing, others are ignored.
        """
        if isinstance(data, Batch):
            return data.only(*(names or [n for n in data.names if n in self.model.names]))
        names = names or tuple(n for n in data.outputs if n in self.model.names)
        if not names:
            raise InputError(
                choose_from(
                    "output of the model", join_names(data.outputs), self.model.names, "Name outputs alike"
                )
            )
        return Batch({name: self._measured(name, data[name], dtype) for name in names})

    def _measured(self, name: str, output: Spectra | LabelTable, dtype) -> OutputData:
        info = self.info(name)
        if isinstance(output, Spectra):
            _check_grid(name, info, output)
            return OutputData.clean(output.flux, output.ivar, dtype)
        value = np.full((len(output), len(info.names)), np.nan)
        ivar = np.zeros_like(value)
        for j, label in enumerate(info.names):
            if label in output.names:
                k = output.names.index(label)
                value[:, j] = (output.value[:, k] - info.loc[j]) / info.scale[j]
                ivar[:, j] = output.ivar[:, k] * info.scale[j] ** 2
        return OutputData.clean(value, ivar, dtype)

    def with_verdicts(self, verdicts: Mapping[str, Verdict]) -> "FittedModel":
        """A copy that knows these verdicts, by label, beside those it had."""
        labels = [n for k in self.model.names if not self.info(k).is_spectra for n in self.info(k).names]
        for name, verdict in verdicts.items():
            check_name("label with a verdict", name, labels)
            if verdict.label != name:
                raise InputError(
                    f"the verdict given for '{name}' is about '{verdict.label}'; name it by its label."
                )
        return self.replace(verdicts={**self.verdicts, **verdicts})

    def replace(self, **changes: Any) -> "FittedModel":
        """A copy with fields changed."""
        return dataclasses.replace(self, **changes)


def _check_grid(name: str, info: OutputInfo, spectra: Spectra) -> None:
    if not info.is_spectra:
        raise InputError(
            f"output '{name}' of the model holds labels {join_names(info.names)}; spectra were given."
        )
    if spectra.medium != info.medium:
        raise InputError(
            f"output '{name}' was fitted on {info.medium} wavelengths and these spectra are in {spectra.medium}; "
            "convert them with luxjax.preprocessing.to_medium and resample."
        )
    grid = info.wavelength
    if (
        grid is None
        or len(grid) != spectra.n_pixels
        or not np.allclose(grid, spectra.wavelength, rtol=1e-8, atol=0)
    ):
        first = spectra.wavelength[0]
        raise InputError(
            f"output '{name}' was fitted on {len(grid) if grid is not None else 0} pixels from "
            f"{grid[0] if grid is not None else 0:.3f} A; these spectra have {spectra.n_pixels} from {first:.3f} A; "
            "bring them to the model's grid with luxjax.preprocessing.resample."
        )
