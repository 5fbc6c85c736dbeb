"""Tables in the formats of the Virtual Observatory and of astropy, which say what every column means."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..system.internal import lazy_import
from ._columns import describe_columns

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["write_ecsv", "write_votable"]


def _astropy_table(
    frame: "pd.DataFrame", units: Mapping[str, str], provenance, without: tuple[str, ...] = ()
) -> Any:
    from astropy.table import Column, Table

    table = Table(meta=dict(provenance or {}))
    for name, about in describe_columns(list(map(str, frame.columns)), units).items():
        values = frame[name].to_numpy()
        if values.dtype.kind in "OUST":
            values = np.where(pd.isna(values), "", values.astype(str)).astype(str)
        said = about.description
        if about.unit in without:
            said = f"{said} ({about.unit})".strip()
        unit = None if about.unit in (*without, "") else about.unit
        meta = {"ucd": about.ucd} if about.ucd else {}
        table[name] = Column(values, unit=unit, description=said or None, meta=meta)
    return table


def write_ecsv(
    frame: "pd.DataFrame", units: Mapping[str, str], file: Path, provenance: Mapping[str, str] | None = None
) -> None:
    """ECSV: text with units, descriptions and provenance in its header."""
    _astropy_table(frame, units, provenance).write(file, format="ascii.ecsv", overwrite=True)


def write_votable(
    frame: "pd.DataFrame", units: Mapping[str, str], file: Path, provenance: Mapping[str, str] | None = None
) -> None:
    """VOTable, with UCDs; what the VO's standard of units does not know, dex, is in the description."""
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info

    found = from_table(_astropy_table(frame, units, None, without=("dex",)), table_id="LABELS")
    table = found.get_first_table()
    for field in table.fields:
        about = describe_columns([field.name], units)[field.name]
        field.ucd = about.ucd or None
    for key, value in (provenance or {}).items():
        table.infos.append(Info(name=key, value=value))
    with file.open("wb") as stream:
        found.to_xml(stream)
