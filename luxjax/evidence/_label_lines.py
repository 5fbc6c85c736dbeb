"""The lines of one label on all pixels that a model reads, input after input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core import InputError
from ..core.internal import join_names
from ..lines import ELEMENTS, LineList
from ._stars import InferredStars
from ._windows import ElementWindows, element_windows, survey_resolution

__all__ = ["METALLICITY", "LabelLines", "element_lines", "label_lines", "typical_star"]

#: Labels of overall metallicity: at fixed [X/Fe] every metal line scales with them, so all metals' lines are theirs.
METALLICITY = ("fe_h", "m_h")


@dataclass(frozen=True)
class LabelLines:
    """Windows of one label's species, one `ElementWindows` per input. Arrays are over the pixels of all inputs.

    Parameters
    ----------
    species : tuple of str
    windows : tuple of ElementWindows
    """

    species: tuple[str, ...]
    windows: tuple[ElementWindows, ...]

    def __len__(self) -> int:
        return sum(len(w) for w in self.windows)

    @property
    def pixels(self) -> np.ndarray:
        """Pixels of the windows, bool."""
        return np.concatenate([w.pixels for w in self.windows])

    @property
    def profile(self) -> np.ndarray:
        """Deepening by 1 dex of abundance."""
        return np.concatenate([w.profile for w in self.windows])

    @property
    def line(self) -> np.ndarray:
        """Number of the nearest line, -1 outside the windows."""
        parts, first = [], 0
        for w in self.windows:
            parts.append(np.where(w.pixels, first + w.nearest, -1))
            first += len(w)
        return np.concatenate(parts)

    def deepened(self, change: float) -> np.ndarray:
        """Factor on the flux when the abundance rises by `change` dex."""
        return np.concatenate([w.deepened(change) for w in self.windows])

    def elsewhere(self, rng: np.random.Generator, good: np.ndarray) -> "LabelLines":
        """Every line at a random other place, away from all lines of the species and on pixels with data."""
        ends = np.cumsum([0, *(len(w.wavelength) for w in self.windows)])
        parts = zip(self.windows, ends, ends[1:], strict=False)
        return LabelLines(
            self.species, tuple(w.elsewhere(rng, good[a:b]) if len(w) else w for w, a, b in parts)
        )

    def movable(self, good: np.ndarray) -> bool:
        """Whether there are lines, and room elsewhere to move them to."""
        ends = np.cumsum([0, *(len(w.wavelength) for w in self.windows)])
        parts = zip(self.windows, ends, ends[1:], strict=False)
        return len(self) > 0 and all(w.movable(good[a:b]) for w, a, b in parts if len(w))

    def describe(self) -> str:
        """The lines in words."""
        elements = join_names(dict.fromkeys(e for w in self.windows for e in w.lines.element))
        return f"{len(self)} line{'' if len(self) == 1 else 's'} of {elements}"

    def table(self) -> dict[str, np.ndarray]:
        """Wavelengths, species and depths of the lines, as figures need them."""
        return {
            "line_wavelength": np.concatenate([w.lines.wavelength for w in self.windows]),
            "line_species": np.concatenate([w.lines.species.astype(str) for w in self.windows]).astype(str),
            "line_depth": np.concatenate([w.depth for w in self.windows]),
        }


def label_lines(
    stars: InferredStars,
    lines: LineList,
    species: Sequence[str],
    resolution: float | Mapping[str, float] | None,
    *,
    together: bool = False,
) -> LabelLines:
    """The windows of some species in every input of these stars, strengths as in their typical star.

    Lines on pixels that most stars lack are left out.
    """
    known = {*ELEMENTS, *lines.element, *lines.species}
    for name in species:
        if name not in known:
            raise InputError(
                f"species '{name}' is no element that luxjax knows and is not in the line list; name elements as "
                "'Eu' or species as 'Eu II'."
            )
    reference, good, windows = typical_star(stars), stars.good, []
    for p in stars.inputs:
        given = resolution.get(p.name) if isinstance(resolution, Mapping) else resolution
        power = survey_resolution(p.survey or p.name, given) if species else 1.0
        found = element_windows(
            lines, p.wavelength, p.medium, species, resolution=power, reference=reference, together=together
        )
        if len(found):
            found = found.select(found.seen(good[p.where]) >= 0.5)
        windows.append(found)
    return LabelLines(tuple(species), tuple(windows))


def element_lines(
    stars: InferredStars,
    lines: LineList,
    species: Mapping[str, str | Sequence[str]],
    resolution: float | Mapping[str, float] | None,
) -> dict[str, LabelLines]:
    """The element lines of every label."""
    metals = tuple(sorted(set(lines.element) - {"H", "He"}))
    table = stars.fitted.info(stars.fitted.label_output()).species
    out = {}
    for label in stars.labels:
        own = metals if label in METALLICITY and "Fe" in metals else table.get(label, "")
        named = species.get(label, own)
        named = [s.strip() for s in named.split(",")] if isinstance(named, str) else list(named)
        together = label in METALLICITY and len(named) > 1
        out[label] = label_lines(stars, lines, [s for s in named if s], resolution, together=together)
    return out


def typical_star(stars: InferredStars) -> dict[str, float]:
    """Median predicted temperature, gravity and metallicity of the sample, as far as they are labels."""
    wanted = [name for name in ("teff", "logg", "fe_h") if name in stars.labels]
    return {name: float(np.median(stars.predicted[:, stars.column(name)])) for name in wanted}
