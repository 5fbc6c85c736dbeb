"""Class levels on disk: a folder with readable JSON and a folder for every classifier in it. Loading them never runs code."""

import dataclasses
import os
from pathlib import Path

import pandas as pd

from ...core import InputError, check_name
from ...files.internal import FolderKind
from .._classifier import Classifier
from .._classifier_files import CLASSIFIER_FOLDER, load_classifier, save_classifier
from ..features._learned import learned_arrays, learned_from
from ._labels import COARSER
from ._levels import ClassLevels

__all__ = ["LEVELS_FOLDER", "load_levels", "save_levels"]

_COARSE, _FINE = "|".join(sorted(set(COARSER.values()))), "|".join(COARSER)
LEVELS_FOLDER = FolderKind(
    "set of class levels",
    "levels.json",
    schema=1,
    folders={_COARSE: CLASSIFIER_FOLDER, rf"({_FINE})_\d+": CLASSIFIER_FOLDER},
    keys=("luxjax", "coarse", "fine", "staged"),
    remedy="train it again",
)
_AS_IT_WAS = dataclasses.replace(LEVELS_FOLDER, header="heads.json")


def save_levels(levels: ClassLevels, folder: str | os.PathLike) -> Path:
    """Write class levels to a folder; earlier ones there are replaced, anything else is refused."""
    fine = {
        level: {name: None if isinstance(m, Classifier) else m for name, m in members.items()}
        for level, members in levels.fine.items()
    }
    header = {
        "coarse": list(levels.coarse),
        "fine": fine,
        "staged": list(levels.staged),
        "notes": levels.notes.to_dict("list"),
        "learned": list(levels.learned),
    }
    with LEVELS_FOLDER.replacing(folder) as part:
        LEVELS_FOLDER.put(part, header, learned_arrays(levels.learned))
        for level, classifier in levels.coarse.items():
            save_classifier(classifier, part / level)
        for level, members in levels.fine.items():
            for k, member in enumerate(members.values()):
                if isinstance(member, Classifier):
                    save_classifier(member, part / f"{level}_{k}")
    return Path(folder)


def load_levels(folder: str | os.PathLike) -> ClassLevels:
    """Read class levels back; they give the identical answers.

    Raises
    ------
    InputError
        If there are none, they were written by a newer luxjax, or their files are damaged or hold anything but class levels.
    """
    folder = Path(folder)
    kind = _AS_IT_WAS if (folder / _AS_IT_WAS.header).is_file() else LEVELS_FOLDER
    header = kind.read(folder)
    with kind.reading(folder):
        for level in header["coarse"]:
            check_name("coarse level", level, sorted(set(COARSER.values())))
        for level in header["fine"]:
            check_name("fine level", level, COARSER)
            if COARSER[level] not in header["coarse"]:
                raise InputError(
                    f"the {kind.name} at '{folder}' has '{level}' without '{COARSER[level]}'; train it again."
                )
        coarse = {level: load_classifier(folder / level) for level in header["coarse"]}
        fine = {
            level: {
                name: load_classifier(folder / f"{level}_{k}") if only is None else str(only)
                for k, (name, only) in enumerate(members.items())
            }
            for level, members in header["fine"].items()
        }
        names = header.get("learned", [])
        learned = learned_from(names, kind.arrays(folder) if names else {}, folder)
        notes = pd.DataFrame(header["notes"]).rename(columns={"head": "level"})  # as it was called
        return ClassLevels(coarse, fine, tuple(header["staged"]), notes, learned)
