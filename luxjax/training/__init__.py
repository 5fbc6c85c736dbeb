"""Training as a whole: latents and read-out chosen, every star evaluated by a model that did not see it, errors calibrated."""

from ._front import fit
from ._train import Trained, train

__all__ = [
    "Trained",
    "fit",
    "train",
]
