"""Tables of the user's for the classifier: classes to train on, photometry and parallax as features; their options and sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .._options import names_in, pairs_in

__all__ = [
    "Metadata",
    "Parallax",
    "Photometry",
    "Radius",
    "Tables",
    "Truth",
    "TruthColumn",
    "metadata_like",
    "table_lines",
]

Truth = Annotated[
    Path | None,
    typer.Option(
        help="Table of classes to train on, matched by file, obsid or id, else by position: spectral types, class names or SIMBAD's object types. Default: the survey's own classes."
    ),
]
TruthColumn = Annotated[
    list[str] | None,
    typer.Option(
        help="Column of the table of --truth, as NAME=COLUMN. NAME is sp_type, class or otype (the truth), file, obsid, id, ra, dec, pmra, pmdec, epoch, gaia_dr3, gaia_dr2 or tmass_id. Can be repeated. Default: found by name."
    ),
]
Metadata = Annotated[
    Path | None,
    typer.Option(
        help="Table of photometry and parallax to use as features, matched like --truth. Default: none; features are of spectra alone."
    ),
]
Photometry = Annotated[
    str | None,
    typer.Option(
        help="Columns of --metadata to use as photometry (comma-separated); A-B is the difference of two, none is none. Default: known colours, and those of known magnitudes."
    ),
]
Parallax = Annotated[
    str | None,
    typer.Option(help="Column of --metadata with the parallax in mas; none is none. Default: found by name."),
]
Radius = Annotated[
    float,
    typer.Option(
        min=0.01, help="Largest separation in arcsec for a match of --truth or --metadata by position."
    ),
]


@dataclass(frozen=True)
class Tables:
    """The tables that a command was given, and how they are read."""

    truth: Path | None = None
    truth_column: list[str] | None = None
    metadata: Path | None = None
    photometry: str | None = None
    parallax: str | None = None
    radius: float = 3.0
    columns: dict[str, str] = field(default_factory=dict)

    def check(self, simulate: int = 0) -> "Tables":
        """Raise before anything is read where options do not fit together."""
        from ...core import InputError

        if simulate and (self.truth or self.metadata):
            raise InputError(
                "simulated stars are in no table; give --truth and --metadata with files or a dataset."
            )
        if self.truth_column and not self.truth:
            raise InputError("--truth-column names columns of the table of --truth; give that too.")
        if (self.photometry is not None or self.parallax is not None) and not self.metadata:
            raise InputError(
                "--photometry and --parallax name columns of the table of --metadata; give that too."
            )
        for table in (self.truth, self.metadata):
            if table is not None and not table.is_file():
                raise InputError(
                    f"there is no table {table}; give a file such as CSV, FITS or VOTable with positions or names of the stars."
                )
        return replace(self, columns=pairs_in(self.truth_column))

    @property
    def config(self) -> dict[str, Any]:
        """What a run keeps of them; nothing where there are none."""
        out: dict[str, Any] = {}
        if self.truth:
            out |= {"truth": str(self.truth), "truth_columns": self.columns}
        if self.metadata:
            out |= {"metadata": str(self.metadata), "photometry": self.photometry, "parallax": self.parallax}
        return out | ({"match_radius": self.radius} if out else {})

    def join(self, data: Any) -> Any:
        """The data with all that the tables say."""
        from ...runs import with_truth
        from ...runs.internal import with_metadata

        if self.truth:
            data = with_truth(data, self.truth, self.columns, match_radius=self.radius)
        if self.metadata:
            colours = None if self.photometry is None else _names(self.photometry)
            parallax = None if self.parallax is None else "".join(_names(self.parallax))
            data = with_metadata(
                data, self.metadata, photometry=colours, parallax=parallax, match_radius=self.radius
            )
        return data


def _names(text: str) -> tuple[str, ...]:
    return () if text == "none" else names_in(text)


def metadata_like(trained: Mapping[str, Any], table: Path | None) -> Tables:
    """The table for spectra to classify, read as that of the training was."""
    from ...core import InputError

    if table is not None and not trained.get("metadata"):
        raise InputError("this classifier was trained without --metadata; leave it out.")
    if table is None and trained.get("metadata"):
        raise InputError(
            f"this classifier was trained with columns of {trained['metadata']}; give such a table of these stars as --metadata."
        )
    kept: dict[str, Any] = {k: trained.get(k) for k in ("photometry", "parallax")} if table else {}
    return Tables(metadata=table, radius=float(trained.get("match_radius", 3.0)), **kept).check()


def table_lines(classes: Mapping[str, Any]) -> list[str]:
    """What is said of the tables after a training."""
    from ...runs.internal import ablation_lines, truth_lines

    return [*ablation_lines(classes["metadata"]), *truth_lines(classes["truth"])]
