"""Named outputs of the same stars, joined: the last stop on the host before arrays go to a model."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args, overload

import numpy as np

from ..core import Batch, InputError, OutputData, check_name
from ..core.internal import ModelUnits, chosen_rows, divided, join_names
from ..system.internal import lazy_import
from ._labels import LabelTable
from ._measurements import Measurements
from ._spectra import Spectra
from .tables._frames import frame_of

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["Catalog", "taken"]

Output = Spectra | LabelTable | Measurements
How = Literal["inner", "outer"]


@dataclass(frozen=True, eq=False)
class Catalog:
    """Spectra, measurements and labels of one set of stars, row for row.

    Parameters
    ----------
    outputs : mapping of str to Spectra, Measurements or LabelTable
        By name; all with the same ids in the same order. Use `Catalog.join` to bring them there.
    table : pandas.DataFrame, optional
        Star-level facts, one row per star (``ra``, ``dec``, ``snr``, ...).

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> flux = ivar = np.ones((2, 3))
    >>> spectra = luxjax.Spectra(flux, ivar, [5000.0, 5001.0, 5002.0], "vacuum", ids=["a", "b"])
    >>> labels = luxjax.LabelTable([[4800.0], [5700.0]], [[60.0], [60.0]], ["teff"], ids=["b", "c"])
    >>> stars = luxjax.Catalog.join({"galah": spectra, "labels": labels})
    >>> stars.ids.tolist(), stars.sizes
    (['b'], {'galah': 3, 'labels': 1})
    >>> stars.labels()["teff"].tolist()
    [4800.0]
    """

    outputs: Mapping[str, Output]
    table: "pd.DataFrame" = field(default_factory=lambda: pd.DataFrame())
    describes_outputs: ClassVar[bool] = True

    def __post_init__(self):
        outputs = dict(self.outputs)
        if not outputs:
            raise InputError("a catalogue needs at least one output; give spectra or labels by name.")
        first, *rest = outputs
        ids = outputs[first].ids
        for name in rest:
            if not np.array_equal(outputs[name].ids, ids):
                raise InputError(
                    f"outputs '{first}' and '{name}' do not hold the same stars in the same order; "
                    "join them with Catalog.join."
                )
        if len(ids) == 0:
            raise InputError(
                "no star is common to all outputs, or none was selected, so the catalogue is empty; check that both sides use the same "
                "identifiers (APOGEE ids carry a '2M' prefix, GALAH's do not) or cross-match by position."
            )
        unique, counts = np.unique(ids, return_counts=True)
        if len(unique) < len(ids):
            raise InputError(
                f"star ids must be unique; repeated: {join_names(unique[counts > 1])}. Combine the visits of a star, or "
                "keep the best one, before joining."
            )
        table = frame_of("star table", self.table)
        table = table if len(table) else pd.DataFrame(index=range(len(ids)))
        if len(table) != len(ids):
            raise InputError(f"the star table has {len(table)} rows for {len(ids)} stars.")
        object.__setattr__(self, "outputs", outputs)
        object.__setattr__(self, "table", table)

    @classmethod
    def join(
        cls, outputs: Mapping[str, Output], table: "pd.DataFrame | None" = None, *, how: How = "inner"
    ) -> "Catalog":
        """Bring outputs to the same stars, by id.

        Parameters
        ----------
        outputs : mapping of str to Spectra, Measurements or LabelTable
        table : pandas.DataFrame, optional
            Star-level facts, one row for each star of the result.
        how : "inner" or "outer"
            ``"inner"`` keeps the stars that all outputs share, in the order of the first. ``"outer"`` keeps all stars, in the
            order in which they are met; an output that a star lacks has no weight there.
        """
        check_name("way to join", how, get_args(How))
        for name, output in outputs.items():
            unique, counts = np.unique(output.ids, return_counts=True)
            if len(unique) < len(output.ids):
                raise InputError(
                    f"output '{name}' has repeated star ids: {join_names(unique[counts > 1])}. Combine the visits of a "
                    "star, or keep the best one, before joining."
                )
        if not outputs:
            return cls(outputs)
        known = [dict.fromkeys(output.ids) for output in outputs.values()]
        if how == "inner":
            ids = [i for i in known[0] if all(i in others for others in known[1:])]
        else:
            ids = list(dict.fromkeys(i for others in known for i in others))
        picked = {}
        for name, output in outputs.items():
            row = {star: k for k, star in enumerate(output.ids)}
            picked[name] = taken(output, np.array([row.get(i, -1) for i in ids], dtype=int), ids)
        return cls(picked, pd.DataFrame() if table is None else table)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        parts = "\n  ".join(f"{name}: {output!r}" for name, output in self.outputs.items())
        return f"Catalog of {len(self)} stars\n  {parts}"

    def __contains__(self, name: object) -> bool:
        """Whether there is an output of this name."""
        return name in self.outputs

    def __iter__(self) -> "Iterator[Catalog]":
        """One star after the other."""
        return (self.select(row) for row in range(len(self)))

    @property
    def ids(self) -> np.ndarray:
        return next(iter(self.outputs.values())).ids

    @overload
    def __getitem__(self, name: str) -> Output: ...
    @overload
    def __getitem__(self, name: slice | int | list | np.ndarray) -> "Catalog": ...
    def __getitem__(self, name):
        """The output of this name; or the stars that `select` chooses."""
        if not isinstance(name, str):
            return self.select(name)
        check_name("output", name, self.outputs, "Ask for one of these, or join it in")
        return self.outputs[name]

    def spectra(self, name: str) -> Spectra:
        """The output `name`, which must be spectra."""
        output = self[name]
        if not isinstance(output, Spectra):
            raise InputError(f"output '{name}' holds {output.noun}s; spectra were asked for.")
        return output

    def labels(self, name: str = "labels") -> LabelTable:
        """The output `name`, which must be labels."""
        output = self[name]
        if not isinstance(output, LabelTable):
            held = "spectra" if isinstance(output, Spectra) else f"{output.noun}s"
            raise InputError(f"output '{name}' holds {held}; labels were asked for.")
        return output

    @property
    def sizes(self) -> dict[str, int]:
        """Pixels, measurements or labels per star, by output."""
        return {k: (o.n_pixels if isinstance(o, Spectra) else len(o.names)) for k, o in self.outputs.items()}

    def in_units_of(self, fitted: ModelUnits, *names: str) -> Batch:
        """The named outputs in a model's units, as fits go through them."""
        return fitted.batch(self, *names)

    def select(self, index: Any) -> "Catalog":
        """The stars chosen by a number, slice, integer array, boolean mask or identifiers."""
        rows = chosen_rows(index, len(self), self.ids)
        return Catalog({k: o.select(rows) for k, o in self.outputs.items()}, self.table.iloc[rows])

    def only(self, *names: str) -> "Catalog":
        """The catalogue with these outputs alone."""
        return Catalog({name: self[name] for name in names}, self.table)

    def batch(self, dtype=np.float32) -> Batch:
        """The door to the models: bare arrays, bad pixels and missing labels with zero weight, no NaN.

        Fluxes are divided by the `scale` of their spectra.
        """
        labels = [name for name, o in self.outputs.items() if o.role == "label"]
        made = {
            name: OutputData.clean(*divided(*_arrays(o)), dtype, what=f"output '{name}'")
            for name, o in self.outputs.items()
        }
        return Batch(made, labels)


def taken(output: Output, rows: np.ndarray, ids: "list | np.ndarray") -> Output:
    """These rows of an output; a row of -1 is a star that it lacks: no value, no error, nothing in its table."""
    if (rows >= 0).all():
        return output.select(rows)
    gone = (rows < 0)[:, None]
    if len(output) == 0:
        raise InputError("an output without stars cannot be joined; leave it out.")
    # Row 0 is a stand-in, so that every type of column and array stays.
    found = output.select(np.maximum(rows, 0))
    table = output.table.reset_index(drop=True).reindex(rows)  # type: ignore[union-attr]
    if isinstance(found, Spectra):
        mask = None if found.mask is None else np.where(gone, 0, found.mask)
        return found.replace(
            flux=np.where(gone, 0, found.flux),
            ivar=np.where(gone, 0, found.ivar),
            mask=mask,
            ids=ids,
            table=table,
        )
    return dataclasses.replace(
        found, value=np.where(gone, np.nan, found.value), ids=np.array(ids), table=table
    )


def _arrays(output: Output) -> tuple[np.ndarray, np.ndarray, float]:
    return (
        (output.flux, output.ivar, output.scale or 1.0)
        if isinstance(output, Spectra)
        else (output.value, output.ivar, 1.0)
    )
