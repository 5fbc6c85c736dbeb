"""The grid, medium, frame and continuum of a model or a catalogue, for new spectra that are to suit it."""

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InputError
from ..core.internal import join_names
from ..data import Catalog, Measurements, Spectra, load_catalog
from ..data.internal import CATALOG_FOLDER, Frame, Medium
from ._noisy import ranges_in

if TYPE_CHECKING:
    from ..fitted import FittedModel

__all__ = ["Template", "is_template", "measured_by", "template_of"]


@dataclass(frozen=True, eq=False)
class Template:
    """What spectra are brought to when they are to be like others.

    Parameters
    ----------
    wavelength : (pixel,) array
        Angstrom.
    medium : "air" or "vacuum"
    frame : "rest", "barycentric" or "observed"
    normalized : bool
    normalization : str
        How ingest found the continuum; empty where that is not known.
    binning : int
        Pixels averaged; 0 where that is not known.
    left_out : tuple of int
        Pixels without weight.
    name : str
        For reports.
    """

    wavelength: np.ndarray
    medium: Medium
    frame: Frame
    normalized: bool
    normalization: str
    binning: int
    left_out: tuple[int, ...]
    name: str

    @classmethod
    def of(
        cls,
        wavelength: np.ndarray,
        medium: Medium,
        frame: Frame,
        normalized: bool,
        history: str,
        unseen: np.ndarray,
        name: str,
    ) -> "Template":
        """From facts, what was done as `Reduction.done` writes it, and the pixels that had no weight in any star."""
        done = re.findall(r"on one grid, [^;]*", history)
        said = done[-1] if done else ""
        continuum, bins = re.search(r"continuum (\w+)", said), re.search(r"bins of (\d+) pixels", said)
        left_out = unseen | ranges_in(said.partition("no weight at ")[2], wavelength)
        return cls(
            wavelength,
            medium,
            frame,
            normalized,
            ("none" if not normalized else continuum[1] if continuum else ""),
            int(bins[1]) if bins else 1 if said else 0,
            tuple(np.flatnonzero(left_out).tolist()),
            name,
        )


def is_template(like: Any) -> bool:
    """Whether `template_of` can look at such an object; of a path, whether it is one."""
    return (
        isinstance(like, str | Path | Spectra | Catalog) or hasattr(like, "info") or hasattr(like, "manifest")
    )


def template_of(like: "str | Path | Spectra | Catalog | FittedModel", spectra_name: str) -> Template:
    """What spectra are to be brought to.

    Parameters
    ----------
    like : path, FittedModel, Catalog, Dataset or Spectra
        A path is that of a run, a model, a catalogue or a dataset.
    spectra_name : str
        Which spectra, where there are several.

    Raises
    ------
    InputError
        There is nothing of the kind, or it does not have the spectra.
    """
    found, name = _opened(Path(like)) if isinstance(like, str | Path) else (like, f"the {_kind(like)} given")
    if isinstance(found, Spectra):
        return _of_spectra(found, name)
    if hasattr(found, "manifest"):  # a dataset, which stands above this package
        dataset: Any = found
        names = [key for key, facts in dataset.manifest.outputs.items() if facts["kind"] == "spectra"]
        return _of_spectra(dataset[_picked(names, spectra_name, name)], name)
    if isinstance(found, Catalog):
        spectra = {key: output for key, output in found.outputs.items() if isinstance(output, Spectra)}
        return _of_spectra(spectra[_picked(list(spectra), spectra_name, name)], name)
    return _of_model(found, spectra_name, name)


def measured_by(like: "str | Path | Spectra | Catalog | FittedModel | None") -> dict[str, tuple[str, ...]]:
    """Names of the measurements of every output that is no spectrum and no label, of what `template_of` can look at."""
    found: Any = _opened(Path(like))[0] if isinstance(like, str | Path) else like
    if isinstance(found, Catalog):
        return {key: o.names for key, o in found.outputs.items() if isinstance(o, Measurements)}
    if not hasattr(found, "info"):
        return {}
    infos = {key: found.info(key) for key in found.model.names}
    return {key: i.names for key, i in infos.items() if i.role == "input" and not i.is_spectra}


def _kind(like: Any) -> str:
    return {"Spectra": "spectra", "Catalog": "catalogue", "Dataset": "dataset"}.get(
        type(like).__name__, "model"
    )


def _opened(folder: Path) -> tuple[Any, str]:
    """What a folder holds, and its name."""
    from ..fitted import load
    from ..fitted.internal import MODEL_FOLDER

    for model in (folder, folder / "model"):
        if (model / MODEL_FOLDER.header).is_file():
            return load(model), f"'{folder}'"
    if (folder / CATALOG_FOLDER.header).is_file():
        return load_catalog(folder), f"'{folder}'"
    if (folder / "manifest.json").is_file():
        # Datasets stand on a floor above this one, so they are found by name.
        return import_module("luxjax.dataset").open_dataset(folder), f"'{folder}'"
    raise InputError(
        f"'{folder}' is no folder of a run, a model or a catalogue of luxjax, nor a dataset; give one, such as the folder that "
        "luxjax fit wrote."
    )


def _picked(names: list[str], wanted: str, where: str) -> str:
    """The spectra of that name, or the only ones."""
    if not names:
        raise InputError(f"{where} has no spectra, so no grid; give a model or a catalogue of spectra.")
    if wanted not in names and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise InputError(
            f"{where} has the spectra {join_names(names)}; say with spectra_name which of them the new ones are."
        )
    return wanted


def _of_spectra(spectra: Spectra, name: str) -> Template:
    seen = np.asarray(spectra.good.any(axis=0)) if len(spectra) else np.ones(spectra.n_pixels, bool)
    return Template.of(
        spectra.wavelength,
        spectra.medium,
        spectra.frame,
        spectra.normalized,
        "; ".join(spectra.history),
        ~seen,
        name,
    )


def _of_model(fitted: "FittedModel", spectra_name: str, name: str) -> Template:
    spectra = [key for key in fitted.model.names if fitted.info(key).is_spectra]
    key = _picked(spectra, spectra_name, name)
    info = fitted.info(key)
    if info.medium is None:
        raise InputError(
            f"{name} does not say whether its wavelengths are in air or vacuum; give a grid instead."
        )
    return Template.of(
        np.asarray(info.wavelength),
        info.medium,
        info.frame or "rest",
        bool(info.normalization),
        info.normalization,
        fitted.unseen(key),
        name,
    )
