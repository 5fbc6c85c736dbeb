"""How annotations are checked while tests run: shapes by jaxtyping, types by beartype."""

from typing import Any, Self

from beartype import BeartypeConf, beartype

_BEARTYPE = BeartypeConf(is_pep484_tower=True)  # an int is a float, as everywhere in Python


def check(function):
    """`function` with its annotations checked, but for ``Self`` and names that are imported for type checkers alone."""
    for name, annotation in getattr(function, "__annotations__", {}).items():
        if annotation is Self or isinstance(annotation, str):
            function.__annotations__[name] = Any
    return beartype(conf=_BEARTYPE)(function)
