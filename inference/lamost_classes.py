"""The class of each LAMOST star, how sure that is, and which features of the spectrum it rests on.

A folder of LAMOST files is read, whatever cannot be used is listed with its reason, and spectral indices are measured.
A classifier is trained and its probabilities are calibrated; then it is judged on stars that it has not seen, beside simpler
ones. At last features and their families are ranked: naively, by permutation, among stars of like temperature and by
training without them. The page, report.html, shows all of it.

    python inference/lamost_classes.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in lamost_classes.toml, beside this file. With --smoke spectra are simulated, and everything is small.
"""

import sys
from pathlib import Path

from recipes import Recipe

from luxjax.cli import Steps
from luxjax.report import render
from luxjax.runs import (
    RunFolder,
    check_class_options,
    explain_class_run,
    keep_classes,
    lamost_data,
    simulated_data,
    train_classes,
    with_parameters,
)

SMOKE = {
    "out": "runs/smoke/lamost_classes",
    "overwrite": True,
    "train": {"estimator": "logistic", "compare": [], "levels": []},
    "split": {"folds": 0},
    "explain": {"retrain": False},
}
RECIPE = Recipe(__file__, __doc__, SMOKE)
LIKE = dict.fromkeys("AFGKM", 1.0)


def run(config: dict, smoke: bool) -> Path:
    steps, seed, data = Steps(), config["seed"], config["data"]
    how = {**config["train"], **config["split"]}
    RunFolder.check_free(config["out"], overwrite=config["overwrite"])
    check_class_options(how)
    with steps("simulate spectra" if smoke else "read spectra and measure features") as told:
        if smoke:
            stars = simulated_data(config["smoke"]["stars"], seed=seed, mix=LIKE, progress=told)
        else:
            reading = {k: data[k] for k in ("repeats", "reject_cosmic_rays")}
            stars = lamost_data([data["spectra"]], **reading, progress=told)
    if data["labels"] and not smoke:
        stars = with_parameters(stars, Path(data["labels"]))
    stars = keep_classes(stars, data["classes"], data["min_per_class"])
    # What the command line keeps of a run, so that its predict and explain go on from here.
    kept = {
        **config,
        **how,
        "simulate": len(stars.table) if smoke else 0,
        "reject_cosmic_rays": data["reject_cosmic_rays"],
    }
    folder = RunFolder.create(config["out"], config=kept, seed=seed, overwrite=config["overwrite"])
    train_classes(folder, stars, **how, seed=seed, stage=steps)
    if config["explain"]["features"]:
        retrain = config["explain"]["retrain"]
        reasons, _ = explain_class_run(folder, retrain=retrain, seed=seed, stage=steps)
        print(reasons.comparison.words)
    if config["report"]:
        with steps("draw the page"):
            render(folder)
    return folder.path


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
