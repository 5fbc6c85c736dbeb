"""What labels and measurements share: named values of stars with errors, units, and nothing where one is missing."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

import numpy as np

from ..core import InputError, check_name
from ..core.internal import chosen_rows, identifiers, join_names
from ..system.internal import lazy_import
from ._label_values import in_label_units
from ._spectra import Role
from .tables._frames import frame_of

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["NamedValues"]


class NamedValues:
    """Values of `star` rows by name. Host arrays, never changed in place; the kinds are frozen dataclasses with these fields."""

    role: ClassVar[Role]
    noun: ClassVar[str]  # what one of them is called in messages
    by_name: ClassVar[tuple[str, ...]] = ("units",)  # fields that are mappings by name

    value: np.ndarray
    error: np.ndarray
    names: tuple[str, ...]
    ids: np.ndarray
    units: Mapping[str, str]
    survey: str
    table: "pd.DataFrame | None"

    def _check_values(self) -> None:
        """Bring the shared fields into their types; refuse what does not fit together."""
        names = tuple(str(n) for n in self.names)
        ids = identifiers("ids", self.ids)
        value, error, units = in_label_units(self.noun, self.value, self.error, names, self.units)
        if value.shape != (len(ids), len(names)):
            raise InputError(
                f"{self.noun} values have shape {value.shape}; {len(ids)} ids and {len(names)} names "
                f"({join_names(names)}) ask for ({len(ids)}, {len(names)})."
            )
        if len(set(names)) != len(names):
            raise InputError(f"{self.noun} names must be distinct; given: {join_names(names)}.")
        for what in self.by_name:
            for name in getattr(self, what):
                check_name(f"{self.noun} for the {'unit' if what == 'units' else what}", name, names)
        with np.errstate(invalid="ignore"):
            missing = ~(np.isfinite(value) & np.isfinite(error) & (error > 0))
        value[missing] = np.nan
        error[missing] = np.nan
        table = (
            pd.DataFrame(index=range(len(ids))) if self.table is None else frame_of("star table", self.table)
        )
        if len(table) != len(ids):
            raise InputError(f"the star table has {len(table)} rows for {len(ids)} stars.")
        made = dict(names=names, ids=ids, value=value, error=error, table=table, units=units)
        for key, item in made.items():
            object.__setattr__(self, key, item)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.survey or 'unnamed'}: {len(self)} stars, {join_names(self.names)}, "
            f"{np.isfinite(self.value).mean() if self.value.size else 0:.1%} measured)"
        )

    @property
    def ivar(self) -> np.ndarray:
        """Inverse variance, zero where missing, (star, name)."""
        return np.where(
            np.isfinite(self.error), 1.0 / np.where(np.isfinite(self.error), self.error, 1.0) ** 2, 0.0
        )

    @overload
    def __getitem__(self, name: str) -> np.ndarray: ...
    @overload
    def __getitem__(self, name: slice | int | list | np.ndarray) -> Self: ...
    def __getitem__(self, name):
        """Values of one by its name, (star,); or the rows that `select` chooses."""
        if not isinstance(name, str):
            return self.select(name)
        check_name(self.noun, name, self.names)
        return self.value[:, self.names.index(name)]

    def __iter__(self) -> Iterator[Self]:
        """One row after the other."""
        return (self.select(row) for row in range(len(self)))

    def select(self, index) -> Self:
        """The rows chosen by a number, slice, integer array, boolean mask or identifiers."""
        rows = chosen_rows(index, len(self), self.ids)
        return dataclasses.replace(
            self,  # type: ignore[type-var]
            value=self.value[rows],
            error=self.error[rows],
            ids=self.ids[rows],
            table=self.table.iloc[rows],  # type: ignore[union-attr]
        )

    def only(self, *names: str) -> Self:
        """The table with these names alone, in this order."""
        for name in names:
            check_name(self.noun, name, self.names)
        at = [self.names.index(name) for name in names]
        fewer = {f: {k: v for k, v in getattr(self, f).items() if k in names} for f in self.by_name}
        return dataclasses.replace(
            self,  # type: ignore[type-var]  # each kind is a dataclass
            value=self.value[:, at],
            error=self.error[:, at],
            names=names,
            **fewer,
            **self._only(at),
        )

    def _only(self, at: list[int]) -> dict[str, Any]:
        """What a kind has in addition, for these columns alone."""
        return {}

    def to_frame(self) -> "pd.DataFrame":
        """One row per star: ``id``, each value and its error as ``<name>_err``."""
        out: dict[str, np.ndarray] = {"id": self.ids}
        for j, name in enumerate(self.names):
            out[name] = self.value[:, j]
            out[f"{name}_err"] = self.error[:, j]
        return pd.DataFrame(out)
