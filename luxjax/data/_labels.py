"""Labels of stars: values with errors, units, and the species that each abundance label stands for."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from ..core import InputError, check_name
from ..core.internal import chosen_rows, identifiers, join_names
from ..system.internal import lazy_import
from ._frames import frame_of
from ._label_values import error_column, in_label_units, label_column
from ._spectra import Role

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["LabelTable"]


@dataclass(frozen=True, eq=False)
class LabelTable:
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

    value: np.ndarray
    error: np.ndarray
    names: tuple[str, ...]
    ids: np.ndarray
    units: Mapping[str, str] = field(default_factory=dict)
    species: Mapping[str, str] = field(default_factory=dict)
    survey: str = ""
    table: "pd.DataFrame | None" = None

    def __post_init__(self):
        names = tuple(str(n) for n in self.names)
        ids = identifiers("ids", self.ids)
        value, error, units = in_label_units(self.value, self.error, names, self.units)
        if value.shape != (len(ids), len(names)):
            raise InputError(
                f"label values have shape {value.shape}; {len(ids)} ids and {len(names)} names "
                f"({join_names(names)}) ask for ({len(ids)}, {len(names)})."
            )
        if len(set(names)) != len(names):
            raise InputError(f"label names must be distinct; given: {join_names(names)}.")
        for kind, mapping in (("unit", units), ("species", self.species)):
            for name in mapping:
                check_name(f"label for the {kind}", name, names)
        with np.errstate(invalid="ignore"):
            missing = ~(np.isfinite(value) & np.isfinite(error) & (error > 0))
        value[missing] = np.nan
        error[missing] = np.nan
        table = (
            pd.DataFrame(index=range(len(ids))) if self.table is None else frame_of("star table", self.table)
        )
        if len(table) != len(ids):
            raise InputError(f"the star table has {len(table)} rows for {len(ids)} stars.")
        for key, item in dict(
            names=names,
            ids=ids,
            value=value,
            error=error,
            table=table,
            units=units,
            species=dict(self.species),
        ).items():
            object.__setattr__(self, key, item)

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
        columns = dict(labels) if isinstance(labels, Mapping) else {name: name for name in labels}
        for label in columns:
            if label not in errors:
                raise InputError(
                    f"label '{label}' has no error; name its error column or give one number in errors "
                    f"(given for: {join_names(errors) or 'none'})."
                )
        wanted = [id_column, *columns.values(), *[e for e in errors.values() if isinstance(e, str)]]
        table = frame_of("catalogue", frame)
        for column in wanted:
            check_name("column", column, table.columns, "Name a column of this table")
            if (number := list(table.columns).count(column)) > 1:
                raise InputError(
                    f"the table has {number} columns called '{column}', so it is not known which is meant; rename all but one."
                )
        stated, known = table.attrs.get("units", {}), {str(k): str(u) for k, u in (units or {}).items()}
        value, error = np.full((2, len(table), len(columns)), np.nan)
        for j, (label, column) in enumerate(columns.items()):
            value[:, j], known = label_column(label, table[column], stated.get(column), missing, known)
            given = errors[label]
            source, unit = (table[given], stated.get(given)) if isinstance(given, str) else (given, None)
            error[:, j] = error_column(label, source, unit, len(table), known.get(label, ""))
        return cls(
            value,
            error,
            tuple(columns),
            identifiers(f"column '{id_column}'", table[id_column]),
            units=known,
            species=species or {},
            survey=survey,
            table=table,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return (
            f"LabelTable({self.survey or 'unnamed'}: {len(self)} stars, {join_names(self.names)}, "
            f"{np.isfinite(self.value).mean() if self.value.size else 0:.1%} measured)"
        )

    @property
    def ivar(self) -> np.ndarray:
        """Inverse variance, zero where missing, (star, label)."""
        return np.where(
            np.isfinite(self.error), 1.0 / np.where(np.isfinite(self.error), self.error, 1.0) ** 2, 0.0
        )

    @overload
    def __getitem__(self, name: str) -> np.ndarray: ...
    @overload
    def __getitem__(self, name: slice | int | list | np.ndarray) -> "LabelTable": ...
    def __getitem__(self, name):
        """Values of one label by its name, (star,); or the rows that `select` chooses."""
        if not isinstance(name, str):
            return self.select(name)
        check_name("label", name, self.names)
        return self.value[:, self.names.index(name)]

    def __iter__(self) -> "Iterator[LabelTable]":
        """One row after the other."""
        return (self.select(row) for row in range(len(self)))

    def select(self, index) -> "LabelTable":
        """The rows chosen by a number, slice, integer array, boolean mask or identifiers."""
        rows = chosen_rows(index, len(self), self.ids)
        return dataclasses.replace(
            self,
            value=self.value[rows],
            error=self.error[rows],
            ids=self.ids[rows],
            table=self.table.iloc[rows],  # type: ignore[union-attr]
        )

    def only(self, *names: str) -> "LabelTable":
        """The table with these labels alone, in this order."""
        for name in names:
            check_name("label", name, self.names)
        at = [self.names.index(name) for name in names]
        return dataclasses.replace(
            self,
            value=self.value[:, at],
            error=self.error[:, at],
            names=names,
            units={k: v for k, v in self.units.items() if k in names},
            species={k: v for k, v in self.species.items() if k in names},
        )

    def to_frame(self) -> "pd.DataFrame":
        """One row per star: ``id``, each label and its error as ``<label>_err``."""
        out: dict[str, np.ndarray] = {"id": self.ids}
        for j, name in enumerate(self.names):
            out[name] = self.value[:, j]
            out[f"{name}_err"] = self.error[:, j]
        return pd.DataFrame(out)
