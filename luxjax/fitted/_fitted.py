"""A fitted model with all that is needed to use it: outputs and scaling, calibration, verdicts, and how it was fitted."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError, OutputData, check_name
from ..core.internal import KeepsPrecision, choose_from, join_names
from ..data import Catalog
from ..data.internal import hash_ids
from ..models import Lux
from ._calibration import Calibration
from ._output_info import OutputInfo, scaled_output
from ._read_out import ReadOut
from ._verdict import Verdict

__all__ = ["FittedModel"]


@dataclass(frozen=True, eq=False)
class FittedModel(KeepsPrecision):
    """A fitted model, ready to predict, explain and save.

    Attributes
    ----------
    model : Lux
        In scaled units (see `OutputInfo`).
    weight_cov : dict of str to (out, pair) array
        Covariance of each decoder row [intercept, weight], upper triangle.
    outputs : dict of str to OutputInfo
        Empty when the model was fitted to a bare `Batch` that does not even say which of its outputs are labels.
    objective : tuple of float
        Value after each cycle of the fit.
    summary : dict
        Readable facts of the training: fitter, settings, stars, cycles, convergence, versions.
    verdicts : dict of str to Verdict
        By label, as far as known: whether the model measures it or guesses it from the other labels. Found on stars
        kept out of training; they travel with the model and go with every label it predicts.
    calibrations : tuple of Calibration
        How far the stated errors of its labels are from those it makes; each for predictions from certain inputs, with or
        without shortcuts replaced. `luxjax.transfer` applies the one that fits.
    read_outs : dict of str to ReadOut
        By label output, where labels are read out from the latents of the inputs instead of fitted with them.
    training : (star,) uint64 array
        A hash of every training star's id, sorted; empty when the model was fitted to a bare `Batch`. See `trained_on`.
    typical : dict of str to float
        ``chi2`` and ``latent_distance`` (see `luxjax.prediction.Prediction`) that 95% of the training stars stay below when only
        their inputs are seen; flags of predictions begin at multiples of these. Empty where they are not known.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> sorted(fitted.outputs), fitted.label_output()
    (['flux', 'labels'], 'labels')
    >>> fitted.info("labels").names
    ('label_1', 'label_2', 'label_3')
    >>> bool(fitted.trained_on(stars.ids).all())
    True
    """

    model: Lux
    weight_cov: Mapping[str, jax.Array]
    outputs: Mapping[str, OutputInfo] = field(default_factory=dict)
    objective: tuple[float, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    calibrations: tuple[Calibration, ...] = ()
    read_outs: Mapping[str, ReadOut] = field(default_factory=dict)
    training: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    typical: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{k} ({len(self.model.scatter[k])})" for k in self.model.names)
        state = self.summary.get("message", "")
        return f"FittedModel({self.model.n_latents} latents -> {sizes}; {state})"

    def info(self, name: str) -> OutputInfo:
        """What the output `name` means; one that nothing is known of is an input, unless it is called ``labels``."""
        check_name("output", name, self.model.names, "Ask for one of the model's outputs")
        if name not in self.outputs:
            return OutputInfo.bare(name, len(self.model.scatter[name]))
        return self.outputs[name]

    def names_of(self, role: str) -> tuple[str, ...]:
        """The outputs that are ``"input"`` or ``"label"``, in the order of the model."""
        return tuple(name for name in self.model.names if self.info(name).role == role)

    def label_output(self) -> str:
        """The name of the output that holds labels, where there is only one."""
        found = self.names_of("label")
        if len(found) == 1:
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
        made = {name: scaled_output(name, self.info(name), data[name], dtype) for name in names}
        for name in names:
            if (unseen := self.unseen(name)).any():
                value, ivar = made[name].value, made[name].ivar
                made[name] = OutputData(value, jnp.where(unseen, 0, ivar))
        return Batch(made, [name for name in self.names_of("label") if name in names])

    def scale_of(self, name: str) -> np.ndarray:
        """What one unit of the model is in the unit of the output `name`, (out,): a change of 1 in the model is one of this."""
        return self.info(name).scale

    def error_scale_of(self, name: str) -> float:
        """What the stated errors of the output `name` are multiplied by (see `OutputInfo`)."""
        return self.info(name).error_scale

    def unseen(self, name: str) -> np.ndarray:
        """Pixels of spectra that no training star had, (pixel,) bool; none of labels.

        The decoder says exactly nothing of them, whatever the latents, and they have no scatter.
        """
        quiet = np.asarray(self.model.scatter[name]) == 0
        if not self.objective or not self.info(name).is_spectra or not quiet.any():  # or not fitted yet
            return np.zeros(len(quiet), bool)
        n = self.model.n_latents
        with jax.enable_x64(True):
            for z in (jnp.zeros(n), 1.0 + jnp.arange(n) / 7):
                quiet = quiet & (np.asarray(self.model[name](z)) == 0)
        return quiet

    def with_verdicts(self, verdicts: Mapping[str, Verdict]) -> "FittedModel":
        """A copy with these verdicts, by label, added to those it had."""
        labels = [n for k in self.names_of("label") for n in self.info(k).names]
        for name, verdict in verdicts.items():
            check_name("label with a verdict", name, labels)
            if verdict.label != name:
                raise InputError(
                    f"the verdict given for '{name}' is about '{verdict.label}'; name it by its label."
                )
        return self.replace(verdicts={**self.verdicts, **verdicts})

    def calibration(
        self, labels: Sequence[str], inputs: Sequence[str], shrunk: Sequence[str] = ()
    ) -> Calibration | None:
        """The calibration of predictions of these labels from these inputs, with these labels replaced; None without one."""
        found = [c for c in self.calibrations if c.holds_for(labels, inputs, shrunk)]
        return min(found, key=lambda c: c.pooled, default=None)

    def with_calibration(self, calibration: Calibration) -> "FittedModel":
        """A copy that knows this calibration, in place of one learned from the same inputs with the same labels replaced."""
        known = [self.info(k).names for k in self.names_of("label")]
        if calibration.names not in known:
            raise InputError(
                f"this calibration is for the labels {join_names(calibration.names)}; the model has "
                f"{' and '.join(join_names(names) for names in known) or 'none'}."
            )
        for name in calibration.inputs:
            check_name("input of the calibration", name, self.model.names)
        same = (calibration.names, calibration.inputs, calibration.shrunk)
        others = tuple(
            c for c in self.calibrations if c.pooled != calibration.pooled or not c.holds_for(*same)
        )
        return self.replace(calibrations=(*others, calibration))

    def trained_on(self, ids: Sequence | np.ndarray) -> np.ndarray:
        """Which of these stars the model was fitted to, (star,) bool.

        Raises
        ------
        InputError
            The model does not know its training stars: it was fitted to a bare `Batch`, or saved by an older luxjax.
        """
        if len(self.training) == 0:
            raise InputError(
                "this model does not know its training stars (it was fitted to a bare Batch, or saved by luxjax 0.1); fit it "
                "to a Catalog or Dataset."
            )
        return np.isin(hash_ids(ids), self.training)

    def replace(self, **changes: Any) -> "FittedModel":
        """A copy with fields changed."""
        return dataclasses.replace(self, **changes)
