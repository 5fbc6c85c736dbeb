"""What a fitted model knows of how its labels are read out from the latents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["ReadOut"]

ARRAYS = ("error_scale", "correlation", "effective", "loo_rmse")


@dataclass(frozen=True, eq=False)
class ReadOut:
    """Description of the regression of one label output on the latents that the inputs alone give.

    Attributes
    ----------
    kind : str
        Such as ``"linear"``, ``"quadratic"`` or ``"gp"``.
    error_scale : (label,) array
        What stated errors of the labels are multiplied by: t <= 1, which maximises the marginal likelihood.
    correlation : (label, label) array
        Correlation of the scatter of different labels about the read-out.
    effective : (label,) array
        Effective number of parameters.
    loo_rmse : (label,) array
        Root mean square of observed minus predicted label of the training stars, each left out in turn; in the label's unit.
    inputs : tuple of str
        The outputs whose latents it was learned from; it holds for predictions from these.
    why : mapping
        What the choice of this kind rests on, where there was one: `loo_rmse` by kind. For few stars also `share_of_stated_errors`,
        by label: how much processes that weigh stars by their stated errors count in the mean with those that weigh all alike.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.readout import read_out
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> spectra = luxjax.fit(luxjax.Lux.linear({"flux": 40}, 2), stars.only("flux"), key=1)
    >>> found = read_out(spectra, stars, "linear").read_outs["labels"]
    >>> found.kind, found.inputs, bool((found.loo_rmse < 0.5).all())
    ('linear', ('flux',), True)
    """

    kind: str
    error_scale: np.ndarray
    correlation: np.ndarray
    effective: np.ndarray
    loo_rmse: np.ndarray
    inputs: tuple[str, ...] = ()
    why: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; undone by `from_dict`."""
        arrays = {k: np.asarray(getattr(self, k)).tolist() for k in ARRAYS}
        return {"kind": self.kind, **arrays, "inputs": list(self.inputs), "why": dict(self.why)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "ReadOut":
        """What `to_dict` described."""
        arrays = {k: np.array(entry[k], float) for k in ARRAYS}
        return cls(entry["kind"], **arrays, inputs=tuple(entry["inputs"]), why=entry["why"])
