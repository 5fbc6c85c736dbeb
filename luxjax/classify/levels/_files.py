"""Class levels on disk: a folder with readable JSON and a folder for every classifier in it. Loading them never runs code."""

import json
import os
from pathlib import Path

import pandas as pd

from ...core import InputError, check_name
from ...files.internal import read_header, replaced_folder
from .._classifier import Classifier
from .._classifier_files import load_classifier, save_classifier
from ..estimators._files import refusing_damage
from ._labels import COARSER
from ._levels import ClassLevels

__all__ = ["load_levels", "save_levels"]

SCHEMA = 1
HEADER, OLD_HEADER = "levels.json", "heads.json"
KIND = "set of class levels"


def save_levels(levels: ClassLevels, folder: str | os.PathLike) -> Path:
    """Write class levels to a folder; earlier ones there are replaced, anything else is refused."""
    from ... import __version__

    fine = {
        level: {name: None if isinstance(m, Classifier) else m for name, m in members.items()}
        for level, members in levels.fine.items()
    }
    header = {
        "schema": SCHEMA,
        "luxjax": __version__,
        "coarse": list(levels.coarse),
        "fine": fine,
        "staged": list(levels.staged),
        "notes": levels.notes.to_dict("list"),
    }
    with replaced_folder(folder, HEADER, KIND) as part:
        (part / HEADER).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
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
    old = not (folder / HEADER).is_file() and (folder / OLD_HEADER).is_file()
    header = read_header(folder, OLD_HEADER if old else HEADER, KIND, SCHEMA)
    with refusing_damage(folder, KIND):
        for level in header["coarse"]:
            check_name("coarse level", level, sorted(set(COARSER.values())))
        for level in header["fine"]:
            check_name("fine level", level, COARSER)
            if COARSER[level] not in header["coarse"]:
                raise InputError(
                    f"the {KIND} at '{folder}' has '{level}' without '{COARSER[level]}'; train it again."
                )
        coarse = {level: load_classifier(folder / level) for level in header["coarse"]}
        fine = {
            level: {
                name: load_classifier(folder / f"{level}_{k}") if only is None else str(only)
                for k, (name, only) in enumerate(members.items())
            }
            for level, members in header["fine"].items()
        }
        notes = pd.DataFrame(header["notes"]).rename(columns={"head": "level"})  # as it was called
        return ClassLevels(coarse, fine, tuple(header["staged"]), notes)
