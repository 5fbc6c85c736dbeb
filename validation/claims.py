"""Claims: statements about the library that a program can find to be false.

A claim fixes its thresholds beforehand, is measured by one function, and leaves its verdict as JSON.
"""

import argparse
import importlib.metadata
import json
import math
import operator
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from luxjax.core import InputError, check_name

__all__ = ["Claim"]

_TESTS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
_LIBRARIES = ("luxjax", "jax", "equinox", "numpyro", "numpy", "scipy", "astropy", "scikit-learn")


@dataclass(frozen=True)
class Claim:
    """A statement, the thresholds that decide it, and the program that measures it.

    Parameters
    ----------
    file : str or Path
        The program (``__file__``): its stem names the claim and ``results`` beside it takes the verdicts.
    statement : str
        One sentence that is true if the claim passes.
    threshold : mapping of str to str
        By measured quantity: a comparison with a number, such as ``{"abs_offset_dex": "< 0.05"}``. All must
        hold, and a value that is not finite holds nowhere.
    seed : int
        Of all random numbers in the measurement.
    smoke_threshold : mapping of str to str, optional
        Thresholds for ``--smoke`` runs, where small samples need wider ones; by default the same.

    Examples
    --------
    ::

        CLAIM = Claim(__file__, "Offsets are small.", {"abs_offset_dex": "< 0.05"}, seed=1)

        def measure(args):
            return {"abs_offset_dex": 0.01}

        if __name__ == "__main__":
            raise SystemExit(CLAIM.run(measure))
    """

    file: str | Path
    statement: str
    threshold: Mapping[str, str]
    seed: int
    smoke_threshold: Mapping[str, str] | None = None

    def __post_init__(self):
        for threshold in (self.threshold, self.smoke_threshold or {}):
            for name, condition in threshold.items():
                _parse(name, condition)
        if not self.threshold:
            raise InputError(f"claim '{self.name}' has no threshold, so it cannot fail; give at least one.")

    @property
    def name(self) -> str:
        """The program's name, which is that of its result."""
        return Path(self.file).stem

    def path(self, *, smoke: bool = False) -> Path:
        """Where the verdict goes: ``results/NAME.json`` beside the program, ``results/smoke/`` if smoke."""
        folder = Path(self.file).resolve().parent / "results"
        return (folder / "smoke" if smoke else folder) / f"{self.name}.json"

    def verdict(self, measured: Mapping[str, Any], *, wall_s: float, smoke: bool = False) -> dict[str, Any]:
        """The verdict on these measured values, as it is written.

        Parameters
        ----------
        measured : mapping
            Every quantity with a threshold, and any others worth keeping; numbers, text, lists or mappings.
        wall_s : float
            Seconds that the measurement took.
        smoke : bool
            Whether this was a small trial run.
        """
        threshold = dict(self.smoke_threshold if smoke and self.smoke_threshold else self.threshold)
        for name in threshold:
            check_name("measured value", name, measured, f"Claim '{self.name}' has a threshold on it")
        return {
            "claim": self.name,
            "statement": self.statement,
            "threshold": threshold,
            "measured": _plain(measured),
            "passed": all(_holds(name, c, measured[name]) for name, c in threshold.items()),
            "seed": self.seed,
            "smoke": smoke,
            "versions": _versions(),
            "device": _device(),
            "commit": _commit(Path(self.file).resolve()),
            "wall_s": round(wall_s, 2),
        }

    def run(
        self,
        measure: Callable[[argparse.Namespace], Mapping[str, Any]],
        *,
        options: Callable[[argparse.ArgumentParser], Any] | None = None,
        argv: Sequence[str] | None = None,
    ) -> int:
        """Measure, print and write the verdict.

        Parameters
        ----------
        measure : callable
            Given the parsed arguments (``args.smoke`` at least), returns the measured values by name.
        options : callable, optional
            Given the argument parser, adds the program's own options.
        argv : sequence of str, optional
            Instead of the command line.

        Returns
        -------
        int
            Exit status: 0 passed, 1 failed, 2 could not be measured (then nothing is written).
        """
        parser = argparse.ArgumentParser(prog=self.name, description=self.statement)
        parser.add_argument("--smoke", action="store_true", help="a small trial run of seconds")
        if options:
            options(parser)
        args = parser.parse_args(argv)
        start = time.perf_counter()
        try:
            measured = measure(args)
        except InputError as error:
            print(f"{self.name}: not measured: {error}", file=sys.stderr)
            return 2
        verdict = self.verdict(measured, wall_s=time.perf_counter() - start, smoke=args.smoke)
        path = self.path(smoke=args.smoke)
        _write(path, verdict)
        print(f"{self.name}: {'passed' if verdict['passed'] else 'FAILED'} in {verdict['wall_s']} s, {path}")
        for name, condition in verdict["threshold"].items():
            print(f"  {name} = {verdict['measured'][name]} (must be {condition})")
        return 0 if verdict["passed"] else 1


def _parse(name: str, condition: str) -> tuple[Callable[[Any, Any], bool], float]:
    words = str(condition).split()
    if len(words) == 2 and words[0] in _TESTS:
        try:
            return _TESTS[words[0]], float(words[1])
        except ValueError:
            pass
    raise InputError(
        f"threshold '{condition}' on '{name}' cannot be read; write a comparison ({', '.join(_TESTS)}), a space "
        "and a number, such as '< 0.05'."
    )


def _holds(name: str, condition: str, value: Any) -> bool:
    compare, bound = _parse(name, condition)
    return math.isfinite(value) and bool(compare(float(value), bound))


def _plain(value: Any) -> Any:
    """For JSON: Python numbers, lists and mappings; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(np.asarray(value).tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _device() -> str:
    import jax  # starts a backend, so only once there is a verdict to write

    devices = jax.devices()
    return f"{devices[0].platform}: {len(devices)} x {devices[0].device_kind}"


def _commit(file: Path) -> str | None:
    """The commit of the checkout that holds the program, "+" appended if the library or it was changed since."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=file.parent, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", ":/luxjax", str(file))
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, or no checkout: the versions still say what ran


def _write(path: Path, verdict: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".json.part")
    partial.write_text(json.dumps(verdict, indent=2, allow_nan=False) + "\n")
    os.replace(partial, path)
