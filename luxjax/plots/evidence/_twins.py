"""Figure of one star and its twins: what is left of its spectrum at the lines of a label."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ...evidence import Explanation, Twins
from .._style import COLOURS, grid, label_name, note, styled

__all__ = ["plot_twins"]

_LIGHT, _REACH, _MOST = 299_792.458, 90.0, 3


@styled
def plot_twins(found: Twins | Explanation) -> Figure | None:
    """The residual of a star less its twins at the strongest element lines, with the change that its label asks for.

    Parameters
    ----------
    found : Twins or Explanation
        Twins, or an explanation, whose example star is shown.

    Returns
    -------
    Figure or None
        None without twins or lines.
    """
    arrays: Mapping[str, np.ndarray]
    if isinstance(found, Twins):
        arrays = vars(found)
    else:
        evidence = found.evidence.get("doppelgangers")
        stored = {} if evidence is None else evidence.arrays
        arrays = {k.removeprefix("twins_"): v for k, v in stored.items() if k.startswith("twins_")}
    if not arrays or not len(arrays["line_wavelength"]):
        return None
    wavelength, residual = arrays["wavelength"], arrays["residual"]
    chosen: list[int] = []
    for k in np.argsort(-np.asarray(arrays["line_depth"], float)):
        v = np.abs(wavelength / arrays["line_wavelength"][k] - 1) * _LIGHT
        if np.isfinite(residual[v < _REACH]).sum() > 3 and len(chosen) < _MOST:
            chosen.append(int(k))
    if not chosen:
        return None
    figure, axes = grid(len(chosen), 3, (2.35, 2.0), minor=False, sharey=True)
    for ax, k in zip(axes, sorted(chosen, key=lambda k: arrays["line_wavelength"][k]), strict=True):
        centre = arrays["line_wavelength"][k]
        v = (wavelength / centre - 1) * _LIGHT
        near = np.abs(v) < _REACH
        ax.errorbar(
            v[near], residual[near], arrays["error"][near], fmt=".", markersize=3, elinewidth=0.6,
            color=COLOURS["blue"], label="star less twins",
        )  # fmt: skip
        ax.plot(
            v[near],
            arrays["expected"][near],
            color=COLOURS["ink"],
            linestyle=(0, (4, 2)),
            linewidth=1,
            label="expected",
        )
        ax.axhline(0, color=COLOURS["ink"], linewidth=0.5)
        ax.set_xlim(-_REACH, _REACH)
        note(ax, rf"{centre:.2f} $\mathrm{{\AA}}$", "lower left")
    axes[0].legend(loc="upper right", fontsize=7, handlelength=1.6)
    figure.supxlabel("Velocity from the line (km/s)", fontsize=9)
    label, n = str(arrays["label"]), len(arrays["ids"])
    change = f"{float(arrays['difference']):+.2f}"
    figure.supylabel(f"Residual, {label_name(label)} {change}", fontsize=9)
    figure.suptitle(f"{arrays['id']} less {n} twins", fontsize=9)
    return figure
