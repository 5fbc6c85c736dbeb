"""Labels of stars: values with errors, units, and the species that each abundance label stands for."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..core import InputError, check_name
from ..core.internal import join_names
from ..system.internal import lazy_import
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
        NaN where a label is missing.
    error : (star, label) array
        One-sigma errors. A label without a finite value and a finite error > 0 is missing.
    names : sequence of str
        Label names, such as ``"teff"`` or ``"eu_fe"``.
    ids : sequence of str
        Star identifiers.
    units : mapping of str to str
        Unit by label name (``"K"``, ``"dex"``); labels left out have none.
    species : mapping of str to str
        Element symbol by label name, for labels that have lines of their own (``{"eu_fe": "Eu"}``); a label
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
        ids = np.asarray(self.ids, dtype=object).astype(str).reshape(-1)
        value = np.array(self.value, dtype=np.float64)
        error = np.array(np.broadcast_to(np.asarray(self.error, dtype=np.float64), value.shape))
        if value.shape != (len(ids), len(names)):
            raise InputError(
                f"label values have shape {value.shape}; {len(ids)} ids and {len(names)} names "
                f"({join_names(names)}) ask for ({len(ids)}, {len(names)})."
            )
        if len(set(names)) != len(names):
            raise InputError(f"label names must be distinct; given: {join_names(names)}.")
        for kind, mapping in (("unit", self.units), ("species", self.species)):
            for name in mapping:
                check_name(f"label for the {kind}", name, names)
        with np.errstate(invalid="ignore"):
            missing = ~(np.isfinite(value) & np.isfinite(error) & (error > 0))
        value[missing] = np.nan
        error[missing] = np.nan
        table = (
            pd.DataFrame(index=range(len(ids))) if self.table is None else self.table.reset_index(drop=True)
        )
        if len(table) != len(ids):
            raise InputError(f"the star table has {len(table)} rows for {len(ids)} stars.")
        for key, item in dict(
            names=names,
            ids=ids,
            value=value,
            error=error,
            table=table,
            units=dict(self.units),
            species=dict(self.species),
        ).items():
            object.__setattr__(self, key, item)

    @classmethod
    def from_frame(
        cls,
        frame: "pd.DataFrame",
        *,
        id_column: str,
        labels: Sequence[str] | Mapping[str, str],
        errors: Mapping[str, str | float],
        missing: Sequence[float] = (-9999.0, -999.0),
        units: Mapping[str, str] | None = None,
        species: Mapping[str, str] | None = None,
        survey: str = "",
    ) -> "LabelTable":
        """Labels from the columns of a table.

        Parameters
        ----------
        frame : pandas.DataFrame
            The catalogue.
        id_column : str
            Column of star identifiers.
        labels : sequence of column names, or mapping of label name to column name
        errors : mapping of label name to column name or to one constant error
            An error must be stated for every label: luxjax weighs labels by their errors.
        missing : sequence of float
            Values that stand for "missing" in these columns, besides NaN. Not 99, which can be real.
        units, species, survey
            As for the class.
        """
        columns = dict(labels) if isinstance(labels, Mapping) else {name: name for name in labels}
        for label in columns:
            if label not in errors:
                raise InputError(
                    f"label '{label}' has no error; name its error column or give one number in errors "
                    f"(given for: {join_names(errors) or 'none'})."
                )
        wanted = [id_column, *columns.values(), *[e for e in errors.values() if isinstance(e, str)]]
        for column in wanted:
            check_name("column", column, frame.columns, "Name a column of this table")
        value = np.column_stack([pd.to_numeric(frame[c], errors="coerce") for c in columns.values()])
        error = np.column_stack(
            [
                pd.to_numeric(frame[e], errors="coerce")
                if isinstance(e, str)
                else np.full(len(frame), float(e))
                for e in (errors[label] for label in columns)
            ]
        )
        value = np.where(np.isin(value, list(missing)), np.nan, value.astype(float))
        return cls(
            value,
            error,
            tuple(columns),
            frame[id_column].astype(str).str.strip().to_numpy(),
            units=units or {},
            species=species or {},
            survey=survey,
            table=frame,
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

    def __getitem__(self, name: str) -> np.ndarray:
        """Values of one label, (star,)."""
        check_name("label", name, self.names)
        return self.value[:, self.names.index(name)]

    def select(self, index) -> "LabelTable":
        """The rows chosen by a slice, integer array or boolean mask."""
        rows = np.arange(len(self))[index].reshape(-1)
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
