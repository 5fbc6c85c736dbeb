"""Seismic log g of simulated stars whose truth is known: giants, clump stars, subgiants and dwarfs.

Power spectra of 90 days (Kepler's noise) and of 27 days (TESS's) are simulated with a comb of modes, scatter about the scaling relations, activity of any
slope and white noise by magnitude. The template that is fitted is smooth and has none of that scatter, but shares the mean relations with the
simulation: the error that comes from this on real stars is the subject of `seismic_real`.

RMSE is that of all giants with a true nu_max of 8 to 250 microhertz, accepted or not. Pulls and the stars outside of 3 sigma are judged by the errors of
noise alone: the 2.5% that is added for real stars is not in the simulation; the same with it is shown. Effective temperatures are the true ones.

    python validation/seismic_logg.py [--smoke]
"""

import numpy as np
from claims import Claim

from luxjax.lightcurves import PowerSpectrum, seismic_log_g
from luxjax.simulation import simulate_oscillations

CLAIM = Claim(
    __file__,
    "Of simulated giants with nu_max of 8 to 250 uHz log g has an RMSE of at most 0.025 dex in 90 days and 0.04 in 27, with pulls of 0.8 to 1.25; of all kinds of stars at least "
    "60% are accepted, and at most 2% of these are off by more than 3 sigma.",
    {
        "rmse_90_days": "<= 0.025",
        "rmse_27_days": "<= 0.04",
        "smallest_pull_sd": ">= 0.8",
        "largest_pull_sd": "<= 1.25",
        "largest_outside_3_sigma": "<= 0.02",
        "smallest_accepted": ">= 0.6",
    },
    seed=20,
    smoke_threshold={
        "rmse_90_days": "<= 0.04",
        "rmse_27_days": "<= 0.08",
        "smallest_pull_sd": ">= 0.6",
        "largest_pull_sd": "<= 1.5",
        "largest_outside_3_sigma": "<= 0.04",
        "smallest_accepted": ">= 0.5",
    },
)
SURVEYS = {
    "90": {"days": 90.0, "cadence_s": 1765.5, "noise_ppm": 60.0, "noise_floor_ppm": 10.0},
    "27": {"days": 27.0, "cadence_s": 1800.0, "noise_ppm": 150.0, "noise_floor_ppm": 60.0},
}


def survey(days: str, seed: int, n_stars: int) -> dict:
    """How well one simulated survey is measured."""
    stars = simulate_oscillations(n_stars, key=seed, **SURVEYS[days])
    truth = stars.table
    found = seismic_log_g([PowerSpectrum(**star) for star in stars.spectra()])
    off = np.log10(found["nu_max"] / truth["nu_max"]).to_numpy()
    logg = np.log10(found["nu_max"] / 3090.0) + 4.438 + 0.5 * np.log10(truth["teff"] / 5777.0)
    giant = truth["nu_max"].between(8.0, 250.0).to_numpy()
    kept = found["accepted"].to_numpy(bool)
    pull, whole_pull = off / found["noise_err"].to_numpy(), off / found["log_nu_max_err"].to_numpy()
    wrong = np.abs((logg - truth["logg"]).to_numpy())
    return {
        "days": days,
        "seed": seed,
        "giants": int(giant.sum()),
        "rmse_giants": float(np.sqrt(np.mean(wrong[giant] ** 2))),
        "rmse_accepted_giants": float(np.sqrt(np.mean(wrong[giant & kept] ** 2))),
        "rmse_accepted": float(np.sqrt(np.mean(wrong[kept] ** 2))),
        "pull_sd": float(np.std(pull[giant])),
        "pull_sd_with_2.5_percent": float(np.std(whole_pull[giant])),
        "accepted": float(kept.mean()),
        "outside_3_sigma": float(np.mean(np.abs(pull[kept]) > 3)),
        "outside_3_sigma_with_2.5_percent": float(np.mean(np.abs(whole_pull[kept]) > 3)),
        "dwarfs_accepted": float(kept[truth["nu_max"].to_numpy() > 800].mean()),
    }


def measure(args) -> dict:
    n_stars, n_seeds = (250, 1) if args.smoke else (2000, 2)
    seeds = [int(s) for s in np.random.SeedSequence(CLAIM.seed).generate_state(n_seeds)]
    surveys = [survey(days, seed, n_stars) for seed in seeds for days in SURVEYS]
    return {
        **{f"rmse_{d}_days": max(s["rmse_giants"] for s in surveys if s["days"] == d) for d in SURVEYS},
        "smallest_pull_sd": min(s["pull_sd"] for s in surveys),
        "largest_pull_sd": max(s["pull_sd"] for s in surveys),
        "largest_outside_3_sigma": max(s["outside_3_sigma"] for s in surveys),
        "smallest_accepted": min(s["accepted"] for s in surveys),
        "stars_each": n_stars,
        "surveys": surveys,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
