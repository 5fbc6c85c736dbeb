"""What a fitted model knows of how its labels are read out from the latents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["ReadOut"]


@dataclass(frozen=True, eq=False)
class ReadOut:
    """How one label output is read out from the latents that the inputs alone give.

    Attributes
    ----------
    kind : str
        Such as ``"linear"``, ``"quadratic"`` or ``"gp"``.
    error_scale : (label,) array
        What stated errors of the labels are multiplied by: t <= 1, of greatest marginal likelihood.
    correlation : (label, label) array
        Of the scatter of different labels about the read-out.
    effective : (label,) array
        Effective number of parameters.
    why : mapping
        What the choice of this kind rests on, where there was one: scores by kind.
    """

    kind: str
    error_scale: np.ndarray
    correlation: np.ndarray
    effective: np.ndarray
    why: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; undone by `from_dict`."""
        arrays = {
            k: np.asarray(getattr(self, k)).tolist() for k in ("error_scale", "correlation", "effective")
        }
        return {"kind": self.kind, **arrays, "why": dict(self.why)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "ReadOut":
        """What `to_dict` described."""
        arrays = {k: np.array(entry[k], float) for k in ("error_scale", "correlation", "effective")}
        return cls(entry["kind"], **arrays, why=entry["why"])
