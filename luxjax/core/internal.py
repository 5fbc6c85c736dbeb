"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._arrays import Array, Bool, Float, Int, Key, Latents, PRNGKeyArray
from ._batch import divided, usable
from ._chosen import chosen_rows
from ._host import rows_filled, rows_of
from ._identifiers import classes_of, identifiers
from ._linalg import is_definite, n_pairs, pack, quadratic_form, solve_ridge, solve_symmetric, total
from ._messages import choose_from, join_names, path_text, rounded, short_repr
from ._opened import opened
from ._pickled import KeepsPrecision
from ._progress import Display, reporting
from ._random import as_key
from ._stars import STEP, AbstractLocalStars, AbstractStars, Block, ModelUnits, check_stars, padded_blocks
from ._values import converted, doubles, number, unit_text, values, values_and_unit

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
    "KeepsPrecision",
    "Key",
    "Latents",
    "ModelUnits",
    "PRNGKeyArray",
    "as_key",
    "check_stars",
    "choose_from",
    "chosen_rows",
    "classes_of",
    "converted",
    "divided",
    "doubles",
    "identifiers",
    "is_definite",
    "join_names",
    "n_pairs",
    "number",
    "opened",
    "pack",
    "padded_blocks",
    "path_text",
    "quadratic_form",
    "reporting",
    "rounded",
    "rows_filled",
    "rows_of",
    "short_repr",
    "solve_ridge",
    "solve_symmetric",
    "total",
    "unit_text",
    "usable",
    "values",
    "values_and_unit",
]
