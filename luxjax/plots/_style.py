"""Style of every figure, and names of labels in print."""

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "DENSITY",
    "STYLE",
    "axis_title",
    "grid",
    "label_html",
    "label_name",
    "note",
    "robust_limits",
    "save",
    "styled",
]

P = ParamSpec("P")
R = TypeVar("R")

# Okabe and Ito (2008): told apart with every kind of colour vision, and in grey by their lightness.
COLOURS = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "grey": "#7A7A7A",
    "ink": "#1A1A1A",
}
DENSITY = LinearSegmentedColormap.from_list("density", ["#BBD3E8", "#5B9BCB", "#0B5A99", "#06254B"])

# Width of two journal columns (7.1 inches) and the fonts of the text around: STIX comes with matplotlib.
WIDTH = 7.1
STYLE: dict[str, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": False,
    "axes.unicode_minus": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.2,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 100,
    "pdf.fonttype": 42,  # embedded as text, as journals ask
}


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Draw in the report's style, whatever the user's own settings are, and leave those alone."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]
            return function(*args, **kwargs)

    return wrapper


def grid(
    n: int, columns: int, panel: tuple[float, float], minor: bool = True, **kwargs
) -> tuple[Figure, list[Axes]]:
    """A figure of `n` panels in rows of at most `columns`, each `panel` inches wide and high.

    Minor ticks take half the time of drawing; `minor` leaves them away.
    """
    columns = min(n, columns)
    rows = -(-n // columns)
    figure = Figure(figsize=(columns * panel[0], rows * panel[1]), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **kwargs).ravel()
    for spare in axes[n:]:
        spare.remove()
    for ax in [] if minor else axes[:n]:
        ax.minorticks_off()
    return figure, list(axes[:n])


def note(ax: Axes, text: str, corner: str = "upper left", **kwargs):
    """Small text in a corner of a panel, on white so that data do not run through it."""
    x, y = 0.04 if "left" in corner else 0.96, 0.96 if "upper" in corner else 0.04
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5}
    style: dict[str, Any] = {"fontsize": 7.5, "linespacing": 1.25, "bbox": box, "zorder": 10} | kwargs
    return ax.text(
        x,
        y,
        text,
        transform=ax.transAxes,
        ha="left" if "left" in corner else "right",
        va="top" if "upper" in corner else "bottom",
        **style,
    )


@styled
def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write `name`.png (200 dpi) and `name`.pdf; returns the path of the PNG."""
    # Without the date the same figure gives the same file.
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    figure.set_layout_engine("none")  # the layout is found; finding it again would take as long
    figure.savefig(folder / f"{name}.png", dpi=200)
    return folder / f"{name}.png"


_NAMES = {
    "teff": (r"T_\mathrm{eff}", "T<sub>eff</sub>"),
    "logg": (r"\log\,g", "log <i>g</i>"),
    "vmic": (r"\xi", "ξ"),
    "vmicro": (r"\xi", "ξ"),
    "vbroad": (r"v_\mathrm{broad}", "v<sub>broad</sub>"),
    "vsini": (r"v\,\sin i", "v sin <i>i</i>"),
    "rv": (r"v_\mathrm{rad}", "v<sub>rad</sub>"),
}
_ABUNDANCE = re.compile(r"(alpha|[a-z]{1,2})_?(fe|h|m)", re.IGNORECASE)
# With M for all metals.
_ELEMENTS = re.findall(
    "[A-Z][a-z]?",
    "HHeLiBeBCNOFNeNaMgAlSiPSClArKCaScTiVCrMnFeCoNiCuZnGaGeRbSrYZrNbMoRuRhPdAgBaLaCePrNdSmEuGdT"
    "bDyHoErTmYbLuHfOsIrPtAuPbThUM",
)


def _abundance(name: str) -> tuple[str, str] | None:
    match = _ABUNDANCE.fullmatch(name) if "_" in name else None
    if match is None:
        return None
    top, bottom = match.group(1).lower(), match.group(2).capitalize()
    if top == "alpha":
        return top, bottom
    return (top.capitalize(), bottom) if top.capitalize() in _ELEMENTS else None


def label_name(name: str) -> str:
    """A label's name as mathtext: ``teff``, ``logg``, ``eu_fe`` become T_eff, log g, [Eu/Fe]."""
    if name.lower() in _NAMES:
        return f"${_NAMES[name.lower()][0]}$"
    if parts := _abundance(name):
        top = r"\alpha" if parts[0] == "alpha" else rf"\mathrm{{{parts[0]}}}"
        return rf"$[{top}/\mathrm{{{parts[1]}}}]$"
    return name.replace("$", r"\$")


def label_html(name: str) -> str:
    """A label's name as HTML. Names that are not known are escaped."""
    if name.lower() in _NAMES:
        return _NAMES[name.lower()][1]
    if parts := _abundance(name):
        return f"[{'α' if parts[0] == 'alpha' else parts[0]}/{parts[1]}]"
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def axis_title(name: str, units: Mapping[str, str], before: str = "") -> str:
    """An axis title with its unit in parentheses: "Predicted [Fe/H] (dex)"."""
    unit = units.get(name, "")
    return f"{before} {label_name(name)}".strip() + (f" ({unit})" if unit else "")


def robust_limits(*arrays, margin: float = 0.05) -> tuple[float, float]:
    """Limits that show everything, but for outliers farther out than half the range of the middle 98%."""
    values = np.concatenate([np.asarray(a, float).ravel() for a in arrays])
    values = values[np.isfinite(values)]
    if values.size == 0:
        return (0.0, 1.0)
    inner = np.percentile(values, [1, 99])
    reach = 0.5 * (inner[1] - inner[0])
    low, high = max(values.min(), inner[0] - reach), min(values.max(), inner[1] + reach)
    pad = margin * (high - low) or 0.5
    return float(low - pad), float(high + pad)
