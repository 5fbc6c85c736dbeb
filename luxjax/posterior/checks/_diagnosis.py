"""What a diagnosis is made of: findings with their numbers, and how they read."""

import math
import textwrap
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Diagnosis", "Finding", "finding", "number_text"]

SIGNS = {True: "ok   ", False: "WRONG", None: "  -  "}
WIDTH = 100


@dataclass(frozen=True)
class Finding:
    """One check of a posterior.

    Attributes
    ----------
    check : str
        What was looked at, such as ``"R-hat"``.
    ok : bool or None
        None where it could not be checked.
    value : float
        The worst that was found.
    threshold : str
        What it should be, such as ``"< 1.01"``.
    worst : str
        The star, latent or leaf of the model that it was found at.
    advice : str
        What to do, where it is not ok.
    """

    check: str
    ok: bool | None
    value: float
    threshold: str
    worst: str = ""
    advice: str = ""


def finding(check: str, ok: Any, value: Any, threshold: str, worst: str = "", advice: str = "") -> Finding:
    """A finding of plain Python types, whose advice is given only where something is wrong."""
    return Finding(
        check, bool(ok), float(value) + 0.0, threshold, worst, "" if ok else advice
    )  # no negative zero


@dataclass(frozen=True)
class Diagnosis:
    """Result of the checks of a posterior: whether it can be believed. `print` it.

    Attributes
    ----------
    subject : str
        The posterior in words.
    findings : tuple of Finding
    """

    subject: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, as far as it could be checked."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that are not ok."""
        return tuple(f for f in self.findings if f.ok is False)

    def __getitem__(self, check: str) -> Finding:
        for finding in self.findings:
            if finding.check == check:
                return finding
        raise KeyError(
            f"there was no check '{check}'; there were {', '.join(f.check for f in self.findings)}."
        )

    @property
    def headline(self) -> str:
        """One sentence."""
        n, checked = len(self.wrong), sum(f.ok is not None for f in self.findings)
        said = f"nothing wrong in {checked} checks" if self.ok else f"{n} of {checked} checks failed"
        return f"{self.subject}: {said}."

    def __str__(self) -> str:
        name = max(len(f.check) for f in self.findings)
        lines = [self.headline]
        for f in self.findings:
            number = f"{number_text(f.value):>9} {f.threshold:<9}"
            lines.append(f"  {SIGNS[f.ok]}  {f.check:<{name}}  {number}  {f.worst}".rstrip())
            if f.advice:
                lines += textwrap.wrap(f.advice, WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, for JSON."""
        return {"subject": self.subject, "ok": self.ok, "findings": [asdict(f) for f in self.findings]}


def number_text(value: float) -> str:
    """A number in few figures; nothing where there is none."""
    if math.isnan(value):
        return ""
    whole = math.isfinite(value) and value == round(value)
    return f"{value:,.0f}" if whole or 100 <= abs(value) < math.inf else f"{value:.4g}"
