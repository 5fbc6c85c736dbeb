"""Predicted labels of stars, with their covariance and where it comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..core import Gaussian, InputError, check_name
from ..core.internal import chosen_rows
from ..data import LabelTable
from ..fitted import Verdict
from ..system.internal import lazy_import
from ._flags import FLAGS, Limits, flags_of

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Prediction"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Labels predicted for `star` rows, in the labels' own units.

    Attributes
    ----------
    ids : (star,) array of str
    names : tuple of str
        Label names.
    value : (star, label) array
    cov : (star, label, label) array
        Covariance of the true labels about `value`: latent, decoder and scatter terms added.
    parts : dict of str to (star, label) array
        The variance of each label by origin: ``"latent"`` (noise of the spectrum), ``"decoder"`` (finite
        training set) and ``"scatter"`` (learned scatter of the label about the model).
    latents : Gaussian
        Posterior of the latents.
    chi2 : (star,) array
        Chi-square of the inputs at the posterior mean, per degree of freedom. Far above 1: the model does not
        know such a star.
    latent_distance : (star,) array
        ``|z| / sqrt(latents)``, about 1 for stars like the training stars.
    n_inputs : (star,) array of int
        Good input values of each star.
    units, species : dict
        By label name.
    verdicts : dict of str to Verdict
        By label name, as far as known: whether the model measures the label or guesses it from the others.
    shrunk : tuple of str
        Labels replaced by what the other labels say of them (see `replace_shortcuts`).
    inputs : tuple of str
        Outputs that the latents were inferred from; empty where it is not known.
    error_scale : dict of str to float
        By label name: what the catalogue's stated errors of the label are to be multiplied by, as the model learned (at most 1;
        see `luxjax.fitted.ReadOut`). Scores and calibrations do. Empty: taken as stated.
    present : (star, input) bool array
        Which of `inputs` a star has, by at least one good value; empty where it is not known.
    calibrated : bool
        Whether `cov` is that of a calibration learned on stars kept apart (see `calibrate`), or the model's own, whose parts
        are in `parts`.
    flag : (star,) array of int
        What to be wary of: the sum of these bits, 0 for a star that nothing was found about. `flagged` asks for one by name.

        == ================ =====================================================================================
        1  ``far``          latent distance more than twice what 95% of the training stars stay below
        2  ``misfit``       chi2 more than three times what 95% of the training stars stay below, and more than 3
        4  ``out_of_range`` a label outside the range of the training labels, widened by 10% on either side
        8  ``few_pixels``   good values fewer than 20% of the pixels (of the smallest spectrum) or two for each latent
        16 ``not_finite``   a label, its error, chi2 or latent distance is not a finite number
        == ================ =====================================================================================

        Where a model does not know its training stars' values, the limit of both distance and chi2 is 3, and there is no
        range. Default: the flags by these limits.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> found = luxjax.transfer(fitted, stars)
    >>> found.names
    ('label_1', 'label_2', 'label_3')
    >>> bool((found.error > 0).all()), sorted(found.parts)
    (True, ['decoder', 'latent', 'scatter'])
    >>> found.to_frame().columns[:2].tolist()
    ['id', 'label_1']
    """

    ids: np.ndarray
    names: tuple[str, ...]
    value: np.ndarray
    cov: np.ndarray
    parts: Mapping[str, np.ndarray]
    latents: Gaussian
    chi2: np.ndarray
    latent_distance: np.ndarray
    n_inputs: np.ndarray
    units: Mapping[str, str] = field(default_factory=dict)
    species: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    shrunk: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    calibrated: bool = False
    error_scale: Mapping[str, float] = field(default_factory=dict)
    flag: np.ndarray = field(default_factory=lambda: np.zeros(0, int))  # found below where it is not given
    present: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))

    def __post_init__(self):
        if len(self.flag) == 0:
            object.__setattr__(self, "flag", flags_of(self, Limits()))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        spread = ", ".join(f"{n} +-{np.median(e):.3g}" for n, e in zip(self.names, self.error.T, strict=True))
        return f"Prediction({len(self)} stars: {spread})"

    @property
    def error(self) -> np.ndarray:
        """One-sigma errors of the labels, (star, label)."""
        return np.sqrt(np.diagonal(self.cov, axis1=1, axis2=2))

    @overload
    def __getitem__(self, name: str) -> np.ndarray: ...
    @overload
    def __getitem__(self, name: slice | int | list | np.ndarray) -> "Prediction": ...
    def __getitem__(self, name):
        """Predicted values of one label by its name, (star,); or the stars that `select` chooses."""
        if not isinstance(name, str):
            return self.select(name)
        check_name("label", name, self.names)
        return self.value[:, self.names.index(name)]

    def __iter__(self) -> "Iterator[Prediction]":
        """One star after the other."""
        return (self.select(row) for row in range(len(self)))

    def believed_error(self, observed: LabelTable) -> np.ndarray:
        """Errors of observed labels as the model believes them, (star, label): the stated ones times `error_scale`."""
        scale = np.array([self.error_scale.get(name, 1.0) for name in self.names])
        return observed.error[:, [observed.names.index(name) for name in self.names]] * scale

    def flagged(self, *names: str) -> np.ndarray:
        """Which stars have one of these flags, (star,) bool. Default: any flag.

        Parameters
        ----------
        *names : str
            Among ``far``, ``misfit``, ``out_of_range``, ``few_pixels`` and ``not_finite``; see `flag`.
        """
        for name in names:
            check_name("flag", name, FLAGS)
        return np.bitwise_and(self.flag, sum(FLAGS[name] for name in set(names or FLAGS))) > 0

    def interval(self, level: float = 0.68) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the central interval of each label, each (star, label)."""
        from scipy.stats import norm

        half = norm.ppf(0.5 + level / 2) * self.error
        return self.value - half, self.value + half

    def select(self, index) -> "Prediction":
        """The stars chosen by a number, slice, integer array, boolean mask or identifiers."""
        rows = chosen_rows(index, len(self), self.ids)
        return Prediction(
            self.ids[rows],
            self.names,
            self.value[rows],
            self.cov[rows],
            {k: v[rows] for k, v in self.parts.items()},
            Gaussian(self.latents.mean[rows], self.latents.cov[rows]),
            self.chi2[rows],
            self.latent_distance[rows],
            self.n_inputs[rows],
            self.units,
            self.species,
            self.verdicts,
            self.shrunk,
            self.inputs,
            self.calibrated,
            self.error_scale,
            self.flag[rows],
            self.present[rows] if self.present.size else self.present,
        )

    @staticmethod
    def gather(parts: Sequence["Prediction"], ids: np.ndarray) -> "Prediction":
        """Predictions of several samples brought together, in the order of `ids`.

        Where their models differ in the number of latents, latents that a star's model lacks are NaN.
        """
        if len({p.calibrated for p in parts}) > 1:
            raise InputError(
                "some of these predictions are calibrated and some are not; gather predictions made alike."
            )
        row = {star: k for k, star in enumerate(np.concatenate([p.ids for p in parts]))}
        order = np.array([row[star] for star in ids])
        first, n_latents = parts[0], max(p.latents.mean.shape[1] for p in parts)

        def join(get):
            return np.concatenate([np.asarray(get(p)) for p in parts])[order]

        return Prediction(
            join(lambda p: p.ids),
            first.names,
            join(lambda p: p.value),
            join(lambda p: p.cov),
            {k: join(lambda p, k=k: p.parts[k]) for k in first.parts},
            Gaussian(
                join(lambda p: _widened(p.latents.mean, 1, n_latents)),  # type: ignore[arg-type]
                join(lambda p: _widened(p.latents.cov, 2, n_latents)),  # type: ignore[arg-type]
            ),
            join(lambda p: p.chi2),
            join(lambda p: p.latent_distance),
            join(lambda p: p.n_inputs),
            first.units,
            first.species,
            first.verdicts,
            first.shrunk,
            first.inputs,
            first.calibrated,
            {k: float(np.mean([p.error_scale[k] for p in parts])) for k in first.error_scale},
            join(lambda p: p.flag),
            join(lambda p: p.present) if all(p.present.size for p in parts) else first.present[:0],
        )

    def to_labels(self, survey: str = "luxjax") -> LabelTable:
        """The predictions as a table of labels with errors."""
        return LabelTable(
            self.value,
            self.error,
            self.names,
            self.ids,
            units=self.units,
            species=self.species,
            survey=survey,
        )

    def to_frame(self) -> "pd.DataFrame":
        """One row per star: ``id``, each label, its error ``<label>_err``, ``chi2``, ``latent_distance``, ``n_inputs`` and ``flag``.

        A label with a verdict has more columns: ``<label>_verdict`` in a word, ``<label>_caveats``, the codes of
        its caveats (see `luxjax.fitted.CAVEATS`), and ``<label>_response``, the part of a deviation from the trend with the other
        labels that the model sees (NaN where unresolved).
        ``frame.attrs`` says whether the errors are ``calibrated``, and the ``inputs``.
        """
        columns: dict[str, Any] = {"id": self.ids}
        for name, label in self.to_labels().to_frame().drop(columns="id").items():
            columns[str(name)] = label
            trust = self.verdicts.get(str(name).removesuffix("_err"))
            if trust is not None and str(name) == f"{trust.label}_err":
                columns[f"{trust.label}_verdict"] = np.full(len(self), trust.verdict)
                columns[f"{trust.label}_caveats"] = np.full(len(self), trust.codes)
                columns[f"{trust.label}_response"] = np.full(len(self), trust.response)
        columns |= {n: getattr(self, n) for n in ("chi2", "latent_distance", "n_inputs", "flag")}
        frame = pd.DataFrame(columns)
        frame.attrs |= {"calibrated": self.calibrated, "inputs": list(self.inputs)}
        return frame


def _widened(array, n_axes: int, size: int) -> np.ndarray:
    """The array with its last axes (all of one length) lengthened to `size` by NaN."""
    host = np.asarray(array)
    extra = size - host.shape[-1]
    return np.pad(host, [(0, 0)] + [(0, extra)] * n_axes, constant_values=np.nan) if extra else host
