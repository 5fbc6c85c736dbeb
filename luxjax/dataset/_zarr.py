"""Values of many stars in a zarr group (format 3); the one home of zarr.

Per output two float32 arrays, ``value`` and ``ivar``, both (star, pixel or label), in chunks of a few stars that are
gathered into shards, one object per shard. Spectra have ``wavelength`` too.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..core import InputError
from ._location import Location, needs
from ._shards import is_plain, read_shard

__all__ = ["Arrays", "checksum"]


def checksum(content: np.ndarray | bytes) -> str:
    """CRC-32 of bytes, or of an array's values (little-endian, in C order), as eight hexadecimal digits."""
    if isinstance(content, np.ndarray):
        content = content.astype(content.dtype.newbyteorder("<"), copy=False).tobytes()
    return f"{zlib.crc32(content):08x}"


class Arrays:
    """The zarr group of a dataset.

    Parameters
    ----------
    location : Location
    chunk, shard : int
        Stars per chunk, and per shard (a multiple of it).
    """

    def __init__(self, location: Location, chunk: int, shard: int, *, write: bool = False):
        with needs("a dataset"):
            import zarr
            from zarr.buffer.cpu import NDBuffer
            from zarr.codecs import BloscCodec
        self.location, self.chunk, self.shard, self.write = location, chunk, shard, write
        self._zarr, self._codec = zarr, BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")
        self._buffer = NDBuffer.from_numpy_array
        self._store = location.store(write=write)
        self._open: dict[str, Any] = {}

    def create(
        self, attributes: Mapping[str, Any], outputs: Mapping[str, tuple[int, Mapping[str, Any]]]
    ) -> None:
        """An empty group: attributes, and by output its size and attributes."""
        root = self._zarr.create_group(self._store, attributes=dict(attributes), overwrite=True)
        for name, (size, facts) in outputs.items():
            group = root.create_group(name, attributes=dict(facts))
            for part in ("value", "ivar"):
                group.create_array(
                    part,
                    shape=(0, size),
                    chunks=(self.chunk, size),
                    shards=(self.shard, size),
                    dtype="float32",
                    fill_value=0,
                    compressors=self._codec,
                    dimension_names=("star", "pixel" if "medium" in facts else "label"),
                )

    def describe(self, name: str, facts: Mapping[str, Any]) -> None:
        """Attributes of an output, in place of those of the same names."""
        self._zarr.open_group(self._store, path=name, mode="r+").attrs.update(dict(facts))

    def put_grid(self, name: str, wavelength: np.ndarray) -> None:
        """Store the wavelengths of an output, Angstrom."""
        group = self._zarr.open_group(self._store, path=name, mode="r+")
        array = group.create_array(
            "wavelength", data=np.asarray(wavelength, "<f8"), dimension_names=("pixel",)
        )
        array.attrs["unit"] = "Angstrom"

    def grid(self, name: str) -> np.ndarray:
        """Wavelengths of an output, Angstrom, (pixel,)."""
        return np.asarray(self._array(f"{name}/wavelength")[:])

    def read(self, name: str, rows: slice | np.ndarray) -> np.ndarray:
        """Rows of an array such as ``"spectra/value"``, (star, size)."""
        array = self._array(name)
        if isinstance(rows, slice):
            return self._run(name, rows.start, rows.stop)
        # Neighbouring chunks of a shard together and then the rows from them: zarr's own way is several times slower.
        found, order = _aligned((len(rows), array.shape[1])), np.argsort(rows, kind="stable")
        chunks, shards = rows[order] // self.chunk, rows[order] // self.shard
        breaks = np.flatnonzero((np.diff(chunks) > 1) | (np.diff(shards) > 0)) + 1
        for at in np.split(order, breaks) if len(rows) else ():
            first, last = int(rows[at[0]]), int(rows[at[-1]])
            found[at] = self._run(name, first, last + 1)[rows[at] - first]
        return found

    def _run(self, name: str, start: int, stop: int) -> np.ndarray:
        """Rows that follow each other."""
        array = self._array(name)
        found = _aligned((max(stop - start, 0), array.shape[1]))
        if len(found) and not (self.location.local and is_plain(array)):
            array.get_basic_selection(slice(start, stop), out=self._buffer(found))
            return found
        at = start
        while at < stop:
            end = min((at // self.shard + 1) * self.shard, stop)
            path, into = self.location.path(self.object(name, at)), found[at - start : end - start]
            try:
                read_shard(path, self.chunk, self.shard // self.chunk, at % self.shard, into)
            except (OSError, ValueError, RuntimeError) as error:  # the last is Blosc's
                raise InputError(
                    f"'{self.object(name, at)}' of the dataset is damaged ({error}); run luxjax check {self.location}."
                ) from error
            at = end
        return found

    def put(self, name: str, start: int, rows: np.ndarray, head: np.ndarray) -> Iterator[tuple[str, str]]:
        """Write rows from `start` on, to the end of the array; whatever stood beyond is removed.

        Parameters
        ----------
        head : (star, size) array
            The rows before `start` that share its shard, which is rewritten with them.

        Yields
        ------
        (object, checksum)
            Of every shard written, in order.
        """
        array, first, stop = self._array(name), start - len(head), start + len(rows)
        # Whole shards are written, zeros at the end, lest an interrupted append leaves anything in the last one.
        array.resize((-(-stop // self.shard) * self.shard, array.shape[1]))
        for at in range(first, stop, self.shard):
            block = rows[max(at - start, 0) : at + self.shard - start]
            if at < start:
                block = np.concatenate([head, block])
            whole = np.zeros((self.shard, array.shape[1]), np.float32)
            whole[: len(block)] = block
            array[at : at + self.shard] = whole
            yield self.object(name, at), checksum(block)
        array.resize((stop, array.shape[1]))

    def object(self, name: str, row: int) -> str:
        """Name of the object that holds a row."""
        return f"{name}/c/{row // self.shard}/0"

    def _array(self, name: str) -> Any:
        if name not in self._open:
            mode = "r+" if self.write else "r"
            self._open[name] = self._zarr.open_array(self._store, path=name, mode=mode)
        return self._open[name]


def _aligned(shape: tuple[int, int]) -> np.ndarray:
    """Memory for float32 values that begins where JAX asks for it, so that it need not copy them."""
    size = 4 * shape[0] * shape[1]
    memory = np.empty(size + 63, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(np.float32).reshape(shape)
