"""A fit that several devices or processes share is the fit of one device, and sharing costs little.

4,000 stars with 7,514 pixels and 12 labels, 21 latents, in single precision, from a known bilinear model with intrinsic
scatter. Expectation maximisation and alternating least squares run six cycles each on one CPU device, on two and four
virtual ones, and in two processes that inference/cluster/local.sh starts; then the labels of all stars are predicted.
Decoders, scatter, objective, labels and their errors are compared with those of one device: each array's difference,
root mean square, in units of the array's own.

Virtual devices and processes on one machine share its cores, so that more of them cannot be faster. What can be measured
is what sharing costs: processor seconds (of all processes together) of a cycle, the median of those after the second,
against one device in the same run. Wall-clock seconds stand beside them.

    python validation/devices.py [--smoke]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import jax
import numpy as np
from claims import Claim

from luxjax.core import InputError, LuxWarning
from luxjax.fitting import ALS, EM, fit
from luxjax.models import Lux
from luxjax.parallel import join_processes, star_mesh
from luxjax.prediction import transfer
from luxjax.simulation import bilinear

CLAIM = Claim(
    __file__,
    "A closed-form fit and its predictions on 4 virtual CPU devices, and in 2 processes, equal those of one device to a "
    "relative 1e-5; sharing costs less than half again the processor time of a cycle in processes, and less than twice "
    "on virtual devices.",
    {
        "difference_2_devices": "< 1e-5",
        "difference_4_devices": "< 1e-5",
        "difference_2_processes": "< 1e-5",
        "em_cpu_4_devices_over_1": "< 2",
        "als_cpu_4_devices_over_1": "< 2",
        "em_cpu_2_processes_over_1": "< 1.5",
        "als_cpu_2_processes_over_1": "< 1.5",
    },
    seed=11,
    # Of a small problem the fixed costs are most.
    smoke_threshold={"difference_4_devices": "< 1e-4"},
)
FITTERS = {"als": ALS, "em": EM}
FULL = {"fitters": ["als", "em"], "stars": 4000, "pixels": 7514, "labels": 12, "latents": 21, "cycles": 6}
SMALL = {"fitters": ["als"], "stars": 256, "pixels": 64, "labels": 3, "latents": 3, "cycles": 3}
LAUNCHER = Path(__file__).resolve().parents[1] / "inference" / "cluster" / "local.sh"


def work(folder: Path, size: dict) -> None:
    """One process of one way of sharing: what it found, and its seconds."""
    join_processes()
    world = bilinear(
        size["stars"],
        {"flux": size["pixels"], "labels": size["labels"]},
        size["latents"],
        key=CLAIM.seed,
        scatter={"flux": 0.01, "labels": 0.05},
        bad_fraction=0.05,
        missing_fraction=0.1,
    )
    batch, mesh, seconds, found = world.catalog.batch(), star_mesh(), {}, {}
    for name in size["fitters"]:
        marks: list = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LuxWarning)  # six cycles are not meant to converge
            fitted = fit(
                Lux.linear(batch.sizes, size["latents"]),
                batch,
                FITTERS[name](max_cycles=size["cycles"], tol=0.0),
                key=CLAIM.seed,
                mesh=mesh,
                progress=lambda *_, marks=marks, **__: marks.append(
                    (time.perf_counter(), time.process_time())
                ),
            )
        predicted = transfer(fitted, batch, inputs=["flux"], labels="labels", mesh=mesh)
        seconds[name] = np.median(np.diff(marks, axis=0)[1:], axis=0).tolist()
        # Signs and rotations of the latents are free: products of weights are not.
        arrays = [np.array(fitted.objective), *fitted.model.scatter.values()]
        for decoder in fitted.model.feature_decoders.values():
            arrays += [decoder.intercept, decoder.weight[:200] @ decoder.weight.T]
        found |= {f"{name}_same_{k}": np.asarray(x) for k, x in enumerate(arrays)}
        found |= {f"{name}_own_value": predicted.value, f"{name}_own_error": predicted.error}
    np.savez(folder / f"{jax.process_index()}.npz", seconds=json.dumps(seconds), **found)


def shared(where: str, n: int, folder: Path, size: dict) -> tuple[dict, dict]:
    """What came out with `n` devices or processes, and wall and processor seconds of a cycle."""
    folder.mkdir()
    launch = [str(LAUNCHER), "-n", str(n)] if where == "processes" else []
    flags = f"--xla_force_host_platform_device_count={n if where == 'devices' else 1}"
    done = subprocess.run(
        [*launch, sys.executable, __file__, "--work", str(folder), json.dumps(size)],
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        timeout=3600,
    )
    if done.returncode:
        raise InputError(f"{n} {where} failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    parts = [dict(np.load(file)) for file in sorted(folder.glob("*.npz"))]
    times = [json.loads(str(part.pop("seconds"))) for part in parts]
    seconds = {k: [max(t[k][0] for t in times), sum(t[k][1] for t in times)] for k in size["fitters"]}
    own = {k for k in parts[0] if "_own_" in k}  # of each process's stars; the rest is the same in all
    return {k: np.concatenate([p[k] for p in parts]) if k in own else parts[-1][k] for k in parts[0]}, seconds


def difference(found: dict, alone: dict) -> float:
    size = {k: np.sqrt(np.mean(np.square(x))) for k, x in alone.items() if x.size}
    return max(float(np.sqrt(np.mean((found[k] - alone[k]) ** 2)) / s) for k, s in size.items() if s > 0)


def measure(args) -> dict:
    size, measured = SMALL if args.smoke else FULL, {}
    with tempfile.TemporaryDirectory() as folder:
        alone, base = shared("devices", 1, Path(folder, "alone"), size)
        ways = [("devices", 4), ("devices", 2), ("processes", 2)][: 1 if args.smoke else 3]
        for where, n in ways:
            way = f"{n}_{where}"
            found, seconds = shared(where, n, Path(folder, way), size)
            measured[f"difference_{way}"] = difference(found, alone)
            for fitter, (wall, cpu) in seconds.items():
                measured[f"{fitter}_cpu_{way}_over_1"] = cpu / base[fitter][1]
                measured[f"{fitter}_seconds_{way}"] = {"wall": wall, "cpu": cpu}
    for fitter, (wall, cpu) in base.items():
        measured[f"{fitter}_seconds_1_device"] = {"wall": wall, "cpu": cpu}
    return measured | {"problem": size, "cores": len(os.sched_getaffinity(0))}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(Path(sys.argv[2]), json.loads(sys.argv[3]))
    else:
        raise SystemExit(CLAIM.run(measure))
