"""The header of a folder: JSON that says what the folder holds and which version of its layout it has."""

import json
from typing import Any

from ..core import InputError

__all__ = ["parse_header"]


def parse_header(text: bytes, path: str, kind: str, newest: int) -> dict[str, Any]:
    """A header from its text.

    Parameters
    ----------
    text : bytes
    path : str
        Where it was found.
    kind : str
        What the folder should hold, in words: ``"model"``.
    newest : int
        The newest schema that this version of luxjax reads.

    Raises
    ------
    InputError
        It is not JSON with a ``schema``, or its schema is newer than `newest`.
    """
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
