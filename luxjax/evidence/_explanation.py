"""What was found about one label: every line of evidence with its null, and the verdict they lead to."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core import check_name
from ..core.internal import join_names
from ..files.internal import FolderKind
from ..fitted import Verdict
from ..fitted.internal import current_words
from ._evidence import Evidence
from .lines_of_evidence import _registry

__all__ = ["Explanation"]

EXPLANATION_FOLDER = FolderKind("explanation", "explanation.json", schema=1, finite=True)
# Names that luxjax gave lines of evidence before these words were chosen.
OLD_NAMES = {"own_lines": "element_lines"}


@dataclass(frozen=True, eq=False)
class Explanation:
    """The verdict on a label, measured from the spectrum or not, and all evidence for it.

    Parameters
    ----------
    label, unit : str
    species : tuple of str
        The elements of the label; empty for labels such as Teff.
    others : tuple of str
        The labels it was conditioned on.
    inputs : tuple of str
        The outputs that its stars were inferred from.
    verdict : Verdict
    evidence : mapping of str to Evidence
        By name, kept in the order of the registered lines of evidence.
    """

    label: str
    unit: str
    species: tuple[str, ...]
    others: tuple[str, ...]
    inputs: tuple[str, ...]
    verdict: Verdict
    evidence: Mapping[str, Evidence]

    def __post_init__(self):
        known = _registry.names()
        for name in self.evidence:
            check_name("line of evidence", name, known)
        ordered = {name: self.evidence[name] for name in known if name in self.evidence}
        object.__setattr__(self, "evidence", ordered)
        for name in ("species", "others", "inputs"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def __getitem__(self, name: str) -> Evidence:
        check_name("line of evidence", name, self.evidence, f"This is what was found about '{self.label}'")
        return self.evidence[name]

    def __repr__(self) -> str:
        return f"Explanation({self.label}: {self.verdict.verdict}; {join_names(self.evidence)})"

    def with_evidence(self, more: Sequence[Evidence]) -> "Explanation":
        """A copy with further lines of evidence, which take the place of earlier ones of the same name."""
        evidence = {**self.evidence, **{e.name: e for e in more}}
        return Explanation(
            self.label, self.unit, self.species, self.others, self.inputs, self.verdict, evidence
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays of the evidence, for JSON."""
        return {
            "label": self.label,
            "unit": self.unit,
            "species": list(self.species),
            "others": list(self.others),
            "inputs": list(self.inputs),
            "verdict": self.verdict.to_dict(),
            "evidence": {name: e.to_dict() for name, e in self.evidence.items()},
        }

    def save(self, folder: str | os.PathLike) -> Path:
        """Write to a folder: ``explanation.json`` to read, and ``arrays.npz``."""
        arrays = {f"{n}/{k}": v for n, e in self.evidence.items() for k, v in e.arrays.items()}
        return EXPLANATION_FOLDER.write(folder, self.to_dict(), arrays)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "Explanation":
        """Read an explanation back.

        Raises
        ------
        InputError
            If there is none, it was written by a newer luxjax, or its files do not fit together.
        """
        header = EXPLANATION_FOLDER.read(folder)
        with EXPLANATION_FOLDER.reading(folder):
            stored = EXPLANATION_FOLDER.arrays(folder)
            evidence = [_read(name, entry, stored) for name, entry in header["evidence"].items()]
            return cls(
                header["label"],
                header["unit"],
                tuple(header["species"]),
                tuple(header["others"]),
                tuple(header["inputs"]),
                Verdict.from_dict(header["verdict"]),
                {e.name: e for e in evidence},
            )


def _read(name: str, entry: Mapping[str, Any], stored: Mapping[str, np.ndarray]) -> Evidence:
    """One line of evidence from its entry and the arrays stored; what an earlier luxjax wrote comes in today's words."""
    arrays = {key.split("/", 1)[1]: value for key, value in stored.items() if key.startswith(f"{name}/")}
    entry = {**entry, "statement": current_words(entry["statement"])}
    return Evidence.from_dict(OLD_NAMES.get(name, name), entry, arrays)
