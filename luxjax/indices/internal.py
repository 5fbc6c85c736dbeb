"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._ratios import line_ratios, measure_ratios
from ._widths import line_widths, measure_widths

__all__ = ["line_ratios", "line_widths", "measure_ratios", "measure_widths"]
