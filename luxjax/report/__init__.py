"""Run folders, figures fit for a paper, and one self-contained HTML page.

Figures and the page need matplotlib and jinja2, which come with ``pip install luxjax[report]`` and are loaded on
first use; run folders do without.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ..core import InputError
from ._run import Example, RunFolder, versions

if TYPE_CHECKING:
    from ._accuracy import accuracy
    from ._coverage import coverage_cells, coverage_plot
    from ._history import history
    from ._one_to_one import one_to_one
    from ._page import render
    from ._pulls import pulls
    from ._residuals import residuals
    from ._sections import SECTIONS, Cell, Section, Shown, Table
    from ._spectra import spectrum
    from ._study import Reference, Study, study
    from ._study_files import study_files
    from ._style import label_name, save, styled

# Public name -> its module, for those that draw or compute.
_DRAWN = {
    "SECTIONS": "_sections",
    "Cell": "_sections",
    "Reference": "_study",
    "Section": "_sections",
    "Shown": "_sections",
    "Study": "_study",
    "Table": "_sections",
    "accuracy": "_accuracy",
    "coverage_cells": "_coverage",
    "coverage_plot": "_coverage",
    "history": "_history",
    "label_name": "_style",
    "one_to_one": "_one_to_one",
    "pulls": "_pulls",
    "render": "_page",
    "residuals": "_residuals",
    "save": "_style",
    "spectrum": "_spectra",
    "study": "_study",
    "study_files": "_study_files",
    "styled": "_style",
}

__all__ = [
    "SECTIONS",
    "Cell",
    "Example",
    "Reference",
    "RunFolder",
    "Section",
    "Shown",
    "Study",
    "Table",
    "accuracy",
    "coverage_cells",
    "coverage_plot",
    "history",
    "label_name",
    "one_to_one",
    "pulls",
    "render",
    "residuals",
    "save",
    "spectrum",
    "study",
    "study_files",
    "styled",
    "versions",
]


def __getattr__(name: str) -> Any:
    if name not in _DRAWN:
        raise AttributeError(f"module '{__name__}' has no name '{name}'; it has {', '.join(__all__)}.")
    try:
        value = getattr(importlib.import_module(f".{_DRAWN[name]}", __name__), name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] not in ("matplotlib", "jinja2", "markupsafe"):
            raise
        raise InputError(
            f"luxjax.report.{name} needs {missing.name}, which is not installed: pip install luxjax[report]"
        ) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
