"""Killed and resumed: a streamed fit survives SIGKILL at any moment, bit for bit.

A bilinear world is written to a dataset on disk and fitted once without a disturbance, by EM and, with quadratic decoders,
by ALS, whose state is the latents of all stars besides. Then the same fit is started in a
process of its own over and over, with a checkpoint, and killed: at a random moment of a randomly chosen phase (the start,
a cycle, the closing), or as soon as a checkpoint is half written. Each process goes on from where the one before it was
killed; after at most four kills the fit is left to end, and every array of the fitted model, and its objective after
every cycle, are compared with those of the undisturbed fit, bit for bit.

Nothing is lost: a process that goes on takes up at the cycle after the last that was finished, unless it was killed before
the checkpoint of that cycle was complete, and then at that cycle.

Null: a fit that goes on from a checkpoint in which one bit of one array was changed must be seen to differ.
"""

import argparse
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import jax
import numpy as np
from claims import Claim

from luxjax.dataset import Dataset, open_dataset
from luxjax.fitted import load, save
from luxjax.fitting import ALS, EM, fit
from luxjax.models import Lux
from luxjax.simulation import bilinear

CLAIM = Claim(
    __file__,
    "A streamed fit killed at random moments and resumed ends with the same model and objective, bit for bit, as one that "
    "was not, and does no finished cycle again.",
    {
        "kills": ">= 20",
        "kills_in_start": ">= 2",
        "kills_in_cycles": ">= 5",
        "kills_in_closing": ">= 2",
        "kills_in_checkpoint": ">= 2",
        "arrays_that_differ": "== 0",
        "cycles_done_again": "== 0",
        "unseen_planted_changes": "== 0",
    },
    seed=43,
    smoke_threshold={
        "kills": ">= 2",
        "arrays_that_differ": "== 0",
        "cycles_done_again": "== 0",
    },
)
LATENTS = 5
# A fitter with all it can learn, and one that keeps the latents of all stars.
FITTERS = {
    "EM": (Lux.linear, lambda file: EM(block=256, tol=1e-9, max_cycles=12, checkpoint=file)),
    "ALS": (Lux.quadratic, lambda file: ALS(block=256, tol=0.0, max_cycles=8, scatter=True, checkpoint=file)),
}


def one(stars: str, fitter: str, checkpoint: str, out: str) -> None:
    """The fit of one process, which says how far it is."""
    print("start", flush=True)
    dataset = open_dataset(stars)
    made, settings = FITTERS[fitter]
    first = (
        1 if fitter == "ALS" else 0
    )  # what EM tells of its first cycle is the objective that this began with

    def say(_, cycles: int, *__, **___) -> None:
        if cycles >= first:
            print(f"cycle {cycles - first}", flush=True)

    save(fit(made(dataset.sizes, LATENTS), dataset, settings(checkpoint), key=CLAIM.seed, progress=say), out)
    print("end", flush=True)


class Fit:
    """A process that fits, and when it said what."""

    def __init__(self, work: Path, stars: Path, fitter: str, name: str):
        self.checkpoint, self.out = work / f"{name}.npz", work / name
        self.partial = work / f"{name}.npz.partial"
        arguments = {
            "stars": str(stars),
            "fitter": fitter,
            "checkpoint": str(self.checkpoint),
            "out": str(self.out),
        }
        program = [sys.executable, "-W", "ignore", __file__, "--one", json.dumps(arguments)]
        environment = {
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(work / "compiled"),
        }
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment)
        self.said: dict[str, float] = {}
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        for text in self.process.stdout:
            self.said[text.strip()] = time.perf_counter()

    def until(self, test, seconds: float = np.inf) -> bool:
        """Wait until this holds, or for so long; whether the process was still running then."""
        end = time.perf_counter() + seconds
        while self.process.poll() is None:
            if test() or time.perf_counter() > end:
                return True
            time.sleep(0.0002)
        return False

    def kill(self, after: str, seconds: float, writing: bool) -> bool:
        """Kill some time after it said this, or once it writes a checkpoint after that; whether it was running then."""
        running = self.until(lambda: after in self.said)
        running = running and self.until(
            lambda: writing and self.partial.exists(), np.inf if writing else seconds
        )
        self.process.send_signal(signal.SIGKILL)
        self.end()
        return running

    def end(self) -> int:
        """Wait for its end; its exit status."""
        code = self.process.wait()
        self._listener.join()
        return code

    @property
    def cycles(self) -> list[int]:
        """Those that it finished."""
        return [int(text.split()[1]) for text in self.said if text.startswith("cycle")]

    def kept(self) -> int:
        """Cycles in the checkpoint."""
        if not self.checkpoint.exists():
            return 0
        with np.load(self.checkpoint, allow_pickle=False) as file:
            return len(file["objective"])


def finished(fit: Fit) -> Fit:
    if fit.end() != 0:
        raise RuntimeError(f"a fit that was not killed ended with status {fit.process.returncode}")
    return fit


def differing(one: Path, other: Path) -> int:
    """How many arrays of two fitted models, their objectives among them, are not equal bit for bit."""
    a, b = (
        [*map(np.asarray, jax.tree.leaves((f.model, dict(f.weight_cov)))), np.array(f.objective)]
        for f in map(load, (one, other))
    )
    unlike = [
        x.dtype != y.dtype or x.shape != y.shape or x.tobytes() != y.tobytes()
        for x, y in zip(a, b, strict=True)
    ]
    return sum(unlike)


def series(start, whole: Fit, kills: int, rng) -> dict[str, int]:
    """Kill and start again, `kills` times or until a process outlives its kill; then let it end and compare."""
    seen = dict.fromkeys(("kills", "start", "cycles", "closing", "checkpoint", "differ", "again"), 0)
    says = [text for text in whole.said if text != "end"]
    times = np.diff([*whole.said.values()])
    while True:
        fit = start()
        kept, last = fit.kept(), len(says) - 1
        # One third each: a checkpoint, any moment, the start or the closing.
        kind = rng.choice(["checkpoint", "any", "ends"])
        ahead = [0, *range(kept + 1, last + 1)]
        at = int(rng.choice({"checkpoint": ahead[:-1], "any": ahead, "ends": [0, last]}[kind]))
        if seen["kills"] == kills or not fit.kill(says[at], rng.uniform(0, times[at]), kind == "checkpoint"):
            break
        seen["kills"] += 1
        phase = "start" if not fit.cycles else "closing" if len(fit.cycles) + kept == last else "cycles"
        seen["checkpoint" if fit.partial.exists() else phase] += 1
        seen["again"] += bool(fit.cycles) and fit.cycles[0] != kept
        # Between the end of the fit, which removes the checkpoint, and that of the process nothing is kept.
        if fit.cycles and fit.checkpoint.exists():
            seen["again"] += fit.kept() < fit.cycles[-1]
    finished(fit)
    seen["differ"] = differing(whole.out, fit.out)
    return seen


def planted(start, whole: Fit) -> int:
    """Whether one changed bit in a checkpoint goes unseen in the end."""
    fit = start()
    fit.kill("cycle 2", 0, writing=True)
    with np.load(fit.checkpoint, allow_pickle=False) as file:
        arrays = dict(file)
    name = next(n for n, a in arrays.items() if n.startswith("leaf") and a.size > 1)
    arrays[name].view(np.uint64).flat[arrays[name].size // 2] ^= np.uint64(1 << 30)
    np.savez(fit.checkpoint, **arrays)
    return int(differing(whole.out, finished(start()).out) == 0)


def measure(args) -> dict:
    rng = np.random.default_rng(CLAIM.seed)
    wanted, n_stars, n_pixels = (2, 512, 60) if args.smoke else (24, 4000, 400)
    totals, more = (
        dict.fromkeys(("kills", "start", "cycles", "closing", "checkpoint", "differ", "again"), 0),
        {},
    )
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        true = bilinear(
            n_stars, {"spectra": n_pixels, "labels": 5}, LATENTS, key=CLAIM.seed, bad_fraction=0.02
        )
        Dataset.create(work / "stars", true.catalog.outputs, shard=256).append(true.catalog)
        unseen, fitters = 0, [*FITTERS][: 1 if args.smoke else None]
        for fitter in fitters:
            whole = finished(Fit(work, work / "stars", fitter, f"{fitter}_whole"))  # compiles
            if not args.smoke:
                whole = finished(Fit(work, work / "stars", fitter, f"{fitter}_again"))
            kills = n = 0
            while kills < wanted // len(fitters):
                begin = functools.partial(Fit, work, work / "stars", fitter, f"{fitter}_{n}")
                seen = series(begin, whole, min(wanted // len(fitters) - kills, 4), rng)
                totals = {what: totals[what] + count for what, count in seen.items()}
                kills, n = kills + seen["kills"], n + 1
            if not args.smoke:
                unseen += planted(
                    functools.partial(Fit, work, work / "stars", fitter, f"{fitter}_planted"), whole
                )
            seconds = [round(float(t), 3) for t in np.diff([*whole.said.values()])]
            more[fitter] = {
                "series": n,
                "kills": kills,
                "undisturbed_s": dict(zip(whole.said, seconds, strict=False)),
            }
    return {
        "kills": totals["kills"],
        **{f"kills_in_{phase}": totals[phase] for phase in ("start", "cycles", "closing", "checkpoint")},
        "arrays_that_differ": totals["differ"],
        "cycles_done_again": totals["again"],
        "unseen_planted_changes": unseen,
        "fits": more,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--one", type=json.loads)
    if (asked := parser.parse_known_args()[0].one) is not None:
        one(**asked)
    else:
        raise SystemExit(CLAIM.run(measure))
