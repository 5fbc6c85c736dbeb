"""The pages of a run: sections put together into one self-contained HTML file."""

from .._exports import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__, __file__, extra="report", libraries=("matplotlib", "jinja2", "markupsafe")
)
