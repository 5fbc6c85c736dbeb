"""Run folders and the workflows that fill them: demo, fit, transfer, explain, infer, classify."""

from .._exports import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__, __file__, extra="report", libraries=("matplotlib", "jinja2", "markupsafe")
)
