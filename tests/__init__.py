"""How annotations are checked while tests run: shapes by jaxtyping, types by beartype.

pyproject.toml names the packages. Inside ``with pytest.raises(InputError)`` nothing is checked (see conftest.py).
"""

from typing import Any, Self

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

# NumPy gives an array without axes, and any element of an array, as a scalar of its own. A float passes where a complex
# number is asked for (PEP 484), and NumPy's ArrayLike counts on that.
_SCALARS = FrozenDict(
    {
        bool: bool | np.bool_,
        int: int | np.integer,
        float: float | int | np.floating | np.integer,
        complex: complex | float | int | np.number,
        np.ndarray: np.ndarray | np.generic,
    }
)
_BEARTYPE = BeartypeConf(hint_overrides=_SCALARS)

# Their attributes are annotated; on the way in they convert what they are given.
_CONVERTING = {"Trend.__init__", "LineList.__init__"}


def check(function):
    """`function` with its annotations checked, but for ``Self`` and names that are imported for type checkers alone."""
    if getattr(function, "__qualname__", "") in _CONVERTING:
        return function
    for name, annotation in getattr(function, "__annotations__", {}).items():
        if annotation is Self or isinstance(annotation, str):
            function.__annotations__[name] = Any
    return beartype(conf=_BEARTYPE)(function)
