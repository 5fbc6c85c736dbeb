"""What tables of the user's brought to a classifier: classes of a table against the survey's own, and metadata with and without."""

from typing import Any

from ..._section import Cell, Table

__all__ = ["metadata_tables", "truth_tables"]

NAMES = {"accuracy": "Accuracy", "log_loss": "Log loss (nats)"}


def truth_tables(found: dict[str, Any]) -> tuple[Table, ...]:
    """Classes of the table by those of the survey; none for runs on the survey's own, or where these are of another kind."""
    agreement = (found.get("truth") or {}).get("agreement")
    if not agreement:
        return ()
    both = agreement["table_then_survey"]
    names = list(next(iter(both.values())))
    rows: list[list[str | Cell]] = [
        [name, *(f"{counts.get(n, 0):,}" for n in names)] for name, counts in both.items()
    ]
    caption = (
        f"Spectra by the class of the truth table (row) and the survey's own (column). They agree for {agreement['value']:.1%} "
        f"({agreement['lower']:.1%} to {agreement['upper']:.1%}, 95% interval over stars) of {agreement['spectra']:,} spectra of {agreement['stars']:,} stars. "
        "The classifier was trained on the table and judged by it."
    )
    return (Table(["Class", *names], rows, caption),)


def metadata_tables(found: dict[str, Any]) -> tuple[Table, ...]:
    """Scores with metadata and without; none for runs that had none."""
    metadata = found.get("metadata") or {}
    if not metadata:
        return ()
    rows: list[list[str | Cell]] = [
        [
            left,
            NAMES[score],
            f"{e['without']:.3f}",
            f"{e['with']:.3f}",
            Cell(f"{e['difference']:+.3f}", f"{e['lower']:+.3f} to {e['upper']:+.3f}"),
        ]
        for left, scores in metadata["without"].items()
        for score, e in scores.items()
    ]
    columns = ", ".join(metadata["columns"])
    caption = (
        f"The same stars in the same folds, without metadata and with all of them ({columns}), which are known for {metadata['spectra_with']:,} of "
        f"{metadata['spectra']:,} spectra. All other scores of this page are with them. Small print: 95% interval, the same stars drawn for both."
    )
    return (Table(["Left out", "Score", "Without", "With", "Difference"], rows, caption),)
