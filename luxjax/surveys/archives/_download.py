"""Download many survey files: in parallel, with progress, and with an account of every single one."""

import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import pandas as pd

from ...core import InputError, Progress
from ...core.internal import reporting
from ._archive import ArchiveFile
from ._fetch import FetchedFile, fetch_file, without_token

__all__ = ["DownloadResult", "download"]


@dataclass(frozen=True)
class DownloadResult:
    """What became of every file asked for, in the order asked.

    Parameters
    ----------
    files : tuple of FetchedFile
    """

    files: tuple[FetchedFile, ...]

    @property
    def paths(self) -> list[Path]:
        """The files that are on disk, whole."""
        return [f.path for f in self.files if f.status in ("downloaded", "resumed", "skipped")]

    @property
    def problems(self) -> list[FetchedFile]:
        """The files that are not, each with its reason."""
        return [f for f in self.files if f.status in ("missing", "failed")]

    @property
    def ok(self) -> bool:
        return not self.problems

    def to_frame(self) -> pd.DataFrame:
        """One row per file: url, path, status, size in bytes, message."""
        return pd.DataFrame([vars(f) for f in self.files], columns=list(FetchedFile.__dataclass_fields__))

    def __str__(self) -> str:
        counts = self.to_frame()["status"].value_counts()
        head = ", ".join(f"{n} {status}" for status, n in counts.items()) or "nothing asked for"
        return "\n".join([head, *(f"  {f.path.name}: {f.message}" for f in self.problems)])


def download(
    requests: Iterable[ArchiveFile | str],
    folder: str | os.PathLike,
    *,
    workers: int = 4,
    retries: int = 5,
    timeout: float = 60.0,
    backoff: float = 1.0,
    check_existing: bool = False,
    progress: bool | Progress | None = True,
) -> DownloadResult:
    """Fetch files into a folder. Safe to interrupt and to repeat: what is there is kept, what is half there is continued.

    Parameters
    ----------
    requests : iterable of ArchiveFile or str
        Files with the place they go to; a bare URL goes to its last path component.
    folder : path
        Made if it does not exist.
    workers : int
        Files fetched at the same time. Archives are shared: keep it small.
    retries : int
        Attempts in a row that bring a file no further before it is given up.
    timeout : float
        Seconds without a byte after which a connection counts as cut.
    backoff : float
        Seconds before the second attempt; doubled each time, at most 60, or what the server asks for.
    check_existing : bool
        Also compare the sizes of files that are there already with the archive's, and fetch again those that differ.
    progress : bool or Progress, optional
        True shows the files that are done and the megabytes that came on standard error; a function is called with
        ``("files", done, total, megabytes=...)``, by one thread at a time.

    Returns
    -------
    DownloadResult
        Missing and failed files are listed there with the reason; they never stop the others.

    Raises
    ------
    InputError
        For addresses that are not http, paths that leave the folder, or two addresses for one path.
    """
    if workers < 1 or retries < 1:
        raise InputError(f"workers and retries must be at least 1; given {workers} and {retries}.")
    wanted = _requests(requests)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    lock, done, received = threading.Lock(), set[str](), dict[str, int]()

    def fetch(file: ArchiveFile) -> FetchedFile:
        def came(n_bytes: int, _total: int | None = None, *, whole: bool = False) -> None:
            with lock:
                received[file.path] = n_bytes
                if whole:
                    done.add(file.path)
                tell("files", len(done), len(wanted), megabytes=round(sum(received.values()) / 1e6, 1))

        found = fetch_file(
            file.url,
            folder / file.path,
            retries=retries,
            timeout=timeout,
            backoff=backoff,
            check_existing=check_existing,
            stop=stop,
            report=came,
        )
        came(received.get(file.path, 0), whole=True)
        return found

    with reporting(progress, "download") as tell, ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            return DownloadResult(tuple(pool.map(fetch, wanted)))
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _requests(requests: Iterable[ArchiveFile | str]) -> list[ArchiveFile]:
    """Requests made uniform, checked, each path once."""
    by_path: dict[str, ArchiveFile] = {}
    for given in requests:
        file = given if isinstance(given, ArchiveFile) else ArchiveFile(given, _last_component(given))
        parts = urlsplit(file.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InputError(
                f"'{without_token(file.url)}' is no http address; give the full address of a file."
            )
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise InputError(f"'{file.path}' is no place inside the download folder; give a relative path.")
        known = by_path.setdefault(str(path), file)
        if known.url != file.url:
            raise InputError(
                f"two addresses would go to '{file.path}': {without_token(known.url)} and {without_token(file.url)}; give ArchiveFile "
                "objects with different paths."
            )
    return list(by_path.values())


def _last_component(url: str) -> str:
    return unquote(urlsplit(url).path).rsplit("/", 1)[-1]
