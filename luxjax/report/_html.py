"""Sections as one HTML page: self-contained, readable offline, on paper and in the dark."""

import base64
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from .. import __version__
from ..runs import RunFolder
from ._section import Cell, Section

__all__ = ["write_page"]


def write_page(
    run: RunFolder, file: str, *, title: str, headline: str, sections: Sequence[Section], back: str = ""
) -> Path:
    """Write sections as a page of the run, and return its path; `back` is a page to return to."""
    environment = Environment(
        loader=PackageLoader("luxjax.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = lambda name: _data_uri(run.figures / name)
    environment.tests["cell"] = lambda value: isinstance(value, Cell)
    html = environment.get_template("page.html.jinja").render(
        title=title, headline=headline, sections=sections, version=__version__, back=back
    )
    return run.write_page(file, html)


def _data_uri(file: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode("ascii")
