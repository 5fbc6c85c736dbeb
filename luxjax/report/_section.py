"""What a section of the page is made of."""

from dataclasses import dataclass

__all__ = ["Cell", "Section", "Shown", "Table"]


@dataclass(frozen=True)
class Shown:
    """A figure on the page: its file in the run's figures folder, and a caption that says what to look for."""

    file: str
    alt: str
    caption: str
    wide: bool = True


@dataclass(frozen=True)
class Cell:
    """A table cell with small print; `mark`, "pass" or "fail", is shown by a sign as well as by colour."""

    text: str
    note: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table; entries are text (escaped unless Markup) or a `Cell`."""

    columns: list[str]
    rows: list[list[str | Cell]]
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """One section: text, tables, figures and preformatted text, in this order."""

    title: str
    text: str = ""
    tables: tuple[Table, ...] = ()
    figures: tuple[Shown, ...] = ()
    pre: str = ""
