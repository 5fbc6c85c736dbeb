"""Class, subclass, luminosity class and stage together, so that no answer contradicts another."""

from ._files import load_heads, save_heads
from ._heads import Heads, train_heads
from ._labels import class_labels

__all__ = [
    "Heads",
    "class_labels",
    "load_heads",
    "save_heads",
    "train_heads",
]
