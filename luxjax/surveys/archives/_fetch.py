"""Fetch one file so that what lies on disk is whole, however often the connection breaks.

A file grows under a temporary name, together with a note of which version of it is being fetched. A cut connection is resumed
where it broke (HTTP Range), but only if the server says that the file is still the same (If-Range, RFC 9110 section
13.1.5); otherwise it starts again. Only a file of the announced size takes its final name, in one step.
"""

import http.client
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ... import __version__

__all__ = ["FetchedFile", "fetch_file", "without_token"]

CHUNK = 1 << 16
TEMPORARY = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class FetchedFile:
    """What became of one file.

    Parameters
    ----------
    url : str
        Without any token.
    path : Path
        Where it is, or would have been.
    status : "downloaded", "resumed", "skipped", "missing" or "failed"
        Skipped: it was there already. Missing: the archive has no such file.
    size : int
        Bytes on disk.
    message : str
        Why it is missing or failed, and what to do.
    """

    url: str
    path: Path
    status: str
    size: int = 0
    message: str = ""


class _Retry(Exception):
    """The attempt broke in a way that another may not; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


class _RangeRefused(_Retry):
    """The server does not have the rest of the file that was begun."""


class _GiveUp(Exception):
    """Another attempt would end the same way."""

    def __init__(self, message: str, status: str = "failed"):
        super().__init__(message)
        self.status = status


def without_token(url: str) -> str:
    """The address without its token."""
    parts = urlsplit(url)
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k != "token"])
    return urlunsplit(parts._replace(query=query))


def fetch_file(
    url: str,
    target: Path,
    *,
    retries: int,
    timeout: float,
    backoff: float,
    check_existing: bool,
    stop: threading.Event,
    report: Callable[[int, int | None], None],
) -> FetchedFile:
    """Fetch one file, with as many attempts as bring it further; see `download` for the options.

    `stop` ends it early; `report` is told the bytes so far and in all.
    """
    shown = without_token(url)
    part = _Part(target, shown)
    furthest = part.size
    failures = 0
    while True:
        try:
            if target.exists():
                size = target.stat().st_size
                if not check_existing or _size_there(url, timeout) in (None, size):
                    return FetchedFile(shown, target, "skipped", size)
            resumed = _attempt(url, part, timeout, stop, report)
            part.finish()
            return FetchedFile(shown, target, "resumed" if resumed else "downloaded", target.stat().st_size)
        except _GiveUp as problem:
            return FetchedFile(shown, target, problem.status, 0, str(problem))
        except _Retry as problem:
            failures = 0 if part.size > furthest else failures + 1
            furthest = max(furthest, part.size)
            if failures >= retries or stop.is_set():
                ending = (
                    f"the {part.size} bytes so far are kept: run again to continue"
                    if part.size
                    else "try again later"
                )
                return FetchedFile(shown, target, "failed", 0, f"{problem}; {ending}.")
            stop.wait(min(60.0, max(problem.wait, backoff * 2 ** max(failures - 1, 0))))
        except OSError as problem:
            return FetchedFile(shown, target, "failed", 0, f"could not write {target}: {problem}.")


class _Part:
    """The growing file, in the folder of the final one, with a note of the version it belongs to."""

    def __init__(self, target: Path, url: str):
        self.target = target
        self.url = url
        self.path = target.with_name(target.name + ".part")
        self.note_path = target.with_name(target.name + ".part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> tuple[str, int] | None:
        """Validator and full size of the version the bytes on disk belong to; None if they are of no use."""
        try:
            note = json.loads(self.note_path.read_text(encoding="utf-8"))
            url, validator, total = str(note["url"]), str(note["validator"]), int(note["total"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (validator, total) if url == self.url and validator and 0 < self.size <= total else None

    def begin(self, validator: str, total: int | None) -> None:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        note = {"url": self.url, "validator": validator if total else "", "total": total or 0}
        self.note_path.write_text(json.dumps(note), encoding="utf-8")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note_path.unlink(missing_ok=True)

    def finish(self) -> None:
        os.replace(self.path, self.target)
        self.note_path.unlink(missing_ok=True)


def _open(url: str, headers: dict[str, str], timeout: float, method: str = "GET"):
    """The server's answer, with what went wrong sorted into what may pass and what will not."""
    headers = {"User-Agent": f"luxjax/{__version__}", "Accept-Encoding": "identity", **headers}
    try:
        return urllib.request.urlopen(
            urllib.request.Request(url, headers=headers, method=method), timeout=timeout
        )
    except urllib.error.HTTPError as answer:
        answer.close()
        if answer.code == 416:
            raise _RangeRefused("the server refused the byte range") from None
        if answer.code in (404, 410):
            raise _GiveUp(
                f"the archive has no such file ({answer.code}); check release, identifiers, field and telescope.",
                "missing",
            ) from None
        if answer.code in (401, 403):
            raise _GiveUp(
                f"the archive refuses access ({answer.code}); give a valid token or log in there."
            ) from None
        if answer.code in TEMPORARY:
            asked = answer.headers.get("Retry-After", "")
            raise _Retry(
                f"the server answered {answer.code} {answer.reason}", float(asked) if asked.isdigit() else 0.0
            ) from None
        raise _GiveUp(f"the server answered {answer.code} {answer.reason}; nothing to retry.") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError) as problem:
        raise _Retry(f"no connection: {getattr(problem, 'reason', problem)}") from None


def _size_there(url: str, timeout: float) -> int | None:
    with _open(url, {}, timeout, method="HEAD") as answer:
        return _content_length(answer.headers)


def _content_length(headers) -> int | None:
    given = headers.get("Content-Length", "")
    return int(given) if given.isdigit() else None


def _attempt(
    url: str, part: _Part, timeout: float, stop: threading.Event, report: Callable[[int, int | None], None]
) -> bool:
    """Bring the part file to its full size; whether bytes of an earlier attempt were used.

    Raises `_Retry` where the body ends early: the part file then holds what came.
    """
    version = part.version()
    if version and part.size == version[1]:
        return True
    headers = {"Range": f"bytes={part.size}-", "If-Range": version[0]} if version else {}
    try:
        answer = _open(url, headers, timeout)
    except _RangeRefused:
        part.discard()
        raise
    with answer:
        kind = answer.headers.get("Content-Type", "")
        if kind.startswith("text/html") and not part.target.name.endswith((".html", ".htm")):
            raise _GiveUp(
                "the server sent a web page instead of the file, probably a login; give a valid token."
            )
        total = _content_length(answer.headers)
        if answer.status == 206:
            start, total = _content_range(answer.headers.get("Content-Range", ""))
            if version is None or start != part.size or total != version[1]:
                part.discard()
                raise _Retry("the server answered with another part of the file than asked for")
        elif total is None and answer.headers.get("Transfer-Encoding", "").lower() != "chunked":
            raise _GiveUp(
                "the server does not say how long the file is: a cut connection would look like its end."
            )
        else:
            part.begin(_validator(answer.headers), total)
        _receive(answer, part, total, stop, report)
    return answer.status == 206


def _receive(
    answer, part: _Part, total: int | None, stop: threading.Event, report: Callable[[int, int | None], None]
) -> None:
    done = part.size
    with part.path.open("ab") as out:
        while not stop.is_set():
            try:
                block = answer.read(CHUNK)
            except (http.client.HTTPException, OSError) as problem:
                raise _Retry(f"the connection broke after {done} bytes ({problem})") from None
            if not block:
                break
            out.write(block)
            done += len(block)
            report(done, total)
    if total is not None and done > total:
        part.discard()
        raise _Retry(f"the server sent {done} bytes and had announced {total}")
    if stop.is_set() or (total is not None and done < total):
        raise _Retry(f"the connection broke after {done} of {total} bytes")


def _validator(headers) -> str:
    """What If-Range may be asked with: a strong ETag, else the date of the last change."""
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def _content_range(given: str) -> tuple[int, int | None]:
    """Start and full size from ``bytes 100-199/200``; (-1, -1) where it says something else."""
    unit, _, rest = given.partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    return (int(start), int(total)) if unit == "bytes" and start.isdigit() and total.isdigit() else (-1, -1)
