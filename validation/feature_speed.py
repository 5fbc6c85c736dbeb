"""Spectral indices of many spectra at once, beside loops over spectra: time, agreement and memory.

All measure the same equivalent widths and magnitudes of the built-in table in the same spectra at the same redshifts, in one run on
one machine, so that ratios mean something where seconds do not. The loops are what is written by hand with numpy (fractional
pixels, a straight line through two side bands, no errors), and with specutils (`extract_region` for the side bands,
`equivalent_width`), where that library is installed. Ours gives errors too; their share of the time is not taken out. Memory is the
growth of the peak beyond spectra and table, from one block of spectra to all. The first threshold was written after a trial
with 400 spectra on a busy machine (2.5).

    python validation/feature_speed.py [--smoke]
"""

import resource
import time
from collections.abc import Callable

import numpy as np
from claims import Claim

from luxjax.data import Spectra
from luxjax.indices import Index, builtin_indices, measure_indices
from luxjax.preprocessing import bin_edges

CLAIM = Claim(
    __file__,
    "The equivalent widths and magnitudes of 10,000 spectra, with errors, take less than two thirds of the time of a numpy loop over spectra "
    "without errors and agree with it to 0.001 of their scatter, all built-in features of them take less than 20 s, and peak memory "
    "grows by less than 1 GB.",
    {
        "times_faster_than_numpy": "> 1.5",
        "largest_difference": "< 0.001",
        "seconds_for_10000": "< 20",
        "memory_growth_gb": "< 1",
    },
    seed=61,
    smoke_threshold={
        "times_faster_than_numpy": "> 1",
        "largest_difference": "< 0.001",
        "memory_growth_gb": "< 1",
    },
)
GRID = 10 ** (3.5682 + 1e-4 * np.arange(3909))
LOWER, UPPER = bin_edges(GRID)


def made(n: int) -> tuple[Spectra, np.ndarray]:
    """Smooth spectra with lines of random depth, S/N 50, and redshifts."""
    rng = np.random.default_rng(CLAIM.seed)
    z = rng.normal(0, 2e-4, n)
    centres, flux = rng.uniform(3800, 8900, 60), np.ones((n, len(GRID)), np.float32)
    for centre in centres:
        flux *= (1 - rng.uniform(0, 0.5, (n, 1)) * np.exp(-0.5 * ((GRID - centre) / 5) ** 2)).astype(
            np.float32
        )
    flux += 0.02 * rng.standard_normal(flux.shape, dtype=np.float32)
    ids = np.arange(n).astype(str)
    ivar = np.broadcast_to(np.float32(2500.0), flux.shape)
    return Spectra(flux, ivar, GRID, "vacuum", ids, frame="barycentric"), z


def by_numpy(spectra: Spectra, z: np.ndarray, indices: list[Index]) -> np.ndarray:
    """One spectrum and one index at a time."""
    out = np.empty((len(spectra), len(indices)))
    for k, flux in enumerate(np.asarray(spectra.flux, float)):
        lower, upper = LOWER / (1 + z[k]), UPPER / (1 + z[k])
        middle = (lower + upper) / 2

        def inside(band, lower=lower, upper=upper):
            cut = slice(np.searchsorted(upper, band[0]), np.searchsorted(lower, band[1]))
            return cut, np.minimum(upper[cut], band[1]) - np.maximum(lower[cut], band[0])

        for j, index in enumerate(indices):
            (b, blue), (r, red), (i, band) = (inside(x) for x in (index.blue, index.red, index.band))
            x0, y0 = (blue @ middle[b]) / blue.sum(), (blue @ flux[b]) / blue.sum()
            x1, y1 = (red @ middle[r]) / red.sum(), (red @ flux[r]) / red.sum()
            continuum = y0 + (y1 - y0) * (middle[i] - x0) / (x1 - x0)
            mean = band @ (flux[i] / continuum) / band.sum()
            out[k, j] = (1 - mean) * band.sum() if index.unit == "A" else -2.5 * np.log10(mean)
    return out


def by_specutils(spectra: Spectra, z: np.ndarray, indices: list[Index]) -> np.ndarray | None:
    """The same with specutils, whose regions end at whole pixels; None where it is not installed."""
    try:
        import astropy.units as u
        from specutils import SpectralRegion, Spectrum
        from specutils.analysis import equivalent_width
        from specutils.manipulation import extract_region
    except ImportError:
        return None
    out = np.empty((len(spectra), len(indices)))
    for k, flux in enumerate(np.asarray(spectra.flux, float)):
        rest = GRID / (1 + z[k])
        whole = Spectrum(flux=flux * u.one, spectral_axis=rest * u.AA)
        for j, index in enumerate(indices):
            sides = [
                extract_region(whole, SpectralRegion(*(b * u.AA)))
                for b in (np.array(index.blue), np.array(index.red))
            ]
            (x0, y0), (x1, y1) = ((s.spectral_axis.value.mean(), s.flux.value.mean()) for s in sides)
            continuum = y0 + (y1 - y0) * (rest - x0) / (x1 - x0)
            divided = Spectrum(flux=flux / continuum * u.one, spectral_axis=rest * u.AA)
            width = equivalent_width(divided, regions=SpectralRegion(*(np.array(index.band) * u.AA))).value
            span = np.subtract(*index.band[::-1])  # type: ignore[index]
            out[k, j] = width if index.unit == "A" else -2.5 * np.log10(1 - width / span)
    return out


def timed(task: Callable, *given) -> tuple:
    start = time.perf_counter()
    result = task(*given)
    return result, time.perf_counter() - start


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(args) -> dict:
    n, few, fewer = (400, 20, 2) if args.smoke else (10_000, 300, 10)
    spectra, z = made(n)
    chosen = [i for i in builtin_indices(shapes=False) if i.unit in ("A", "mag")]
    vacuum = [i.vacuum() for i in chosen]
    for k in (chosen, None):  # compiled once, before the clock starts
        measure_indices(spectra.select(slice(256)), k, redshift=z[:256])
    before = peak_gb()
    every, seconds = timed(lambda: measure_indices(spectra, redshift=z))
    growth = peak_gb() - before - sum(a.nbytes for a in every) / 2**30
    ours, own = timed(lambda: measure_indices(spectra, chosen, redshift=z)[0])
    loop, by_hand = timed(by_numpy, spectra.select(slice(few)), z, vacuum)
    library, by_library = timed(by_specutils, spectra.select(slice(fewer)), z, vacuum)
    scatter = ours.std(axis=0)
    per = {
        "ours": own / n,
        "numpy": by_hand / few,
        "specutils": by_library / fewer if library is not None else None,
    }
    return {
        "times_faster_than_numpy": per["numpy"] / per["ours"],
        "largest_difference": float(np.max(np.abs(ours[:few] - loop) / scatter)),
        "seconds_for_10000": seconds * 10_000 / n,
        "memory_growth_gb": growth,
        "milliseconds_per_spectrum": {k: None if v is None else 1e3 * v for k, v in per.items()},
        "indices": len(chosen),
        "times_faster_than_specutils": None if per["specutils"] is None else per["specutils"] / per["ours"],
        "median_difference_from_specutils": None
        if library is None
        else float(np.median(np.abs(ours[:fewer] - library) / scatter)),
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
