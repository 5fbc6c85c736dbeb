"""What labels does every star of a survey get that no memory holds, and how good are they? On all devices there are.

A dataset on disk has the spectra of all stars and trusted labels of some. A linear latent-variable model is fitted to
labelled stars, which are read anew in every cycle; its errors are calibrated on others, it is judged on others still,
and then every star of the dataset gets labels with covariances, written as they come. Started once, the program uses all
devices of its machine; started by a launcher of inference/cluster, also those of several processes and machines, each of
which reads its own stars. It may be killed at any moment: started again as before, it goes on where it was.

    python inference/large_survey.py [--config FILE] [--out FOLDER] [--smoke]
    inference/cluster/local.sh -n 2 python inference/large_survey.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in large_survey.toml, beside this file; `luxjax ingest --dataset` makes a dataset of survey files. With
--smoke a small survey is simulated first.
"""

import shutil
import sys
from pathlib import Path

import jax
import numpy as np
from recipes import Recipe

from luxjax.cli import Steps
from luxjax.core import InputError
from luxjax.data import split
from luxjax.dataset import Dataset, open_dataset
from luxjax.files import merge_config
from luxjax.fitted import load, save
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.parallel import broadcast_from_first, join_processes, star_mesh
from luxjax.prediction import calibrate, score, transfer, transfer_dataset
from luxjax.runs import RunFolder
from luxjax.simulation import simulate
from luxjax.system import keep_freed_memory

SMOKE = {
    "out": "runs/smoke/large_survey",
    "overwrite": True,
    "split": {"train": 0.6, "calibration": 0.2, "test": 0.2},
    "fit": {"latents": 6, "max_cycles": 10, "tol": 1e-3},
}
RECIPE = Recipe(__file__, __doc__, SMOKE)
LEAST = 30  # labelled stars to calibrate with


def simulated(config: dict, place: Path) -> dict:
    """The configuration with a simulated survey in place of the user's dataset."""
    if jax.process_index() == 0:
        stars = config["smoke"]["stars"]
        survey = simulate(stars, key=config["seed"], windows=("apogee",), snr=80.0, n_train=stars)
        shutil.rmtree(place, ignore_errors=True)
        dataset = Dataset.create(place, survey.catalog.outputs)
        dataset.append(survey.catalog)
    return merge_config(config, {"data": {"dataset": str(place)}}, "--smoke")


def usable(stars: Dataset, data: dict) -> np.ndarray:
    """Which stars have all labels and are good enough to learn from."""
    if data["labels"] not in stars.sizes:
        raise InputError(f"the dataset has outputs {', '.join(stars.sizes)}; set data.labels to one of them.")
    good = np.isfinite(stars[data["labels"]].value).all(axis=1)
    return good & np.isin(np.arange(len(stars)), stars.select(data["good"]).rows) if data["good"] else good


def run(config: dict, smoke: bool) -> Path:
    join_processes()
    steps, out, mesh, first = Steps(), Path(config["out"]), star_mesh(), jax.process_index() == 0
    if smoke:
        config = simulated(config, out.with_name(f"{out.name}-stars"))
    settings = {"path": out, "config": config, "seed": config["seed"]}
    earlier = first and RunFolder.resumed(**settings, needs="versions.json", lacks="metrics.json")
    if first and not earlier:
        RunFolder.check_free(out, overwrite=config["overwrite"])
    broadcast_from_first(0)  # the simulated stars are there
    stars, data = open_dataset(config["data"]["dataset"]), config["data"]
    good, parts = usable(stars, data), split(list(stars.ids), config["split"], seed=config["seed"])
    inputs = data["inputs"] or [k for k in stars.sizes if k != data["labels"]]
    for name in ("calibration", "test"):
        if (found := np.sum(good & parts[name])) < LEAST:
            raise InputError(
                f"{found} stars of part '{name}' have good labels, and it needs {LEAST}; give it a larger share, or ingest "
                "more labelled stars."
            )
    if first and not earlier:
        RunFolder.create(**settings, overwrite=config["overwrite"])
    folder = RunFolder(out)
    there = broadcast_from_first(
        folder.model.is_dir()
    )  # left by a run that was killed while it labelled stars
    with steps(f"fit on {mesh.size} devices of {jax.process_count()} processes"):
        if there:
            fitted = load(folder.model)
        else:
            sizes = {k: stars.sizes[k] for k in [*inputs, data["labels"]]}
            fitter = EM(
                **{k: config["fit"][k] for k in ("max_cycles", "tol", "scatter")},
                checkpoint=str(out / "fit.npz"),
            )
            model = Lux.linear(sizes, config["fit"]["latents"])
            fitted = fit(model, stars.select(good & parts["train"]), fitter, key=config["seed"], mesh=mesh)
            if first:
                save(fitted, folder.model)

    def predicted(part: str):
        """Labels of stars kept apart, the same in every process, and those of the catalogue."""
        rows = np.flatnonzero(good & parts[part])[: config["fit"]["judged"]]
        kept = stars.select(rows).catalog(*inputs, data["labels"])
        found = transfer(fitted, kept, inputs=inputs, labels=data["labels"], calibrated=part != "calibration")
        return found, kept.labels(data["labels"])

    with steps("calibrate"):
        calibration = calibrate(*predicted("calibration"))
        fitted = fitted.with_calibration(calibration)
        broadcast_from_first(0)  # all have read the model, where one was there
        if first:
            save(fitted, folder.model)
    with steps(f"label {len(stars):,} stars"):
        transfer_dataset(
            fitted,
            stars,
            out / "labels",
            inputs=inputs,
            labels=data["labels"],
            mesh=mesh,
        )
    broadcast_from_first(0)  # all are written
    if first:
        judged, seen = predicted("test")
        scores = score(judged, seen, n_calibration=calibration.n_stars)
        folder.write_metrics(
            {"labels": scores, "stars": len(stars), "fit": fitted.summary, "seconds": steps.timings}
        )
    return out


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(RECIPE.main(run))
