"""The classes of spectra of any origin (a library's, one's own telescope's) by a classifier that was trained on LAMOST.

A classifier is trained on a folder of LAMOST files, or that of an earlier run is taken. The spectra, files of text or FITS, are brought to
LAMOST's pixels and resolution; files without errors get them from the scatter of the flux. Every spectrum gets a class, its probability, the set of
classes that are likely, and whether it lies outside of what the classifier knows. Where the classes are known from elsewhere (a table), the two
are compared. What cannot be used is listed with its reason.

    python inference/library_classes.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in library_classes.toml, beside this file. With --smoke LAMOST and a library of text files are simulated.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recipes import Recipe

from luxjax.classify import load_classifier
from luxjax.cli import Steps
from luxjax.core import InputError
from luxjax.preprocessing import to_medium
from luxjax.runs import RunFolder, keep_classes, lamost_data, simulated_data, spectra_data, train_classes
from luxjax.simulation import simulate_lamost
from luxjax.stats import binomial_interval

SMOKE = {
    "out": "runs/smoke/library_classes",
    "overwrite": True,
    "train": {"estimator": "logistic", "folds": 0},
    "library": {"medium": "air"},
}
RECIPE = Recipe(__file__, __doc__, SMOKE)
LIKE = dict.fromkeys("AFGKM", 1.0)


def simulated_library(folder: Path, stars: int, seed: int) -> Path:
    """Simulated stars at rest, in air and without errors, a text file each, with a table of their classes."""
    made = simulate_lamost(stars, key=seed + 1, snr=(60.0, 150.0), mix=LIKE)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"star{k:03d}.txt" for k in range(stars)]
    for name, one, z in zip(names, made.spectra, made.spectra.table["z"], strict=True):
        rest = to_medium(one.replace(wavelength=one.wavelength / (1 + z)), "air")
        seen = rest.good[0]
        np.savetxt(folder / name, np.column_stack([rest.wavelength[seen], rest.flux[0][seen]]))
    pd.DataFrame({"file": names, "class": made.truth["class"]}).to_csv(folder / "types.csv", index=False)
    return folder


def trained(config: dict, smoke: bool, steps: Steps) -> RunFolder:
    """The run whose classifier is used: an earlier one, or one that is trained here."""
    train, seed = config["train"], config["seed"]
    if train["run"]:
        return RunFolder.open(train["run"])
    with steps("simulate LAMOST" if smoke else "read LAMOST files and measure features") as told:
        if smoke:
            data = simulated_data(config["smoke"]["stars"], seed=seed, mix=LIKE, progress=told)
        else:
            data = lamost_data([train["spectra"]], progress=told)
    data = keep_classes(data, (), train["min_per_class"])
    run = RunFolder.create(config["out"], config=config, seed=seed, overwrite=config["overwrite"])
    how: dict[str, Any] = {k: train[k] for k in ("estimator", "folds", "balanced")}
    train_classes(run, data, **how, seed=seed, stage=steps)
    return run


def check(library: dict) -> None:
    """Refuse what would fail after the training."""
    if not library["medium"]:
        raise InputError(
            "state whether the wavelengths of the library are in air or vacuum: medium in [library]."
        )
    types = Path(library["types"])
    if library["types"] and not types.is_file():
        raise InputError(
            f"there is no table {types}; give a CSV file with the columns file and class, or leave types empty."
        )


def compared(table: pd.DataFrame, types: Path) -> str:
    """How often the class is that of a table with the columns file and class."""
    known = pd.read_csv(types, dtype=str)
    if missing := {"file", "class"} - set(known):
        raise InputError(f"{types} has no column {' and '.join(sorted(missing))}; it needs file and class.")
    names = table["file"].map(lambda f: Path(f).name)
    truth = names.map(known.drop_duplicates("file").set_index("file")["class"])
    both = truth.notna()
    right, n = int((truth == table["class"])[both].sum()), int(both.sum())
    if not n:
        raise InputError(
            f"no file of {types} is among those that were read; its column file holds names without folders."
        )
    ends = binomial_interval(right, n, 0.95)
    return (
        f"{right} of {n} have the class of {types.name}: {right / n:.2f} [{ends.lower:.2f}, {ends.upper:.2f}]"
    )


def run(config: dict, smoke: bool) -> Path:
    steps, out, library = Steps(), Path(config["out"]), config["library"]
    RunFolder.check_free(out, overwrite=config["overwrite"])
    if smoke:
        folder = out.with_name(f"{out.name}-files")
        with steps("simulate a library and write its files"):
            simulated_library(folder, config["smoke"]["library"], config["seed"])
        library = {**library, "spectra": str(folder), "types": str(folder / "types.csv")}
    check(library)
    source = trained(config, smoke, steps)
    files = [
        f
        for f in sorted(Path(library["spectra"]).rglob("*"))
        if f.is_file() and f.name != Path(library["types"]).name
    ]
    with steps("read the library and measure features") as told:
        data = spectra_data(
            files, medium=library["medium"] or None, resolution=library["resolution"] or None, progress=told
        )
    with steps("classify"):
        classifier = load_classifier(source.path / "classifier")
        found = classifier.classify(data.features, coverage=library["coverage"]).reset_index(drop=True)
    table = pd.concat([data.table[["id", "file", "snr", "errors_from"]], found], axis=1)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "library.csv", index=False)
    data.left_out.to_csv(out / "library-left-out.csv", index=False)
    print(
        f"{len(table)} spectra classified, {len(data.left_out)} left out; errors from the scatter of the flux: {(table['errors_from'] == 'scatter').sum()}"
    )
    if "outside" in table:
        print(
            f"{table['outside'].sum()} are outside of what the classifier knows (about one in twenty stars of its own kind is)"
        )
    if library["types"]:
        print(compared(table, Path(library["types"])))
    return out


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
