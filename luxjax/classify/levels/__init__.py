"""Class, subclass, luminosity class and stage together, so that no answer contradicts another."""

from ._files import load_levels, save_levels
from ._levels import ClassLevels, train_levels

__all__ = [
    "ClassLevels",
    "load_levels",
    "save_levels",
    "train_levels",
]
