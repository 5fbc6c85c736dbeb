"""Whether anything can be written at a place: asked before hours of work, not after."""

import os
from pathlib import Path

from ..core import InputError
from ..core.internal import path_text

__all__ = ["check_place"]


def check_place(path: str | os.PathLike) -> None:
    """Raise `InputError` unless a file or folder could be made at `path`; nothing is changed.

    Folders above it that do not exist yet are no hindrance, as they are made when something is written.
    """
    target = Path(os.path.realpath(path))
    above = target.parent
    while not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise InputError(
            f"nothing can be written at '{path_text(path)}': '{path_text(above)}' is a file, not a folder; name another place."
        )
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputError(
            f"nothing can be written at '{path_text(path)}': there is no permission to write in '{path_text(above)}'; change its "
            "permissions, or name another place."
        )
