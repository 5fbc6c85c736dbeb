"""The methods by name. A new one is its own file and one line here."""

from ._exact import Exact
from ._laplace import Laplace
from ._method import AbstractMethod
from ._nuts import NUTS
from ._variational import Variational

__all__ = ["METHODS"]

METHODS: dict[str, type[AbstractMethod]] = {
    "exact": Exact,
    "laplace": Laplace,
    "variational": Variational,
    "nuts": NUTS,
}
