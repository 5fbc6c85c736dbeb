"""luxjax: one generative latent-variable model of stellar spectra and labels, and what its labels rest on.

The names below are the front doors. They are looked up on first use, so that ``import luxjax`` costs nothing
and loads no library that the work at hand does not need.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name -> the sub-package that owns it. A name enters here together with its code.
_NAMES = {
    "Batch": "core",
    "InputError": "core",
    "compilation_cache": "compilation",
    "keep_freed_memory": "memory",
    "LuxWarning": "core",
    "Catalog": "data",
    "LabelTable": "data",
    "Spectra": "data",
    "crossmatch": "data",
    "load_catalog": "data",
    "save_catalog": "data",
    "Dataset": "dataset",
    "open_dataset": "dataset",
    "Lux": "models",
    "read": "surveys",
    "simulate": "simulation",
    "fit": "fitting",
    "infer": "posterior",
    "save": "fitting",
    "load": "fitting",
    "transfer": "prediction",
}

_PACKAGES = (
    "compilation",
    "memory",
    "core",
    "data",
    "models",
    "pixels",
    "surveys",
    "dataset",
    "simulation",
    "fitting",
    "posterior",
    "prediction",
    "explain",
    "classify",
    "report",
)

__all__ = ["__version__", *sorted(_NAMES)]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _PACKAGES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module '{__name__}' has no name '{name}'; it has {', '.join(sorted(_NAMES))}.")


def __dir__() -> list[str]:
    return sorted([*__all__, *_PACKAGES])
