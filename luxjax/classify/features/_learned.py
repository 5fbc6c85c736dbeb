"""Families of features that are learned from the spectra of training stars, such as latents and principal components.

A family is learned in every training again, from its training stars alone, and travels with the classifier. To add one, write a
`FeatureFamily` and `register_family` it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import join_names
from ...data import Spectra
from ._family_names import FAMILIES
from ._features import Features

__all__ = [
    "DEFAULT_FAMILIES",
    "LEARNED",
    "FeatureFamily",
    "check_families",
    "learn_families",
    "learned_arrays",
    "learned_from",
    "register_family",
    "with_learned",
]

MOST = 5000  # spectra that a family is learned from; more add time, not knowledge
BLOCK = 1024  # spectra that a family is measured on together, which bounds the memory
DEFAULT_FAMILIES = ("latent", "pca")


class FeatureFamily(ABC):
    """A family of features that is learned from spectra at rest, and measured on any.

    Subclasses set `family`, the name that their features bear in every ranking of families.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from luxjax.classify.features import FeatureFamily, register_family
    >>> class Brightness(FeatureFamily):
    ...     family = "brightness"
    ...     @classmethod
    ...     def learn(cls, spectra, seed):
    ...         return cls()
    ...     def measure(self, spectra):
    ...         table = pd.DataFrame({"g_mag": spectra.table["g_mag"].to_numpy(float)})
    ...         return table, 0 * table + 0.02
    ...     def arrays(self):
    ...         return {}
    ...     @classmethod
    ...     def from_arrays(cls, arrays):
    ...         return cls()
    >>> register_family(Brightness)  # then: train_classifier(features, truth, learned=("latent", "pca", "brightness"))
    """

    family: ClassVar[str]

    @classmethod
    @abstractmethod
    def learn(cls, spectra: Spectra, seed: int) -> "FeatureFamily":
        """Learn from spectra of training stars: at rest, in vacuum, over a smooth continuum, with what is known of them as `table`."""

    @abstractmethod
    def measure(self, spectra: Spectra) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The features of such spectra and their errors, (row, feature), row for row; NaN where one cannot be measured."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that was learned, for a file."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "FeatureFamily":
        """The same from what `arrays` gave."""


LEARNED: dict[str, type[FeatureFamily]] = {}
"""Families that can be learned, by name."""


def register_family(kind: type[FeatureFamily]) -> None:
    """Make a family known under its name `kind.family`, to training, to files and to rankings.

    Raises
    ------
    InputError
        If another family has this name.
    """
    name = getattr(kind, "family", "")
    if not (isinstance(kind, type) and issubclass(kind, FeatureFamily) and isinstance(name, str) and name):
        raise InputError(
            "a family of features is a subclass of FeatureFamily whose attribute family names it."
        )
    same = LEARNED.get(name)
    taken = name in FAMILIES if same is None else same.__qualname__ != kind.__qualname__
    if taken and name not in DEFAULT_FAMILIES:
        raise InputError(f"there is a feature family '{name}' already; choose another name.")
    LEARNED[name] = kind
    FAMILIES.setdefault(name, name)


def check_families(learned: Sequence[str] | None, features: Features) -> tuple[str, ...]:
    """The families to learn: those asked for, or the default ones where the features come with spectra."""
    if learned is None:
        learned = () if features.spectra is None else DEFAULT_FAMILIES
    if isinstance(learned, str):
        raise InputError(f"families to learn are a sequence of names, such as ('{learned}',).")
    for name in learned:
        check_name("family to learn", name, LEARNED)
    if learned and features.spectra is None:
        raise InputError(
            f"{join_names(learned)} are learned from spectra, and these features have none; extract_features keeps them "
            "unless spectra_at_rest=False."
        )
    return tuple(dict.fromkeys(learned))


def learn_families(names: Sequence[str], features: Features, seed: int) -> dict[str, FeatureFamily]:
    """Learn these families from the spectra of the features, which are those of training stars."""
    spectra = features.spectra
    if not names or spectra is None:
        return {}
    if len(spectra) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(len(spectra), MOST, replace=False))
        spectra = spectra.select(rows)
    return {name: LEARNED[name].learn(spectra, seed) for name in names}


def with_learned(features: Features, learned: Mapping[str, FeatureFamily]) -> Features:
    """The features with the columns of learned families, and without spectra; those that have the columns already stay."""
    missing = {name: one for name, one in learned.items() if name not in features.families.values()}
    if not missing:
        return features if features.spectra is None else replace(features, spectra=None)
    if features.spectra is None:
        raise InputError(
            f"this classifier sees {join_names(missing)} too, which are measured on spectra, and these features have none; "
            "make them by extract_features from spectra."
        )
    parts = [_measured(one, features.spectra) for one in missing.values()]
    values = pd.concat([features.values, *(p[0] for p in parts)], axis=1)
    errors = pd.concat([features.errors, *(p[1] for p in parts)], axis=1)
    families = dict(features.families)
    for name, (table, _) in zip(missing, parts, strict=True):
        families |= dict.fromkeys(table.columns, name)
    if not values.columns.is_unique:
        twice = values.columns[values.columns.duplicated()]
        raise InputError(f"the features have {join_names(twice)} already; leave these columns out.")
    return replace(features, values=values, errors=errors, families=families, spectra=None)


def _measured(one: FeatureFamily, spectra: Spectra) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and errors of a family, block by block."""
    starts = range(0, max(len(spectra), 1), BLOCK)
    parts = [one.measure(spectra.select(slice(k, k + BLOCK))) for k in starts]
    values, errors = (pd.concat([p[i] for p in parts], ignore_index=True) for i in range(2))
    return values, errors


def learned_arrays(learned: Mapping[str, FeatureFamily]) -> dict[str, np.ndarray]:
    """All that was learned, for a file."""
    return {f"learned/{name}/{k}": v for name, one in learned.items() for k, v in one.arrays().items()}


def learned_from(
    names: Sequence[str], arrays: Mapping[str, np.ndarray], where: object
) -> dict[str, FeatureFamily]:
    """The families of these names from what `learned_arrays` gave; `where` is the folder, for messages."""
    found = {}
    for name in names:
        if name not in LEARNED:
            raise InputError(
                f"'{where}' sees features of the family '{name}', which is not known here; define it and call register_family before loading."
            )
        start = f"learned/{name}/"
        own = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
        found[name] = LEARNED[name].from_arrays(own)
    return found
