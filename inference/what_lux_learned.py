"""Which of these labels did Lux measure, and which did it guess from the others? The evidence decides.

A model of spectra and labels predicts every label well that is correlated with a measured one. This recipe fits one, asks
of each label what it rests on (with stars that neither trained the model nor judge it), and writes the verdicts with
all their evidence: a page per label, linked from the report, and a word beside every label of the tables.

By default the survey is simulated, so that the answer is known: europium has no line in the H band. `survey.eu_line`
plants one there, and the verdict should turn. With `data.catalog` it asks about your own stars instead: a catalogue
folder that `luxjax ingest` wrote.

    python inference/what_lux_learned.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in what_lux_learned.toml, beside this file. With --smoke few stars are simulated, in seconds.
"""

import sys
from pathlib import Path

from recipes import Recipe

from luxjax.cli import Steps
from luxjax.core import InputError
from luxjax.data import Catalog, load_catalog, split
from luxjax.fitting import EM
from luxjax.lines import LineList
from luxjax.models import Lux
from luxjax.report import render
from luxjax.runs import Reference, RunFolder, study, with_errors
from luxjax.simulation import PlantLine, SimulatedSurvey, simulate

SMOKE = {
    "out": "runs/smoke/what_lux_learned",
    "overwrite": True,
    "survey": {"stars": 420},
    "split": {"train": 0.5, "calibration": 0.3, "test": 0.2},
    "fit": {"latents": 8, "tol": 1e-3, "max_cycles": 15},
}
RECIPE = Recipe(__file__, __doc__, SMOKE)
EU_LINE = 15_900.0  # vacuum Angstrom, where no strong line is


def survey(options: dict, seed: int, stars: int) -> SimulatedSurvey:
    """The simulated survey, with the europium line if one is asked for."""
    plants = [PlantLine("Eu", EU_LINE, strength=options["eu_line"])] if options["eu_line"] else []
    return simulate(
        stars,
        key=seed,
        windows=options["windows"],
        snr=options["snr"],
        labels=options["labels"],
        plants=plants,
    )


def assumed(errors: list[str]) -> dict[str, float]:
    """Errors of labels from entries such as "eu_fe = 0.08"."""
    try:
        return {name.strip(): float(value) for name, value in (entry.split("=") for entry in errors)}
    except ValueError:
        raise InputError(f"assumed errors {errors} cannot be read; write each as 'eu_fe = 0.08'.") from None


def stars_of(config: dict, steps: Steps) -> tuple[Catalog, SimulatedSurvey | None]:
    """The stars: a catalogue on disk, or a survey made for the purpose."""
    data, options = config["data"], config["survey"]
    if data["catalog"]:
        catalog, made = load_catalog(data["catalog"]), None
    else:
        survey(options, config["seed"], 2)  # options of which no survey can be made are refused at once
        with steps(f"simulate {options['stars']:,} stars"):
            made = survey(options, config["seed"], options["stars"])
        catalog = made.catalog
    return with_errors(catalog, assumed(data["errors"])), made


def line_list(config: dict, made: SimulatedSurvey | None) -> LineList | None:
    """The list to match pixels with: a file's, or the package's, with the planted line where there is one."""
    if config["lines"]["file"]:
        return LineList.read(config["lines"]["file"], config["lines"]["medium"] or None)
    if made is None or not config["survey"]["eu_line"]:
        return None
    planted = PlantLine("Eu", EU_LINE, strength=config["survey"]["eu_line"])
    return LineList.stack([LineList.builtin(), planted.lines()])


def run(config: dict, smoke: bool) -> Path:
    steps = Steps()
    RunFolder.check_free(config["out"], overwrite=config["overwrite"])
    catalog, made = stars_of(config, steps)
    lines = line_list(config, made)
    inputs = config["data"]["inputs"] or [n for n in catalog.outputs if n != "labels"]
    masks = split(list(catalog.ids), config["split"], seed=config["seed"])
    reference = None
    if made is not None:
        reference = Reference(made.truth.label_values[masks["test"]], survey=made.truth)
    folder = RunFolder.create(
        config["out"], config=config, seed=config["seed"], overwrite=config["overwrite"]
    )
    done = study(
        Lux.linear(catalog.sizes, config["fit"]["latents"]),
        {name: catalog.select(rows) for name, rows in masks.items()},
        folder,
        EM(tol=config["fit"]["tol"], max_cycles=config["fit"]["max_cycles"]),
        key=config["seed"],
        inputs=inputs,
        baselines=["labels_only"],
        reference=reference,
        lines=lines,
        resolution=config["lines"]["resolution"] or None,
        stage=steps,
    )
    for explanation in done.explanations.values():
        print(explanation.verdict)
    if config["report"]:
        with steps("draw the pages"):
            render(folder)
    return folder.path


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
