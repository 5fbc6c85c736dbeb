"""Folders of files that belong together: a readable header and arrays, written whole or not at all, versioned.

Every kind of folder that luxjax writes is one `FolderKind`: it declares its header and the names of its files. A folder
is replaced only if everything in it is luxjax's own.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core import InputError
from ..core.internal import join_names
from ._header import parse_header
from ._place import check_place

__all__ = ["FolderKind"]

ARRAYS = "arrays.npz"


@dataclass(frozen=True)
class FolderKind:
    """One kind of folder: how it is recognised, and what is in it.

    Parameters
    ----------
    name : str
        In words, such as ``"model"``. The header says ``"what": "luxjax model"``.
    header : str
        Name of the JSON file, such as ``"model.json"``.
    schema : int
        Version of the layout. Newer ones are not read.
    files : tuple of str
        Regular expressions of the names of all other files that luxjax writes there, apart from ``arrays.npz``.
    folders : mapping of str to FolderKind
        Regular expressions of the names of folders inside, and their kinds.
    keys : tuple of str
        Entries by which headers are known that earlier versions wrote without ``what``.
    remedy : str
        What to do about damage.
    finite : bool
        Whether the header must hold finite numbers only, so that it is strict JSON.
    """

    name: str
    header: str
    schema: int
    files: tuple[str, ...] = ()
    folders: Mapping[str, "FolderKind"] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    remedy: str = "save it again"
    finite: bool = False

    # Writing

    def write(
        self,
        folder: str | os.PathLike,
        facts: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> Path:
        """Write a folder that has a header and arrays alone; an earlier one of this kind is replaced."""
        with self.replacing(folder) as part:
            self.put(part, facts, arrays)
        return Path(folder)

    @contextmanager
    def replacing(self, folder: str | os.PathLike) -> Iterator[Path]:
        """An empty folder to fill, which takes the place of `folder` once it is complete.

        The new folder is made next to its target, and the old one stays whole until then. A link is followed: it stays,
        and the folder that it points to is replaced.

        Raises
        ------
        InputError
            The target is a file, or holds anything that this kind does not write. It is left as it is.
        """
        target = self.check_replaceable(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        part.chmod(0o777 & ~_umask())
        try:
            yield part
            self.check_replaceable(folder)  # a file may have come in meanwhile
            _take_place(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def check_replaceable(self, folder: str | os.PathLike) -> Path:
        """The folder itself, links followed, if one of this kind may be written there.

        Raises
        ------
        InputError
            It is a file, or holds anything that this kind does not write.
        """
        target = Path(os.path.realpath(folder))
        check_place(target)
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return target
        if target.is_file() or not self._has_header(target):
            raise InputError(
                f"'{folder}' exists and holds no {self.name}; name a new folder or an earlier {self.name} to replace."
            )
        if strangers := self.strangers(target):
            raise InputError(
                f"'{folder}' holds a {self.name} and also {join_names(strangers, 5)}, which luxjax did not write, so it is "
                "not replaced; move that elsewhere, or name another folder."
            )
        return target

    def put(
        self, part: Path, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Write the header, and arrays if there are any, into a folder that is being filled."""
        from .. import __version__

        header = {"what": f"luxjax {self.name}", "schema": self.schema, "luxjax": __version__} | dict(facts)
        text = json.dumps(header, indent=1, allow_nan=not self.finite)
        (part / self.header).write_text(text + "\n", encoding="utf-8")
        if arrays is not None:
            np.savez(part / ARRAYS, **arrays)  # type: ignore[arg-type]

    # Reading

    def read(self, folder: str | os.PathLike) -> dict[str, Any]:
        """The header of a folder.

        Raises
        ------
        InputError
            There is none, it is of another kind or damaged, or a newer luxjax wrote it.
        """
        path = Path(folder) / self.header
        if not path.is_file():
            raise InputError(
                f"no {self.name} at '{folder}': there is no {self.header}; give the folder that luxjax wrote it to."
            )
        content = parse_header(path.read_bytes(), str(path), self.name, self.schema)
        if not self._is_own(content):
            raise InputError(
                f"'{path}' is not the header of a {self.name} of luxjax; give the folder that luxjax wrote it to."
            )
        return content

    def arrays(self, folder: str | os.PathLike) -> dict[str, np.ndarray]:
        """The arrays of a folder, in memory; objects, which would need pickle, are refused."""
        # NumPy leaves a file open that it finds damaged, so it is opened here.
        with open(Path(folder) / ARRAYS, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    @contextmanager
    def reading(self, folder: str | os.PathLike, *, refusals: bool = True) -> Iterator[None]:
        """Turn any error raised while reading a damaged file into one `InputError`.

        An `InputError` passes where it may be a refusal that tells the user what to do; otherwise it is damage too.
        """
        try:
            yield
        except MemoryError:
            raise
        except Exception as error:  # the libraries that read the files fail in many ways
            if refusals and isinstance(error, InputError):
                raise
            reason = f"{type(error).__name__}: {error}"
            raise InputError(
                f"the {self.name} at '{folder}' is damaged ({reason}); {self.remedy}."
            ) from error

    # Recognition

    def strangers(self, folder: Path) -> list[str]:
        """Names of what is in a folder of this kind and was not written by luxjax, those of inner folders with a slash."""
        found: list[str] = []
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                inner = next(
                    (kind for name, kind in self.folders.items() if re.fullmatch(name, entry.name)), None
                )
                if inner is None or not inner._has_header(entry):
                    found.append(f"{entry.name}/")
                else:
                    found += [f"{entry.name}/{name}" for name in inner.strangers(entry)]
            elif entry.is_symlink() or not self._writes(entry.name):
                found.append(entry.name)
        return found

    def _writes(self, name: str) -> bool:
        return name in (self.header, ARRAYS) or any(re.fullmatch(own, name) for own in self.files)

    def _has_header(self, folder: Path) -> bool:
        try:
            content = json.loads((folder / self.header).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return self._is_own(content)

    def _is_own(self, content: Any) -> bool:
        """Whether a header is luxjax's, of this kind; any schema."""
        if not isinstance(content, dict) or not isinstance(content.get("schema"), int):
            return False
        if "what" in content:
            return content["what"] == f"luxjax {self.name}"
        return bool(self.keys) and set(self.keys) <= set(content)


def _take_place(new: Path, target: Path) -> None:
    """Move a folder to where another is. The other is first moved aside, and moved back if that fails."""
    if not target.exists():
        os.replace(new, target)
        return
    aside = new.with_name(f"{new.name}-old")
    os.rename(target, aside)
    try:
        os.rename(new, target)
    except BaseException:
        os.rename(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    """The umask of this process; mkdtemp makes folders that only their owner can read."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
