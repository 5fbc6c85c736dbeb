"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from .._exports import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__, __file__, extra="report", libraries=("matplotlib", "jinja2", "markupsafe")
)
