"""Folds by blocks of the sky against folds by star, as a table."""

from typing import Any

from ..._section import Cell, Table

__all__ = ["gap_tables"]

NAMES = {"accuracy": "Accuracy", "log_loss": "Log loss (nats)"}


def gap_tables(found: dict[str, Any]) -> tuple[Table, ...]:
    """One table for runs whose folds are blocks of the sky; none for others."""
    groups = found.get("groups") or {}
    if "gap" not in groups:
        return ()
    rows: list[list[str | Cell]] = [
        [
            NAMES[score],
            f"{e['by_star']:.3f}",
            f"{e['by_block']:.3f}",
            Cell(f"{e['gap']:+.3f}", f"{e['lower']:+.3f} to {e['upper']:+.3f}"),
        ]
        for score, e in groups["gap"].items()
    ]
    caption = (
        f"The same {groups['stars']:,} stars in folds by star and in folds by {groups['blocks']:,} blocks of the sky (HEALPix). Neighbours share "
        "plate, night and reddening: what the classifier learnt of these does not help it in another block. All other scores of this page are by "
        "block. Small print: 95% interval, the same stars drawn for both."
    )
    return (Table(["Score", "Folds by star", "Folds by block", "Gap"], rows, caption),)
