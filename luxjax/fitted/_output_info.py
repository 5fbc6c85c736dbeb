"""What one output of a model means: its role, its grid or names, and the units that the model sees it in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..core import InputError, OutputData
from ..core.internal import divided
from ..data import LabelTable, Measurements, Spectra
from ..data.internal import Frame, Medium, Output, Role
from ._suits import check_values, suited

__all__ = ["OutputInfo", "scaled_output"]


@dataclass(frozen=True, eq=False)
class OutputInfo:
    """Description of one output of a model: its units, grid or label names, and scaling.

    Parameters
    ----------
    loc, scale : (out,) arrays
        The model sees ``(value - loc) / scale``. For spectra: zero, and the one `scale` of the training spectra, so that fluxes
        of any physical unit are of order one. For labels: a robust centre and spread of the training stars.
    wavelength : (out,) array or None
        Angstrom, for spectra.
    medium : "air", "vacuum" or None
    names : tuple of str
        Label names, for labels.
    units, species : mapping of str to str
        By label name.
    survey : str
    role : "input" or "label"
        Inputs say where a star lies among the latents, labels are read off there. Default: input where there are
        wavelengths.
    frame : "rest", "barycentric", "observed" or None
        Velocity frame of the wavelengths.
    normalization : str
        What was done to the spectra, as far as they know; empty where the continuum was not divided out.
    flux_unit : str
    resolution : float or None
        Lambda / FWHM; None where it is not known.
    low, high : (out,) arrays or None
        Smallest and largest value of each label among the training stars, in its own unit; None where they are not known.
    whitening : (out, out) array or None
        Measurements with correlated noise are seen by the model multiplied by this: see `luxjax.Measurements.whitened`. Then
        `loc`, `scale` and what is predicted are of these.
    error_scale : float
        What the stated flux errors are multiplied by, 1 at most; learned from the residuals of training stars.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> info = fitted.info("flux")
    >>> info.role, info.medium, info.wavelength.shape
    ('input', 'vacuum', (40,))
    """

    loc: np.ndarray
    scale: np.ndarray
    wavelength: np.ndarray | None = None
    medium: Medium | None = None
    names: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    species: Mapping[str, str] = field(default_factory=dict)
    survey: str = ""
    role: Role = ""  # type: ignore[assignment]  # set below where it is not given
    frame: Frame | None = None
    normalization: str = ""
    flux_unit: str = ""
    resolution: float | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    error_scale: float = 1.0
    whitening: np.ndarray | None = None

    def __post_init__(self):
        role = self.role or ("input" if self.is_spectra else "label")
        if role not in ("input", "label"):
            raise InputError(f"the role of an output is 'input' or 'label'; given: {self.role!r}.")
        object.__setattr__(self, "role", role)
        if not 0 < self.error_scale <= 1:
            raise InputError(
                f"the factor of stated errors is above 0 and at most 1; given: {self.error_scale}."
            )

    @property
    def is_spectra(self) -> bool:
        """Whether it has wavelengths."""
        return self.wavelength is not None

    @classmethod
    def of(cls, output: Output) -> "OutputInfo":
        """Learn the scaling and the range of labels, and carry over what the output says of itself."""
        if isinstance(output, Spectra):
            n = output.n_pixels
            done = "; ".join(output.history) or "continuum divided out"
            return cls(
                np.zeros(n),
                np.full(n, output.scale),
                output.wavelength,
                output.medium,
                survey=output.survey,
                role=output.role,
                frame=output.frame,
                normalization=done if output.normalized else "",
                flux_unit=output.flux_unit,
                resolution=output.resolution,
            )
        output = _whitened(output, None)
        loc, scale = np.zeros(len(output.names)), np.ones(len(output.names))
        least, most = np.zeros_like(loc), np.zeros_like(loc)
        for j, name in enumerate(output.names):
            seen = output.value[np.isfinite(output.value[:, j]), j]
            if len(seen) == 0:
                raise InputError(
                    f"{output.noun} '{name}' is missing for every training star; leave it out or add stars."
                )
            low, loc[j], high = np.percentile(seen, [2.5, 50, 97.5])
            scale[j] = (high - low) / 4 if high > low else 1.0
            least[j], most[j] = seen.min(), seen.max()
        return cls(
            loc,
            scale,
            names=output.names,
            units=output.units,
            species=getattr(output, "species", {}),
            survey=output.survey,
            role=output.role,
            low=least,
            high=most,
            whitening=getattr(output, "whitening", None),
        )

    @classmethod
    def bare(cls, name: str, size: int, labels: Sequence[str] = ("labels",)) -> "OutputInfo":
        """Facts of an output of which only the size is known: a label where `labels` names it."""
        return cls(
            np.zeros(size),
            np.ones(size),
            names=tuple(f"{name}_{j}" for j in range(size)),
            role="label" if name in labels else "input",
        )


def scaled_output(name: str, info: OutputInfo, output: Output, dtype) -> OutputData:
    """An output as the model sees it; labels in the model's order, those that the table lacks missing."""
    if isinstance(output, Spectra):
        output = suited(name, info, output)
        value, ivar = divided(output.flux, output.ivar, info.scale)
        return OutputData.clean(value, ivar / info.error_scale**2, dtype, what=f"output '{name}'")
    check_values(name, info, output)
    output = _whitened(output, info.whitening)
    value = np.full((len(output), len(info.names)), np.nan)
    ivar = np.zeros_like(value)
    for j, label in enumerate(info.names):
        if label in output.names:
            k = output.names.index(label)
            value[:, j] = (output.value[:, k] - info.loc[j]) / info.scale[j]
            ivar[:, j] = output.ivar[:, k] * info.scale[j] ** 2
    return OutputData.clean(value, ivar, dtype, what=f"output '{name}'")


def _whitened(output: LabelTable | Measurements, whitening: np.ndarray | None) -> LabelTable | Measurements:
    """Measurements whose noise is correlated, as a model sees them: by its own matrix where it has one."""
    if isinstance(output, Measurements) and (whitening is not None or output.correlation is not None):
        return output.whitened(whitening)
    return output
