"""The scalar quantities of a posterior of draws whose convergence is worth checking, each with a name in words.

Latents are evaluated where something fixes their axes: known decoders, or the gauge of inferred ones. The outputs that they
decode to need no gauge and are evaluated whenever decoders were inferred. Of large arrays an even choice of entries stands for all.
"""

from dataclasses import dataclass

import numpy as np

from .._draws import decode_draws
from .._posterior import AbstractPosterior
from .._samples import SamplePosterior
from ._chains import ChainStats, chain_stats

__all__ = ["Quantities", "judged_quantities", "star_name"]

MOST = 400  # entries evaluated of one array
MOST_STARS = 20  # whose outputs are decoded


@dataclass(frozen=True, eq=False)
class Quantities:
    """Draws of entries of one array.

    Attributes
    ----------
    name : str
        ``"latents"``, the path of a leaf of the model, or the name of an output.
    draws : (chain, draw, entry) array
    names : (entry,) array of str
        Each entry in words.
    of : int
        Entries of the whole array that vary.
    """

    name: str
    draws: np.ndarray
    names: np.ndarray
    of: int

    def stats(self) -> ChainStats:
        """R-hat and effective sample sizes, each (entry,)."""
        return chain_stats(self.draws)


def judged_quantities(posterior: SamplePosterior) -> list[Quantities]:
    """All that is evaluated, latents first."""
    found = []
    if posterior.gauge or "decoders" not in posterior.settings.get("free", ()):
        found.append(
            _entries("latents", posterior.draws, lambda i: f"latent {i[1]} of {star_name(posterior, i[0])}")
        )
    for path, values in posterior.parameters.items():
        if posterior.gauge or path.startswith("scatter."):
            found.append(_entries(path, values, lambda i, path=path: f"{path}[{', '.join(map(str, i))}]"))
    if "decoders" in posterior.settings.get("free", ()):
        found += [_outputs(posterior, name) for name in posterior.fitted.model.names]
    return found


def star_name(posterior: AbstractPosterior, star: int) -> str:
    """A star in words."""
    return f"star {posterior.ids[star]}"


def _entries(name: str, values: np.ndarray, words) -> Quantities:
    shape = values.shape[2:]
    flat = values.reshape(*values.shape[:2], -1)
    moving = np.flatnonzero(np.ptp(flat, axis=(0, 1)) > 0) if name != "latents" else np.arange(flat.shape[2])
    chosen = _evenly(moving, MOST)
    names = [words(tuple(int(j) for j in np.unravel_index(i, shape))) for i in chosen]
    return Quantities(name, flat[:, :, chosen], np.array(names), len(moving))


def _outputs(posterior: SamplePosterior, name: str) -> Quantities:
    """Noise-free values of an output, of some stars and some pixels."""
    info, size = posterior.fitted.info(name), len(posterior.fitted.model.scatter[name])
    stars = _evenly(np.arange(len(posterior)), MOST_STARS)
    columns = _evenly(np.arange(size), max(MOST // len(stars), 1))
    values = decode_draws(posterior, name, posterior.draws[:, :, stars], posterior.parameters, columns)
    if info.wavelength is None:
        what = [info.names[j] for j in columns]
    else:
        what = [f"{name} at {info.wavelength[j]:.1f} A" for j in columns]
    names = [f"{w} of {star_name(posterior, s)}" for s in stars for w in what]
    return Quantities(name, values.reshape(*values.shape[:2], -1), np.array(names), len(posterior) * size)


def _evenly(index: np.ndarray, most: int) -> np.ndarray:
    """At most that many of the indices, evenly spaced."""
    if len(index) <= most:
        return index
    return index[np.linspace(0, len(index) - 1, most).round().astype(int)]
