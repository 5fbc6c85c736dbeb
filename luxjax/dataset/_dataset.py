"""Any number of stars on disk: arrays in a zarr group, a parquet table, and a manifest that says what is committed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, overload

import numpy as np
import pandas as pd
from jax import device_put

from ..core import Batch, InputError, OutputData, Progress, check_name
from ..core.internal import ModelUnits, chosen_rows, divided, join_names, opened, reporting, usable
from ..data import Catalog, Spectra
from ..data.internal import Output
from ..fitted import FittedModel
from ..fitted.internal import check_spectra, pixels_of
from ._append import created
from ._check import Damage, damages
from ._growing import GrowingStars
from ._location import Location
from ._manifest import MANIFEST, Manifest
from ._outputs import is_table, label_columns, output_from, scale_of, table_from
from ._prefetch import prefetched
from ._streamed import Streamed
from ._zarr import Arrays, checksum

__all__ = ["Dataset", "is_dataset", "open_dataset"]

# Stars that the centre and spread of labels are found from: at most this many, in runs of this many.
MANY, RUN = 131_072, 2048


class Dataset(GrowingStars):
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
        super().__init__(location, manifest, rows)
        # By output, the grid of a model and the stored pixel at each of its own, -1 where none.
        self._pixels: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @classmethod
    def create(
        cls,
        location: str | os.PathLike,
        outputs: Mapping[str, Output],
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
        outputs : mapping of str to Spectra, Measurements or LabelTable
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
        return cls._of(place, manifest)

    def __len__(self) -> int:
        return self.manifest.n_stars if self.rows is None else len(self.rows)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items())
        return f"Dataset at '{self.location}': {len(self)} stars; {sizes}"

    @property
    def sizes(self) -> dict[str, int]:
        """Pixels or labels per star, by output."""
        stored = {name: facts["size"] for name, facts in self.manifest.outputs.items()}
        return stored | {name: len(grid) for name, (grid, _) in self._pixels.items()}

    @cached_property
    def _arrays(self) -> Arrays:
        return Arrays(self.location, self.manifest.chunk, self.manifest.shard)

    @property
    def fingerprint(self) -> str:
        """What tells these stars from others: their number, and a checksum of all checksums and of the selection."""
        sums = repr((sorted(self.manifest.checksums.items()), self.manifest.parts)).encode()
        rows = b"" if self.rows is None else self.rows.tobytes()
        return f"{len(self)}-{checksum(sums + rows)}"

    @overload
    def __getitem__(self, name: str) -> Output: ...
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
        if is_table(facts):
            rows: slice | np.ndarray = slice(None)
            if len(self) > MANY:
                starts = np.linspace(0, len(self) - RUN, MANY // RUN).astype(np.int64)
                rows = (starts[:, None] + np.arange(RUN)).ravel()
            wanted = np.arange(len(self))[rows] if self.rows is None else self.rows[rows]
            table = self._stars.read(wanted, ["id", *label_columns(name, facts)])
            return output_from(name, facts, table, ())
        none = np.zeros((0, self.sizes[name]), np.float32)
        return output_from(name, facts, pd.DataFrame({"id": []}), (none, none, self.wavelength(name)))

    __iter__ = None  # `catalogs` and `batches` go through the stars

    def wavelength(self, name: str) -> np.ndarray:
        """Wavelengths of an output, Angstrom, (pixel,)."""
        check_name("output with wavelengths", name, self.manifest.grids)
        if name in self._pixels:
            return self._pixels[name][0]
        return self._arrays.grid(name)

    # Reading

    def table(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per star: ``id``, star-level facts, labels and errors (``<output>_<label>``, ``..._err``)."""
        try:
            found = self._stars.read(self._rows(0, len(self)), columns)
        except IndexError:  # none of the columns is there
            found = pd.DataFrame()
        for name in columns or ():
            if len(self) and name not in found:
                check_name("column of the dataset", name, list(map(str, self._stars.read(self._rows(0, 1)))))
        return found

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
                    f"the question '{stars}' cannot be asked of the table ({error}); its columns: "
                    f"{join_names(self.table().columns)}."
                ) from error
        else:
            picked = self._picked(stars)
        rows = picked if self.rows is None else self.rows[picked]
        chosen = Dataset(self.location, self.manifest, np.asarray(rows, np.int64))
        chosen._pixels = self._pixels
        return chosen

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
        before `start` are skipped, for work that is resumed.
        """
        names, facts = self._names(outputs), self.manifest.outputs
        tables = [name for name in names if fitted is not None and is_table(facts[name])]
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

    def catalogs(self, size: int | None = None, *outputs: str, start: int = 0) -> Iterator[Catalog]:
        """Stars from `start` on as `Catalog`s of `size` (one shard by default), read ahead while the last is in use."""
        names = self._names(outputs)
        yield from prefetched(lambda rows: self._catalog(rows, names), self._runs(size, start))

    def in_units_of(self, fitted: ModelUnits, *names: str) -> Streamed:
        """The named outputs in a model's units, as fits go through them: read again in every pass."""
        for name in names:
            check_name("output", name, self.sizes)
        return Streamed(self, fitted, {name: self.sizes[name] for name in names})

    def suited_to(self, fitted: FittedModel, *names: str) -> "Dataset":
        """The same stars with these outputs on the pixels of a model, if they are of one grid.

        Pixels that the stars lack, or that no training star of the model had, have no weight.

        Raises
        ------
        InputError
            The spectra are not such as the model was fitted to: another frame, grid, survey, ...
        """
        view = self.select(slice(None))
        for name in names:
            info, spectra = fitted.info(name), self[name] if name in self.manifest.grids else None
            if not isinstance(spectra, Spectra):
                continue
            check_spectra(name, info, spectra)
            place, unseen = pixels_of(name, info, spectra.wavelength), fitted.unseen(name)
            if place is None and unseen.any():
                place = np.arange(spectra.n_pixels)
            if place is not None and info.wavelength is not None:
                view._pixels = view._pixels | {name: (info.wavelength, np.where(unseen, -1, place))}
        return view if view._pixels else self

    def check(self, *, progress: bool | Progress | None = None) -> list[Damage]:
        """Read everything that is committed, compare it with its checksums, and see whether it can be used.

        Tables are parsed as well, and their columns compared with each other. What belongs to parts that were dropped is not
        looked at.

        Parameters
        ----------
        progress : bool or Progress, optional
            True shows the objects that are read on standard error; a function is called with ``("objects", done, total)``.

        Returns
        -------
        list of Damage
            What is damaged, and what to do.
        """
        with reporting(progress, "check") as tell:
            return damages(self.location, self.manifest, tell)

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
        value, ivar = self._arrays.read(f"{name}/value", rows), self._arrays.read(f"{name}/ivar", rows)
        if name in self._pixels:
            place = self._pixels[name][1]
            value, ivar = np.where(place >= 0, value[:, place], 0), np.where(place >= 0, ivar[:, place], 0)
        if np.all(factor == 1) and error == 1:
            return value, ivar
        value, ivar = divided(value, ivar, factor)
        return usable(value, ivar / error**2, what=f"output '{name}'")

    def _units(self, name: str, fitted: ModelUnits) -> tuple[np.ndarray, float]:
        """What one unit of a model is in the units on disk, (pixel,), exactly 1 where both are scaled alike; its factor of errors."""
        own, scale = scale_of(self.manifest.outputs[name]), fitted.scale_of(name)
        return np.where(scale == own, 1.0, scale / own), fitted.error_scale_of(name)

    def _catalog(self, rows: slice | np.ndarray, names: Sequence[str]) -> Catalog:
        facts, table = self.manifest.outputs, self._stars.read(rows)
        outputs: dict[str, Output] = {}
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
    """Open an existing dataset.

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
    return Dataset._of(place, manifest)
