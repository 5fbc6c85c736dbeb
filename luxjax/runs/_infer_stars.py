"""Which stars a posterior is inferred for, of what model, and at which wavelengths."""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path

import equinox as eqx
import numpy as np

from ..core import InputError, LuxWarning, check_name
from ..data import Catalog, load_catalog
from ..fitted import FittedModel
from ..models import AbstractFeatureDecoder
from ._explain import catalog_of
from ._folder import RunFolder
from ._model import FOLD, FOLDS, fold_model, load_run_model, read_stars

__all__ = ["keep_window", "stars_to_infer"]


def stars_to_infer(
    source: str | Path,
    *,
    catalog: str | Path | None = None,
    split: str = "",
    stars: Sequence[str] = (),
    max_stars: int | None = None,
) -> tuple[FittedModel, Catalog]:
    """The model of a run, and stars to infer with it.

    Parameters
    ----------
    source : path
        A run folder, or a model folder, which needs a catalogue.
    catalog : path, optional
        Catalogue folder. Default: the one that the run was fitted to.
    split : str
        Which of the run's stars: ``"train"``, ``"calibration"`` or ``"test"``; of a run in folds ``"fold 0"``, ``"fold 1"`` ...,
        with the model that did not see these stars, or ``"train"`` for all of them with the run's own model. Default: those that no model saw before. A catalogue that holds none of the run's stars is taken whole.
    stars : sequence of str
        Identifiers of stars, of any split.
    max_stars : int, optional
        Only the first of them.
    """
    source = Path(source)
    inside = (source / "model").is_dir()
    fitted = load_run_model(source)
    if catalog is None and not inside:
        raise InputError(f"{source} is a model without stars; give a catalogue folder with --catalog.")
    found = load_catalog(catalog) if catalog is not None else catalog_of(RunFolder.open(source), None)
    if stars:
        for name in stars:
            check_name("star", name, list(found.ids))
        return fitted, found.select(np.array([list(found.ids).index(name) for name in stars]))
    known = read_stars(RunFolder.open(source)) if inside and (source / "stars.csv").is_file() else None
    if known is not None and np.isin(found.ids, known["id"]).any():
        parts = sorted(dict.fromkeys(known["part"]))
        split = split or ("test" if "test" in parts else parts[0])
        in_folds = (source / FOLDS).is_dir() and "train" not in parts
        check_name("split of the run's stars", split, [*parts, "train"] if in_folds else parts)
        if split.startswith(FOLD) and (source / FOLDS).is_dir():
            fitted = fold_model(RunFolder.open(source), int(split.removeprefix(FOLD))).replace(
                calibrations=fitted.calibrations, verdicts=fitted.verdicts
            )
        if not (in_folds and split == "train"):  # all of them trained the run's own model
            known = known.loc[known["part"] == split]
        rows = np.isin(found.ids, known["id"])
        if not rows.any():
            raise InputError(
                f"none of the run's {split} stars are in this catalogue; choose another --split or --catalog."
            )
        found = found.select(rows)
    return fitted, found.select(slice(0, max_stars)) if max_stars else found


def keep_window(
    fitted: FittedModel, catalog: Catalog, wavelength_range: tuple[float, float]
) -> tuple[FittedModel, Catalog]:
    """The model and the stars with the pixels between two wavelengths alone.

    Parameters
    ----------
    wavelength_range : (low, high)
        Angstrom, in the medium of the spectra.
    """
    model, outputs, infos = fitted.model, dict(catalog.outputs), dict(fitted.outputs)
    decoders, scatter, cov = dict(model.decoders), dict(model.scatter), dict(fitted.weight_cov)
    for name in model.names:
        info = fitted.info(name)
        if info.wavelength is None:
            continue
        keep = np.flatnonzero(
            (info.wavelength >= wavelength_range[0]) & (info.wavelength <= wavelength_range[1])
        )
        if len(keep) == 0:
            for each in (decoders, scatter, cov, infos, outputs):
                each.pop(name, None)
            continue
        decoder = decoders[name]
        if not isinstance(decoder, AbstractFeatureDecoder):
            raise InputError(
                f"pixels of '{name}' cannot be taken out of a decoder that is not linear in its weights."
            )
        parts = (decoder.intercept[keep], decoder.weight[keep])
        decoders[name] = eqx.tree_at(lambda d: (d.intercept, d.weight), decoder, parts)
        scatter[name] = scatter[name][keep]
        if name in cov:
            cov[name] = cov[name][keep]
        infos[name] = dataclasses.replace(
            info, loc=info.loc[keep], scale=info.scale[keep], wavelength=info.wavelength[keep]
        )
        if name in outputs:
            outputs[name] = catalog.spectra(name).pixels(keep)
    if not any(info.is_spectra for info in infos.values()):
        raise InputError(
            f"no spectra of the model have pixels between {wavelength_range[0]:g} and {wavelength_range[1]:g} Angstrom."
        )
    kept = type(model)(decoders, scatter, {name: model.dof[name] for name in decoders})
    if fitted.calibrations:
        warnings.warn(
            "errors of labels are not calibrated: the model's calibration was learned from all its pixels.",
            LuxWarning,
            stacklevel=2,
        )
    cut = fitted.replace(model=kept, outputs=infos, weight_cov=cov, calibrations=())
    return cut, Catalog(outputs, catalog.table)
