"""Run folders, figures fit for a paper, and one self-contained HTML page."""

from ._run import Example, RunFolder, versions

__all__ = ["Example", "RunFolder", "versions"]
