"""Single spectra of a classifier's run that get a page: what class each was given, and what speaks for it.

reasons/spectra.csv    row among the features of the run, name of the page, class, probabilities, set
reasons/spectra.npz    the spectra and their Shapley values
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...classify.features import Features
from ...data import Spectra
from ...interpret.internal import Shapley
from .._folder import RunFolder
from ._data import ClassData, pack_features, read_class_data, unpack_features
from ._examples import ClassExamples, examples_of, pack_examples
from ._reason_files import pack_shapley, unpack_shapley

__all__ = ["OneSpectrum", "page_names", "read_single_spectra", "write_single_spectra"]

TABLE, ARRAYS = "reasons/spectra.csv", "reasons/spectra.npz"

COLUMNS = "features/"  # of the arrays that hold the features of the spectra


@dataclass(frozen=True, eq=False)
class OneSpectrum:
    """A spectrum with what is known of it and what the classifier says.

    Parameters
    ----------
    facts : pandas.Series
        Its row of ``spectra.csv``.
    found : pandas.Series
        ``class``, ``probability``, ``set`` and ``p_`` with each class.
    spectra : Spectra
    features : Features
        Features of this spectrum alone.
    shapley : Shapley
    row : int
        Position of this spectrum among the spectra and the Shapley values.
    name : str
        Name of the page and its figure.
    """

    facts: pd.Series
    found: pd.Series
    spectra: Spectra
    features: Features
    shapley: Shapley
    row: int
    name: str

    @property
    def probabilities(self) -> pd.Series:
        """By class."""
        return pd.Series({name: float(self.found[f"p_{name}"]) for name in self.shapley.labels})


def write_single_spectra(
    run: RunFolder,
    data: ClassData,
    examples: ClassExamples,
    features: Features,
    found: pd.DataFrame,
    shapley: Shapley,
) -> list[str]:
    """Keep spectra with what was found of them; returns the names of their pages.

    Parameters
    ----------
    run : RunFolder
    data : ClassData
        Data of the run.
    examples : ClassExamples
    features : Features
        Row for row with the examples, those included that the classifier learned.
    found : pandas.DataFrame
        Row for row with the examples, as from `luxjax.classify.Classifier.classify`.
    shapley : Shapley
        Row for row with the examples.
    """
    names = page_names(data.table.iloc[examples.rows])
    (run.path / "reasons").mkdir(exist_ok=True)
    run.write_arrays(ARRAYS, {**pack_examples(examples), **pack_shapley(shapley), **_packed(features)})
    run.write_csv(TABLE, found.reset_index(drop=True).assign(row=examples.rows, page=names))
    return names


def read_single_spectra(run: RunFolder) -> list[OneSpectrum]:
    """The spectra of a run that get a page; none where it was not explained.

    Raises
    ------
    InputError
        If what was kept of them is damaged.
    """
    if not (run.path / TABLE).is_file():
        return []
    text: dict[Any, Any] = dict.fromkeys(("class", "set", "page"), str)
    found = pd.read_csv(run.file(TABLE), dtype=text, keep_default_na=False)
    examples, shapley, features = run.arrays(ARRAYS, "spectra", _unpack)
    few = read_class_data(run).select(examples.rows)
    features = few.features if features is None else features
    return [
        OneSpectrum(
            few.table.iloc[k], found.iloc[k], examples.spectra, features.select([k]), shapley, k, name
        )
        for k, name in enumerate(found["page"])
    ]


def _packed(features: Features) -> dict[str, np.ndarray]:
    return {f"{COLUMNS}{k}": v for k, v in pack_features(features).items()}


def _unpack(arrays: Mapping[str, np.ndarray]) -> tuple[ClassExamples, Shapley, Features | None]:
    own = {k.removeprefix(COLUMNS): v for k, v in arrays.items() if k.startswith(COLUMNS)}
    return examples_of(arrays), unpack_shapley(arrays), unpack_features(own) if own else None


def page_names(table: pd.DataFrame) -> list[str]:
    """Names of the pages of these spectra: by obsid or else by star, with a number where that is not enough."""
    names: list[str] = []
    for obsid, star in zip(table["obsid"], table["id"], strict=True):
        name = "class_" + re.sub(r"[^A-Za-z0-9.+-]+", "_", str(obsid or star))
        again = sum(n == name or n.startswith(f"{name}-") for n in names)
        names.append(f"{name}-{again + 1}" if again else name)
    return names
