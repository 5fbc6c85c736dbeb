"""Public objects show how they are used: runnable examples in their docstrings (pytest --doctest-modules runs them)."""

import importlib
import inspect

from .test_floors import doors

LEAST = 170


def test_many_public_objects_have_an_example():
    shown = {
        f"{door}.{name}"
        for door, names in doors().items()
        if door != "luxjax"
        for name in names
        if ">>> " in (inspect.getdoc(getattr(importlib.import_module(door), name)) or "")
    }
    assert len(shown) >= LEAST, sorted(shown)


def test_front_doors_have_an_example():
    front = [
        "fit",
        "transfer",
        "infer",
        "explain",
        "simulate",
        "crossmatch",
        "Spectra",
        "LabelTable",
        "Catalog",
        "Batch",
        "Lux",
    ]
    luxjax = importlib.import_module("luxjax")
    assert [n for n in front if ">>> " not in (inspect.getdoc(getattr(luxjax, n)) or "")] == []
