"""Measurements of stars that are no spectrum: photometry, parallaxes, coefficients, numbers read off a light curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core import InputError
from ._label_values import from_columns
from ._named_values import NamedValues
from ._spectra import Role

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Measurements"]

SURE = 1e-6  # smallest eigenvalue of a correlation matrix, in units of its mean


@dataclass(frozen=True, eq=False, repr=False)
class Measurements(NamedValues):
    """Measured numbers of `star` rows that say, as spectra do, what a star is. Host arrays, never changed in place.

    A linear model wants them on a scale where stars lie close to a plane: magnitudes, the logarithm of fluxes,
    ``5 log10 parallax`` (see `luxjax.photometry`).

    Parameters
    ----------
    value : (star, name) array
        NaN, masked or empty where a star has none. A quantity is converted to `units`, or brings its unit along.
    error : (star, name) array
        One-sigma errors. A measurement without a finite value and a finite error > 0 is missing.
    names : sequence of str
        Such as ``"G"`` or ``"log_numax"``.
    ids : sequence of str or int
        Star identifiers.
    units : mapping of str to str
        Unit by name (``"mag"``); names left out have none.
    correlation : (name, name) array, optional
        Correlations of the noise of a typical star. Models then see `whitened` values, whose noise is independent.
    whitening : (name, name) lower-triangular array, optional
        By what the values were multiplied already, as `whitened` says.
    survey : str
        Where they come from.
    table : pandas.DataFrame, optional
        Other columns, one row per star.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> magnitudes = [[10.2, 9.1], [11.0, np.nan]]
    >>> photometry = luxjax.Measurements(magnitudes, 0.02, ["G", "K"], ["a", "b"], units={"G": "mag", "K": "mag"})
    >>> photometry.role, photometry["G"].tolist()
    ('input', [10.2, 11.0])
    >>> print(photometry.ivar[:, 1])  # what is missing has no weight
    [2500.    0.]
    """

    role: ClassVar[Role] = "input"
    noun: ClassVar[str] = "measurement"

    value: np.ndarray
    error: np.ndarray
    names: tuple[str, ...]
    ids: np.ndarray
    units: Mapping[str, str] = field(default_factory=dict)
    correlation: np.ndarray | None = None
    whitening: np.ndarray | None = None
    survey: str = ""
    table: "pd.DataFrame | None" = None

    def __post_init__(self):
        self._check_values()
        if self.correlation is not None:
            object.__setattr__(self, "correlation", _correlation(self.correlation, len(self.names)))
        if self.whitening is not None:
            object.__setattr__(self, "whitening", _whitening(self.whitening, len(self.names)))
            if self.correlation is not None:
                raise InputError(
                    "whitened measurements have no correlation left; give correlation or whitening, not both."
                )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        id_column: str,
        columns: Sequence[str] | Mapping[str, str],
        errors: Mapping[str, Any],
        missing: Sequence[float] = (-9999.0, -999.0),
        units: Mapping[str, str] | None = None,
        survey: str = "",
    ) -> "Measurements":
        """Measurements from the columns of a table.

        Parameters
        ----------
        frame : table
            A pandas DataFrame, an astropy Table or QTable, a pyarrow Table, or a record array.
        id_column : str
            Column of star identifiers.
        columns : sequence of column names, or mapping of name to column name
        errors : mapping of name to column name or to one constant error
            An error must be stated for every measurement.
        missing : sequence of float
            Values that stand for "missing" in these columns, in addition to NaN.
        units, survey
            As for the class. Columns that say their unit are converted to the one stated here, or bring it along.

        Raises
        ------
        InputError
            A column is not there or holds text that is no number, a unit cannot be converted, or an identifier is a float or
            missing.

        Examples
        --------
        >>> import luxjax
        >>> table = {"gaia": ["a", "b"], "phot_g_mean_mag": [10.2, 11.0]}
        >>> luxjax.Measurements.from_frame(
        ...     table, id_column="gaia", columns={"G": "phot_g_mean_mag"}, errors={"G": 0.01}, survey="gaia"
        ... )
        Measurements(gaia: 2 stars, G, 100.0% measured)
        """
        value, error, ids, names, known, table = from_columns(
            "measurement", frame, id_column, columns, errors, missing, units
        )
        return cls(value, error, names, ids, units=known, survey=survey, table=table)

    def whitened(self, whitening: np.ndarray | None = None) -> "Measurements":
        """Measurements whose noise is independent: values times one lower-triangular matrix for all stars.

        Row `j` is measurement `j` less what those before it say of its noise. It is missing where one that it is made
        from is missing. The errors are those of each star, exactly, with the correlation of all.

        Parameters
        ----------
        whitening : (name, name) array, optional
            The matrix, such as a model's. Default: the inverse Cholesky factor of the covariance of a star of median errors,
            with the median errors of the measurements as units.
        """
        if self.whitening is not None:
            if whitening is not None and not np.allclose(whitening, self.whitening, rtol=1e-5):
                raise InputError(
                    "these measurements were whitened by another matrix than the model's; give them as they were measured."
                )
            return self
        n = len(self.names)
        correlation = np.eye(n) if self.correlation is None else self.correlation
        if whitening is None:
            if np.isnan(self.error).all(axis=0).any():
                raise InputError(
                    f"measurement '{self.names[int(np.argmax(np.isnan(self.error).all(axis=0)))]}' is missing for every star, "
                    "so nothing is known of its errors; leave it out."
                )
            typical = np.nanmedian(self.error, axis=0)
            factor = np.linalg.cholesky(correlation * typical * typical[:, None])
            whitening = typical[:, None] * np.linalg.inv(factor)
        whitening = np.tril(_whitening(whitening, n))
        lost = np.isnan(self.value)
        value = np.where(lost, 0.0, self.value) @ whitening.T
        error = _errors(whitening, np.where(lost, 0.0, self.error), correlation)
        gone = lost @ (whitening != 0).T
        return Measurements(
            np.where(gone, np.nan, value),
            np.where(gone, np.nan, error),
            self.names,
            self.ids,
            whitening=whitening,
            survey=self.survey,
            table=self.table,
        )

    def _only(self, at: list[int]) -> dict[str, Any]:
        if self.whitening is not None:
            raise InputError(
                "whitened measurements are sums of one another, so a few of them cannot be taken; choose before whitening."
            )
        return {"correlation": None if self.correlation is None else self.correlation[np.ix_(at, at)]}


def _errors(whitening: np.ndarray, error: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Errors of whitened values, (star, name): the root of the diagonal of W E R E W', some stars at a time."""
    found = np.empty_like(error)
    for start in range(0, len(error), 1024):
        rows = slice(start, start + 1024)
        parts = whitening * error[rows, None, :]  # (star, row, name)
        found[rows] = np.sqrt(np.sum((parts @ correlation) * parts, axis=2))
    return found


def _correlation(given: Any, n: int) -> np.ndarray:
    """A correlation matrix, or one sentence that says why it is none."""
    matrix = np.array(given, np.float64)
    if matrix.shape != (n, n):
        raise InputError(f"correlations have shape {matrix.shape}; {n} measurements ask for ({n}, {n}).")
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, atol=1e-6):
        raise InputError("correlations are finite and symmetric; these are not.")
    if not np.allclose(np.diag(matrix), 1, atol=1e-6):
        raise InputError(
            "the diagonal of a correlation matrix is 1; this one holds other values: is it a covariance?"
        )
    least = float(np.linalg.eigvalsh(matrix)[0])
    if least < SURE:
        raise InputError(
            f"these correlations are not positive definite (smallest eigenvalue {least:.2g}); is the order of their elements right? "
            "Gaia's are the upper triangle column by column."
        )
    return matrix


def _whitening(given: Any, n: int) -> np.ndarray:
    matrix = np.array(given, np.float64)
    if matrix.shape != (n, n) or not np.isfinite(matrix).all() or not np.all(np.diag(matrix) > 0):
        raise InputError(
            f"a whitening is a finite, lower-triangular ({n}, {n}) matrix with a positive diagonal; given shape {matrix.shape}."
        )
    return matrix
