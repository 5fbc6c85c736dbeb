"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._bins import bin_edges, binned_power
from ._log_g import UNITS
from ._template import COMPONENTS, template_power

__all__ = ["COMPONENTS", "UNITS", "bin_edges", "binned_power", "template_power"]
