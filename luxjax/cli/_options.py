"""Options that several commands share, and how their values are read."""

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "Browser",
    "Decoder",
    "Folds",
    "Inputs",
    "Latents",
    "Noise",
    "OtherMedium",
    "OtherResolution",
    "Out",
    "Overwrite",
    "Readout",
    "Seed",
    "folder_name",
    "names_in",
    "numbers_in",
    "pairs_in",
    "range_in",
    "value_of",
    "values_in",
]

Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")]
Seed = Annotated[int, typer.Option(help="Random seed for the initialisation and the folds.")]
Inputs = Annotated[str, typer.Option(help="Spectra to predict from (comma-separated). Default: all.")]
Decoder = Annotated[
    str,
    typer.Option(help="Decoder from latents to spectra: linear, quadratic or mlp (a small neural network)."),
]
Readout = Annotated[
    str,
    typer.Option(
        help="Regression of the labels on the latents: linear, quadratic, gp (Gaussian process), auto (the best of these on training stars), or joint (labels decoded like spectra)."
    ),
]
Noise = Annotated[
    str,
    typer.Option(
        help="Noise model of the spectra: gaussian, or student (Student's t: robust to a few bad pixels, about nine times slower)."
    ),
]
OtherMedium = Annotated[
    str | None,
    typer.Option(
        help="Medium of the wavelengths, air or vacuum, of spectra of other origin, at rest: text in columns or FITS. Default: the files are of a survey (LAMOST, SDSS), which tells."
    ),
]
OtherResolution = Annotated[
    float | None,
    typer.Option(
        help="Resolving power of spectra of other origin, which are degraded to LAMOST's if it is higher. Default: not known, nothing is degraded."
    ),
]
Folds = Annotated[
    int,
    typer.Option(
        min=2, help="Number of cross-validation folds. Each star is evaluated by a model that did not see it."
    ),
]
Latents = Annotated[
    str,
    typer.Option(
        "--latents",
        "-d",
        help="Number of latents. Of several, such as 8,12,16, the best on training stars is chosen. Default: as many as stars and pixels allow.",
    ),
]
Browser = Annotated[bool, typer.Option("--open", help="Open the page in a browser afterwards.")]


def names_in(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(n.strip() for n in text.split(",") if n.strip())


def numbers_in(text: str) -> list[int]:
    """Whole numbers between commas."""
    from ..core import InputError

    for name in names_in(text):
        if not name.isdigit():
            raise InputError(f"'{name}' is not a whole number; give numbers of latents such as 8,12,16.")
    return [int(name) for name in names_in(text)]


def range_in(text: str) -> tuple[float, float]:
    """Two wavelengths between commas."""
    from ..core import InputError

    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise InputError(
            f"'{text}' is no range of wavelengths; give two in Angstrom, such as 15200,15300."
        ) from None
    return low, high


def value_of(text: str) -> tuple[str, float]:
    """A label and its number, from ``LABEL=NUMBER``."""
    from ..core import InputError

    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InputError(f"'{text}' is no assumed error; write LABEL=NUMBER, such as eu_fe=0.08.") from None


def folder_name(out: str) -> str:
    """Where results for a dataset go; raises where a table was named."""
    from ..core import InputError

    if Path(out).suffix.lower() in (".fits", ".vot", ".xml", ".ecsv", ".parquet", ".csv"):
        raise InputError(
            f"results for a dataset are a folder of parquet files; '{out}' names a table: name a folder."
        )
    return out


def pairs_in(given: list[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping."""
    from ..core import InputError

    out = {}
    for text in given or []:
        name, _, value = (part.strip() for part in text.partition("="))
        if not (name and value):
            raise InputError(f"'{text}' is not of the form NAME=VALUE; write it so, without blanks.")
        out[name] = value
    return out


def values_in(given: list[str] | None) -> dict[str, Any]:
    """``NAME=VALUE`` options as a mapping to numbers, true, false or null where they are such, and text else."""
    import json

    out: dict[str, Any] = {}
    for name, text in pairs_in(given).items():
        try:
            out[name] = json.loads(text)
        except ValueError:
            out[name] = text
    return out
