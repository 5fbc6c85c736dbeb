"""A folder on this machine or anywhere else that fsspec reaches; the one home of fsspec."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..core import InputError

__all__ = ["Location", "needs"]

# What this module and zarr call an object that is being written; a file of the user may end like that too.
_OWN = re.compile(
    r"\.?((manifest|zarr|_luxjax)\.json|\w[\w-]*\.parquet|\d+)(\.[0-9a-f]+)?\.partial", re.ASCII
)


@contextmanager
def needs(what: str, extra: str = "dataset") -> Iterator[None]:
    """Turns a missing library into a sentence that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(
            f"{what} needs {error.name}, which is not installed: pip install 'luxjax[{extra}]'"
        ) from None


class Location:
    """Named objects below one address. Names use ``/``; an object is replaced whole or not at all.

    Parameters
    ----------
    address : path or str
        A folder, or an address such as ``file:///data/survey`` or ``s3://bucket/survey``.

    Notes
    -----
    On local disks an object is written under a temporary name, brought to the disk (``fsync``) and renamed. Object stores
    replace objects whole by themselves; file systems reached by other protocols (ssh, hdfs) may not.
    """

    def __init__(self, address: str | os.PathLike):
        with needs("a dataset"):
            import fsspec
            from fsspec.implementations.local import LocalFileSystem
        self.address = os.fspath(address)
        try:
            self.files, self.root = fsspec.url_to_fs(self.address)
        except (ValueError, ImportError) as error:
            raise InputError(
                f"the location '{self.address}' cannot be reached ({error}); give a folder, or an address whose protocol fsspec knows."
            ) from error
        self.local = isinstance(self.files, LocalFileSystem)

    def __str__(self) -> str:
        return self.address

    def path(self, name: str = "") -> str:
        return f"{self.root.rstrip('/')}/{name}" if name else self.root

    def names(self) -> set[str]:
        """Names of everything directly in the folder."""
        if not self.files.isdir(self.root):
            return set()
        return {Path(found).name for found in self.files.ls(self.root, detail=False)}

    def read(self, name: str) -> bytes | None:
        """The content of an object; None if there is none."""
        try:
            return self.files.cat_file(self.path(name))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Put an object, in place of an earlier one of this name."""
        path = self.path(name)
        if not self.local:
            self.files.pipe_file(path, content)
            return
        # Hidden, so that whoever reads all files of the folder passes over it.
        part = Path(path).with_name(f".{Path(path).name}.partial")
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync(part.parent)

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with suppress(FileNotFoundError):
            self.files.rm_file(self.path(name))

    def flush(self, names: Iterable[str]) -> None:
        """Bring objects that another library wrote, and their folders, from memory to the disk."""
        if not self.local:
            return
        paths = [Path(self.path(name)) for name in names]
        for path in [*paths, *{p.parent for p in paths}]:
            if path.exists():  # an object that holds nothing but zeros is not stored
                _sync(path)

    def tidy(self) -> None:
        """Remove the temporary object of an interrupted write."""
        if self.local:
            for path in Path(self.root).rglob("*.partial"):
                if _OWN.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes of this machine from writing here; a process that dies lets go."""
        if not self.local:
            yield
            return
        import fcntl

        Path(self.root).mkdir(parents=True, exist_ok=True)
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise InputError(
                f"another process is writing to '{self}'; wait until it has ended, then try again."
            ) from None
        finally:
            os.close(handle)

    def store(self, *, write: bool = False) -> Any:
        """As a zarr store."""
        with needs("a dataset"):
            from zarr.storage import FsspecStore, LocalStore
        if self.local:
            return LocalStore(self.root, read_only=not write)
        return FsspecStore.from_url(self.address, read_only=not write)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
