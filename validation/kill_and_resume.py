"""Killed and resumed: ingesting spectra into a dataset survives SIGKILL at any moment, byte for byte.

Simulated APOGEE spectra are written as files, some of them broken, with a GALAH catalogue of part of the stars, and
ingested once without a disturbance. Then ``luxjax ingest --dataset`` is started in a process of its own over and over
and killed at a random moment: a random time after a random part of the files was begun, from before the dataset exists
to the last commit. After every kill the dataset, if it exists, is checked: what its manifest names must be whole and
no less than before. After at most four kills one more run finishes the dataset, and all its files are compared with
those of the undisturbed one.

Null: the same comparison must see one changed byte in a copy, and the check must name that file.
"""

import filecmp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from claims import Claim

from luxjax.dataset import open_dataset
from luxjax.simulation import simulate, write_survey_files

CLAIM = Claim(
    __file__,
    "An ingest killed at random moments and resumed ends with the same files, byte for byte, as one that was not; after "
    "every kill the dataset is whole, and no committed file is read twice.",
    {
        "kills": ">= 20",
        "kills_between_first_and_last_commit": ">= 5",
        "files_that_differ": "== 0",
        "damaged_after_a_kill": "== 0",
        "files_lost_after_a_kill": "== 0",
        "runs_that_read_a_file_twice": "== 0",
        "unseen_planted_damage": "== 0",
    },
    seed=41,
    smoke_threshold={
        "kills": ">= 2",
        "files_that_differ": "== 0",
        "damaged_after_a_kill": "== 0",
        "files_lost_after_a_kill": "== 0",
        "runs_that_read_a_file_twice": "== 0",
        "unseen_planted_damage": "== 0",
    },
)
OPTIONS = ["--labels", "teff,eu_fe", "--normalization", "polynomial", "--workers", "1", "--batch-size", "7"]
ENVIRONMENT = {**os.environ, "JAX_PLATFORMS": "cpu"}


def command(folder: Path, out: Path) -> list[str]:
    program = "from luxjax.cli import main; main()"
    spectra, labels = folder / "aspcapStar", folder / "galah_dr3.fits"
    words = ["ingest", str(spectra), "--label-catalog", str(labels), "--dataset", str(out), *OPTIONS]
    return [sys.executable, "-c", program, *words]


def finish(folder: Path, out: Path) -> tuple[float, str]:
    """Run to the end; seconds it took, and what it said."""
    begun = time.perf_counter()
    done = subprocess.run(command(folder, out), capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return time.perf_counter() - begun, done.stdout


def killed(folder: Path, out: Path, parts: float, after_s: float) -> bool:
    """Start, kill so many seconds after this many parts have been begun; whether it was still running then."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(folder, out), env=ENVIRONMENT, **quiet)
    while process.poll() is None and len(list(out.glob("journal/*.parquet"))) < parts:
        time.sleep(0.002)
    try:
        process.wait(after_s)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def committed(out: Path) -> int:
    """Files that a manifest, if there is one, names as done."""
    if not (out / "manifest.json").exists():
        return 0
    journal = open_dataset(out).journal()
    return int((journal["what"] == "file").sum()) if len(journal) else 0


def differing(one: Path, other: Path) -> list[str]:
    """Names of files that only one folder has, or that differ."""
    names = [{str(p.relative_to(f)) for p in f.rglob("*") if p.is_file()} for f in (one, other)]
    _, unlike, strange = filecmp.cmpfiles(one, other, sorted(names[0] & names[1]), shallow=False)
    return sorted(names[0] ^ names[1]) + unlike + strange


def survey(folder: Path, stars: int) -> Path:
    """Files of a simulated survey; every eleventh is cut short, every thirteenth is no FITS file."""
    simulated = simulate(stars, key=CLAIM.seed, windows=("apogee",), snr=80.0, n_train=stars // 2)
    write_survey_files(simulated, folder)
    for k, path in enumerate(sorted((folder / "aspcapStar").glob("*.fits"))):
        if k % 11 == 5:
            path.write_bytes(path.read_bytes()[:9000])
        elif k % 13 == 6:
            path.write_bytes(b"not a spectrum")
    return folder


def planted(reference: Path, copy: Path) -> int:
    """How many of three changed bytes, each in a file of a fresh copy, the check does not name (and nothing else)."""
    unseen = 0
    for name in ("spectra/value/c/0/0", "labels/ivar/c/0/0", "table/000001.parquet"):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(reference, copy)
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 3] ^= 0x40
        (copy / name).write_bytes(bytes(content))
        named = [damage.name for damage in open_dataset(copy).check()]
        unseen += named != [name] or differing(reference, copy) != [name]
    return unseen


def series(files: Path, whole: Path, out: Path, kills: int, part_s: float, rng) -> dict[str, int]:
    """Kill, check and start again, `kills` times or until a run outlives its kill; then finish and compare."""
    seen = dict.fromkeys(("kills", "amid", "differ", "damaged", "lost", "twice"), 0)
    total, n_parts, before = committed(whole), len(list(whole.glob("journal/*"))), 0
    while seen["kills"] < kills:
        done = len(list(out.glob("journal/*.parquet")))
        if not killed(files, out, rng.integers(min(done, n_parts - 1), n_parts), rng.uniform(0, part_s)):
            break
        now = committed(out)
        seen["kills"] += 1
        seen["amid"] += 0 < now < total
        seen["lost"] += max(before - now, 0)
        seen["damaged"] += len(open_dataset(out).check()) if (out / "manifest.json").exists() else 0
        before = now
    before = committed(out)
    _, said = finish(files, out)
    seen["twice"] = int(f"{total} given, {total - before} read now" not in said)
    seen["differ"] = len(differing(whole, out))
    return seen


def measure(args):
    rng = np.random.default_rng(CLAIM.seed)
    wanted, stars = (2, 15) if args.smoke else (24, 240)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        files, whole = survey(work / "files", stars), work / "whole"
        whole_s, _ = finish(files, whole)
        part_s = whole_s / len(list(whole.glob("journal/*")))
        runs = []
        while (left := wanted - sum(run["kills"] for run in runs)) > 0:
            out = work / f"killed{len(runs)}"
            runs.append(series(files, whole, out, min(left, 4), part_s, rng))
        total = {what: sum(run[what] for run in runs) for what in runs[0]}
        return {
            "kills": total["kills"],
            "kills_between_first_and_last_commit": total["amid"],
            "files_that_differ": total["differ"],
            "damaged_after_a_kill": total["damaged"],
            "files_lost_after_a_kill": total["lost"],
            "runs_that_read_a_file_twice": total["twice"],
            "unseen_planted_damage": planted(whole, work / "copy"),
            "series": len(runs),
            "files": committed(whole),
            "stars": len(open_dataset(whole)),
            "undisturbed_s": round(whole_s, 2),
        }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
