"""A folder that keeps compiled programs, so that the next process does not compile them again.

JAX compiles every program for the shapes that it meets, which takes seconds in each new process. With such a folder it
loads what an earlier process compiled (`JAX persistent compilation cache
<https://docs.jax.dev/en/latest/persistent_compilation_cache.html>`_). The program ``luxjax`` always uses one;
``import luxjax`` never does. This module loads neither JAX nor NumPy, so that ``luxjax --help`` stays quick.
"""

import hashlib
import os
import platform
import sys
import tempfile
from pathlib import Path

__all__ = ["compilation_cache", "keep_for_program"]

MAX_BYTES = 2**30
_FOLDER = "jax_compilation_cache_dir"
# Most programs of luxjax are small and many: those that compile in less than a second are worth keeping too.
_SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def compilation_cache(folder: str | os.PathLike | None = None) -> Path | None:
    """Keep compiled programs in a folder, and use those that are there.

    Call it before the first computation; what is compiled already is not stored. Processes may share a folder. Programs
    are kept by their content, the version of JAX and the device, so that a stale one is never used. Beyond 1 GiB the
    least recently used ones are removed. Loading a program runs it: use no folder that others may write to.

    Parameters
    ----------
    folder : path, optional
        Default: one for this kind of processor below the user's cache folder (``XDG_CACHE_HOME`` or ``~/.cache``).

    Returns
    -------
    Path or None
        The folder in use; None if it cannot be written, and nothing is kept then. A folder that was set before, by
        ``JAX_COMPILATION_CACHE_DIR`` or ``jax.config``, stays, with the settings that came with it.
    """
    import jax

    if already := getattr(jax.config, _FOLDER):
        return Path(already)
    if (found := _prepared(folder)) is not None:
        jax.config.update(_FOLDER, str(found))
        for name, value in _SETTINGS.items():
            if name.upper() not in os.environ:
                jax.config.update(name, value)
    return found


def keep_for_program() -> None:
    """The same for a program that has not loaded JAX yet, by environment; where it has, as in tests, nothing is set."""
    if "jax" in sys.modules or _FOLDER.upper() in os.environ:
        return
    if (found := _prepared(None)) is not None:
        os.environ[_FOLDER.upper()] = str(found)
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name.upper(), str(value))


def _prepared(folder: str | os.PathLike | None) -> Path | None:
    """The folder, made, found writable and trimmed."""
    try:
        found = Path(folder).expanduser().resolve() if folder else _default_folder()
        # Others must not be able to plant programs.
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=found):
            pass
        _trim(found, MAX_BYTES)
    except (OSError, RuntimeError):  # Path.home() raises the latter where there is none
        return None
    return found


def _default_folder() -> Path:
    """A home folder may be shared by machines of different processors, whose programs do not run on each other."""
    base = os.environ.get("XDG_CACHE_HOME")
    kind = [platform.system(), platform.machine(), platform.processor()]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        kind += sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    except OSError:
        pass  # not Linux: the names above must do
    digest = hashlib.sha256("\n".join(kind).encode()).hexdigest()[:12]
    return (Path(base) if base else Path.home() / ".cache") / "luxjax" / f"compiled-{digest}"


def _trim(folder: Path, max_bytes: int) -> None:
    """Remove the least recently used programs until the rest is small enough; another process may do so too."""
    files = []
    for file in folder.glob("*-cache"):
        try:
            facts = file.stat()
        except FileNotFoundError:
            continue
        files.append((max(facts.st_atime, facts.st_mtime), facts.st_size, file))
    size = sum(bytes_ for _, bytes_, _ in files)
    for _, bytes_, file in sorted(files):
        if size <= max_bytes:
            break
        file.unlink(missing_ok=True)
        size -= bytes_
