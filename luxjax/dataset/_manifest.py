"""The manifest of a dataset: what is committed, and nothing else counts. Replacing it is the commit."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..core import InputError
from ..files.internal import parse_header
from ._location import Location

__all__ = ["MANIFEST", "SCHEMA", "Manifest", "Part"]

MANIFEST = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True)
class Part:
    """What one append brought: how many stars, their table and the journal of files, each with its checksum.

    An append without stars has no table, one that did not come from files no journal.
    """

    n_stars: int
    table: str = ""
    journal: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a dataset holds.

    Parameters
    ----------
    outputs : mapping
        By name: kind, size and facts (medium, units, ...).
    chunk, shard : int
        Stars per chunk and per shard.
    n_stars : int
        Committed stars.
    grids : mapping
        Checksum of the wavelengths, by output.
    checksums : mapping
        By array (``"spectra/value"``): one for each shard, over the committed values in it.
    parts : sequence of Part
        In order.
    recipe : mapping
        How the stars were made from files; empty where they were not.
    columns : mapping
        What the columns of the ``table`` and of the ``journal`` hold, in words; empty where that is not known yet.
    dropped : mapping
        Stars that no longer count: the ``number`` of the list of their rows, how many ``rows`` it has, its ``checksum``, and
        the ``parts`` that were dropped whole. Empty where there are none.
    """

    outputs: Mapping[str, Mapping[str, Any]]
    chunk: int
    shard: int
    n_stars: int = 0
    grids: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dropped: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, location: Location) -> "Manifest | None":
        """The manifest at a location; None if there is none.

        Raises
        ------
        InputError
            It is damaged or was written by a newer luxjax.
        """
        content = location.read(MANIFEST)
        if content is None:
            return None
        where = f"{location}/{MANIFEST}"
        header = parse_header(content, where, "dataset", SCHEMA)
        try:
            later: dict[str, Any] = {"columns": {}, "dropped": {}}  # which earlier versions did not write
            facts = {name: (later | header)[name] for name in cls.__dataclass_fields__}
            facts["parts"] = tuple(Part(**part) for part in facts["parts"])
            facts["checksums"] = {name: tuple(sums) for name, sums in facts["checksums"].items()}
            return cls(**facts)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"'{where}' is damaged ({type(error).__name__}: {error}); restore it from a copy, or ingest the files again."
            ) from error

    def write(self, location: Location) -> None:
        """Commit."""
        from .. import __version__

        head = {"luxjax_dataset": "stars with named outputs", "schema": SCHEMA, "luxjax": __version__}
        location.write(MANIFEST, (json.dumps(head | asdict(self), indent=1) + "\n").encode())

    def rows_of(self, part: int) -> range:
        """The rows that a part brought."""
        start = sum(p.n_stars for p in self.parts[:part])
        return range(start, start + self.parts[part].n_stars)

    @property
    def dropped_parts(self) -> frozenset[int]:
        """Numbers of the parts that were dropped whole."""
        return frozenset(self.dropped.get("parts", ()))

    @staticmethod
    def dropped_name(number: int) -> str:
        return f"dropped/{number:06d}.parquet"

    @staticmethod
    def table_name(part: int) -> str:
        return f"table/{part:06d}.parquet"

    @staticmethod
    def journal_name(part: int) -> str:
        return f"journal/{part:06d}.parquet"
