"""Folders of files that belong together: a readable header and arrays, whole or not at all, versioned."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core import InputError

__all__ = ["parse_header", "read_header", "replaced_folder"]


@contextmanager
def replaced_folder(folder: str | os.PathLike, header: str, kind: str) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `folder` once it is complete.

    It is made beside its target, so that an interrupted write leaves no half of anything.

    Parameters
    ----------
    folder : path
        The target. An earlier folder of the same kind is replaced; one that holds anything else is refused.
    header : str
        The file by which the kind is known, such as ``"model.json"``.
    kind : str
        In words, such as ``"model"``.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / header).is_file() and (folder.is_file() or any(folder.iterdir())):
        raise InputError(
            f"'{folder}' exists and holds no {kind}; name a new folder or an earlier {kind} to replace."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    part.chmod(0o777 & ~_umask())
    try:
        yield part
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def read_header(folder: str | os.PathLike, header: str, kind: str, newest: int) -> dict[str, Any]:
    """The header of a folder, if this version of the library can read it.

    Raises
    ------
    InputError
        If there is none, it is not JSON with a ``schema``, or its schema is newer than `newest`.
    """
    path = Path(folder) / header
    if not path.is_file():
        raise InputError(
            f"no {kind} at '{folder}': there is no {header}; give the folder that luxjax wrote it to."
        )
    return parse_header(path.read_bytes(), str(path), kind, newest)


def parse_header(text: bytes, path: str, kind: str, newest: int) -> dict[str, Any]:
    """A header from its text, as `read_header` checks it; `path` is where it was found."""
    try:
        content = json.loads(text.decode("utf-8"))
        schema = int(content["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"'{path}' is not the header of a {kind} ({error}); save the {kind} again."
        ) from error
    if schema > newest:
        raise InputError(
            f"the {kind} of '{path}' has schema {schema}, written by luxjax {content.get('luxjax', '?')}; this "
            f"luxjax reads schemas up to {newest}: install a newer one."
        )
    return content


def _umask() -> int:
    """The umask of this process; mkdtemp makes folders that only their owner can read."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
