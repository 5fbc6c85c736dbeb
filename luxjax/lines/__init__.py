"""Absorption lines: line lists, atomic data, strengths, and matching lines to what a model sees."""

from ._line_match import match_lines
from ._lines import LineList
from ._strength import ELEMENTS, LineStrength

__all__ = [
    "ELEMENTS",
    "LineList",
    "LineStrength",
    "match_lines",
]
