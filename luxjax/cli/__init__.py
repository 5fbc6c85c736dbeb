"""The command line ``luxjax``."""

from .._exports import lazy_exports
from ._start import main

# The commands are loaded by `main`, or when they are asked for.
__getattr__, __dir__, _ = lazy_exports(__name__, __file__)
__all__ = ["Steps", "app", "main"]
