"""The classifier at the size of a survey: memory, time, and what being killed changes.

10,000 simulated LAMOST stars are written as a dataset, in pixels of three as ``luxjax ingest`` makes them, and copied with new noise to
200,000. Everything is done by the commands, each in a process of its own whose peak memory the system tells.

* ``classify predict`` of 10,000 and of 200,000 spectra: memory, and the time of each further spectrum (differences, so that what a start
  costs does not count), from 10,000 to 50,000 and from there to 200,000.
* ``classify train`` on the small and on the large dataset: memory. Both train on as many as 10,000.
* ``classify predict`` of 5,000, killed at random moments and started again: all files, byte for byte, against those of a run that
  was left alone. Null: one changed byte must be seen.
* 43,000 spectra, a size that users of LAMOST work with: time to measure the features of all, and to train on all.
"""

import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from claims import Claim

from luxjax import Catalog, Dataset, Spectra, open_dataset
from luxjax.simulation import OpticalSynthesis, simulate_lamost

CLAIM = Claim(
    __file__,
    "From 10,000 to 200,000 spectra the classifier's memory grows by less than 10% in training and in use and its time in "
    "proportion; 20 kills change no byte; the features of 43,000 spectra take under five minutes, training on them another five.",
    {
        "predict_memory_ratio": "<= 1.10",
        "train_memory_ratio": "<= 1.10",
        "time_per_spectrum_ratio": "<= 1.15",
        "kills": ">= 20",
        "files_that_differ": "== 0",
        "unseen_changed_byte": "== 0",
        "features_of_43000_s": "<= 300",
        "training_on_43000_s": "<= 300",
    },
    seed=17,
    smoke_threshold={
        "predict_memory_ratio": "<= 1.25",
        "kills": ">= 2",
        "files_that_differ": "== 0",
        "unseen_changed_byte": "== 0",
    },
)
TOGETHER = 3  # pixels averaged
ENVIRONMENT = {**os.environ, "JAX_PLATFORMS": "cpu"}


def averaged(spectra: Spectra, rng: np.random.Generator, noise: bool) -> Spectra:
    """Spectra in pixels of `TOGETHER`, with as much noise again where they are copies."""
    flux, ivar = spectra.flux, spectra.ivar
    if noise:
        sigma = np.sqrt(np.where(ivar > 0, 1 / np.where(ivar > 0, ivar, 1), 0))
        flux, ivar = flux + sigma * rng.standard_normal(flux.shape), ivar / 2
    n = flux.shape[1] // TOGETHER * TOGETHER
    weight = ivar[:, :n].reshape(len(flux), -1, TOGETHER)
    total = weight.sum(axis=2)
    light = (weight * flux[:, :n].reshape(weight.shape)).sum(axis=2)
    grid = spectra.wavelength[:n].reshape(-1, TOGETHER).mean(axis=1)
    mean = np.where(total > 0, light / np.where(total > 0, total, 1), 0)
    return Spectra(mean, total, grid, "vacuum", spectra.ids, frame=spectra.frame, survey="lamost")


def write_stars(folder: Path, base: int, copies: int, seed: int) -> Dataset:
    """A dataset of `base` simulated stars and of `copies` more of each with new noise, in blocks of 1,000."""
    rng, synthesis, dataset = np.random.default_rng(seed), OpticalSynthesis(), None
    size = min(base, 1000)
    made = [simulate_lamost(size, key=seed + k, synthesis=synthesis) for k in range(base // size)]
    for copy in range(1 + copies):
        for k, one in enumerate(made):
            ids = np.array([f"{copy:02d}-{k:02d}-{n:04d}" for n in range(size)])
            spectra = averaged(one.spectra, rng, copy > 0).replace(ids=ids)
            facts = pd.DataFrame(
                {"id": ids, "class": "STAR", "subclass": one.truth["subclass"].to_numpy(str)}
            )
            facts["z"], facts["snr"] = one.spectra.table["z"].to_numpy(), one.spectra.table["snr"].to_numpy()
            catalog = Catalog({"spectra": spectra}, facts.set_index("id"))
            if dataset is None:
                dataset = Dataset.create(folder, catalog.outputs)
            dataset.append(catalog)
    assert dataset is not None
    return open_dataset(folder)


# The peak that wait4 tells of a process begins with that of the one that started it, so each reads its own.
PROGRAM = """
import re
from pathlib import Path
from luxjax.cli import main
try:
    main()
finally:
    print("peak", re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def program(*words: object) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "classify", *map(str, words)]


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory, MB, of a process of its own."""
    begun = time.perf_counter()
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return time.perf_counter() - begun, float(done.stdout.split()[-1]) / 1e3


def killed_over_and_over(command: list[str], out: Path, kills: int, seconds: float, rng) -> int:
    """Start and kill after a random time, as often as asked for or until all is done; then finish. The number of kills."""
    done = 0
    while done < kills:
        process = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(rng.uniform(0.2, 1.0) * seconds)
            shutil.rmtree(out)  # it was done too soon: all over again
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done += 1
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
    return done


def differing(one: Path, other: Path) -> int:
    names = sorted({p.name for p in (*one.iterdir(), *other.iterdir())})
    _, wrong, missing = filecmp.cmpfiles(one, other, names, shallow=False)
    return len(wrong) + len(missing)


TRAIN_ON_ALL = """
import json, sys, time
from luxjax import open_dataset
from luxjax.classify import train_classifier
from luxjax.runs import dataset_data, keep_classes
begun = time.perf_counter()
data = keep_classes(dataset_data(open_dataset(sys.argv[1]), max_spectra=10**9))
between = time.perf_counter()
train_classifier(data.features, list(data.table["class"]), seed=1)
print(json.dumps([len(data.features), between - begun, time.perf_counter() - between]))
"""


def measure(args) -> dict[str, float]:
    base, copies, few, kills, many = (300, 3, 300, 2, 0) if args.smoke else (10_000, 19, 5_000, 20, 43_000)
    rng, found = np.random.default_rng(CLAIM.seed), {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        begun = time.perf_counter()
        write_stars(place / "large", base, copies, CLAIM.seed)
        found["writing_s"] = time.perf_counter() - begun
        for label, count in (("small", base), ("middle", 5 * base), ("few", few), ("many", many)):
            if 0 < count < base * (1 + copies):
                copied(place / "large", place / label, count)
        train = ["train", place / "small", "--out", place / "run", "--folds", 0]
        train += ["--estimator", "trees"] if args.smoke else []
        times = {"train_small": measured(program(*train))}
        if not args.smoke:
            train[1], train[3] = place / "large", place / "run2"
            times["train_large"] = measured(program(*train))
            found["train_memory_ratio"] = times["train_large"][1] / times["train_small"][1]
        sizes = [("small", base), ("middle", 5 * base), ("large", base * (1 + copies))]
        for label, _ in sizes if not args.smoke else (sizes[0], sizes[2]):
            out = place / f"classes-{label}"
            times[label] = measured(program("predict", place / "run", place / label, "--out", out))
        found["predict_memory_ratio"] = times["large"][1] / times["small"][1]
        if not args.smoke:
            seconds = [times[label][0] for label, _ in sizes]
            rates = np.diff(seconds) / np.diff([count for _, count in sizes])
            found["time_per_spectrum_ratio"] = rates[1] / rates[0]
            found["spectra_per_second"] = 1 / rates[1]
        alone, cut = place / "alone", place / "cut"
        took, _ = measured(program("predict", place / "run", place / "few", "--out", alone))
        again = program("predict", place / "run", place / "few", "--out", cut)
        found["kills"] = killed_over_and_over(again, cut, kills, took, rng)
        found["files_that_differ"] = differing(alone, cut)
        part = next(cut.glob("part-*"))
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(bytes(content))
        found["unseen_changed_byte"] = 1 - differing(alone, cut)
        if many:
            command = [sys.executable, "-c", TRAIN_ON_ALL, str(place / "many")]
            done = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True)
            _, *seconds = json.loads(done.stdout.splitlines()[-1])
            found["features_of_43000_s"], found["training_on_43000_s"] = seconds
    for label, (seconds, megabytes) in times.items():
        found |= {f"{label}_s": seconds, f"{label}_mb": megabytes}
    return found


def copied(source: Path, to: Path, count: int) -> None:
    """The first stars of a dataset as a dataset."""
    stars = open_dataset(source).select(slice(0, count))
    made = None
    for part in stars.catalogs(2000):
        made = Dataset.create(to, part.outputs) if made is None else made
        made.append(part)


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
