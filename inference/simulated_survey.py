"""How well are labels of an optical survey carried to H-band spectra? The answer where the truth is known.

A survey is simulated: disc giants and dwarfs with APOGEE and GALAH spectra, and GALAH labels with errors, europium
among them, which has no usable line in the H band. A linear latent-variable model of both is fitted, its errors are
calibrated on stars of their own, and further stars get labels from their H-band spectra alone. The report compares
them with the truth, with ridge regression, The Cannon and a guess from the other labels, and with the information bound.

    python inference/simulated_survey.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in simulated_survey.toml, beside this file; their defaults are those of `luxjax demo`. With --smoke
few stars and one survey are simulated, in seconds.
"""

import sys
from pathlib import Path

from recipes import Recipe

from luxjax.cli import Steps
from luxjax.data import split
from luxjax.report import render
from luxjax.runs import RunFolder, demo
from luxjax.simulation import simulate

SMOKE = {
    "out": "runs/smoke/simulated_survey",
    "overwrite": True,
    "survey": {"stars": 400, "windows": ["apogee"]},
    "fit": {"latents": 8, "tol": 1e-3, "max_cycles": 15},
    "compare": {"quadratic_latents": 0, "bound_stars": 4},
}
RECIPE = Recipe(__file__, __doc__, SMOKE)


def run(config: dict, smoke: bool) -> Path:
    steps, survey = Steps(), config["survey"]
    # Options of which no survey can be made are refused before an earlier run is replaced.
    simulate(2, key=config["seed"], windows=survey["windows"], snr=survey["snr"])
    split(["one star"], config["split"])
    settings = {**survey, "fractions": config["split"], **config["fit"], **config["compare"]}
    folder = RunFolder.create(
        config["out"], config=config, seed=config["seed"], overwrite=config["overwrite"]
    )
    demo(folder, seed=config["seed"], stage=steps, **settings)
    if config["report"]:
        with steps("draw the report"):
            render(folder)
    return folder.path


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
