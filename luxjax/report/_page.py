"""One HTML page of a run: self-contained, readable offline, on paper and in the dark."""

import base64
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from .. import __version__
from ._run import RunFolder
from ._section import Cell
from ._sections import SECTIONS, headline

__all__ = ["render"]


def render(run: RunFolder | str | Path) -> Path:
    """Draw all figures of a run and write its `report.html`; can be repeated at any time.

    Parameters
    ----------
    run : RunFolder or path

    Returns
    -------
    Path
        Of the page. The figures stay in the run's `figures` folder as PNG and PDF.

    Raises
    ------
    InputError
        If there is no run at that path, or one of its files is broken. What a run simply does not have (yet)
        is left out of the page.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    sections = [s for section in SECTIONS if (s := section(run)) is not None]
    environment = Environment(
        loader=PackageLoader("luxjax.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = lambda name: _data_uri(run.figures / name)
    environment.tests["cell"] = lambda value: isinstance(value, Cell)
    title = run.config.get("name") or run.path.resolve().name
    html = environment.get_template("page.html.jinja").render(
        title=title, headline=headline(run), sections=sections, version=__version__
    )
    return run.write_report(html)


def _data_uri(file: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode("ascii")
