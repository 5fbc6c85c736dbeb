"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._tables import read_gaia_table
from ._xp import is_xp, xp_measurements

__all__ = ["is_xp", "read_gaia_table", "xp_measurements"]
