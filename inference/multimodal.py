"""What does each instrument add? One model of spectra, photometry, parallaxes, BP and RP spectra and light curves, for stars that lack some of them.

A catalogue of stars with several outputs (as `luxjax ingest --also` makes it, or `Catalog.join(..., how="outer")`) is split by star. One linear model is fitted
to the training stars; errors are calibrated for every combination of inputs that is frequent. The test stars are then predicted from
each input alone and from all together: the report says what each adds, and where stars with which inputs lie.

    python inference/multimodal.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in multimodal.toml, beside this file. With --smoke stars and instruments are simulated.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from recipes import Recipe

from luxjax import Catalog, InputError, LuxWarning, load_catalog, simulate, transfer
from luxjax.cli import Steps
from luxjax.data import split
from luxjax.lightcurves import PowerSpectrum, seismic_log_g, seismic_measurements
from luxjax.report import render
from luxjax.runs import RunFolder, study_catalog
from luxjax.simulation import simulate_instruments
from luxjax.stats import rmse

SMOKE = {"out": "runs/smoke/multimodal", "overwrite": True, "fit": {"latents": 8, "folds": 3}}
RECIPE = Recipe(__file__, __doc__, SMOKE)


def simulated(smoke: dict, seed: int) -> Catalog:
    """Stars with an APOGEE spectrum in a few pixels, BP and RP, photometry, a parallax and a light curve, each missing for some."""
    survey = simulate(smoke["stars"], key=seed, windows=("apogee",), snr=smoke["snr"])
    missing = dict.fromkeys(("apogee", "xp"), smoke["missing"])
    made = simulate_instruments(survey, key=seed + 1, missing=missing, days=smoke["days"])
    power = [PowerSpectrum(**s) for s in made.oscillations.spectra()]
    table = seismic_log_g(power, teff=dict(zip(made.truth["id"], made.truth["teff"], strict=True)))
    few = made.catalog.spectra("apogee").pixels(slice(None, None, smoke["every"]))
    return Catalog(
        {**made.catalog.outputs, "apogee": few, "seismic": seismic_measurements(table)}, made.catalog.table
    )


def by_input(fitted, stars: Catalog, inputs: list[str]) -> dict[str, dict[str, float]]:
    """RMSE of every label of these stars, predicted from each input alone (where a star has it) and from all."""
    found = {}
    for name, used in [*((n, [n]) for n in inputs), ("all", inputs)]:
        seen = np.logical_or.reduce([(stars[n].ivar > 0).any(axis=1) for n in used])
        if not seen.any():
            continue
        part = stars.select(seen)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", LuxWarning
            )  # there is no calibration for each alone: values count here
            predicted = transfer(fitted, part, inputs=used)
        found[name] = {n: rmse(predicted[n], part.labels()[n]) for n in predicted.names}
    return found


def run(config: dict, smoke: bool) -> Path:
    steps, out = Steps(), Path(config["out"])
    RunFolder.check_free(out, overwrite=config["overwrite"])
    with steps("simulate instruments" if smoke else "read the catalogue"):
        stars = (
            simulated(config["smoke"], config["seed"]) if smoke else load_catalog(config["data"]["catalog"])
        )
    inputs = config["data"]["inputs"] or [k for k, o in stars.outputs.items() if o.role == "input"]
    if len(inputs) < 2:
        raise InputError(
            f"these stars have one input, {inputs[0] if inputs else 'none'}; join others with luxjax ingest --also, or use luxjax fit."
        )
    fractions = {"train": 1 - config["data"]["test_fraction"], "test": config["data"]["test_fraction"]}
    parts = split(list(stars.ids), fractions, seed=config["seed"])
    folder = RunFolder.create(out, config=config, seed=config["seed"], overwrite=config["overwrite"])
    done = study_catalog(
        stars.select(parts["train"]),
        folder,
        inputs=inputs,
        evidence=False,
        seed=config["seed"],
        stage=steps,
        **config["fit"],
    )
    with steps("predict the test stars from each input alone, and from all"):
        done.metrics["by_input"] = by_input(done.fitted, stars.select(parts["test"]), inputs)
    folder.write_metrics(done.metrics)
    if config["report"]:
        with steps("draw the report"):
            render(folder)
    for line in done.metrics["says"]:
        print(line)
    return folder.path


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
