"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._arrays import Array, Bool, Float, Int, Key, Latents, PRNGKeyArray
from ._batch import usable
from ._host import rows_filled, rows_of
from ._linalg import is_definite, n_pairs, pack, quadratic_form, solve_ridge, solve_symmetric, total
from ._messages import choose_from, join_names, path_text
from ._progress import Display, reporting
from ._random import as_key
from ._stars import STEP, AbstractLocalStars, AbstractStars, Block, ModelUnits, check_stars, padded_blocks

__all__ = [
    "STEP",
    "AbstractLocalStars",
    "AbstractStars",
    "Array",
    "Block",
    "Bool",
    "Display",
    "Float",
    "Int",
    "Key",
    "Latents",
    "ModelUnits",
    "PRNGKeyArray",
    "as_key",
    "check_stars",
    "choose_from",
    "is_definite",
    "join_names",
    "n_pairs",
    "pack",
    "padded_blocks",
    "path_text",
    "quadratic_form",
    "reporting",
    "rows_filled",
    "rows_of",
    "solve_ridge",
    "solve_symmetric",
    "total",
    "usable",
]
