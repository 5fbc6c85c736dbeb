"""The intervals of predicted labels hold what they say: at low and high S/N, few and many training stars, labels missing.

In-model: spectra and labels drawn from bilinear models with known noise, each training set from a world of its own. Intervals
are the model's own, without any calibration. Physical: simulated APOGEE spectra (every fourth pixel), whose lines come from
Saha and Boltzmann and a curve of growth, which no linear decoder follows. Intervals are calibrated (`luxjax.prediction.calibrate`) on
800 separate stars, and beside them stand split conformal intervals of the observed labels (`luxjax.prediction.conformal`), with
quantiles by fifths of S/N. Everything is done at 200 and at 2,000 training stars, with all training labels and with 30% of them missing.

A cell is the coverage of one label at one level, of the true or of the observed labels, for all test stars or for the
fifth of lowest or of highest S/N. Stars that share a training set, and a calibration sample, share their errors. So the
unit of independence is the set of training, calibration and test stars: its coverage is one number c, and the interval
mean(c) +- t sd(c) / sqrt(sets), with t from Student's distribution at a chance of 0.05 / cells (Bonferroni over all cells
of the page), must hold the nominal level. What the calibration sample got wrong is in sd(c).

A first run (seed 90) failed in 54 of the 240 in-model cells, all too wide, and worst at high S/N with labels missing: 0.76 of true labels in
68% intervals. The labels' learned scatter, none of which is there, had not come down to zero when the fit of a million pixels
called itself converged: its steps were several times too short for labels that are more precise than the spectra place their
stars. That was mended (`EM`); the thresholds are as they were and the seed is new. None of the 360 cells on physical spectra was outside.
A second run missed by two cells, both too wide. Since then the noise of spectral decoders counts once, in the labels' rows (`transfer`), and the
present verdict misses by one cell of 600, too wide again: 0.702 +- 0.0195 of the true logg of all stars on physical spectra at 2,000
training stars.

Earlier claims judged coverage one survey at a time, against bands that simulate the calibration's own error. On surveys of
the demonstration's size they failed three times, in two, two and one of sixty cells: intervals of [Fe/H] too wide for most
stars and set by a few far from the middle of the population (calibration has had a term for latent distance since), of
[alpha/Fe] too wide for want of calibration labels (the model's own scale has had a prior since, and peculiar stars are
clipped), and at last one 95% interval of [Fe/H] at 0.907, where the band began at 0.908.

    python validation/coverage.py [--smoke]
"""

import numpy as np
from claims import Claim
from scipy import stats

from luxjax.data import Catalog
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.prediction import calibrate, conformal, transfer
from luxjax.simulation import bilinear, simulate
from luxjax.stats import LEVELS, interval_coverage

ALPHA, SNR, SNR_SCATTER, MISSING = 0.05, 100.0, 0.6, 0.3
FIFTHS = SNR * np.exp(SNR_SCATTER * stats.norm.ppf([0.2, 0.4, 0.6, 0.8]))
SAMPLES = {"all": (0, 1, 2, 3, 4), "lowest S/N": (0,), "highest S/N": (4,)}
CLAIM = Claim(
    __file__,
    "Over 24 independent training sets each of 200 and 2,000 stars, with all labels and with 30% missing, the 68% and 95% "
    "intervals of every label cover true and observed labels, of all stars and of the fifths of lowest and highest S/N, "
    "within the family-wise 95% band: uncalibrated where the model is true, and calibrated on separate stars on "
    "physical spectra.",
    {"cells_outside_in_model": "== 0", "cells_outside_physical": "== 0"},
    seed=91,
    # Four sets of a hundred stars may well have no spread at all in some cells.
    smoke_threshold={"cells_outside_in_model": "<= 3", "cells_outside_physical": "<= 6"},
)


def fitted_model(train: Catalog, n_latents: int, seed: int):
    return fit(Lux.linear(train.sizes, n_latents), train, EM(tol=1e-5), key=seed)


def in_model(numbers: dict, missing: float, seed: int, size: dict) -> dict:
    """One world, and the cells of models trained on its first stars: (training stars, reference, level, sample)."""
    n_train, sizes = max(numbers), {"flux": size["pixels"], "labels": 5}
    world = bilinear(
        n_train + size["test"],
        sizes,
        8,
        key=seed,
        snr=SNR,
        snr_scatter=SNR_SCATTER,
        bad_fraction=0.01,
        missing_fraction=missing,
    )
    test, cells = slice(n_train, None), {}
    stars = world.catalog.select(test)
    # Errors differ between stars and, by 10%, between pixels.
    snr = np.exp(np.ma.log(np.ma.masked_equal(stars["flux"].ivar, 0)).mean(axis=1) / 2)
    for n in numbers:
        found = transfer(fitted_model(world.catalog.select(slice(n)), 8, seed), stars.only("flux"))
        cells |= covered(n, found, world.noise_free("labels")[test], stars.labels(), np.asarray(snr))
    return cells


def physical(numbers: dict, missing: float, seed: int, size: dict) -> dict:
    """One survey, and the cells of models trained on its first stars and calibrated on others."""
    n_train, n_held = max(numbers), size["calibration"]
    survey = simulate(
        n_train + n_held + size["test"],
        key=seed,
        windows=("apogee",),
        snr=SNR,
        snr_scatter=SNR_SCATTER,
        missing_labels=missing,
    )
    whole = survey.catalog
    used = whole["apogee"].pixels(slice(None, None, size["every"]))
    catalog = Catalog({"apogee": used, "labels": whole.labels()}, whole.table)
    held, stars = (
        catalog.select(slice(n_train, n_train + n_held)),
        catalog.select(slice(n_train + n_held, None)),
    )
    truth, cells = survey.truth.label_values[n_train + n_held :], {}
    snr, groups = (c.table["snr_apogee"].to_numpy() for c in (stars, held))
    for n, n_latents in numbers.items():
        fitted = fitted_model(catalog.select(slice(n)), n_latents, seed)
        first = transfer(fitted, held.only("apogee"))
        calibration = calibrate(first, held.labels())
        found = calibration.apply(transfer(fitted, stars.only("apogee")))
        free = conformal(calibration.apply(first), held.labels(), np.digitize(groups, FIFTHS))
        cells |= covered(n, found, truth, stars.labels(), snr, free)
    return cells


def covered(n: int, found, truth, observed, snr, free=None) -> dict:
    """Fraction of each label's intervals that hold their value, by training stars, reference, level and sample."""
    fifth, cells = np.digitize(snr, FIFTHS), {}
    for level in LEVELS:
        half, wide = (
            stats.norm.ppf(0.5 + level / 2) * e for e in (found.error, np.hypot(found.error, observed.error))
        )
        ends = {
            "true": (truth, found.value - half, found.value + half),
            "observed": (observed.value, found.value - wide, found.value + wide),
        }
        if free is not None:
            ends["observed, conformal"] = (observed.value, *free.interval(found, level, fifth))
        for reference, (value, low, high) in ends.items():
            for sample, which in SAMPLES.items():
                here = np.isin(fifth, which)
                cells[n, reference, level, sample] = [
                    interval_coverage(v[here], a[here], b[here]).fraction
                    for v, a, b in zip(value.T, low.T, high.T, strict=True)
                ]
    return cells


def judged(sets: list[dict], n_cells: int) -> list[dict]:
    """Mean coverage of every cell over the sets, its t-interval, and whether that holds the level."""
    out = []
    for n, reference, level, sample in sets[0]:
        values = np.array([s[n, reference, level, sample] for s in sets])
        mean = values.mean(axis=0)
        half = (
            stats.t.ppf(1 - ALPHA / n_cells / 2, len(sets) - 1)
            * values.std(axis=0, ddof=1)
            / np.sqrt(len(sets))
        )
        out.append(
            {"training_stars": n, "of": reference, "level": level, "stars": sample}
            | {"coverage": mean, "half_interval": half, "outside": int(np.sum(np.abs(mean - level) > half))}
        )
    return out


def measure(args) -> dict:
    n_sets, fractions = (4, (0.0,)) if args.smoke else (24, (0.0, MISSING))
    numbers = (
        {"in_model": {100: 8}, "physical": {100: 8}}
        if args.smoke
        else {"in_model": {200: 8, 2000: 8}, "physical": {200: 10, 2000: 16}}
    )
    size = (
        {"test": 100, "calibration": 300, "pixels": 128, "every": 32}
        if args.smoke
        else {"test": 500, "calibration": 800, "pixels": 512, "every": 4}
    )
    draws = np.random.SeedSequence(CLAIM.seed).generate_state(2 * 2 * n_sets).reshape(2, 2, n_sets)
    found = {
        (world.__name__, missing): [world(numbers[world.__name__], missing, int(s), size) for s in row]
        for world, seeds in zip((in_model, physical), draws, strict=True)
        for missing, row in zip(fractions, seeds, strict=False)
    }
    n_cells = 5 * sum(len(sets[0]) for sets in found.values())
    cells = {key: judged(sets, n_cells) for key, sets in found.items()}
    return {
        **{
            f"cells_outside_{world}": sum(
                c["outside"] for key, rows in cells.items() if key[0] == world for c in rows
            )
            for world in numbers
        },
        "cells": n_cells,
        "sets": n_sets,
        "size": size,
        **{f"{world}, {missing:.0%} of labels missing": rows for (world, missing), rows in cells.items()},
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
