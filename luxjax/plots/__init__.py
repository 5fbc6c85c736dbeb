"""Figures fit for a paper; each draws from values that were computed before."""

from .._exports import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__, __file__, extra="report", libraries=("matplotlib", "jinja2", "markupsafe")
)
