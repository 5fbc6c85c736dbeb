"""How well does the model give back APOGEE's own labels? From raw files to scores on stars held out.

APOGEE spectra are joined to APOGEE's catalogue, allStar, and a linear latent-variable model of both is fitted. On
stars it never saw, the labels it predicts are compared with the catalogue's: their scatter is that of both pipelines
together, seen through the same spectrum. Spectra without a usable catalogue label get labels too.

    python inference/apogee_labels.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in apogee_labels.toml, beside this file. With --smoke a small simulated survey is written as files
first, so that the whole path runs in seconds without any data.
"""

import sys
from pathlib import Path

from recipes import Recipe

from luxjax.cli import Steps
from luxjax.files import merge_config
from luxjax.report import render
from luxjax.runs import study_files
from luxjax.simulation import simulate, write_survey_files

SMOKE = {
    "out": "runs/smoke/apogee_labels",
    "overwrite": True,
    "data": {"wavelength_range": [15650.0, 15780.0]},
    "split": {"train": 0.6, "calibration": 0.2, "test": 0.2},
    "fit": {"latents": 8, "max_cycles": 20, "tol": 1e-4, "baselines": ["ridge"]},
}
RECIPE = Recipe(__file__, __doc__, SMOKE)


def simulated(config: dict, folder: Path) -> dict:
    """The configuration with the files of a simulated survey in place of the user's."""
    smoke = config["smoke"]
    survey = simulate(smoke["stars"], key=config["seed"], windows=("apogee",), snr=80.0)
    files = write_survey_files(survey, folder, overwrite=config["overwrite"])
    return merge_config(
        config, {"data": {"spectra": str(files.spectra), "label_catalog": str(files.allstar)}}, "--smoke"
    )


def run(config: dict, smoke: bool) -> Path:
    steps, out = Steps(), Path(config["out"])
    if smoke:
        with steps("simulate a survey and write its files"):
            config = simulated(config, out.with_name(f"{out.name}-files"))
    folder = study_files(config, out, output="apogee", stage=steps, overwrite=config["overwrite"])
    if config["report"]:
        with steps("draw the report"):
            render(folder)
    return folder.path


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
