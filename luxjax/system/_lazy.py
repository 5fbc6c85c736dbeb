"""Libraries that are loaded when something of theirs is first used, not when they are imported."""

import importlib
from typing import Any

__all__ = ["lazy_import"]


class _Later:
    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def lazy_import(name: str) -> Any:
    """What stands for a module of this name.

    For pandas, which takes half a second and, with pyarrow, 60 MB: fits of bare arrays have no tables.
    """
    return _Later(name)
