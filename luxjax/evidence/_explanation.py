"""What was found about one label: every line of evidence with its null, and the verdict they lead to."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core import check_name
from ..core.internal import join_names
from ..files.internal import FolderKind
from ..fitted import Verdict
from ..stats import Interval

__all__ = ["EVIDENCE", "Evidence", "Explanation"]

#: The lines of evidence in the order in which they are read: those of the verdict first, then the supporting ones.
EVIDENCE = (
    "off_trend",
    "element_lines",
    "gain",
    "saliency",
    "ablation",
    "doppelgangers",
    "injection",
    "bound",
    "probe",
    "shapley",
    "disentanglement",
)
EXPLANATION_FOLDER = FolderKind("explanation", "explanation.json", schema=1, finite=True)


@dataclass(frozen=True, eq=False)
class Evidence:
    """One line of evidence: a number, how well it is known, and what it is where nothing is there.

    Parameters
    ----------
    name : str
        One of `EVIDENCE`.
    value : float
        NaN where it could not be had; `statement` says why.
    interval : Interval or None
        95% interval.
    null : (draw,) array or None
        Draws of the value where nothing is there: shifted lines, shuffled stars.
    unit : str
        Unit of value, interval and null; empty for pure numbers.
    statement : str
        What it says, in one sentence with its numbers.
    arrays : mapping of str to array
        What a figure of it needs.
    """

    name: str
    value: float
    interval: Interval | None = None
    null: np.ndarray | None = None
    unit: str = ""
    statement: str = ""
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        check_name("line of evidence", self.name, EVIDENCE)
        object.__setattr__(self, "value", float(self.value))
        if self.interval is not None:
            object.__setattr__(self, "interval", Interval(*map(float, self.interval)))
        if self.null is not None:
            object.__setattr__(self, "null", np.asarray(self.null, float).reshape(-1))
        object.__setattr__(self, "arrays", {k: np.asarray(v) for k, v in self.arrays.items()})

    @property
    def p_value(self) -> float:
        """Fraction of the null at least as large as the value, the value itself counted; NaN without a null."""
        if self.null is None or not len(self.null) or not np.isfinite(self.value):
            return float("nan")
        return float((1 + np.sum(self.null >= self.value)) / (1 + len(self.null)))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, for JSON; what is not finite becomes None."""
        return {
            "value": _number(self.value),
            "interval": None if self.interval is None else [_number(v) for v in self.interval],
            "null": None if self.null is None else [_number(v) for v in self.null],
            "p_value": _number(self.p_value),
            "unit": self.unit,
            "statement": self.statement,
        }

    @classmethod
    def from_dict(
        cls, name: str, entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
    ) -> "Evidence":
        """Undo `to_dict`."""
        interval, null = entry["interval"], entry["null"]
        return cls(
            name,
            _float(entry["value"]),
            None if interval is None else Interval(*map(_float, interval)),
            None if null is None else np.array([_float(v) for v in null]),
            entry["unit"],
            entry["statement"],
            arrays or {},
        )


@dataclass(frozen=True, eq=False)
class Explanation:
    """Whether a label was measured from the spectrum, and everything that says so.

    Parameters
    ----------
    label, unit : str
    species : tuple of str
        The elements whose lines are the label's own; empty for labels such as Teff.
    others : tuple of str
        The labels it was conditioned on.
    inputs : tuple of str
        The outputs that its stars were inferred from.
    verdict : Verdict
    evidence : mapping of str to Evidence
        By name, kept in the order of `EVIDENCE`.
    """

    label: str
    unit: str
    species: tuple[str, ...]
    others: tuple[str, ...]
    inputs: tuple[str, ...]
    verdict: Verdict
    evidence: Mapping[str, Evidence]

    def __post_init__(self):
        for name in self.evidence:
            check_name("line of evidence", name, EVIDENCE)
        ordered = {name: self.evidence[name] for name in EVIDENCE if name in self.evidence}
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
        """Write to a folder: ``explanation.json`` to read, ``arrays.npz`` beside it."""
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
            evidence = {
                name: Evidence.from_dict(
                    name,
                    entry,
                    {k.split("/", 1)[1]: v for k, v in stored.items() if k.startswith(f"{name}/")},
                )
                for name, entry in header["evidence"].items()
            }
            return cls(
                header["label"],
                header["unit"],
                tuple(header["species"]),
                tuple(header["others"]),
                tuple(header["inputs"]),
                Verdict.from_dict(header["verdict"]),
                evidence,
            )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)
