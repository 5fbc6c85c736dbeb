"""Addresses of survey files: which file of which release lies where, as pure functions of a versioned table.

The table is ``archives.json``. Archives move and mirrors exist: the host can be replaced by the `root` argument or by
an environment variable per survey, ``LUXJAX_APOGEE_ROOT``, ``LUXJAX_GALAH_ROOT`` or ``LUXJAX_LAMOST_ROOT``; the path
behind it stays the same.
"""

import json
import operator
import os
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from ...core import InputError, check_name
from ...core.internal import join_names

__all__ = [
    "ArchiveFile",
    "apogee_file",
    "archive_file",
    "archive_files",
    "archive_url",
    "galah_nights",
    "lamost_file",
]


@dataclass(frozen=True)
class ArchiveFile:
    """A file to be fetched.

    Parameters
    ----------
    url : str
    path : str
        Where it goes, relative to the download folder.
    """

    url: str
    path: str


@cache
def _releases() -> dict[str, Any]:
    return json.loads((files(__package__) / "archives.json").read_text(encoding="utf-8"))["releases"]


def archive_files(release: str) -> dict[str, tuple[str, ...]]:
    """Names of the files a release has, each with the fields its address needs."""
    check_name("release with known addresses", release, _releases())
    return {
        name: tuple(dict.fromkeys(f for _, f, _, _ in string.Formatter().parse(path) if f))
        for name, path in _releases()[release]["files"].items()
    }


def archive_url(
    release: str, file: str, *, root: str | None = None, token: str | None = None, **fields: Any
) -> str:
    """The address of one file of a release.

    Parameters
    ----------
    release : str
        ``"apogee-dr17"``, ``"galah-dr3"``, ``"lamost-dr5"`` or ``"lamost-dr10"``.
    file : str
        A name from `archive_files`.
    root : str, optional
        Scheme and host, and possibly a leading path, of a mirror. Without it the survey's environment variable, then
        the survey's own host.
    token : str, optional
        For archives that ask for one (LAMOST DR10). Without it, the environment variable ``LUXJAX_LAMOST_TOKEN``.
    **fields
        What the address is made of, such as ``telescope``, ``field`` and ``apogee_id``.

    Raises
    ------
    InputError
        For an unknown release or file, a missing or superfluous field, a field that is not a plain name, or a root
        that is not an http address.
    """
    needed = archive_files(release)
    check_name(f"file of {release}", file, needed)
    if set(fields) != set(needed[file]):
        raise InputError(
            f"the address of {release} {file} is made of {join_names(needed[file]) or 'nothing else'}; "
            f"given: {join_names(fields) or 'nothing'}. Give exactly these."
        )
    entry = _releases()[release]
    clean = {name: _plain(name, value) for name, value in fields.items()}
    url = _root(release, root) + entry["files"][file].format(**clean)
    if entry.get("token"):
        token = token or os.environ.get("LUXJAX_LAMOST_TOKEN")
        if token:
            url += ("&" if "?" in url else "?") + urlencode({"token": token})
    return url


def _root(release: str, root: str | None) -> str:
    root = (
        root or os.environ.get(f"LUXJAX_{release.split('-')[0].upper()}_ROOT") or _releases()[release]["root"]
    )
    parts = urlsplit(root)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(
            f"the archive root '{root}' is no http address; give scheme and host, such as 'https://mirror.example'."
        )
    return root.rstrip("/")


def _plain(name: str, value: Any) -> Any:
    """A field that cannot leave its place in the path: text quoted, integers as they are."""
    if isinstance(value, bytes):
        value = value.decode("ascii")
    if not isinstance(value, str):
        return _integer(name, value)
    value = value.strip()
    if not value or "/" in value or "\\" in value or value in (".", ".."):
        raise InputError(f"'{value}' cannot be the {name} in an address; give a plain name without slashes.")
    return quote(value, safe="+")


def _integer(name: str, value: Any) -> int:
    """An identifier as an integer; floats are refused, because they lose digits."""
    try:
        return int(value.strip()) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be an integer; '{value}' came as {type(value).__name__}.") from None


def archive_file(release: str, file: str, **options: Any) -> ArchiveFile:
    """A file of a release with the name the survey gives it; arguments as for `archive_url`."""
    parts = urlsplit(url := archive_url(release, file, **options))
    named = dict(parse_qsl(parts.query)).get("name")
    return ArchiveFile(url, named or unquote(parts.path).rsplit("/", 1)[-1])


def apogee_file(
    kind: str, telescope: str, field: str, apogee_id: str, *, root: str | None = None
) -> ArchiveFile:
    """One APOGEE DR17 spectrum.

    Parameters
    ----------
    kind : "aspcapStar" or "apStar"
        Normalised, or combined with visits (those of the southern telescope, lco25m, are called asStar).
    telescope, field, apogee_id : str
        Columns TELESCOPE, FIELD and APOGEE_ID of allStar. The same star may lie in several fields, so its file goes
        into ``telescope/field/``.
    """
    telescope, field, apogee_id = text(telescope), text(field), text(apogee_id)
    check_name("kind of APOGEE spectrum", kind, ("aspcapStar", "apStar"))
    check_name("APOGEE telescope", telescope, ("apo25m", "lco25m", "apo1m"))
    name = "asStar" if kind == "apStar" and telescope == "lco25m" else kind
    fields = {"telescope": telescope, "field": field, "apogee_id": apogee_id}
    file = archive_file("apogee-dr17", name, root=root, **fields)
    return ArchiveFile(file.url, f"{telescope}/{field}/{file.path}")


def galah_nights(
    sobject_ids: Iterable[int | str], *, root: str | None = None
) -> dict[ArchiveFile, list[int]]:
    """The archives of whole nights that hold these GALAH DR3 spectra, each with the ids to look for in it.

    A sobject_id has 15 digits: night (yymmdd), run, how exposures were combined, and fibre. The archive of a night
    is ``com`` for consecutive exposures (01) and ``com2`` for several epochs (02). That the two archives part along
    these digits is inferred from the survey's description of the id, not documented.
    """
    nights: dict[ArchiveFile, list[int]] = {}
    for given in sobject_ids:
        digits = str(given).strip()
        if not re.fullmatch(r"\d{15}", digits):
            raise InputError(
                f"'{given}' is no GALAH sobject_id; it has 15 digits, such as 170418003701205 (read it as int64 or "
                "text: floats lose digits)."
            )
        night, combination = digits[:6], "com2" if digits[10:12] == "02" else "com"
        url = archive_url("galah-dr3", "night", root=root, night=night, combination=combination)
        nights.setdefault(ArchiveFile(url, f"{night}_{combination}.tar.gz"), []).append(int(digits))
    return nights


def lamost_file(
    release: str, row: Mapping[str, Any], *, root: str | None = None, token: str | None = None
) -> ArchiveFile:
    """One LAMOST low-resolution spectrum.

    Parameters
    ----------
    release : "lamost-dr5" or "lamost-dr10"
    row : mapping
        Catalogue columns. DR5: obsdate (yyyy-mm-dd), planid, lmjd, spid, fiberid. DR10: obsid.
    """
    check_name("LAMOST release", release, ("lamost-dr5", "lamost-dr10"))
    needed = ("obsdate", "planid", "lmjd", "spid", "fiberid") if release == "lamost-dr5" else ("obsid",)
    missing = [name for name in needed if name not in row]
    if missing:
        raise InputError(
            f"the address of a {release} spectrum needs {join_names(needed)}; missing: {join_names(missing)}. Give rows of "
            "the release's catalogue."
        )
    if release == "lamost-dr5":
        fields: dict[str, Any] = {name: _integer(name, row[name]) for name in ("lmjd", "spid", "fiberid")}
        date = text(row["obsdate"])[:10].replace("-", "")
        if not re.fullmatch(r"\d{8}", date):
            raise InputError(f"obsdate must be a date such as 2015-01-31; given '{row['obsdate']}'.")
        return archive_file(release, "spectrum", root=root, date=date, planid=text(row["planid"]), **fields)
    obsid = _integer("obsid", row["obsid"])
    # Served compressed or not; FITS readers look at the content.
    url = archive_url(release, "spectrum", root=root, token=token, obsid=obsid)
    return ArchiveFile(url, f"{release}-{obsid}.fits")


def text(value: Any) -> str:
    """A catalogue entry as text: FITS tables hold padded bytes."""
    return (value.decode("ascii") if isinstance(value, bytes) else str(value)).strip()
