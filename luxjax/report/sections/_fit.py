"""How the fit went, and how the model follows a few spectra."""

from typing import Any

from ...plots import plot_history
from ...plots.internal import plot_spectrum, save
from ...runs import RunFolder
from .._section import Cell, Section, Shown, Table

__all__ = ["fit", "spectra"]


def spectra(run: RunFolder) -> Section | None:
    """Example spectra with the model of each."""
    if not run.has("examples"):
        return None
    figures = []
    examples = run.examples
    inputs = (run.metrics.get("inputs") if run.has("metrics") else None) or list(examples)
    for output, example in examples.items():
        unseen = (
            ""
            if output in inputs
            else f" This model spectrum was predicted from {' and '.join(inputs)} alone."
        )
        for star in range(min(1 if len(examples) > 1 else 2, len(example.ids))):
            name = f"spectrum_{''.join(c if c.isalnum() else '_' for c in output)}_{star + 1}"
            save(plot_spectrum(example, star, title=f"{output} {example.ids[star]}"), run.figures, name)
            figures.append(
                Shown(
                    f"{name}.png",
                    f"Spectrum and model of {example.ids[star]}",
                    f"{output}, star {example.ids[star]}. Residuals (blue, in sigma) should be noise within the grey "
                    "band two times out of three; structure at lines is something the model does not know."
                    + unseen,
                )
            )
    return Section("Example spectra", figures=tuple(figures)) if figures else None


def fit(run: RunFolder) -> Section | None:
    """Settings, seconds and the objective of the fit."""
    found = run.metrics.get("fit") if run.has("metrics") else None
    if not found:
        return None
    rows: list[list[str | Cell]] = [
        [key.replace("_", " "), _value(value)]
        for key, value in found.items()
        if not isinstance(value, list | dict)
    ]
    rows += [
        [f"{key.replace('_', ' ')} (s)", f"{t:.2f}"] for key, t in (run.metrics.get("timings") or {}).items()
    ]
    objective = [v for v in found.get("objective") or [] if v is not None]
    figures: tuple[Shown, ...] = ()
    if len(objective) > 1:
        save(plot_history(objective, found.get("tolerance")), run.figures, "history")
        figures = (
            Shown(
                "history.png",
                "Objective by cycle",
                "Distance of the objective J from its last value. It should fall steadily to rounding error; a "
                "plateau at the end means the fit was stopped early.",
                wide=False,
            ),
        )
    return Section("Fit", tables=(Table(["", "Value"], rows),) if rows else (), figures=figures)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
