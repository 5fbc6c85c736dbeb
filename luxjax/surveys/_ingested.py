"""Result of reading raw files: catalogues, and an account of everything that did not get into them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import InputError
from ..core.internal import join_names
from ..data import Catalog, LabelTable, Match, save_catalog
from .catalogs._label_losses import AccountOfLabels
from .catalogs._quality import QualityReport
from .instruments._matched import Instruments

__all__ = ["IngestResult", "by_reason"]


@dataclass(frozen=True, eq=False)
class IngestResult:
    """Catalogues made of raw files, and an account of everything that did not get into them.

    Parameters
    ----------
    labelled, unlabelled : Catalog or None
        Stars with spectra and labels, and with spectra alone; None where there are none.
    failures : pandas.DataFrame
        Columns ``path`` and ``reason``: files that could not be used.
    left_out : pandas.DataFrame
        Columns ``id``, ``file`` and ``reason``: spectra that were read but not kept.
    labels_left_out : pandas.DataFrame
        Columns ``id`` and ``reason``: rows of the label catalogue that were not used.
    match : Match or None
        How spectra (left) and labels (right) were paired.
    cuts : QualityReport or None
        What the quality cuts cost.
    n_files, n_label_rows : int
        Files given, and rows of the label catalogue.
    done : tuple of str
        What was done to the spectra, in words: grid, continuum, pixels left out.
    account : AccountOfLabels or None
        How many values of each label the catalogue has, and why others are lost.
    label_values_lost : pandas.DataFrame
        Columns ``id`` and ``reason``: single values of labels that could not be used; the rest of their rows can be.
    instruments : Instruments
        How many stars the further instruments have, and by what they were matched.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.surveys import ingest
    >>> flux, wavelength = np.ones((2, 50)), 5000.0 + np.arange(50)
    >>> spectra = luxjax.Spectra(flux, 1e4 * flux, wavelength, "air", ["a", "b"], normalized=True)
    >>> result = ingest(spectra)
    >>> len(result.unlabelled), len(result.failures), len(result.lost)
    (2, 0, 0)
    """

    labelled: Catalog | None
    unlabelled: Catalog | None
    failures: pd.DataFrame
    left_out: pd.DataFrame
    labels_left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"id": [], "reason": []}))
    match: Match | None = None
    cuts: QualityReport | None = None
    n_files: int = 0
    n_label_rows: int = 0
    done: tuple[str, ...] = ()
    account: AccountOfLabels | None = None
    label_values_lost: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"id": [], "reason": []}))
    instruments: Instruments = field(default_factory=Instruments)

    def __repr__(self) -> str:
        return self.summary

    @property
    def summary(self) -> str:
        """What was done, what came in, what was lost on the way and why, and what is left; a few lines."""
        catalogs = [c for c in (self.labelled, self.unlabelled) if c is not None]
        n = sum(len(c) for c in catalogs)
        lines = [
            *self.done,
            f"spectra: {n} stars kept" + (f" from {self.n_files} files" if self.n_files else ""),
        ]
        lines += _counted(self.failures, "path", "files not used")
        lines += _counted(self.left_out, "id", "spectra left out")
        if catalogs:
            lines.append(f"  {next(iter(catalogs[0].outputs.values()))!r}")
        if self.n_label_rows:
            lines.append(f"labels: {self.n_label_rows} rows" + (f": {self.account}" if self.account else ""))
            lines += [f"  {line}" for line in str(self.cuts).splitlines()] if self.cuts else []
            lines += _counted(self.labels_left_out, "id", "rows not used")
        if self.match is not None:
            lines += [f"match (left: spectra, right: labels): {self.match.summary}"]
        lines += self.instruments.account
        lines += _counted(self.instruments.inconclusive, "id", "pairs with other instruments not decided")
        lines += _with_labels(self.labelled)
        for name, catalog in (("labelled", self.labelled), ("unlabelled", self.unlabelled)):
            lines.append(f"{name}: {0 if catalog is None else len(catalog)} stars")
        return "\n".join(lines)

    def save(self, folder: str | Path, unlabelled: str | Path | None = None) -> list[Path]:
        """Save the catalogues, and the account of what was lost next to the first.

        Parameters
        ----------
        folder : path
            For the labelled stars; where no labels were given, for all stars. Gets ``ingest.txt``, the summary, and
            ``ingest_lost.csv``, one row for every file, spectrum and label row that was not used.
        unlabelled : path, optional
            For the stars without labels. Default: `folder` with ``-unlabelled`` at its end.

        Returns
        -------
        list of Path
            The folders written.
        """
        folder = Path(folder)
        first, second = self.labelled, self.unlabelled
        if first is None:
            first, second = second, None
        if first is None:
            raise InputError("nothing was ingested, so there is no catalogue to save.")
        written = [save_catalog(first, folder)]
        if second is not None:
            other = folder.with_name(f"{folder.name}-unlabelled") if unlabelled is None else Path(unlabelled)
            written.append(save_catalog(second, other))
        (folder / "ingest.txt").write_text(self.summary + "\n", encoding="utf-8")
        self.lost.to_csv(folder / "ingest_lost.csv", index=False)
        return written

    @property
    def lost(self) -> pd.DataFrame:
        """Everything that was not used: ``what`` ("file", "spectrum", "label" or "measurement"), ``id``, ``file`` and ``reason``."""
        parts = {
            "file": self.failures.rename(columns={"path": "file"}).assign(id=""),
            "spectrum": self.left_out,
            "label": pd.concat([self.labels_left_out, self.label_values_lost], ignore_index=True).assign(
                file=""
            ),
            "measurement": self.instruments.inconclusive.assign(file=""),
        }
        whole = pd.concat([part.assign(what=what) for what, part in parts.items()], ignore_index=True)
        return whole[["what", "id", "file", "reason"]]


def _with_labels(catalog: Catalog | None) -> list[str]:
    """How many stars have each label, a line; none without labels."""
    tables = [] if catalog is None else [t for t in catalog.outputs.values() if isinstance(t, LabelTable)]
    counts = [
        f"{int(k)} with {n}"
        for t in tables
        for n, k in zip(t.names, np.isfinite(t.value).sum(axis=0), strict=True)
    ]
    return [f"of the labelled stars: {', '.join(counts)}"] if counts else []


def _counted(table: pd.DataFrame, what: str, title: str) -> list[str]:
    """How many rows were lost, and how many for each reason, with the names of three."""
    if not len(table):
        return []
    groups = by_reason(table)
    lines = [f"  {len(table)} {title}:"]
    for reason, part in groups[:6]:
        some = join_names([Path(str(v)).name for v in part[what]], 3)
        lines.append(f"    {len(part)} x {reason} [{some}]")
    more = len(groups) - 6
    return lines + ([f"    ... and {more} more reasons, all in the tables"] if more > 0 else [])


def by_reason(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Rows by their column ``reason``, the most frequent first; reasons that differ in numbers alone are one, told by its first."""
    if not len(table):
        return []
    alike = table["reason"].astype(str).str.replace(r"[-+]?\d[\d.,:eE+-]*", "#", regex=True)
    groups = [part for _, part in table.groupby(alike, sort=False)]
    return [(str(p["reason"].iloc[0]), p) for p in sorted(groups, key=len, reverse=True)]


def counted_reasons(table: pd.DataFrame, most: int = 3) -> str:
    """The most frequent reasons, each with its number of rows."""
    said = [f"{len(part)} x {reason.rstrip('.')}" for reason, part in by_reason(table)]
    return "; ".join(said[:most]) + (f"; and {len(said) - most} other reasons" if len(said) > most else "")
