"""Are spectral indices and their errors right? Analytic lines, Monte Carlo, flux scale, media, and time.

- Gaussian and Voigt lines of known equivalent width on a sloped continuum, at redshifts within 600 km/s: recovered to 1%.
- Propagated errors against the scatter of noisy copies at S/N 50 per pixel, every built-in index that the spectrum covers: within 5%.
  Line widths are left out: a ratio of two noisy numbers has no finite variance where there may be no line.
- An index does not change when the flux is multiplied by any factor.
- A definition without a medium is refused, and bands in air read as vacuum would be many standard errors off.
- Features of 10,000 spectra in seconds (two cores), in memory that does not grow with them.
- The equivalent width of specutils on the same lines, where that library is installed.

    python validation/spectral_indices.py [--smoke]
"""

import dataclasses
import resource
import time

import numpy as np
from claims import Claim
from scipy.special import voigt_profile

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.indices import Index, builtin_indices, measure_indices
from luxjax.preprocessing import air_to_vacuum

CLAIM = Claim(
    __file__,
    "Spectral indices recover analytic Gaussian and Voigt lines to 1%, their errors equal Monte Carlo to 5%, they do not depend on the flux "
    "scale, definitions without a medium are refused, and 10,000 spectra take less than 20 s.",
    {
        "largest_line_error": "< 0.01",
        "largest_error_ratio_off": "< 0.05",
        "flux_scale_change": "< 1e-6",
        "media_refused": "== 1",
        "medium_mix_up_in_errors": "> 5",
        "seconds_for_10000": "< 20",
        "memory_growth_gb": "< 2",
    },
    seed=71,
    smoke_threshold={
        "largest_line_error": "< 0.01",
        "largest_error_ratio_off": "< 0.25",
        "flux_scale_change": "< 1e-6",
        "media_refused": "== 1",
        "medium_mix_up_in_errors": "> 5",
    },
)
GRID = 10 ** (3.5682 + 1e-4 * np.arange(3909))
LINE = Index("line", "A", "air", (4800.0, 4920.0), (4740.0, 4780.0), (4940.0, 4980.0))
CENTRE = float(air_to_vacuum(np.array(4861.33)))


def spectra(flux, ivar) -> Spectra:
    flux = np.atleast_2d(flux)
    ids = [str(k) for k in range(len(flux))]
    return Spectra(flux, np.broadcast_to(ivar, flux.shape), GRID, "vacuum", ids, frame="barycentric")


def line(area: float, sigma: float, gamma: float, z: float, slope: float) -> np.ndarray:
    rest = GRID / (1 + z)
    return (1 + slope * (rest - CENTRE)) * (1 - area * voigt_profile(rest - CENTRE, sigma, gamma))


def analytic(rng) -> tuple[float, dict]:
    """Largest relative error of the equivalent width, wings cut off by the bands taken into account, and the specutils values."""
    cases = [(a, s, g) for a in (0.5, 3.0, 6.0) for s in (2.5, 5.0) for g in (0.0, 0.05)]
    worst, others = 0.0, []
    for area, sigma, gamma in cases:
        z, slope = rng.uniform(-2e-3, 2e-3), rng.uniform(-1e-3, 1e-3)
        flux = line(area, sigma, gamma, z, slope)
        got = measure_indices(spectra(flux, 1e4), [LINE], redshift=z)[0][0, 0]
        worst = max(worst, abs(got / area - 1))
        others.append((got, specutils_width(flux, z, slope)))
    known = [abs(a / b - 1) for a, b in others if b is not None]
    return worst, {"specutils_compared": len(known), "specutils_largest_difference": max(known, default=None)}


def specutils_width(flux: np.ndarray, z: float, slope: float) -> float | None:
    """The same by specutils, given the true continuum; None where it is not installed."""
    try:
        import astropy.units as u
        from specutils import SpectralRegion, Spectrum
        from specutils.analysis import equivalent_width
    except ImportError:
        return None
    rest = GRID / (1 + z)
    low, high = (float(air_to_vacuum(np.array(x))) for x in LINE.band)
    spectrum = Spectrum(flux=flux / (1 + slope * (rest - CENTRE)) * u.one, spectral_axis=rest * u.AA)
    return float(equivalent_width(spectrum, regions=SpectralRegion(low * u.AA, high * u.AA)).to_value(u.AA))


def monte_carlo(rng, copies: int) -> tuple[float, int]:
    """Largest |scatter / stated error - 1| over the indices."""
    clean = (GRID / 5000) ** -1.5
    for index in builtin_indices(shapes=False):
        if index.band is not None:  # a line in every band, so that none is trivially flat
            low, high = index.vacuum().band
            clean = clean * (1 - 0.15 * np.exp(-0.5 * ((GRID - (low + high) / 2) / 6) ** 2))
    sigma = 0.02 * clean
    chosen = [i for i in builtin_indices() if i.unit != "width"]
    values, errors = [], []
    for _ in range(0, copies, 1000):
        noisy = clean + sigma * rng.standard_normal((min(1000, copies), len(GRID)))
        found = measure_indices(spectra(noisy, sigma**-2.0), chosen)
        values.append(found[0])
        errors.append(found[1])
    values, errors = np.concatenate(values), np.concatenate(errors)
    ratio = values.std(axis=0) / np.sqrt(np.mean(errors**2, axis=0))
    covered = np.isfinite(ratio)
    return float(np.max(np.abs(ratio[covered] - 1))), int(covered.sum())


def media() -> tuple[int, float]:
    """Whether a definition without medium is refused, and by how many errors a mix-up would change the strongest case."""
    try:
        dataclasses.replace(LINE, medium="")
        refused = 0
    except InputError:
        refused = 1
    narrow = dataclasses.replace(LINE, unit="asymmetry", line=4861.33)
    flux = spectra(line(5.0, 4.0, 0.0, 0.0, 0.0), 2500.0)
    right, error = (a[0, 0] for a in measure_indices(flux, [narrow]))
    wrong = measure_indices(flux, [dataclasses.replace(narrow, medium="vacuum")])[0][0, 0]
    return refused, float(abs(wrong - right) / error)


def speed(rng, count: int) -> tuple[float, float]:
    """Seconds for all built-in indices, compilation aside, and how much the peak memory grew beyond the spectra and the table, GB."""
    flux = (1 + 0.02 * rng.standard_normal((count, len(GRID)), dtype=np.float32)).astype(np.float32)
    many = spectra(flux, np.float32(2500.0))
    measure_indices(many.select(slice(256)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    measure_indices(many, redshift=rng.normal(0, 2e-4, count))
    seconds = time.perf_counter() - start
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20


def measure(args) -> dict:
    rng = np.random.default_rng(CLAIM.seed)
    worst, other = analytic(rng)
    off, n_indices = monte_carlo(rng, 250 if args.smoke else 8000)
    flux = spectra(line(5.0, 4.0, 0.0, 0.0, 0.0), 2500.0)
    scaled = flux.replace(flux=flux.flux * 1e-17, ivar=flux.ivar * 1e34)
    one, two = measure_indices(flux)[0], measure_indices(scaled)[0]
    refused, mix_up = media()
    seconds, growth = speed(rng, 300 if args.smoke else 10_000)
    return {
        "largest_line_error": worst,
        "largest_error_ratio_off": off,
        "flux_scale_change": float(np.nanmax(np.abs(two - one) / np.maximum(np.abs(one), 1e-3))),
        "media_refused": refused,
        "medium_mix_up_in_errors": mix_up,
        "seconds_for_10000": seconds,
        "memory_growth_gb": growth,
        "indices_compared": n_indices,
        **other,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
