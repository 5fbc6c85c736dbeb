"""The files of spectra below a folder: through links, each once, and none passed over in silence."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["files_below"]


def files_below(folder: Path, endings: Sequence[str]) -> list[Path]:
    """All files with one of these endings, in order.

    Links to folders are followed, and a file that two ways lead to is taken once. What cannot be read is among them, so that
    whoever reads them lists it with the reason: links that lead nowhere, and folders that may not be opened.
    """
    found: dict[str, Path] = {}
    for path in sorted(_walk(folder, tuple(endings))):
        found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _walk(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    closed: list[Path] = []
    seen = set()

    def note(error: OSError) -> None:
        closed.append(Path(os.fsdecode(error.filename)))

    for inside, folders, names in os.walk(folder, followlinks=True, onerror=note):
        here = os.path.realpath(inside)
        if here in seen:  # links that lead back
            folders.clear()
            continue
        seen.add(here)
        # A folder may be called x.fits; it is searched like any other.
        yield from (Path(inside, name) for name in names if name.lower().endswith(endings))
    yield from closed
