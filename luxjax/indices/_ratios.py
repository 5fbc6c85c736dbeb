"""Ratios of line strengths that spectral types are judged by, with errors.

Classification by eye compares neighbouring lines of different behaviour: calcium K with H epsilon from A to F, calcium 4227 with H
gamma from F to K, strontium 4077 with iron 4046 for luminosity (Gray & Corbally 2009, Stellar Spectral Classification; Morgan,
Keenan & Kellman 1943). A strength is an equivalent width on the local pseudo-continuum, or the depth of a molecular band.

Both strengths often share pixels, those of a side band above all, so their errors are correlated. With the derivatives of both by the flux,

    var(a / b) = (C_aa - 2 r C_ab + r^2 C_bb) / b^2,   C_ab = sum_j (da/dF_j) (db/dF_j) / ivar_j,   r = a / b.

A ratio is given where the lower strength is at least three of its errors: on a line that is not there it would be noise. So the line that
most stars of the types in question have stands below: hydrogen above the metals, whose wings spoil its side bands in cool stars.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ..data import Spectra
from ._definitions import Band, Index, choose_indices
from ._local import Local, local_blocks

__all__ = ["LineRatio", "line_ratios", "measure_ratios"]

DETECTED = 3.0  # errors


@dataclass(frozen=True)
class LineRatio:
    """The strength of one line over that of another.

    Parameters
    ----------
    name : str
    upper, lower : Index
        Of unit ``"A"`` (strength: equivalent width) or ``"ratio"`` (strength: 1 minus the ratio, which has one side band).
    """

    name: str
    upper: Index
    lower: Index

    @property
    def span(self) -> tuple[float, float]:
        """First and last wavelength of all bands, vacuum Angstrom."""
        ends = [x for index in (self.upper, self.lower) for band in index.vacuum().bands for x in band]
        return min(ends), max(ends)


def _line(name: str, band: Band, blue: Band, red: Band) -> Index:
    return Index(name, "A", "air", band, blue, red, source="windows set here about the line")


_OWN = {
    index.name: index
    for index in (
        _line("FeI_4046", (4042.5, 4049.5), (4034.5, 4041.0), (4051.5, 4060.5)),
        _line("SrII_4077", (4074.5, 4081.0), (4051.5, 4060.5), (4081.5, 4087.0)),
        _line("CrI_4254", (4251.5, 4257.5), (4240.0, 4246.5), (4263.8, 4269.0)),
        _line("FeI_4260", (4257.8, 4263.5), (4240.0, 4246.5), (4263.8, 4269.0)),
        _line("YII_4375", (4371.5, 4378.5), (4359.0, 4369.0), (4390.0, 4399.0)),
        _line("FeI_4384", (4380.0, 4387.5), (4359.0, 4369.0), (4390.0, 4399.0)),
        _line("HeI_4471_narrow", (4465.5, 4477.0), (4446.0, 4462.0), (4488.0, 4504.0)),
        _line("MgII_4481", (4477.0, 4486.0), (4446.0, 4462.0), (4488.0, 4504.0)),
    )
}
_RATIOS = (
    ("HeI4471_HeII4541", "HeI_4471", "HeII_4541"),
    ("HeI4471_MgII4481", "HeI_4471_narrow", "MgII_4481"),
    ("CaK_CaH_Hepsilon", "CaII_K", "CaII_H"),
    ("Hgamma_CaI4227", "Hgamma_F", "Ca4227"),
    ("Hgamma_Gband", "Hgamma_F", "G4300"),
    ("Hdelta_FeI4046", "Hdelta_F", "FeI_4046"),
    ("CrI4254_FeI4260", "CrI_4254", "FeI_4260"),
    ("SrII4077_FeI4046", "SrII_4077", "FeI_4046"),
    ("SrII4077_Hdelta", "SrII_4077", "Hdelta_F"),
    ("YII4375_FeI4384", "YII_4375", "FeI_4384"),
    ("Mgb_Fe5270", "Mg_b", "Fe5270"),
    ("TiO5_CaH2", "TiO5_R95", "CaH2_R95"),
)


def line_ratios() -> list[LineRatio]:
    """The ratios that are built in."""
    known = {i.name: i for i in choose_indices(None)} | _OWN
    return [LineRatio(name, known[upper], known[lower]) for name, upper, lower in _RATIOS]


def measure_ratios(
    spectra: Spectra,
    ratios: Sequence[LineRatio] | None = None,
    *,
    redshift=0.0,
    min_coverage: float = 0.8,
) -> tuple[np.ndarray, np.ndarray]:
    """Ratios of line strengths of many spectra.

    Parameters
    ----------
    spectra : Spectra
        In air or vacuum, in any frame.
    ratios : sequence of LineRatio, optional
        Default: those of `line_ratios`.
    redshift : float or (star,) array
        Observed over rest wavelength minus 1, of each star in the frame of the spectra.
    min_coverage : float
        Least fraction of a band that good pixels must cover.

    Returns
    -------
    values, errors : (star, ratio) arrays
        Without unit; one-sigma errors. NaN where a band is not covered, or the lower strength is less than three of its errors.
    """
    chosen = line_ratios() if ratios is None else list(ratios)
    pairs = [(r.upper.vacuum(), r.lower.vacuum()) for r in chosen]
    # a molecular band has one side: the same band twice is that side, and the line through both is level
    sides = [[(i.band, i.blue or i.red, i.red or i.blue) for i in pair] for pair in pairs]
    bands = np.array(sides, float)
    level = np.array([[i.unit == "ratio" for i in pair] for pair in pairs])
    out = np.full((2, len(spectra), len(chosen)), np.nan)
    for rows, local in local_blocks(spectra, [r.span for r in chosen], redshift):
        with jax.enable_x64(True):
            found = np.asarray(_block(local, bands, level, min_coverage))
        out[:, rows] = found[:, : rows.stop - rows.start]
    return out[0], out[1]


@jax.jit
def _block(local: Local, bands, level, min_coverage):
    """Value and error of every ratio of a block of stars, (2, star, ratio)."""
    each = jax.vmap(jax.vmap(_one, in_axes=(0, 0, 0, None)), in_axes=(0, None, None, None))
    return jnp.moveaxis(each(local, bands, level, min_coverage), -1, 0)


def _one(pixels: Local, bands, level, min_coverage):
    """Value and error of one ratio of one star; `bands` is (strength, band, 2)."""
    overlap = jnp.minimum(pixels.high, bands[..., 1:]) - jnp.maximum(pixels.low, bands[..., :1])
    weight = jnp.clip(overlap, 0) * pixels.good
    width = jnp.sum(weight, axis=-1)
    share = weight / jnp.where(width > 0, width, 1.0)[..., None]
    middle = (pixels.low + pixels.high) / 2
    centre = share @ middle

    def strengths(flux):
        side = share[:, 1:] @ flux
        apart = centre[:, 2] - centre[:, 1]
        slope = jnp.where(level, 0.0, (side[:, 1] - side[:, 0]) / jnp.where(level, 1.0, apart))
        continuum = side[:, :1] + slope[:, None] * (middle - centre[:, 1:2])
        lost = jnp.sum(share[:, 0] * (1 - flux / continuum), axis=-1)
        return jnp.where(level, 1.0, bands[:, 0, 1] - bands[:, 0, 0]) * lost

    value, slopes = strengths(pixels.flux), jax.jacrev(strengths)(pixels.flux)
    covariance = (slopes * pixels.variance) @ slopes.T
    ratio = value[0] / value[1]
    change = jnp.stack([1.0, -ratio]) / value[1]
    error = jnp.sqrt(change @ covariance @ change)
    covered = jnp.all(width >= min_coverage * (bands[..., 1] - bands[..., 0]))
    known = covered & (value[1] > DETECTED * jnp.sqrt(covariance[1, 1])) & jnp.isfinite(error)
    return jnp.where(known, jnp.stack([ratio, error]), jnp.nan)
