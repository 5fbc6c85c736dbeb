"""Damaged files: 2,000 variants of survey files through `ingest`, `read_catalog` and the reader of `classify`.

Each variant is one file in which something was done that happens to files: cut, bytes changed, a header value that is absurd, a card or
a column missing, a column of another type, NaN, all pixels masked, an enormous NAXIS; of CSV files also odd quotes, other bytes and
ragged rows. Spectra are read together with an undamaged one, which must be kept. Every damaged file must be read or listed with a
reason: never a traceback, never silence, within ten seconds and one gigabyte. Which damage does not show (a flipped bit in a flux) is
another question, not asked here.

The files are simulated, and real ones where a folder of them is named by --data or LUXJAX_REAL_DATA.

    python validation/fuzz_files.py [--smoke] [--data FOLDER] [--variants N]
"""

import gzip
import multiprocessing
import os
import re
import resource
import signal
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from claims import Claim

LIMIT_S, LIMIT_GB = 10.0, 1.0
CLAIM = Claim(
    __file__,
    "Of 2,000 damaged survey files none ends in a traceback, none is passed over in silence, none costs another file, and each "
    "takes less than 10 s and 1 GB.",
    {
        "tracebacks": "== 0",
        "silent": "== 0",
        "others_lost": "== 0",
        "too_slow": "== 0",
        "largest_growth_gb": "<= 1",
    },
    seed=83,
)
REAL = (
    "apogee/aspcapStar_dr13/*.fits", "apogee/apVisit_dr13/*.fits", "galah/iraf_muLeo_5hdu/*.fits", "galah/dr4_allstar_fit/*.fits",
    "lamost/lrs_dr1/*.fits", "lamost/lrs_dr8_repeats/*", "lamost/lrs_dr10_original/*", "lamost/mrs_dr7/*",
    "lamost/catalogue/*.csv", "apogee/catalogue/*.csv", "galah/catalogue/*.fits", "galah/catalogue/*.csv",
)  # fmt: skip
ABSURD = ("1E999", "-1", "0", "99999999999", "2147483647", "'text'", "NaN", "T", "", "1.5", "-9999", "1E-320")


def base_files(data: str | None, folder: Path) -> list[Path]:
    """Undamaged files of every kind, at most 2 MB each."""
    from luxjax.simulation import simulate, write_survey_files

    write_survey_files(simulate(12, key=CLAIM.seed, n_train=6), folder / "simulated")
    found = [p for p in sorted((folder / "simulated").rglob("*")) if p.suffix in (".fits", ".csv")]
    found = [p for p in found if "aspcapStar" in p.name][:2] + [
        p for p in found if "aspcapStar" not in p.name
    ]
    for pattern in REAL if data else ():
        found += [p for p in sorted(Path(data or "").glob(pattern)) if p.is_file()][:3]
    return [
        p
        for p in found
        if p.stat().st_size < 2_000_000 and p.name.lower().endswith((".fits", ".fits.gz", ".csv"))
    ]


def cards(raw: bytes) -> list[int]:
    """Where the cards of all headers begin."""
    starts = [0, *(m.start() for m in re.finditer(rb"XTENSION=", raw) if m.start() % 2880 == 0)]
    found = []
    for at in starts:
        while at + 80 <= len(raw) and not raw.startswith(b"END ", at):
            found.append(at)
            at += 80
    return found


def damaged_fits(rng: np.random.Generator, raw: bytes) -> tuple[str, bytes]:
    """One thing done to a FITS file, and its name."""
    packed = raw.startswith(b"\x1f\x8b") and rng.uniform() < 0.7
    if packed:
        kind, content = damaged_fits(rng, gzip.decompress(raw))
        return kind, gzip.compress(content, 1)
    at = [] if raw.startswith(b"\x1f\x8b") else cards(raw)
    kind = rng.choice(
        [
            "cut",
            "bytes",
            "header bytes",
            "value",
            "NAXIS",
            "card",
            "column",
            "type",
            "nan",
            "zero",
            "empty",
            "text",
        ]
    )
    out = bytearray(raw)
    if kind == "cut":
        out = out[: int(rng.integers(1, len(raw)))]
    elif kind in ("bytes", "header bytes"):
        places = rng.integers(
            0, len(raw) if kind == "bytes" or not at else at[-1] + 80, int(rng.integers(1, 40))
        )
        for place in places:
            out[int(place)] = int(rng.integers(0, 256))
    elif kind in ("value", "NAXIS", "card", "column", "type") and at:
        wanted = {"NAXIS": rb"NAXIS\d* *=", "column": rb"TTYPE\d", "type": rb"TFORM\d"}.get(
            kind, rb"[A-Z0-9_-]+ *="
        )
        fitting = [a for a in at if re.match(wanted, raw[a : a + 80])] or at
        place = int(rng.choice(fitting))
        name = raw[place : place + 8].decode("ascii", "replace")
        value = str(rng.choice(ABSURD))
        if kind == "NAXIS":
            value = str(rng.choice(["2000000000", "-5", "999", "0", "7", "1E9"]))
        elif kind == "column":
            value = "'XYZZY'"
        elif kind == "type":
            value = str(rng.choice(["'4A'", "'1J'", "'1D'", "'PE(9)'", "'1X'", "'99999E'", "'Q'"]))
        card = "" if kind == "card" else f"{name}= {value}"
        out[place : place + 80] = card.encode("ascii", "replace").ljust(80)[:80]
    elif kind in ("nan", "zero"):
        begin = (at[-1] // 2880 + 1) * 2880 if at else len(raw) // 2
        begin = min(int(rng.integers(2880, max(begin, 2881))), len(raw))
        out[begin:] = (b"\x7f\xc0\x00\x00" if kind == "nan" else b"\0\0\0\0") * ((len(raw) - begin) // 4 + 1)
        out = out[: len(raw)]
    else:
        out = bytearray(b"" if kind == "empty" else b"<html>404 not found</html>")
    return str(kind), bytes(out)


def damaged_text(rng: np.random.Generator, raw: bytes) -> tuple[str, bytes]:
    """One thing done to a CSV file, and its name."""
    kind = rng.choice(
        [
            "cut",
            "bytes",
            "quotes",
            "ragged",
            "header",
            "twice",
            "words",
            "nul",
            "latin",
            "bom",
            "tabs",
            "blank",
        ]
    )
    lines = raw.split(b"\n")
    row = int(rng.integers(0, len(lines)))
    if kind == "cut":
        return kind, raw[: int(rng.integers(0, len(raw)))]
    if kind == "bytes":
        out = bytearray(raw)
        for place in rng.integers(0, len(raw), int(rng.integers(1, 40))):
            out[int(place)] = int(rng.integers(0, 256))
        return kind, bytes(out)
    if kind in ("bom", "tabs", "latin"):
        return kind, {
            "bom": b"\xef\xbb\xbf" + raw,
            "tabs": raw.replace(b",", b"\t"),
            "latin": raw.replace(b"a", b"\xe9"),
        }[kind]
    cells = lines[row].split(b",")
    cell = int(rng.integers(0, len(cells)))
    if kind in ("header", "twice"):
        row, cells = 0, lines[0].split(b",")
        cell = int(rng.integers(0, len(cells)))
        cells[cell] = cells[0] if kind == "twice" else b""
    elif kind == "ragged":
        cells += [b"1"] * int(rng.integers(1, 5))
    else:
        cells[cell] = {"quotes": b'"' + cells[cell], "words": b"~5,777 K", "nul": b"\0\0", "blank": b""}[
            str(kind)
        ]
    lines[row] = b",".join(cells)
    return str(kind), b"\n".join(lines)


def tried(route: str, damaged: Path, good: list[Path]) -> tuple[str, str]:
    """What came of a damaged file on one route: read, listed, refused, silent or lost (another one), and the message."""
    from luxjax.core import InputError
    from luxjax.runs import lamost_data
    from luxjax.surveys import ingest, read_catalog

    try:
        if route == "read_catalog":
            return "read", f"{len(read_catalog(damaged))} rows"
        if route == "classify":
            found = lamost_data([damaged, *good], need_class=False)
            used, lost = (
                set(found.table["file"]),
                dict(zip(found.left_out["file"], found.left_out["reason"], strict=True)),
            )
        else:
            made = ingest([*good, damaged], progress=False)
            used = {f for c in (made.labelled, made.unlabelled) if c is not None for f in c.table["file"]}
            lost = dict(zip(made.lost["file"], made.lost["reason"], strict=True))
    except InputError as error:
        # With nothing else to read a refusal is right; here there is a good file.
        return ("refused" if route == "read_catalog" else "lost"), str(error)
    for file in map(str, good):
        if file not in used and "same star" not in lost.get(file, ""):
            return "lost", f"the good file: {lost.get(file, '')}"
    if str(damaged) in used:
        return "read", ""
    return ("listed", lost[str(damaged)]) if lost.get(str(damaged)) else ("silent", "")


class TooSlow(BaseException):
    """Ten seconds of this process have passed."""


def _too_slow(*_):
    raise TooSlow


def work(pipe) -> None:
    """A worker: tries what it is given, and says what came of it and how far its memory grew."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, _too_slow)
    first = None
    while (job := pipe.recv()) is not None:
        # Of this process alone, so that other work on the machine does not count.
        signal.setitimer(signal.ITIMER_PROF, LIMIT_S if first else 12 * LIMIT_S)
        try:
            outcome = tried(*job)
        except TooSlow:
            outcome = "too slow", ""
        except BaseException as error:  # what is looked for
            outcome = "traceback", f"{type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        first = peak if first is None else first
        pipe.send((*outcome, peak - first))
        first = peak


class Worker:
    """One process that is replaced when a file takes it too long."""

    def __init__(self, *warm_up: tuple):
        self.warm_up, self.process = warm_up, None

    def run(self, job: tuple, limit: float = 20 * LIMIT_S) -> tuple[str, str, float]:
        """What came of a job, and how far the memory of the process grew, GB."""
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, other = context.Pipe()
            self.process = context.Process(target=work, args=(other,), daemon=True)
            self.process.start()
            for first in self.warm_up:  # imports, and memory for an undamaged file
                self.run(first)
        self.pipe.send(job)
        if self.pipe.poll(limit):
            try:
                return self.pipe.recv()
            except EOFError:
                self.process = None
                return "traceback", "the process ended", 0.0
        self.process.kill()
        self.process = None
        return "too slow", "", 0.0

    def end(self) -> None:
        """Let the process end."""
        if self.process is not None:
            self.pipe.send(None)
            self.process.join()


def variants(files: list[Path], n: int):
    """Route, file, name of the damage and damaged bytes, the same ones for the same seed."""
    rng = np.random.default_rng(CLAIM.seed)
    for number in range(n):
        file = files[number % len(files)]
        raw = file.read_bytes()
        is_table = file.suffix == ".csv" or "catalogue" in file.parts or file.parent.name == "simulated"
        kind, content = (damaged_text if file.suffix == ".csv" else damaged_fits)(rng, raw)
        lamost = "lamost" in file.parts and not is_table
        route = "read_catalog" if is_table else "classify" if lamost and number % 2 else "ingest"
        yield route, file, kind, content


def options(parser):
    parser.add_argument(
        "--data", default=os.environ.get("LUXJAX_REAL_DATA"), help="folder of real survey files"
    )
    parser.add_argument("--variants", type=int, default=2000, help="number of damaged files")


def measure(args):
    counts, bad, growth = Counter(), [], 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = base_files(args.data, folder)
        # Two undamaged files of other stars, so that the damaged one does not decide what most files are.
        fits = [f for f in files if f.suffix != ".csv" and "catalogue" not in f.parts]
        apogee = [f for f in fits if f.parent.name == "aspcapStar"]
        lamost = [f for f in fits if f.name.startswith("spec-")][:2]
        n = 100 if args.smoke else args.variants
        worker = Worker(("ingest", apogee[0], apogee), ("classify", (lamost or apogee)[0], lamost or apogee))
        for number, (route, file, kind, content) in enumerate(variants(files, n)):
            damaged = folder / f"{number}-{file.name}"
            damaged.write_bytes(content)
            good = lamost if "lamost" in file.parts else apogee
            outcome, said, grown = worker.run((route, damaged, good))
            damaged.unlink()
            counts[f"{route}: {outcome}"] += 1
            growth = max(growth, grown)
            outcome = "large" if grown > LIMIT_GB and outcome not in ("traceback", "lost") else outcome
            if outcome in ("traceback", "silent", "lost", "too slow", "large") or "\n" in said.strip():
                bad.append(
                    {
                        "route": route,
                        "file": file.name,
                        "damage": kind,
                        "outcome": outcome,
                        "said": said[:300],
                    }
                )
        worker.end()
    those = Counter(entry["outcome"] for entry in bad)
    return {
        "variants": n,
        "base_files": len(files),
        "real_files": bool(args.data),
        "tracebacks": those["traceback"],
        "silent": those["silent"],
        "others_lost": those["lost"],
        "too_slow": those["too slow"],
        "largest_growth_gb": growth,
        "outcomes": dict(sorted(counts.items())),
        "bad": bad[:50],
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
