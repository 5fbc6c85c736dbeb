"""Any number of stars: memory that does not grow with them, time that grows in proportion.

Stars of one bilinear world (21 latents, 7,514 pixels of which 2% are bad, 12 labels of which 10% are missing) are drawn
part by part and appended to a dataset on disk, all 200,000 of them: 12 GB as float32. `EM()` is then fitted to the first
10,000, the first 30,000 and all, until it has converged, each time in a process of its own, and the labels of the same
stars are inferred from their spectra, which are read anew. The smaller samples are fitted before and after the large
one, because a machine that others use too is not equally fast all the time.

Of every fit: seconds by what they were spent on (the start: moments and randomised SVD; the passes of the cycles; the
solves between them; the closing: last passes, shrinkage), seconds that computing waited for stars to be read, CPU seconds,
and the largest memory that the process ever held, where it stood after loading the libraries, and after the fit.

Null: a fit that streams wrongly (stars left out, blocks mixed up) is worse. The labels of 2,048 other stars must be as
accurate from all 200,000 as from 10,000, and better than those of the mean star; their spectra must fit within the noise.

The extrapolations take the straight line of seconds against stars through the measured fits, at their number of cycles.

    python validation/scaling.py [--smoke] [--folder FOLDER]    datasets and finished fits are kept in FOLDER and used again
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from claims import Claim

from luxjax.core import LuxWarning
from luxjax.dataset import Dataset, open_dataset
from luxjax.fitted import load, save
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.parallel import star_mesh
from luxjax.prediction import transfer, transfer_dataset
from luxjax.simulation import bilinear
from luxjax.stats import bootstrap_interval, rmse
from luxjax.system import machine, peak_memory_gb

CLAIM = Claim(
    __file__,
    "Streamed from disk, a fit and the inference of 200,000 stars with 7,514 pixels and 12 labels each take less than 4 GB of "
    "memory and a time in proportion to the stars (slope within 10% from 10,000 stars on), and the labels of other stars "
    "are no worse than from 10,000.",
    {
        "peak_memory_gb": "< 4",
        "slope_minus_one": "<= 0.1",
        "unconverged_fits": "== 0",
        "stars_not_inferred": "== 0",
        "label_rmse_ratio": "<= 1.02",
        "label_rmse_over_mean_star": "< 0.5",
        "reduced_chi2_error": "< 0.05",
    },
    seed=61,
    smoke_threshold={
        "peak_memory_gb": "< 4",
        "unconverged_fits": "== 0",
        "stars_not_inferred": "== 0",
        "label_rmse_ratio": "<= 1.1",
        "label_rmse_over_mean_star": "< 0.5",
        "reduced_chi2_error": "< 0.1",
    },
)
PIXELS, LABELS, LATENTS, PART = 7514, 12, 21, 1024
SIZES = (10_000, 30_000, 200_000)
SWEEP = 5_000
ASKED = {"stars of APOGEE DR17": 733_901, "10 million stars": 10_000_000}
FIGURE = Path(__file__).parent / "figures" / "scaling.png"
DRAWN = {"snr": 100.0, "scatter": {"spectra": 0.005, "labels": 0.05}}
LOST = {"bad_fraction": 0.02, "missing_fraction": 0.1}


def world(n_pixels: int, n_latents: int):
    sizes = {"spectra": n_pixels, "labels": LABELS}
    return bilinear(2, sizes, n_latents, key=CLAIM.seed, **DRAWN)


def stored(place: Path, n_stars: int, n_pixels: int, n_latents: int) -> Dataset:
    """The dataset at this place, stars appended until it has as many."""
    true = world(n_pixels, n_latents)
    dataset = open_dataset(place) if (place / "manifest.json").exists() else None
    while dataset is None or len(dataset) < n_stars:
        done = 0 if dataset is None else len(dataset)
        key = CLAIM.seed + 1 + done
        size = min(PART, n_stars - done)
        more = bilinear(size, key=key, like=true, first=done + 1, **DRAWN, **LOST).catalog
        dataset = dataset or Dataset.create(place, more.outputs)
        dataset.append(more)
    return dataset


class Watched(Dataset):
    """A dataset that remembers, of every pass over it, when it began and ended and how long reading kept it waiting."""

    passes: list[dict]

    def _watched(self, source):
        begin, waited, end = time.perf_counter(), 0.0, object()
        while True:
            at = time.perf_counter()
            item = next(source, end)
            waited += time.perf_counter() - at
            if item is end:
                break
            yield item
        self.passes.append({"begin": begin, "end": time.perf_counter(), "waited": waited})

    def select(self, stars):
        """Some of the stars, watched with the others."""
        found = super().select(stars)
        some = Watched(found.location, found.manifest, found.rows)
        some.passes = self.passes
        return some

    def batches(self, *args, **kwargs):
        """Those of the dataset, watched."""
        return self._watched(super().batches(*args, **kwargs))


def one(place: str, n_stars: int, n_latents: int, out: str = "", devices: int = 1, **settings) -> dict:
    """Fit these stars, then infer the labels of all: what it took. The fitted model goes to `out`."""
    whole = open_dataset(place).select(slice(0, n_stars))
    stars = Watched(whole.location, whole.manifest, whole.rows)
    stars.passes, cycles, busy, loaded = [], [], [], peak_memory_gb()
    began, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)  # sweeps stop after as many cycles as they are told
        fitted = fit(
            Lux.linear(whole.sizes, n_latents),
            stars,
            EM(**settings),
            key=CLAIM.seed,
            mesh=star_mesh() if devices > 1 else None,
            progress=lambda *_, **__: (cycles.append(time.perf_counter()), busy.append(time.process_time())),
        )
    ended, fit_cpu, fit_peak = time.perf_counter(), time.process_time() - cpu, peak_memory_gb()
    begins = [max(p["begin"] for p in stars.passes if p["begin"] < at) for at in cycles]
    waited, each = sum(p["waited"] for p in stars.passes), np.diff([*begins, cycles[-1]])
    inside = sum(at - begin for at, begin in zip(cycles, begins, strict=True))
    if out:
        save(fitted, out)
    rate, inferred = inference(fitted, stars)
    return {
        "stars": n_stars,
        "converged": fitted.summary["converged"],
        "cycles": len(cycles),
        "fit_s": ended - began,
        "start_s": begins[0] - began,
        "cycles_s": inside,
        "solves_s": cycles[-1] - begins[0] - inside,
        "closing_s": ended - cycles[-1],
        "waited_for_reading_s": waited,
        "fit_cpu_s": fit_cpu,
        # Without the first, which compiles; the last has no solve after it.
        "s_per_cycle": float(np.median(each[1:-1] if len(each) > 2 else each)),
        "cpu_s_per_cycle": float(np.median(np.diff(busy)[1:] if len(busy) > 2 else np.diff(busy))),
        "objective_per_value": fitted.objective[-1] / n_stars / sum(whole.sizes.values()),
        "inferred_stars_per_s": rate,
        "stars_not_inferred": n_stars - inferred,
        "peak_gb_libraries": loaded,
        "peak_gb_fit": fit_peak,
        "peak_gb": peak_memory_gb(),
    }


def inference(fitted, stars: Dataset) -> tuple[float, int]:
    """Stars per second of labels from spectra, compiled and written in parts of 512 on the way; and how many they were."""
    seen: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as name:
        written = transfer_dataset(
            fitted,
            stars,
            name,
            part=512,
            progress=lambda _, done, *__: seen.append((done, time.perf_counter())),
        )
        (first, began), (last, ended) = seen[0], seen[-1]
        return (last - first) / (ended - began), len(written)


def apart(work: Path, name: str, **arguments) -> dict:
    """`one` in a process of its own; what it measured is kept beside the datasets, and measured once."""
    keep, cache = work / "runs" / f"{name}.json", work / "compiled"
    if keep.exists():
        return json.loads(keep.read_text()) | {"measured_before": True}
    program = [sys.executable, __file__, "--one", json.dumps(arguments)]
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    if arguments.get("devices", 1) > 1:
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={arguments['devices']}"
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    keep.parent.mkdir(parents=True, exist_ok=True)
    keep.write_text(done.stdout.splitlines()[-1])
    return json.loads(keep.read_text()) | {"measured_before": False}


def accuracy(small: Path, large: Path, n_pixels: int, n_latents: int, n_stars: int) -> dict:
    """Labels of other stars from the two models, against the truth."""
    true = world(n_pixels, n_latents)
    test = bilinear(n_stars, key=CLAIM.seed, like=true, **DRAWN, bad_fraction=LOST["bad_fraction"])
    truth = test.noise_free("labels")
    few, many = (transfer(load(folder), test.catalog, inputs=["spectra"]) for folder in (small, large))

    def ratio(a, b, t):
        return rmse(b, t) / rmse(a, t)

    interval = bootstrap_interval(ratio, [few.value, many.value, truth], seed=CLAIM.seed, level=0.95)
    return {
        "label_rmse_ratio": ratio(few.value, many.value, truth),
        "label_rmse_ratio_95": list(interval),
        "label_rmse_over_mean_star": rmse(many.value, truth) / float(np.std(truth - truth.mean(axis=0))),
        "reduced_chi2_error": abs(float(np.median(many.chi2)) - 1),
    }


def line(runs: list[dict], what: str) -> tuple[float, float]:
    """Constant part and slope of a quantity against the number of stars, relative errors least."""
    n, y = np.array([(run["stars"], run[what]) for run in runs], float).T
    slope, constant = np.polyfit(n, y, 1, w=1 / y)
    return float(constant), float(slope)


def extrapolated(runs: list[dict], bytes_per_star: float) -> dict:
    """Hours, memory and disk for more stars."""
    lines = {what: line(runs, what) for what in ("fit_s", "peak_gb")}
    rate = runs[-1]["inferred_stars_per_s"]
    found = {
        name: {
            "stars": n,
            "fit_hours": (lines["fit_s"][0] + lines["fit_s"][1] * n) / 3600,
            "inference_hours": n / rate / 3600,
            "peak_memory_gb": max(lines["peak_gb"][0] + lines["peak_gb"][1] * n, runs[-1]["peak_gb"]),
            "dataset_gb": bytes_per_star * n / 1e9,
        }
        for name, n in ASKED.items()
    }
    sizes = sorted({run["stars"] for run in runs})
    basis = (
        f"straight lines in the number of stars through the measured fits of {sizes} stars, which converged in "
        f"{sorted({run['cycles'] for run in runs})} cycles; inference at the rate of the largest; this machine, data on its disk"
    )
    return {"basis": basis, "lines": lines, **found}


def sweeps(work: Path) -> dict[str, list[dict]]:
    """Time and memory of 5,000 stars against pixels, latents and virtual devices, the others fixed; four cycles each."""
    found: dict[str, list[dict]] = {"pixels": [], "latents": [], "devices": []}
    fixed = {"n_stars": SWEEP, "max_cycles": 4, "tol": 0.0}
    for n_pixels in (500, 1000, 2000, 4000, PIXELS):
        place = work / f"stars_{n_pixels}"
        stored(place, SWEEP, n_pixels, LATENTS)
        run = apart(work, f"pixels_{n_pixels}", place=str(place), n_latents=LATENTS, **fixed)
        found["pixels"].append({"pixels": n_pixels, **run})
    for n_latents in (4, 8, 16, 32):
        run = apart(
            work, f"latents_{n_latents}", place=str(work / "stars_4000"), n_latents=n_latents, **fixed
        )
        found["latents"].append({"latents": n_latents, **run})
    for n in (1, 2, 4):
        place = str(work / "stars_4000")
        run = apart(work, f"devices_{n}", place=place, n_latents=LATENTS, devices=n, **fixed)
        found["devices"].append({"devices": n, **run})
    return found


def draw(runs: list[dict], swept: dict[str, list[dict]]) -> None:
    """Seconds per cycle above, largest memory below, against stars, pixels, latents and devices."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter

    from luxjax.plots import styled

    fixed = {
        "stars": f"{PIXELS:,} pixels, {LATENTS} latents",
        "pixels": f"{SWEEP:,} stars, {LATENTS} latents",
        "latents": f"{SWEEP:,} stars, 4,000 pixels",
        "devices": f"{SWEEP:,} stars, 4,000 pixels",
    }

    @styled
    def figure():
        fig, axes = plt.subplots(2, 4, figsize=(8.6, 4.0), sharex="col", sharey="row", layout="constrained")
        for (name, title), (top, bottom) in zip(fixed.items(), axes.T, strict=True):
            found = runs if name == "stars" else swept[name]
            x = np.array([run[name] for run in found], float)
            seconds, ends = np.array([run["s_per_cycle"] for run in found]), np.array([x.min(), x.max()])
            top.loglog(x, seconds, "o", color="#0072B2", markersize=4)
            if name != "devices":  # virtual ones share the same cores
                last = np.median(seconds[x == x.max()])
                top.loglog(ends, last * ends / x.max(), "-", color="#7A7A7A", linewidth=0.8)
            bottom.semilogx(x, [run["peak_gb"] for run in found], "o", color="#D55E00", markersize=4)
            bottom.semilogx(x, [run["peak_gb_libraries"] for run in found], "_", color="#7A7A7A")
            bottom.axhline(4, color="#1A1A1A", linewidth=0.7, linestyle=":")
            top.set_title(title, fontsize=8)
            bottom.set(xlabel=name.capitalize() if name != "devices" else "Virtual devices", ylim=(0, 4.4))
            ticks = sorted(set(x))
            ticks = ticks if len(ticks) < 5 else ticks[::2]
            bottom.set_xticks(ticks, [f"{t / 1000:g}k" if t >= 10_000 else f"{t:,.0f}" for t in ticks])
            bottom.xaxis.set_minor_formatter(NullFormatter())
        axes[0, 0].set_ylabel("Time per cycle [s]")
        axes[1, 0].set_ylabel("Largest memory [GB]")
        fig.savefig(FIGURE, dpi=200)

    figure()


def size_on_disk(place: Path) -> int:
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())


def measure(args) -> dict:
    sizes, n_pixels, n_latents = ((512, 2048), 100, 4) if args.smoke else (SIZES, PIXELS, LATENTS)
    with tempfile.TemporaryDirectory() as name:
        work = Path(args.folder or name)
        models, place = work / "models", work / f"stars_{n_pixels}"
        models.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        stored(place, sizes[-1], n_pixels, n_latents)
        written_s = time.perf_counter() - began
        per_star = size_on_disk(place) / len(open_dataset(place))
        # The first compiles; the smaller ones come before and after the large one.
        order = sizes if args.smoke else (sizes[0], *sizes, *sizes[:-1])
        runs = []
        for k, n in enumerate(order):
            asked = {"place": str(place), "n_stars": n, "n_latents": n_latents, "out": str(models / f"{n}")}
            runs.append(one(**asked) if args.smoke else apart(work, f"{k}_{n}", **asked))
        cold, runs = (None, runs) if args.smoke else (runs[0], sorted(runs[1:], key=lambda run: run["stars"]))
        test = accuracy(
            models / f"{sizes[0]}", models / f"{sizes[-1]}", n_pixels, n_latents, 512 if args.smoke else 2048
        )
        swept = {} if args.smoke else sweeps(work)
    logs, cpu = (np.log([(r["stars"], r[what]) for r in runs]) for what in ("s_per_cycle", "cpu_s_per_cycle"))
    slope = float(np.polyfit(*logs.T, 1)[0])
    if not args.smoke:
        draw(runs, swept)
    return {
        "peak_memory_gb": max(run["peak_gb"] for run in runs),
        "slope_minus_one": abs(slope - 1),
        "slope_of_cycle": slope,
        "slope_of_cycle_in_cpu_s": float(np.polyfit(*cpu.T, 1)[0]),
        "unconverged_fits": sum(not run["converged"] for run in runs),
        "stars_not_inferred": sum(run["stars_not_inferred"] for run in runs),
        **test,
        "time_per_star_largest_over_smallest": float(np.exp(logs[-1] @ [-1, 1] - logs[0] @ [-1, 1])),
        "runs": runs,
        "cold_run": cold,
        "sweeps": swept,
        "bytes_per_star_on_disk": per_star,
        "writing_s": written_s,
        "extrapolated": extrapolated(runs, per_star),
        "machine": machine(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--one", type=json.loads)
    if (asked := parser.parse_known_args()[0].one) is not None:
        print(json.dumps(one(**asked)))
    else:
        folder = {
            "help": "where datasets and finished fits are kept, to be used again (gone afterwards unless given)"
        }
        raise SystemExit(
            CLAIM.run(measure, options=lambda p: p.add_argument("--folder", type=Path, **folder))
        )
