"""Any number of stars on disk: arrays in a zarr group, a parquet table, and a manifest that says what is committed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, overload

import numpy as np
import pandas as pd
from jax import device_put

from ..core import Batch, InputError, OutputData, check_name
from ..core.internal import ModelUnits, chosen_rows, divided, identifiers, join_names, opened, usable
from ..data import Catalog, LabelTable, Spectra
from ._append import appended, check_fits, created
from ._check import Damage, damages
from ._location import Location
from ._manifest import MANIFEST, Manifest
from ._outputs import label_columns, output_from, scale_of, table_from
from ._prefetch import prefetched
from ._streamed import Streamed
from ._table import KnownIds, StarTable
from ._zarr import Arrays, checksum

__all__ = ["Dataset", "is_dataset", "open_dataset"]

# Labels that tell their centre and spread: of at most so many stars, in runs of so many.
MANY, RUN = 131_072, 2048


class Dataset:
    """Stars on disk, all or a selection of them. Make one with `Dataset.create`, open it with `open_dataset`.

    ::

        manifest.json             what is committed: number of stars, outputs, checksums
        zarr.json                 a zarr group, format 3
        <output>/value, ivar      float32, (star, pixel or label); ivar 0 marks bad pixels and missing labels. Fluxes are
                                  divided by the `scale` of the output, which the manifest and the attributes have
        <output>/wavelength       of spectra: Angstrom
        table/<n>.parquet         ids, star-level facts and labels, one file per append
        journal/<n>.parquet       the files that were read, and what became of them

    Stars are only ever added. An append writes beyond the committed stars first and replaces the manifest last, so
    whatever interrupts it leaves the dataset as it was, and the next append writes over the rest. Only the manifest
    counts: rows of arrays beyond its number of stars are not there yet.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(10, {"flux": 20, "labels": 2}, 2, key=1).catalog
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dataset = luxjax.Dataset.create(f"{folder}/stars", stars.outputs)
    ...     dataset.append(stars)
    ...     print(len(dataset), dataset.sizes)
    10 {'flux': 20, 'labels': 2}
    """

    describes_outputs: ClassVar[bool] = True

    def __init__(self, location: Location, manifest: Manifest, rows: np.ndarray | None = None):
        self.location, self.manifest, self.rows = location, manifest, rows
        self._tidy = False

    @classmethod
    def create(
        cls,
        location: str | os.PathLike,
        outputs: Mapping[str, Spectra | LabelTable],
        *,
        chunk: int = 64,
        shard: int = 512,
        recipe: Mapping[str, Any] | None = None,
    ) -> "Dataset":
        """An empty dataset.

        Parameters
        ----------
        location : path or str
            A folder or any address that fsspec knows (``s3://...``, ``memory://...``).
        outputs : mapping of str to Spectra or LabelTable
            What the stars will have, such as ``catalog.outputs``; grids, names and units count, not the stars.
        chunk, shard : int
            Stars that are read together at least, and stars per object on disk, a multiple of it.
        recipe : mapping, optional
            Kept with the dataset: how its stars are made from files.

        Raises
        ------
        InputError
            There is a dataset already, or something else.
        """
        place = Location(location)
        manifest = created(place, outputs, chunk, shard, recipe or {})
        return cls(place, manifest)

    def __len__(self) -> int:
        return self.manifest.n_stars if self.rows is None else len(self.rows)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items())
        return f"Dataset at '{self.location}': {len(self)} stars; {sizes}"

    @property
    def sizes(self) -> dict[str, int]:
        """Pixels or labels per star, by output."""
        return {name: facts["size"] for name, facts in self.manifest.outputs.items()}

    @cached_property
    def _arrays(self) -> Arrays:
        return Arrays(self.location, self.manifest.chunk, self.manifest.shard)

    @cached_property
    def _stars(self) -> StarTable:
        return StarTable(self.location, self.manifest)

    @property
    def fingerprint(self) -> str:
        """What tells these stars from others: their number, and a checksum of all checksums and of the selection."""
        sums = repr((sorted(self.manifest.checksums.items()), self.manifest.parts)).encode()
        rows = b"" if self.rows is None else self.rows.tobytes()
        return f"{len(self)}-{checksum(sums + rows)}"

    @overload
    def __getitem__(self, name: str) -> Spectra | LabelTable: ...
    @overload
    def __getitem__(self, name: slice | int | list | np.ndarray) -> "Dataset": ...
    def __getitem__(self, name):
        """What an output means: spectra of no star, with grid and medium, or labels. Otherwise the stars that `select` chooses.

        Of more stars than `MANY` these are labels of runs of stars spread evenly over the dataset, so that memory does not
        depend on how many there are.
        """
        if not isinstance(name, str):
            return self.select(name)
        check_name("output", name, self.manifest.outputs)
        facts = self.manifest.outputs[name]
        if facts["kind"] == "labels":
            rows: slice | np.ndarray = slice(None)
            if len(self) > MANY:
                starts = np.linspace(0, len(self) - RUN, MANY // RUN).astype(np.int64)
                rows = (starts[:, None] + np.arange(RUN)).ravel()
            wanted = np.arange(len(self))[rows] if self.rows is None else self.rows[rows]
            table = self._stars.read(wanted, ["id", *label_columns(name, facts)])
            return output_from(name, facts, table, ())
        none = np.zeros((0, facts["size"]), np.float32)
        return output_from(name, facts, pd.DataFrame({"id": []}), (none, none, self.wavelength(name)))

    __iter__ = None  # `catalogs` and `batches` go through the stars

    def wavelength(self, name: str) -> np.ndarray:
        """Wavelengths of an output, Angstrom, (pixel,)."""
        check_name("output with wavelengths", name, self.manifest.grids)
        return self._arrays.grid(name)

    # Writing

    def append(self, catalog: Catalog | None, *, journal: pd.DataFrame | None = None) -> None:
        """Add stars; they are there, all of them, once this returns, and none of them before.

        Parameters
        ----------
        catalog : Catalog or None
            With the outputs of the dataset; masks of pixels are not kept. None commits a journal alone.
        journal : pandas.DataFrame, optional
            What is to be remembered of the files that were read for it.

        Raises
        ------
        InputError
            The outputs do not agree, or a star is there already.
        """
        if self.rows is not None:
            raise InputError(
                "stars are appended to a whole dataset; this is a selection of one: open it again."
            )
        with self.location.lock():
            manifest = Manifest.read(self.location)
            if manifest is None:
                raise InputError(f"the dataset at '{self.location}' is gone; make it again.")
            if manifest.n_stars != self.manifest.n_stars:  # another process added stars meanwhile
                self.__dict__.pop("_known", None)
            self.manifest = manifest
            self.__dict__.pop("_stars", None)
            if not self._tidy:  # once: looking through a large folder takes time
                self.location.tidy()
                self._tidy = True
            if catalog is not None:
                check_fits(catalog, manifest, self.wavelength)
                twice = catalog.ids[self.has(catalog.ids)]
                if len(twice):
                    raise InputError(
                        f"already in the dataset: {join_names(twice, 5)}; leave these stars out."
                    )
            self.manifest = appended(self.location, manifest, catalog, journal)
            for outdated in ("_arrays", "_stars"):
                self.__dict__.pop(outdated, None)
            if catalog is not None:
                self._known.add(catalog.ids, np.arange(manifest.n_stars, len(self)))

    @cached_property
    def _known(self) -> KnownIds:
        rows = np.arange(len(self)) if self.rows is None else self.rows
        return KnownIds(self._stars.ids, rows)

    def has(self, ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """Which of these stars are in the dataset, (star,) bool."""
        return self._known.has(identifiers("ids", ids), self._stars.ids)

    # Reading

    def table(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per star: ``id``, star-level facts, labels and errors (``<output>_<label>``, ``..._err``)."""
        return self._stars.read(self._rows(0, len(self)), columns)

    @property
    def ids(self) -> np.ndarray:
        """Star identifiers, (star,)."""
        return self._stars.ids(self._rows(0, len(self)))

    def journal(self) -> pd.DataFrame:
        """The files that were read, in order, and what became of them."""
        return self._stars.journal()

    def select(self, stars: Any) -> "Dataset":
        """Some of the stars.

        Parameters
        ----------
        stars : str, int, slice, integer array, boolean mask or list of identifiers
            A text is a question to the table, such as ``"snr > 50 and labels_teff < 5000"``.
        """
        if isinstance(stars, str):
            try:
                picked = self.table().reset_index(drop=True).query(stars).index.to_numpy()
            except Exception as error:  # pandas raises many kinds for a question it cannot answer
                raise InputError(
                    f"the question '{stars}' cannot be put to the table ({error}); its columns: "
                    f"{join_names(self.table().columns)}."
                ) from error
        else:
            picked = self._picked(stars)
        rows = picked if self.rows is None else self.rows[picked]
        return Dataset(self.location, self.manifest, np.asarray(rows, np.int64))

    def _picked(self, stars: Any) -> np.ndarray:
        """Positions of stars chosen otherwise than by a question; all identifiers are read only where some are given."""
        named = not isinstance(stars, slice) and opened("the stars", stars).values.dtype.kind in "USOT"
        return chosen_rows(stars, len(self), self.ids if named else None)

    def catalog(self, *outputs: str) -> Catalog:
        """All stars (of the selection) in memory, with these outputs or all."""
        return self._catalog(self._rows(0, len(self)), self._names(outputs))

    def batches(
        self,
        size: int | None = None,
        *outputs: str,
        fitted: ModelUnits | None = None,
        start: int = 0,
    ) -> Iterator[Batch]:
        """Stars in order as `Batch`es of `size` (one shard by default), read ahead while the last is in use.

        Labels come in their own units and fluxes divided by the dataset's scale, or both in the units of a fitted model. Stars
        before `start` are passed over, for work that goes on where it was.
        """
        names, facts = self._names(outputs), self.manifest.outputs
        tables = [name for name in names if fitted is not None and facts[name]["kind"] == "labels"]
        stored = [name for name in names if name not in tables]
        units = {name: self._units(name, fitted) for name in stored} if fitted is not None else {}

        def read(rows: slice | np.ndarray) -> Batch:
            # What is on disk was made usable when it was appended.
            found = {
                name: OutputData(
                    *(device_put(a, may_alias=True) for a in self._pair(name, rows, *units.get(name, ())))
                )
                for name in stored
            }
            if fitted is not None and tables:
                columns = [c for name in tables for c in label_columns(name, facts[name])]
                table = self._stars.read(rows, ["id", *columns])
                catalog = Catalog({name: output_from(name, facts[name], table, ()) for name in tables})
                found |= fitted.batch(catalog, *tables).outputs
            roles = [name for name in names if facts[name]["kind"] == "labels"]
            return Batch({name: found[name] for name in names}, roles)

        yield from prefetched(read, self._runs(size, start))

    def catalogs(self, size: int | None = None, *outputs: str) -> Iterator[Catalog]:
        """Stars in order as `Catalog`s of `size` (one shard by default), read ahead while the last is in use."""
        names = self._names(outputs)
        yield from prefetched(lambda rows: self._catalog(rows, names), self._runs(size))

    def in_units_of(self, fitted: ModelUnits, *names: str) -> Streamed:
        """The named outputs in a model's units, as fits go through them: read again in every pass."""
        for name in names:
            check_name("output", name, self.sizes)
        return Streamed(self, fitted, {name: self.sizes[name] for name in names})

    def check(self) -> list[Damage]:
        """Read everything that is committed and compare it with its checksums; what is damaged, and what to do."""
        return damages(self.location, self.manifest)

    def _names(self, outputs: Sequence[str]) -> tuple[str, ...]:
        for name in outputs:
            check_name("output", name, self.manifest.outputs)
        return tuple(outputs) or tuple(self.manifest.outputs)

    def _rows(self, start: int, stop: int) -> slice | np.ndarray:
        stop = min(stop, len(self))
        if self.rows is None:
            return slice(start, stop)
        rows = self.rows[start:stop]
        is_run = len(rows) > 0 and bool(np.all(np.diff(rows) == 1))
        return slice(int(rows[0]), int(rows[-1]) + 1) if is_run else rows

    def _runs(self, size: int | None, first: int = 0) -> list[slice | np.ndarray]:
        size = self.manifest.shard if size is None else size
        if size < 1:
            raise InputError(f"a batch holds at least one star; given: {size}.")
        return [self._rows(start, start + size) for start in range(first, len(self), size)]

    def _pair(
        self, name: str, rows: slice | np.ndarray, factor: float | np.ndarray = 1.0, error: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values and inverse variances of an output, divided by the dataset's scale times `factor`, each (star, pixel or label).

        Errors are those stated times `error`.
        """
        pair = self._arrays.read(f"{name}/value", rows), self._arrays.read(f"{name}/ivar", rows)
        if np.all(factor == 1) and error == 1:
            return pair
        value, ivar = divided(*pair, factor)
        return usable(value, ivar / error**2, what=f"output '{name}'")

    def _units(self, name: str, fitted: ModelUnits) -> tuple[np.ndarray, float]:
        """What one unit of a model is in the units on disk, (pixel,), exactly 1 where both are scaled alike; its factor of errors."""
        own, scale = scale_of(self.manifest.outputs[name]), fitted.scale_of(name)
        return np.where(scale == own, 1.0, scale / own), fitted.error_scale_of(name)

    def _catalog(self, rows: slice | np.ndarray, names: Sequence[str]) -> Catalog:
        facts, table = self.manifest.outputs, self._stars.read(rows)
        outputs: dict[str, Spectra | LabelTable] = {}
        for name in names:
            arrays: tuple[np.ndarray, ...] = ()
            if facts[name]["kind"] == "spectra":
                arrays = (*self._pair(name, rows), self.wavelength(name))
            outputs[name] = output_from(name, facts[name], table, arrays)
        return Catalog(outputs, table_from(table, facts))


def is_dataset(location: str | os.PathLike) -> bool:
    """Whether a folder or address holds a dataset, rather than a catalogue or nothing."""
    address = os.fspath(location)
    if "://" in address:
        return Location(address).read(MANIFEST) is not None
    # A catalogue is read without the libraries of a dataset.
    return os.path.isfile(os.path.join(address, MANIFEST))


def open_dataset(location: str | os.PathLike) -> Dataset:
    """A dataset that is there.

    Raises
    ------
    InputError
        There is none, its manifest is damaged, or a newer luxjax wrote it.

    Examples
    --------
    >>> import tempfile
    >>> import luxjax
    >>> from luxjax.dataset.internal import is_dataset
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(10, {"flux": 20, "labels": 2}, 2, key=1).catalog
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     luxjax.Dataset.create(f"{folder}/stars", stars.outputs).append(stars)
    ...     again = luxjax.open_dataset(f"{folder}/stars")
    ...     print(is_dataset(f"{folder}/stars"), again.select([3]).ids.tolist())
    True ['sim-000004']
    """
    place = Location(location)
    manifest = Manifest.read(place)
    if manifest is None:
        raise InputError(
            f"no dataset at '{place}': there is no {MANIFEST}; make one with luxjax ingest --dataset, or give the "
            "place of one."
        )
    return Dataset(place, manifest)
