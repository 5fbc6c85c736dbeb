"""The fitters by name. A new one is its own file and one line here."""

from ..core import InputError
from ..models import Lux
from ._als import ALS
from ._em import EM
from ._fitter import AbstractFitter
from .gradient._gradient import Gradient

__all__ = ["FITTERS", "can_do", "default_fitter"]

FITTERS: dict[str, type[AbstractFitter]] = {"em": EM, "als": ALS, "gradient": Gradient}
"""In the order in which they are tried where none is named."""


def default_fitter(model: Lux) -> AbstractFitter:
    """The first fitter that suits the model."""
    for kind in FITTERS.values():
        if kind.suits(model):
            return kind()
    raise InputError("no fitter suits these decoders; give one as fitter=.")


def can_do(what: str) -> str:
    """The fitters that say so of themselves, as a message names them: ``EM(), ALS() or Gradient()``."""
    names = [f"{kind.__name__}()" for kind in FITTERS.values() if getattr(kind, what)]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
