"""Names of a package that are looked up on first use; the stub ``__init__.pyi`` next to it says where each is defined.

The stub is the one list of these names: editors and type checkers read it, and so does the package itself.
"""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["MissingExtra", "lazy_exports"]


class MissingExtra(ModuleNotFoundError):
    """An optional dependency is not installed; the message says how to get it."""


def lazy_exports(
    module: str, file: str, *, extra: str = "", libraries: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package or module that has a stub.

    Parameters
    ----------
    module, file : str
        Its ``__name__`` and ``__file__``.
    extra : str
        The optional dependencies of luxjax that hold `libraries`.
    libraries : tuple of str
        Modules whose absence is answered by naming `extra`.
    """
    owners: dict[str, str] = {}  # module by name; only lines "from MODULE import NAME as NAME" count
    with open(os.path.splitext(file)[0] + ".pyi", encoding="utf-8") as stub:
        for line in stub:
            if line.startswith("from "):
                _, owner, _, name, *_ = line.split()
                owners[name] = owner
    names = sorted(owners)
    package = module if os.path.basename(file).startswith("__init__.") else module.rpartition(".")[0]

    def get(name: str) -> Any:
        if name not in owners:
            raise AttributeError(f"module '{module}' has no name '{name}'; it has {', '.join(names)}.")
        try:
            if owners[name] == ".":  # a package below this one
                return importlib.import_module(f".{name}", package)
            value = getattr(importlib.import_module(owners[name], package), name)
        except ModuleNotFoundError as missing:
            if (missing.name or "").split(".")[0] not in libraries:
                raise
            raise MissingExtra(
                f"{module}.{name} needs {missing.name}, which is not installed: pip install luxjax[{extra}]",
                name=missing.name,
            ) from None
        vars(sys.modules[module])[name] = value
        return value

    return get, lambda: names, names
