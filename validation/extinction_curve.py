"""The extinction law that a model learns: no dust is put into it, the reddening is one more label.

A linear model of simulated BP and RP spectra and labels, with E(B-V) among them: how its ln flux changes with E(B-V) at fixed other labels
(the most probable change of the latents), against the law that dimmed the simulated stars (Gordon et al. 2023, ApJ 950, 86), from 400 to 900 nm.
One constant is free, for the spectra do not say how bright a star is. Thresholds were fixed before the first run.

    python validation/extinction_curve.py [--smoke]
"""

import jax
import numpy as np
from claims import Claim
from instrument_stars import observed
from scipy.interpolate import CubicSpline

import luxjax
from luxjax.fitting import EM

CLAIM = Claim(
    __file__,
    "Without a law of extinction inside it a model learns how ln flux falls with E(B-V): to 2% of the law in the median and 8% at most.",
    {"median_deviation": "<= 0.02", "largest_deviation": "<= 0.08"},
    seed=401,
    smoke_threshold={"median_deviation": "<= 0.2"},
)
LATENTS = 12
# A(lambda) / E(B-V) for R_V = 3.1 by dust_extinction 1.7 (G23), at 1/lambda of 1 to 2.9 per micrometre: not the table of the simulation.
INVERSE = np.array([1.0, 1.15, 1.3, 1.45, 1.6, 1.75, 1.9, 2.05, 2.2, 2.35, 2.5, 2.65, 2.8])
LAW = np.array(
    [1.2266, 1.5952, 1.9458, 2.3009, 2.6638, 2.9555, 3.2727, 3.6524, 3.9287, 4.2061, 4.4037, 4.6421, 4.8853]
)


def measure(args) -> dict:
    n_train = 400 if args.smoke else 2000
    train, _, _ = observed(n_train, 10, CLAIM.seed, instruments=("xp",))
    train = train.only("xp", "labels")
    fitted = luxjax.fit(
        luxjax.Lux.linear(train.sizes, LATENTS), train, EM(tol=1e-7, max_cycles=300), key=CLAIM.seed
    )
    labels, xp = fitted.info("labels"), fitted.info("xp")
    at_zero = np.zeros(LATENTS)
    with jax.enable_x64(True):
        of_labels = np.asarray(fitted.model["labels"].jacobian(at_zero)) * labels.scale[:, None]
        of_xp = np.asarray(fitted.model["xp"].jacobian(at_zero)) * xp.scale[:, None]
    change = np.zeros(len(labels.names))
    change[labels.names.index("ebv")] = 1.0
    # Latents are N(0, 1): the most probable change of theirs for this change of the labels is the smallest.
    latents = np.linalg.lstsq(of_labels, change, rcond=None)[0]
    learned = np.linalg.solve(xp.whitening, of_xp @ latents) / (-0.4 * np.log(10))
    wavelength = np.array([float(name.split("_")[1]) for name in xp.names])
    law = CubicSpline(INVERSE, LAW)(1e4 / wavelength)
    inside = (wavelength > 4000) & (wavelength < 9000)
    constant = np.median((learned - law)[inside])
    deviation = np.abs((learned - constant)[inside] / law[inside] - 1)
    return {
        "median_deviation": float(np.median(deviation)),
        "largest_deviation": float(deviation.max()),
        "wavelength_nm": (wavelength[inside] / 10).round(1).tolist(),
        "learned": (learned - constant)[inside].round(4).tolist(),
        "law": law[inside].round(4).tolist(),
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
