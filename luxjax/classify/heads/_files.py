"""Heads on disk: a folder with readable JSON and a folder for every classifier in it. Loading them never runs code."""

import os
from pathlib import Path

import pandas as pd

from ...core import InputError, check_name
from ...files.internal import FolderKind
from .._classifier import Classifier
from .._classifier_files import CLASSIFIER_FOLDER, load_classifier, save_classifier
from ._heads import Heads
from ._labels import COARSER

__all__ = ["HEADS_FOLDER", "load_heads", "save_heads"]

_COARSE, _FINE = "|".join(sorted(set(COARSER.values()))), "|".join(COARSER)
HEADS_FOLDER = FolderKind(
    "set of heads",
    "heads.json",
    schema=1,
    folders={_COARSE: CLASSIFIER_FOLDER, rf"({_FINE})_\d+": CLASSIFIER_FOLDER},
    keys=("luxjax", "coarse", "fine", "staged"),
    remedy="train it again",
)


def save_heads(heads: Heads, folder: str | os.PathLike) -> Path:
    """Write heads to a folder; earlier ones there are replaced, anything else is refused."""
    fine = {
        head: {name: None if isinstance(m, Classifier) else m for name, m in members.items()}
        for head, members in heads.fine.items()
    }
    header = {
        "coarse": list(heads.coarse),
        "fine": fine,
        "staged": list(heads.staged),
        "notes": heads.notes.to_dict("list"),
    }
    with HEADS_FOLDER.replacing(folder) as part:
        HEADS_FOLDER.put(part, header)
        for head, classifier in heads.coarse.items():
            save_classifier(classifier, part / head)
        for head, members in heads.fine.items():
            for k, member in enumerate(members.values()):
                if isinstance(member, Classifier):
                    save_classifier(member, part / f"{head}_{k}")
    return Path(folder)


def load_heads(folder: str | os.PathLike) -> Heads:
    """Read heads back; they give the identical answers.

    Raises
    ------
    InputError
        If there are none, they were written by a newer luxjax, or their files are damaged or hold anything but heads.
    """
    folder = Path(folder)
    header = HEADS_FOLDER.read(folder)
    with HEADS_FOLDER.reading(folder):
        for head in header["coarse"]:
            check_name("coarse head", head, sorted(set(COARSER.values())))
        for head in header["fine"]:
            check_name("fine head", head, COARSER)
            if COARSER[head] not in header["coarse"]:
                raise InputError(
                    f"the {HEADS_FOLDER.name} at '{folder}' has '{head}' without '{COARSER[head]}'; train it again."
                )
        coarse = {head: load_classifier(folder / head) for head in header["coarse"]}
        fine = {
            head: {
                name: load_classifier(folder / f"{head}_{k}") if only is None else str(only)
                for k, (name, only) in enumerate(members.items())
            }
            for head, members in header["fine"].items()
        }
        return Heads(coarse, fine, tuple(header["staged"]), pd.DataFrame(header["notes"]))
