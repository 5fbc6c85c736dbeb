"""The run folder: everything a report needs, as plain files that other tools read too.

Which files those are, each workflow says in its own module (see `luxjax.runs._kinds`). Every file is written whole or
not at all.
"""

import json
import os
import platform
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..core.internal import join_names
from ..data.internal import Example
from ..files.internal import check_place, dumps, read_table
from ._contents import example_arrays, examples_of, plain, versions, whole, write_label_tables
from ._kinds import run_kinds

__all__ = ["RunFolder"]

UNFINISHED = "unfinished"  # holds the process that fills the folder

T = TypeVar("T")


@dataclass(frozen=True)
class RunFolder:
    """One run on disk. Make one with `RunFolder.create`, read one with `RunFolder.open`."""

    path: Path

    @classmethod
    def create(
        cls, path: str | Path, *, config: Mapping[str, Any], seed: int, overwrite: bool = False
    ) -> "RunFolder":
        """Start a run folder with its configuration, seed and versions.

        Parameters
        ----------
        path : path
            A folder that does not exist, or is empty.
        config : mapping
            The resolved configuration: text, numbers, booleans, lists of these, and mappings of them.
        seed : int
        overwrite : bool
            Whether an earlier run at `path` may be replaced: files of any kind of run are removed, all others stay. A
            folder that is not a run is never touched.
        """
        cls.check_free(path, overwrite=overwrite)
        path = Path(path)
        run = cls(path)
        run._remove_files()
        path.mkdir(parents=True, exist_ok=True)
        run._write_text("config.toml", dumps(config))
        run._write_text("versions.json", json.dumps(versions(), indent=2) + "\n")
        run._write_text("seed", f"{int(seed)}\n")
        return run

    @classmethod
    def resumed(
        cls, path: str | Path, *, config: Mapping[str, Any], seed: int, needs: str, lacks: str
    ) -> "RunFolder | None":
        """An interrupted run at `path` of the same configuration and seed that has one file and lacks another; or None."""
        run = cls(Path(path))
        there = [(run.path / name).is_file() for name in ("config.toml", "seed", needs, lacks)]
        if there != [True, True, True, False] or run.seed != seed:
            return None
        return run if run._read("config.toml") == dumps(config) else None

    @contextmanager
    def filling(self, keep: Sequence[str] = ()) -> Iterator["RunFolder"]:
        """Until this ends, the folder does not count as a run: `open` refuses it, and `create` may replace it.

        After an error its files are removed, so that nothing blocks the next try, but where it has one of the files `keep`, with
        which an interrupted run can be resumed.
        """
        self._write_text(UNFINISHED, f"{os.getpid()} {platform.node()}\n")
        try:
            yield self
        except BaseException:
            if not any((self.path / name).is_file() for name in keep):
                self._remove_files()
                with suppress(OSError):
                    self.path.rmdir()
            raise
        (self.path / UNFINISHED).unlink(missing_ok=True)

    def _remove_files(self) -> None:
        """Remove the files of any kind of run, and no others."""
        if self.path.is_dir() and any(self.path.iterdir()):
            for kind in run_kinds().values():
                kind.remove_from(self.path)
            (self.path / UNFINISHED).unlink(missing_ok=True)

    def _is_at_work(self) -> bool:
        """Whether another process of this machine is filling the folder."""
        try:
            number, host = (self.path / UNFINISHED).read_text(encoding="utf-8").split(maxsplit=1)
            if host.strip() != platform.node() or int(number) == os.getpid():
                return False
            os.kill(int(number), 0)
        except PermissionError:  # of somebody else
            return (self.path / UNFINISHED).is_file()
        except (OSError, ValueError, OverflowError):
            return False
        return True

    @staticmethod
    def check_free(path: str | Path, *, overwrite: bool = False) -> None:
        """Raise unless `create` would accept the folder; nothing is changed."""
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; a run needs a folder, so choose another path.")
        check_place(path / "config.toml" if path.is_dir() else path)
        if path.is_dir() and any(path.iterdir()):
            if not _is_run(path):
                raise InputError(
                    f"{path} holds files that are not a luxjax run; choose a new or an empty folder."
                )
            if RunFolder(path)._is_at_work():
                raise InputError(
                    f"another process is writing a run into {path}; wait until it has ended, or choose another folder."
                )
            if strangers := [name for kind in run_kinds().values() for name in kind.strangers(path)]:
                raise InputError(
                    f"{path} holds a run and also {join_names(strangers, 5)}, which luxjax did not write, so it is not replaced; "
                    "move that elsewhere, or choose another folder."
                )
            if not overwrite and not (path / UNFINISHED).is_file():
                raise InputError(
                    f"{path} already holds a run; choose another folder, or overwrite it: --overwrite, in Python overwrite=True."
                )

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """The run at `path`, which must have been made by `create`."""
        path = Path(path)
        if not path.is_dir():
            raise InputError(
                f"there is no run folder at {path}; give the folder that a luxjax command wrote."
            )
        if not (path / "config.toml").is_file():
            raise InputError(
                f"{path} is not a luxjax run: it has no config.toml (it holds {join_names(_names(path)) or 'nothing'}); "
                "give the folder that a luxjax command wrote."
            )
        if (path / UNFINISHED).is_file():
            raise InputError(
                f"the run in {path} has not finished: it was interrupted, or is still running; run its command again."
            )
        return cls(path)

    # What is read back. `has` asks first; reading what is missing says how it comes about.

    def has(self, name: str) -> bool:
        """Whether the run holds `name`: ``"metrics"``, ``"labels"``, ``"examples"`` or ``"features"``."""
        files = {"metrics": "metrics.json", "labels": "labels.fits", "examples": "examples.npz"}
        files["features"] = "features.npz"
        return (self.path / files[name]).is_file()

    @property
    def config(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._read("config.toml"))
        except tomllib.TOMLDecodeError as error:
            raise InputError(
                f"{self.path / 'config.toml'} is not valid TOML ({error}); run again or repair it."
            ) from None

    @property
    def versions(self) -> dict[str, str]:
        return self._json("versions.json")

    @property
    def seed(self) -> int:
        text = self._read("seed").strip()
        if not text.lstrip("-").isdigit():
            raise InputError(f"{self.path / 'seed'} holds {text!r}; a whole number was expected.")
        return int(text)

    @property
    def metrics(self) -> dict[str, Any]:
        return self._json("metrics.json")

    @property
    def labels(self) -> tuple[pd.DataFrame, dict[str, str]]:
        """The labels table and the unit of each column that has one."""
        return read_table(self.file("labels.fits"))

    @property
    def examples(self) -> dict[str, Example]:
        """Example spectra by output name."""
        return self.arrays("examples.npz", "example spectra", examples_of)

    def arrays(self, name: str, what: str, made: Callable[[dict[str, np.ndarray]], T]) -> T:
        """What `made` makes of the arrays that `write_arrays` wrote into a file; `what` they are, for errors."""
        file = self.file(name)
        try:
            with np.load(file, allow_pickle=False) as stored:
                return made({key: stored[key] for key in stored.files})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{file} cannot be read as {what} ({error}); run again.") from None

    @property
    def figures(self) -> Path:
        """The folder of figures, made when first asked for."""
        folder = self.path / "figures"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def model(self) -> Path:
        """Where the saved model stands, or will."""
        return self.path / "model"

    # What is written.

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics.json`; NumPy numbers and arrays are converted, numbers that are not finite become null."""
        self._write_text("metrics.json", json.dumps(plain(metrics), indent=2, allow_nan=False) + "\n")

    def write_labels(
        self, labels: pd.DataFrame, units: Mapping[str, str] | None = None, *, name: str = "labels"
    ) -> None:
        """Write the labels table as FITS and Parquet.

        Parameters
        ----------
        labels : pandas.DataFrame
            One row per test star: ``id``, and as far as known ``snr``, ``chi2`` (reduced), ``latent_distance``,
            ``flag``, and for every label L: ``L``, ``L_err`` (predicted), ``L_obs``, ``L_obs_err`` (observed), ``L_true``.
        units : mapping of str to str
            Unit by label (taken over by its columns) or by column.
        name : "labels" or "transferred"
            The test stars' table, or that of stars nobody had labels for.
        """
        check_name("labels table", name, ("labels", "transferred"))
        if "id" not in labels:
            raise InputError(f"the labels table needs a column 'id'; it has {join_names(labels.columns)}.")
        write_label_tables(self.path, name, labels, units or {})

    def write_examples(self, examples: Mapping[str, Example]) -> None:
        """Write example spectra by output name."""
        self.write_arrays("examples.npz", example_arrays(examples))

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write named arrays of numbers or text (old NumPy knows no allow_pickle here)."""
        with whole(self.path / name) as part, part.open("wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]

    def write_csv(self, name: str, frame: pd.DataFrame) -> None:
        """Write a small table as text."""
        self._write_text(name, frame.to_csv(index=False))

    def write_page(self, name: str, html: str) -> Path:
        """Write an HTML page of the run, such as `report.html`, and return its path."""
        self._write_text(name, html)
        return self.path / name

    def log(self, line: str) -> None:
        """Add a line to `log.txt`, with the time."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")

    def file(self, name: str) -> Path:
        """A file that the run must have."""
        file = self.path / name
        if not file.is_file():
            raise InputError(
                f"the run {self.path} has no {name} (it holds {join_names(_names(self.path)) or 'nothing'}); "
                "the command that wrote it may not have finished, so run it again."
            )
        return file

    def _read(self, name: str) -> str:
        return self.file(name).read_text(encoding="utf-8")

    def _json(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads(self._read(name))
        except json.JSONDecodeError as error:
            said = f"{self.path / name} is not valid JSON ({error}); run again or repair it."
            raise InputError(said) from None
        if not isinstance(value, dict):
            raise InputError(
                f"{self.path / name} holds a {type(value).__name__}; an object with names was expected."
            )
        return value

    def _write_text(self, name: str, text: str) -> None:
        with whole(self.path / name) as part:
            part.write_text(text, encoding="utf-8")


def _is_run(path: Path) -> bool:
    """Whether the files that every run has are there, with what luxjax writes into them."""
    try:
        said = json.loads((path / "versions.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return (path / UNFINISHED).is_file() and (path / "config.toml").is_file()
    known = isinstance(said, dict) and {"python", "platform"} <= set(said)
    return known and (path / "config.toml").is_file()


def _names(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir())
