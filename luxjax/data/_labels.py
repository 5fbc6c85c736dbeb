"""Labels of stars: values with errors, units, and the species that each abundance label stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ._label_values import from_columns
from ._named_values import NamedValues
from ._spectra import Role

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelTable"]


@dataclass(frozen=True, eq=False, repr=False)
class LabelTable(NamedValues):
    """Labels of `star` rows. Host arrays, never changed in place.

    Parameters
    ----------
    value : (star, label) array
        NaN, masked or empty where a label is missing. A quantity is converted to `units`, or brings its unit along.
    error : (star, label) array
        One-sigma errors. A label without a finite value and a finite error > 0 is missing.
    names : sequence of str
        Label names, such as ``"teff"`` or ``"eu_fe"``.
    ids : sequence of str or int
        Star identifiers.
    units : mapping of str to str
        Unit by label name (``"K"``, ``"dex"``); labels left out have none.
    species : mapping of str to str
        Element symbol by label name, for labels whose element has lines (``{"eu_fe": "Eu"}``); a label
        may name several, comma-separated (``{"alpha_fe": "Mg,Si,Ca"}``).
    survey : str
        Where the labels come from.
    table : pandas.DataFrame, optional
        Other columns, one row per star (positions, identifiers of other catalogues, flags).

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> value, error = [[4800.0, 0.1], [5700.0, np.nan]], [[60.0, 0.05], [60.0, 0.05]]
    >>> labels = luxjax.LabelTable(value, error, ["teff", "fe_h"], ["a", "b"], units={"teff": "K"})
    >>> labels["teff"].tolist()
    [4800.0, 5700.0]
    >>> print(labels.ivar[:, 1])  # a missing label has no weight
    [400.   0.]
    """

    role: ClassVar[Role] = "label"
    noun: ClassVar[str] = "label"
    by_name: ClassVar[tuple[str, ...]] = ("units", "species")

    value: np.ndarray
    error: np.ndarray
    names: tuple[str, ...]
    ids: np.ndarray
    units: Mapping[str, str] = field(default_factory=dict)
    species: Mapping[str, str] = field(default_factory=dict)
    survey: str = ""
    table: "pd.DataFrame | None" = None

    def __post_init__(self):
        self._check_values()
        object.__setattr__(self, "species", dict(self.species))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        id_column: str,
        labels: Sequence[str] | Mapping[str, str],
        errors: Mapping[str, Any],
        missing: Sequence[float] = (-9999.0, -999.0),
        units: Mapping[str, str] | None = None,
        species: Mapping[str, str] | None = None,
        survey: str = "",
    ) -> "LabelTable":
        """Labels from the columns of a table.

        Parameters
        ----------
        frame : table
            The catalogue: a pandas DataFrame, an astropy Table or QTable, a pyarrow Table, or a record array.
        id_column : str
            Column of star identifiers.
        labels : sequence of column names, or mapping of label name to column name
        errors : mapping of label name to column name or to one constant error
            An error must be stated for every label: luxjax weighs labels by their errors. A constant may have a unit.
        missing : sequence of float
            Values that stand for "missing" in these columns, in addition to NaN. Not 99, which can be real.
        units, species, survey
            As for the class. Columns that say their unit are converted to the one stated here, or bring it along.

        Raises
        ------
        InputError
            A column is not there or holds text that is no number, a unit cannot be converted, or an identifier is a float or
            missing.
        """
        value, error, ids, names, known, table = from_columns(
            "label", frame, id_column, labels, errors, missing, units
        )
        return cls(value, error, names, ids, units=known, species=species or {}, survey=survey, table=table)
