"""Error messages of commands: one sentence, in the words of the command line."""

import errno
import os
import re
import warnings
from collections.abc import Iterable
from typing import TextIO

__all__ = ["in_options", "sentence_of", "tell_warnings"]

# What Python names and the command line does not have, and what it has instead.
_INSTEAD = {
    "luxjax.surveys.read_many": "luxjax ingest",
    "luxjax.surveys.read_catalog": "--label-catalog",
    "luxjax.preprocessing.to_medium and resample": "luxjax ingest --like",
}
# Up to the end of the clause; a bracket that was opened before it is closed after it.
_IN_PYTHON = re.compile(r"[,;]? (?:or )?in Python:? (?:\([^()]*\)|[^.;,()]|\.(?=\w))*")


def in_options(text: str, options: Iterable[str]) -> str:
    """A message with the parameters of Python functions written as options of the command.

    Parameters
    ----------
    text : str
    options : iterable of str
        Those of the command, such as ``"--label-catalog"``.

    Examples
    --------
    >>> from luxjax.cli._errors import in_options
    >>> in_options("name it with survey=, or say rest=False.", ["--survey", "--rest", "--no-rest"])
    'name it with --survey, or say --no-rest.'
    """
    known = {
        option.removeprefix("--").replace("-", "_"): option for option in options if option.startswith("--")
    }
    text = _IN_PYTHON.sub("", text)
    for name, instead in _INSTEAD.items():
        text = text.replace(name, instead)
    for name in sorted(known, key=len, reverse=True):
        flag = rf"(?<![\w.\-/])(?<!--array ){name}="
        text = re.sub(rf"{flag}True\b", known[name], text)
        text = re.sub(rf"{flag}False\b", known.get(f"no_{name}", f"without {known[name]}"), text)
        text = re.sub(rf"{flag}(['\"])([^'\"]*)\1", rf"{known[name]} \2", text)
        text = re.sub(rf"{flag}(?=[\w(\[])", f"{known[name]} ", text)
        text = re.sub(rf"{flag}", known[name], text)
        if "_" in name:
            text = re.sub(rf"(?<![\w.\-/'\"]){name}(?![\w='\"]|\.\w)", known[name], text)
    return text


def sentence_of(error: OSError | MemoryError) -> str:
    """What an error of the operating system means, and what to do."""
    if isinstance(error, MemoryError):
        return "there is not enough memory; give fewer stars at a time, or a dataset (luxjax ingest --dataset). Nothing was lost."
    where = f"'{_printable(error.filename)}'" if error.filename is not None else "a file"
    why, to_do = _REASONS.get(error.errno or 0, (error.strerror or str(error), "check the path and the disk"))
    return f"{where} cannot be read or written: {why}; {to_do}. What was there before is unchanged."


_REASONS = {
    errno.ENOSPC: ("the disk is full", "make room, or write to another disk, and run the command again"),
    errno.EDQUOT: ("the quota of this disk is used up", "make room, and run the command again"),
    errno.EACCES: ("there is no permission", "change the permissions, or name another place"),
    errno.EPERM: ("it is not permitted", "change the permissions, or name another place"),
    errno.EROFS: ("the disk is read-only", "name another place"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "name another place"),
    errno.EISDIR: ("it is a folder, and a file was expected", "name a file"),
    errno.ENOENT: ("there is no such file or folder", "check the path"),
    errno.EEXIST: ("something of that name is there already", "name another place"),
    errno.ELOOP: ("its links lead in a circle", "mend the links"),
    errno.ENAMETOOLONG: ("the name is too long", "name a shorter one"),
    errno.EBUSY: ("it is in use", "name a folder inside it"),
    errno.EXDEV: ("it is on another disk", "name a folder inside it"),
    errno.EIO: ("the disk does not answer as it should", "check the disk"),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n), and run the command again"),
    errno.ESTALE: ("the network disk has lost it", "run the command again"),
}


def _printable(path: object) -> str:
    try:
        return os.fsencode(path).decode("utf-8", "backslashreplace")  # type: ignore[arg-type]
    except TypeError:  # a file descriptor
        return str(path)


def tell_warnings(stream: TextIO, options: Iterable[str]) -> None:
    """Show the warnings of luxjax as sentences, without the line of code that they come from."""
    usual = warnings.showwarning

    def show(message, category, filename, lineno, file=None, line=None) -> None:
        if category.__name__ == "LuxWarning":
            stream.write(f"luxjax: {in_options(str(message), options)}\n")
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show
