"""The pages of a run: its report, one for every label that was explained, and one for every spectrum that was."""

from pathlib import Path

from ..runs import RunFolder
from ._explain_page import render_explanations
from ._headline import headline
from ._html import write_page
from ._posterior_figures import draw_posterior
from ._star_page import render_star_pages
from .sections._sections import SECTIONS

__all__ = ["render"]


def render(run: RunFolder | str | Path) -> Path:
    """Draw all figures of a run and write its `report.html`, and the page of every label and spectrum that was explained.

    Can be repeated at any time.

    Parameters
    ----------
    run : RunFolder or path

    Returns
    -------
    Path
        Of the report. The figures stay in the run's `figures` folder as PNG and PDF.

    Raises
    ------
    InputError
        If there is no run at that path, or one of its files is broken. What a run simply does not have (yet)
        is left out of the page.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    render_explanations(run)
    render_star_pages(run)
    draw_posterior(run)
    sections = [s for section in SECTIONS.values() if (s := section(run)) is not None]
    title = run.config.get("name") or run.path.resolve().name
    return write_page(run, "report.html", title=title, headline=headline(run), sections=sections)
