"""A small synthetic run: numbers that look like a label transfer, made without any model."""

import numpy as np
import pandas as pd
import pytest

LABELS = {  # centre, spread, true error of predictions, error of observed labels, unit
    "teff": (4800.0, 350.0, 45.0, 60.0, "K"),
    "logg": (2.3, 0.6, 0.15, 0.12, "dex"),
    "fe_h": (-0.2, 0.3, 0.04, 0.05, "dex"),
    "alpha_fe": (0.1, 0.1, 0.016, 0.04, "dex"),
    "eu_fe": (0.15, 0.13, 0.055, 0.08, "dex"),
}
UNITS = {name: row[-1] for name, row in LABELS.items()}


def synthetic_labels(n: int = 800, seed: int = 1) -> pd.DataFrame:
    """Correlated labels; errors grow at low S/N; Eu errors are half of what they should be."""
    rng = np.random.default_rng(seed)
    snr = 10 ** rng.normal(1.9, 0.2, n)
    common = rng.normal(size=n)
    frame = {"id": [f"2M{i:08d}" for i in range(n)], "snr": snr, "chi2": rng.normal(1, 0.05, n)}
    for name, (centre, spread, error, noise, _) in LABELS.items():
        true = centre + spread * (0.8 * common + 0.6 * rng.normal(size=n))
        sigma = error * np.sqrt(0.3 + 0.7 * (80 / snr) ** 2)
        observed = true + rng.normal(0, noise, n)
        observed[rng.random(n) < 0.05] = np.nan
        frame[name] = true + rng.normal(0, sigma)
        frame[f"{name}_err"] = sigma * (0.5 if name == "eu_fe" else 1)
        frame[f"{name}_obs"] = observed
        frame[f"{name}_obs_err"] = np.where(np.isfinite(observed), noise, np.nan)
        frame[f"{name}_true"] = true
    return pd.DataFrame(frame)


def synthetic_spectrum(wavelength: np.ndarray, n: int, seed: int, snr: float = 90.0):
    """Random absorption lines on a continuum of one: flux, ivar, model of `n` stars."""
    rng = np.random.default_rng(seed)
    lines = rng.uniform(wavelength[0], wavelength[-1], len(wavelength) // 25)
    depth = rng.gamma(1.0, 0.07, len(lines))
    width = 0.25 * lines / 15_000 * 1.5
    model = np.ones((n, len(wavelength)))
    for k in range(n):
        for centre, d, w in zip(lines, depth * rng.uniform(0.8, 1.2), width, strict=True):
            near = slice(*np.searchsorted(wavelength, [centre - 6 * w, centre + 6 * w]))
            model[k, near] -= d * np.exp(-0.5 * ((wavelength[near] - centre) / w) ** 2)
    flux = model + rng.normal(0, 1 / snr, model.shape)
    ivar = np.full(model.shape, snr**2)
    ivar[rng.random(model.shape) < 0.005] = 0
    ivar[:, 1000:1012] = 0
    return flux, ivar, model


@pytest.fixture(scope="session")
def labels() -> pd.DataFrame:
    return synthetic_labels()


@pytest.fixture(scope="session")
def units() -> dict[str, str]:
    return UNITS


@pytest.fixture(scope="session")
def apogee():
    """Three detectors on one logarithmic grid, gaps without weight."""
    from luxjax.data.internal import Example

    wavelength = 10 ** (4.179 + 6e-6 * np.arange(8575))
    flux, ivar, model = synthetic_spectrum(wavelength, 2, 3)
    for a, b in ((0, 322), (3242, 3648), (6048, 6412), (8306, 8575)):
        ivar[:, a:b] = 0
        flux[:, a:b] = 0
    return Example(
        np.array(["2M00000001", "2M00000002"]), wavelength, "vacuum", flux, ivar, model, {"Mg I": 15745.0}
    )


@pytest.fixture(scope="session")
def galah():
    """Four arms: the grid itself jumps between them."""
    from luxjax.data.internal import Example

    arms = [(4713, 4903, 0.046), (5648, 5873, 0.055), (6478, 6737, 0.064), (7585, 7887, 0.074)]
    wavelength = np.concatenate([np.arange(a, b, step) for a, b, step in arms])
    flux, ivar, model = synthetic_spectrum(wavelength, 1, 4, 60)
    return Example(
        np.array(["140118002501001"]), wavelength, "air", flux, ivar, model, {"Eu II": 6645.1, "Li I": 6707.8}
    )


def synthetic_metrics(frame: pd.DataFrame) -> dict:
    from luxjax.stats.internal import compare

    labels = {}
    for name, (_, spread, error, _, unit) in LABELS.items():
        c = compare(frame, name, "true")
        entry = {
            "n": c.n,
            "rmse": c.rmse,
            "bias": c.bias,
            "unit": unit,
            "spread": spread,
            "n_calibration": 400,
        }
        entry["bound_rmse"] = 0.8 * error
        entry["baselines"] = {"ridge": 1.15 * error, "cannon": 1.5 * error, "labels_only": 2.4 * error}
        entry["n_observed"] = compare(frame, name, "obs").n
        for level in (68, 95):
            entry[f"coverage{level}_truth"] = c.coverage(level / 100).fraction
            entry[f"coverage{level}"] = compare(frame, name, "obs").coverage(level / 100).fraction
        labels[name] = entry
    objective = [1.3e6, 9.1e5, 8.71e5, 8.702e5, 8.70001e5, 8.7e5]
    fit = {"decoder": "linear", "n_latents": 18, "cycles": 6, "converged": True, "objective": objective}
    return {"wall_s": 71.3, "labels": labels, "fit": fit, "timings": {"fit": 12.1, "predict": 0.8}}


@pytest.fixture(scope="session")
def metrics(labels) -> dict:
    return synthetic_metrics(labels)


@pytest.fixture
def full_run(tmp_path, labels, units, metrics, apogee):
    """A run folder with everything in it, but for few labels and one short spectrum."""
    from dataclasses import replace

    from luxjax.runs import RunFolder

    kept = ("teff", "eu_fe")
    columns = [c for c in labels if c in ("id", "snr", "chi2") or c.startswith(kept)]
    run = RunFolder.create(tmp_path / "demo", config={"name": "A run", "fit": {"n_latents": 18}}, seed=7)
    run.write_labels(labels[columns], units)
    run.write_metrics({**metrics, "labels": {name: metrics["labels"][name] for name in kept}})
    near = slice(322, 1400)
    one = replace(
        apogee,
        ids=apogee.ids[:1],
        wavelength=apogee.wavelength[near],
        flux=apogee.flux[:1, near],
        ivar=apogee.ivar[:1, near],
        model=apogee.model[:1, near],
    )
    run.write_examples({"apogee": one})
    return run
