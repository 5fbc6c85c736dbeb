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
    from ._catalog_study import check_study, cross_validate, study_catalog
    from ._class_data import (
        ClassData,
        keep_classes,
        lamost_data,
        read_class_data,
        simulated_data,
        write_class_data,
    )
    from ._class_explain import explain_class_run
    from ._class_map import plot_embedding, plot_ordinal
    from ._class_more import with_parameters
    from ._class_reasons import ClassReasons, class_reasons
    from ._class_run import check_class_options, class_folds, classify_data, train_classes
    from ._class_star import plot_spectrum_why
    from ._class_why import plot_family_ranking, plot_naive_and_honest, plot_shapley_classes
    from ._classes import class_curves, class_reliability, classes_by_snr, confusion, set_coverage
    from ._coverage import coverage_cells, coverage_plot
    from ._demo import DEMO, demo, demo_settings
    from ._evidence import explain_run, explain_run_dataset, held_out_stars, with_errors
    from ._explain_page import render_explanations
    from ._explanations import page_name, read_explanations, write_explanations
    from ._history import history
    from ._methods import agreement, calibration_curves, compare_methods
    from ._one_to_one import one_to_one
    from ._page import render
    from ._posterior_chains import energies, rank_bars, traces
    from ._posterior_labels import corner, label_draws, label_intervals
    from ._posterior_run import infer_run, infer_stars, write_posterior
    from ._posterior_spectrum import predictive
    from ._posterior_stars import keep_window, stars_to_infer
    from ._pulls import pulls
    from ._residuals import residuals
    from ._section import Cell, Section, Shown, Table
    from ._sections import SECTIONS
    from ._spectra import spectrum
    from ._study import Reference, Study, study
    from ._study_files import study_files
    from ._style import label_name, save, styled
    from ._tables import check_table_name, write_table
    from ._transfer_run import transfer_run, transfer_run_dataset

# Public name -> its module, for those that draw or compute.
_DRAWN = {
    "Cell": "_section",
    "ClassData": "_class_data",
    "check_class_options": "_class_run",
    "class_curves": "_classes",
    "class_reliability": "_classes",
    "classes_by_snr": "_classes",
    "confusion": "_classes",
    "set_coverage": "_classes",
    "plot_family_ranking": "_class_why",
    "plot_naive_and_honest": "_class_why",
    "plot_shapley_classes": "_class_why",
    "plot_spectrum_why": "_class_star",
    "ClassReasons": "_class_reasons",
    "class_reasons": "_class_reasons",
    "plot_embedding": "_class_map",
    "plot_ordinal": "_class_map",
    "class_folds": "_class_run",
    "with_parameters": "_class_more",
    "explain_class_run": "_class_explain",
    "classify_data": "_class_run",
    "keep_classes": "_class_data",
    "lamost_data": "_class_data",
    "read_class_data": "_class_data",
    "simulated_data": "_class_data",
    "train_classes": "_class_run",
    "write_class_data": "_class_data",
    "DEMO": "_demo",
    "Reference": "_study",
    "SECTIONS": "_sections",
    "Section": "_section",
    "Shown": "_section",
    "Study": "_study",
    "Table": "_section",
    "accuracy": "_accuracy",
    "agreement": "_methods",
    "calibration_curves": "_methods",
    "compare_methods": "_methods",
    "coverage_cells": "_coverage",
    "coverage_plot": "_coverage",
    "check_study": "_catalog_study",
    "check_table_name": "_tables",
    "cross_validate": "_catalog_study",
    "demo": "_demo",
    "demo_settings": "_demo",
    "history": "_history",
    "infer_run": "_posterior_run",
    "infer_stars": "_posterior_run",
    "keep_window": "_posterior_stars",
    "stars_to_infer": "_posterior_stars",
    "label_name": "_style",
    "corner": "_posterior_labels",
    "energies": "_posterior_chains",
    "label_draws": "_posterior_labels",
    "label_intervals": "_posterior_labels",
    "one_to_one": "_one_to_one",
    "predictive": "_posterior_spectrum",
    "pulls": "_pulls",
    "rank_bars": "_posterior_chains",
    "render": "_page",
    "residuals": "_residuals",
    "save": "_style",
    "spectrum": "_spectra",
    "study": "_study",
    "study_catalog": "_catalog_study",
    "study_files": "_study_files",
    "styled": "_style",
    "traces": "_posterior_chains",
    "transfer_run": "_transfer_run",
    "transfer_run_dataset": "_transfer_run",
    "explain_run": "_evidence",
    "explain_run_dataset": "_evidence",
    "held_out_stars": "_evidence",
    "with_errors": "_evidence",
    "render_explanations": "_explain_page",
    "page_name": "_explanations",
    "read_explanations": "_explanations",
    "write_explanations": "_explanations",
    "write_posterior": "_posterior_run",
    "write_table": "_tables",
}

__all__ = [
    "DEMO",
    "SECTIONS",
    "Cell",
    "ClassData",
    "ClassReasons",
    "Example",
    "Reference",
    "RunFolder",
    "Section",
    "Shown",
    "Study",
    "Table",
    "accuracy",
    "agreement",
    "calibration_curves",
    "check_class_options",
    "check_study",
    "check_table_name",
    "class_curves",
    "class_folds",
    "class_reasons",
    "class_reliability",
    "classes_by_snr",
    "classify_data",
    "compare_methods",
    "confusion",
    "corner",
    "coverage_cells",
    "coverage_plot",
    "cross_validate",
    "demo",
    "demo_settings",
    "energies",
    "explain_class_run",
    "explain_run",
    "explain_run_dataset",
    "held_out_stars",
    "history",
    "infer_run",
    "infer_stars",
    "keep_classes",
    "keep_window",
    "label_draws",
    "label_intervals",
    "label_name",
    "lamost_data",
    "one_to_one",
    "page_name",
    "plot_embedding",
    "plot_family_ranking",
    "plot_naive_and_honest",
    "plot_ordinal",
    "plot_shapley_classes",
    "plot_spectrum_why",
    "predictive",
    "pulls",
    "rank_bars",
    "read_class_data",
    "read_explanations",
    "render",
    "render_explanations",
    "residuals",
    "save",
    "set_coverage",
    "simulated_data",
    "spectrum",
    "stars_to_infer",
    "study",
    "study_catalog",
    "study_files",
    "styled",
    "traces",
    "train_classes",
    "transfer_run",
    "transfer_run_dataset",
    "versions",
    "with_errors",
    "with_parameters",
    "write_class_data",
    "write_explanations",
    "write_posterior",
    "write_table",
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
