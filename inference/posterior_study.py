"""Which posterior of a label can be believed? Five methods on the same stars, and the model itself sampled.

A survey is simulated and a linear model of spectra and labels is fitted. Then the labels of test stars are inferred from
their spectra by the closed form, Laplace's method, variational inference of full rank and mean field, and NUTS. The
methods are compared star by star, with the truth, and by the ranks of the true labels of stars that the model itself
makes. At last the decoders, the scatter and the latents of a small part of the survey are sampled together by NUTS, and
the chains are diagnosed. The page, report.html, shows all of it.

    python inference/posterior_study.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in posterior_study.toml, beside this file. With --smoke everything is small, in seconds.
"""

import sys
from pathlib import Path

import numpy as np
from recipes import Recipe

from luxjax.cli import Steps
from luxjax.core import check_name
from luxjax.data import Catalog, split
from luxjax.fitted import FittedModel
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.posterior import NUTS, AbstractMethod, Exact, Laplace, Variational, infer, prior_ranks
from luxjax.report import compare_methods, render
from luxjax.runs import RunFolder, infer_run
from luxjax.simulation import simulate

SMOKE = {
    "out": "runs/smoke/posterior_study",
    "overwrite": True,
    "survey": {"stars": 160},
    "split": {"train": 0.7, "test": 0.3},
    "fit": {"latents": 3, "tol": 1e-3, "max_cycles": 15},
    "posterior": {"stars": 20, "steps": 200, "methods": ["Laplace", "Variational, mean field"]},
    "joint": {"stars": 40, "pixels": 8, "latents": 2, "chains": 2, "warmup": 60, "draws": 60},
}
RECIPE = Recipe(__file__, __doc__, SMOKE)
REFERENCE = "Exact"


def methods(options: dict) -> dict[str, AbstractMethod]:
    """What is compared, by the names of the page; the closed form always is."""
    known: dict[str, AbstractMethod] = {
        REFERENCE: Exact(),
        "Laplace": Laplace(),
        "Variational, full rank": Variational("full_rank", steps=options["steps"]),
        "Variational, mean field": Variational("mean_field", steps=options["steps"]),
        "NUTS": NUTS(options["chains"], options["warmup"], options["draws"]),
    }
    for name in options["methods"]:
        check_name("method", name, known)
    return {name: method for name, method in known.items() if name in (REFERENCE, *options["methods"])}


def telling(fitted: FittedModel, catalog: Catalog, output: str, pixels: int) -> Catalog:
    """The catalogue with the pixels in which the fitted model lets stars differ most, in units of their errors."""
    spectra = catalog.spectra(output)
    signal = np.sum(np.square(fitted.model[output].weight), axis=1) * np.median(spectra.ivar, axis=0)
    signal = np.where(spectra.good.mean(axis=0) > 0.9, signal, 0)
    return Catalog(
        {**catalog.outputs, output: spectra.pixels(np.sort(np.argsort(-signal)[:pixels]))}, catalog.table
    )


def run(config: dict, smoke: bool) -> Path:
    steps, seed, spectra = Steps(), config["seed"], "apogee"
    RunFolder.check_free(config["out"], overwrite=config["overwrite"])
    options, joint = config["posterior"], config["joint"]
    asked = methods(options)
    # Options of which no survey can be made are refused before an earlier run is replaced.
    simulate(2, key=seed, snr=config["survey"]["snr"])
    split(["one star"], config["split"])
    with steps("simulate a survey"):
        survey = simulate(
            config["survey"]["stars"], key=seed, windows=(spectra,), snr=config["survey"]["snr"]
        )
    parts = split(list(survey.catalog.ids), config["split"], seed=seed)
    train, test = (survey.catalog.select(parts[name]) for name in ("train", "test"))
    truth = survey.truth.label_values[parts["test"]][: options["stars"]]
    fitter = EM(tol=config["fit"]["tol"], max_cycles=config["fit"]["max_cycles"])
    with steps("fit the model"):
        fitted = fit(Lux.linear(train.sizes, config["fit"]["latents"]), train, fitter, key=seed)
    stars, like = (
        test.only(spectra).select(slice(options["stars"])),
        train.select(slice(options["stars"])),
    )
    folder = RunFolder.create(config["out"], config=config, seed=seed, overwrite=config["overwrite"])

    posteriors, ranks = {}, {}
    for name, method in asked.items():
        with steps(f"infer {len(stars)} stars: {name}") as told:
            posteriors[name] = infer(fitted, stars, method, key=seed, progress=told)
        with steps(f"infer {len(like)} stars that the model makes: {name}") as told:
            ranks[name] = prior_ranks(fitted, like, method, key=seed, progress=told)

    if joint["stars"]:
        some = telling(fitted, train, spectra, joint["pixels"]).select(slice(joint["stars"]))
        nuts = NUTS(joint["chains"], joint["warmup"], joint["draws"])
        with steps(f"sample decoders, scatter and latents of {len(some)} stars") as told:
            start = fit(Lux.linear(some.sizes, joint["latents"]), some, fitter, key=seed)
            everything = ("latents", "decoders", "scatter")
            _, diagnosis = infer_run(folder, start, some, nuts, seed=seed, sample=everything, progress=told)
        print(diagnosis)

    with steps("compare the methods"):
        seconds = {name: steps.timings[f"infer {len(stars)} stars: {name}"] for name in posteriors}
        compare_methods(
            folder, posteriors, reference=REFERENCE, truth=truth, ranks=ranks, seconds=seconds, seed=seed
        )
    if config["report"]:
        with steps("draw the page"):
            render(folder)
    return folder.path


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
