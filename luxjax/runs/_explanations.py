"""Explanations in a run folder: `explain/LABEL/` holds what was found, `explain_LABEL.html` shows it."""

from collections.abc import Mapping
from typing import Any

from ..evidence import Explanation
from ._folder import RunFolder

__all__ = ["page_name", "read_explanations", "verdict_metrics", "write_explanations"]


def page_name(label: str) -> str:
    """The file of a label's page."""
    return f"explain_{_plain(label)}.html"


def figure_name(label: str, figure: str) -> str:
    """The file of one of its figures, without ending."""
    return f"explain_{_plain(label)}_{figure}"


def _plain(label: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in label)


def write_explanations(run: RunFolder, explanations: Mapping[str, Explanation]) -> None:
    """Save explanations in a run; earlier ones of the same labels are replaced."""
    for label, explanation in explanations.items():
        explanation.save(run.path / "explain" / _plain(label))


def read_explanations(run: RunFolder) -> dict[str, Explanation]:
    """The explanations that a run holds, by label, in the order of the run's labels."""
    folder = run.path / "explain"
    found = {}
    for each in sorted(folder.iterdir()) if folder.is_dir() else []:
        explanation = Explanation.load(each)
        found[explanation.label] = explanation
    known = list(run.metrics.get("labels", {})) if run.has("metrics") else []
    return dict(sorted(found.items(), key=lambda item: (item[0] not in known, *_place(item[0], known))))


def _place(label: str, known: list[str]) -> tuple[int, str]:
    return (known.index(label) if label in known else 0, label)


def verdict_metrics(found: Mapping[str, Explanation]) -> dict[str, dict[str, Any]]:
    """What ``metrics.json`` says of each label: verdict, off-trend response with its 95% interval, thresholds."""
    return {
        name: {
            "verdict": e.verdict.verdict,
            "verdict_caveats": [c.code for c in e.verdict.caveats],
            "off_trend_response": e.verdict.response,
            "off_trend_response_interval": list(e.verdict.response_interval),
            "verdict_thresholds": e.verdict.thresholds,
        }
        for name, e in found.items()
    }
