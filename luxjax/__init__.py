"""luxjax: one generative latent-variable model of stellar spectra and labels, and what its labels rest on.

The names of ``__init__.pyi`` are the front doors. They are looked up on first use, so that ``import luxjax`` costs
nothing and loads no library that the work does not need.
"""

from ._exports import lazy_exports

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_exports(__name__, __file__)
