"""How long luxjax takes to get going: imports, the command's help, and the compilation of a first fit and transfer.

Every number is the median over fresh processes. The main path is a fit by expectation maximisation of 1,100 stars with
the two spectra and five labels of ``luxjax demo`` and 20 latents, then the labels of 600 stars from one spectrum; of it only
tracing, lowering and compiling count, as JAX itself reports them. Cold processes have an empty folder of compiled programs
each, warm ones use the folder that a cold one has filled: tracing and lowering stay, and the share of compiling proper that
loading takes is measured.

Null: the count that must be zero in warm processes is that of every program in cold ones.

    python validation/start_up.py [--smoke]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from claims import Claim

from luxjax.system import machine

CLAIM = Claim(
    __file__,
    "The first fit and transfer of a fresh process take under 10 s to trace, lower and compile; with a filled folder of "
    "compiled programs every program comes out of it, in a tenth of the time; import luxjax adds less than 0.3 s to import jax, and "
    "luxjax --help answers in under 1 s.",
    {
        "compile_s_cold": "< 10",
        "warm_share": "< 0.1",
        "programs_compiled_warm": "== 0",
        "programs_compiled_cold": ">= 10",
        "import_s": "< 0.3",
        "help_s": "< 1",
    },
    seed=61,
    smoke_threshold={
        "programs_compiled_warm": "== 0",
        "programs_compiled_cold": ">= 10",
        "import_s": "< 0.3",
    },
)
# Compile time hardly depends on sizes, but all of them decide which programs are needed.
DEMO = {"sizes": {"apogee": 8575, "galah": 16384, "labels": 5}, "latents": 20, "train": 1100, "test": 600}
SMALL = {"sizes": {"apogee": 300, "labels": 2}, "latents": 4, "train": 600, "test": 100}

MAIN_PATH = """
import collections, json, sys, time, warnings
import jax, luxjax
from luxjax.fitting import EM
from luxjax.simulation import bilinear

what, folder = json.loads(sys.argv[1]), sys.argv[2]
warnings.simplefilter("ignore")
luxjax.compilation_cache(folder)
n, test = what["train"], what["test"]
stars = bilinear(n + test, what["sizes"], what["latents"], key=int(sys.argv[3])).catalog
seconds, seen, costs = collections.Counter(), collections.Counter(), collections.Counter()

def took(name, duration, fun_name="", **_):
    if name.startswith("/jax/core/compile/"):
        seconds[name.split("/")[-1]] += duration
        costs[fun_name] += duration

jax.monitoring.register_event_duration_secs_listener(took)
jax.monitoring.register_event_listener(lambda name, **_: seen.update([name.split("/")[-1]]))
begun, before = time.perf_counter(), time.process_time()
fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, what["latents"]), stars.select(slice(0, n)), EM(max_cycles=3), key=0)
luxjax.transfer(fitted, stars.select(slice(n, n + test)), inputs=["apogee"])
print(json.dumps({"wall_s": time.perf_counter() - begun,
                  "cpu_s": time.process_time() - before, "compile_s": sum(seconds.values()),
                  "backend_s": seconds["backend_compile_duration"], "by_stage": seconds,
                  "compiled": seen["cache_misses"], "loaded": seen["cache_hits"], "costly": costs.most_common(12)}))
"""
IMPORTS = """
import time
begun = time.perf_counter()
import jax
between = time.perf_counter()
import luxjax
bare = time.perf_counter()
luxjax.fit, luxjax.transfer
print(between - begun, bare - between, time.perf_counter() - bare)
"""


def python(program: str, *words: str) -> str:
    """What the program prints in a fresh interpreter that no setting of JAX has reached."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION_CACHE")}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, env=clean, check=True
    )
    return done.stdout


def main_path(what: dict, folder: Path) -> dict:
    return json.loads(python(MAIN_PATH, json.dumps(what), str(folder), str(CLAIM.seed)).splitlines()[-1])


def help_seconds() -> float:
    begun = time.perf_counter()
    said = python("import sys; sys.argv[1:] = ['--help']; from luxjax.cli import main; main()")
    assert "transfer" in said
    return time.perf_counter() - begun


def middle(runs: list[dict], name: str) -> float:
    return float(np.median([run[name] for run in runs]))


def measure(args) -> dict:
    what, times, short = (SMALL, 1, 1) if args.smoke else (DEMO, 3, 7)
    load = os.getloadavg()[0]
    python("import luxjax.cli, jax")  # byte code and files in memory, as on any second use
    imports = [[float(x) for x in python(IMPORTS).split()] for _ in range(short)]
    helps = [help_seconds() for _ in range(short)]
    cold, warm = [], []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as name:
            cold.append(main_path(what, Path(name)))
            warm.append(main_path(what, Path(name)))
            kept = sum(f.stat().st_size for f in Path(name).iterdir())
    compiled = [run["compiled"] for run in cold]
    return {
        "compile_s_cold": middle(cold, "compile_s"),
        "warm_share": middle(warm, "backend_s") / middle(cold, "backend_s"),
        "programs_compiled_warm": max(run["compiled"] for run in warm),
        "programs_compiled_cold": min(compiled),
        "import_s": float(np.median([luxjax for _, luxjax, _ in imports])),
        "help_s": float(np.median(helps)),
        "compile_s_warm": middle(warm, "compile_s"),
        "programs_loaded_warm": min(run["loaded"] for run in warm),
        "wall_s_cold": middle(cold, "wall_s"),
        "wall_s_warm": middle(warm, "wall_s"),
        "cpu_s_cold": middle(cold, "cpu_s"),
        "cpu_s_warm": middle(warm, "cpu_s"),
        "import_jax_s": float(np.median([jax for jax, _, _ in imports])),
        "import_doors_s": float(np.median([doors for _, _, doors in imports])),
        "runs": {"cold": cold, "warm": warm, "help_s": helps, "imports_s": imports},
        "kept_mib": kept / 2**20,
        "sizes": what,
        "load_at_start": load,
        "machine": machine(),
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
