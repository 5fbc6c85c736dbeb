"""The run folder: everything a report needs, as plain files that other tools read too.

    config.toml      resolved configuration        labels.parquet, labels.fits   one row per test star
    versions.json    versions of what was used     examples.npz                  a few spectra with their models
    seed             the random seed               model/                        the saved model
    log.txt          what happened, with times     figures/, report.html         made by `luxjax.report.render`
    metrics.json     numbers of the run             transferred.parquet, .fits   labels of stars that had none
    stars.csv        which star was in which part   explain/, explain_*.html     was each label measured?
    posterior/       a posterior that was inferred  labels.csv                   its labels
    features.npz     features of classified spectra classifier/                  the saved classifier
    spectra.csv      what is known of these spectra predictions.csv              classes of the stars held out
    left_out.csv     what could not be used, and why reasons/, class_*.html      what the classes rest on

Every file is written whole or not at all.
"""

import json
import math
import os
import platform
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core import InputError, check_name
from ..core.internal import join_names
from ..files.internal import dumps, read_table, write_fits, write_parquet

__all__ = ["Example", "RunFolder", "versions"]

_LIBRARIES = [
    "luxjax",
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "numpyro",
    "numpy",
    "scipy",
    "astropy",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "pyarrow",
]
_OWNED = (
    "metrics.json", "labels.parquet", "labels.fits", "transferred.parquet", "transferred.fits", "examples.npz", "report.html",
    "log.txt", "figures", "model", "explain", "stars.csv", "posterior", "labels.csv", "features.npz", "spectra.csv",
    "left_out.csv", "predictions.csv", "classifier", "class_spectra.npz", "reasons", "levels", "levels.csv", "heads", "heads.csv", "parameters", "parameters.csv", "labels", "fit.npz",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python, the system and the libraries, found without importing them."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True, eq=False)
class Example:
    """A handful of observed spectra of one output with what the model makes of them.

    Parameters
    ----------
    ids : (star,) array of str
    wavelength : (pixel,) array
        Angstrom.
    medium : "air" or "vacuum"
    flux, ivar, model : (star, pixel) arrays
        Observed flux, its inverse variance (zero at bad pixels), and the model's flux.
    lines : mapping of str to float
        Wavelengths in Angstrom, same medium, of lines worth a closer look, by name ("Eu II 6645").
    """

    ids: np.ndarray
    wavelength: np.ndarray
    medium: str
    flux: np.ndarray
    ivar: np.ndarray
    model: np.ndarray
    lines: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self):
        shape = (len(self.ids), len(self.wavelength))
        for name in ("flux", "ivar", "model"):
            if np.shape(getattr(self, name)) != shape:
                raise InputError(
                    f"example spectra: {name} has shape {np.shape(getattr(self, name))}, but {shape[0]} ids and "
                    f"{shape[1]} wavelengths ask for {shape}."
                )


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
            Whether an earlier run at `path` may be replaced. A folder that is not a run is never touched.
        """
        cls.check_free(path, overwrite=overwrite)
        path = Path(path)
        if path.is_dir():
            for old in [
                *(path / name for name in _OWNED),
                *path.glob("explain_*.html"),
                *path.glob("class_*.html"),
            ]:
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                else:
                    old.unlink(missing_ok=True)
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path)
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

    @staticmethod
    def check_free(path: str | Path, *, overwrite: bool = False) -> None:
        """Raise unless `create` would accept the folder; nothing is changed."""
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; a run needs a folder of its own, so choose another path.")
        if path.is_dir() and any(path.iterdir()):
            if not (path / "config.toml").is_file() or not (path / "versions.json").is_file():
                raise InputError(
                    f"{path} holds files that are not a luxjax run; choose a new or an empty folder."
                )
            if not overwrite:
                raise InputError(
                    f"{path} already holds a run; choose another folder, or allow it to be overwritten."
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
        return cls(path)

    # What is read back. `has` asks first; reading what is missing says how it comes about.

    def has(self, name: str) -> bool:
        """Whether the run holds `name`: ``"metrics"``, ``"labels"`` or ``"examples"``."""
        files = {"metrics": "metrics.json", "labels": "labels.fits", "examples": "examples.npz"}
        return (self.path / files[name]).is_file()

    @property
    def config(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._read("config.toml"))
        except tomllib.TOMLDecodeError as error:
            raise InputError(
                f"{self.path / 'config.toml'} is not valid TOML ({error}); run again or mend it."
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
        file = self.file("examples.npz")
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays: dict[str, dict[str, np.ndarray]] = {}
                for key in stored.files:
                    output, _, what = key.rpartition("/")
                    arrays.setdefault(output, {})[what] = stored[key]
            return {output: _example(a) for output, a in arrays.items()}
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{file} cannot be read as example spectra ({error}); run again.") from None

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
        self._write_text("metrics.json", json.dumps(_plain(metrics), indent=2, allow_nan=False) + "\n")

    def write_labels(
        self, labels: pd.DataFrame, units: Mapping[str, str] | None = None, *, name: str = "labels"
    ) -> None:
        """Write the labels table as FITS and Parquet.

        Parameters
        ----------
        labels : pandas.DataFrame
            One row per test star: ``id``, and as far as known ``snr``, ``chi2`` (reduced), ``latent_distance``,
            and for every label L: ``L``, ``L_err`` (predicted), ``L_obs``, ``L_obs_err`` (observed), ``L_true``.
        units : mapping of str to str
            Unit by label (taken over by its columns) or by column.
        name : "labels" or "transferred"
            The test stars' table, or that of stars nobody had labels for.
        """
        check_name("labels table", name, ("labels", "transferred"))
        if "id" not in labels:
            raise InputError(f"the labels table needs a column 'id'; it has {join_names(labels.columns)}.")
        units = dict(units or {})
        ends = ("", "_err", "_obs", "_obs_err", "_true")
        by_column = {c: u for label, u in units.items() for e in ends if (c := label + e) in labels}
        with self._whole(f"{name}.fits") as part:
            write_fits(labels, by_column, part)
        part = self._part(f"{name}.parquet")
        if write_parquet(labels, by_column, part):
            os.replace(part, self.path / f"{name}.parquet")

    def write_examples(self, examples: Mapping[str, Example]) -> None:
        """Write example spectra by output name."""
        arrays: dict[str, Any] = {}
        for output, e in examples.items():
            for what in ("wavelength", "flux", "ivar", "model"):
                arrays[f"{output}/{what}"] = np.asarray(getattr(e, what))
            arrays[f"{output}/ids"] = np.asarray(e.ids, dtype=str)
            arrays[f"{output}/medium"] = np.array(e.medium)
            arrays[f"{output}/line_names"] = np.array(list(e.lines), dtype=str)
            arrays[f"{output}/line_wavelengths"] = np.array(list(e.lines.values()), dtype=float)
        self.write_arrays("examples.npz", arrays)

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write named arrays of numbers or text."""
        with self._whole(name) as part, part.open("wb") as stream:
            np.savez_compressed(
                stream,
                **arrays,  # type: ignore[arg-type]
            )  # numbers and text only; old NumPy knows no allow_pickle here

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

    # How.

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
            raise InputError(
                f"{self.path / name} is not valid JSON ({error}); run again or mend it."
            ) from None
        if not isinstance(value, dict):
            raise InputError(
                f"{self.path / name} holds a {type(value).__name__}; an object with names was expected."
            )
        return value

    def _part(self, name: str) -> Path:
        file = self.path / name
        return file.with_name(f".{file.name}.{os.getpid()}.part")

    @contextmanager
    def _whole(self, name: str) -> Iterator[Path]:
        part = self._part(name)
        try:
            yield part
            os.replace(part, self.path / name)
        finally:
            part.unlink(missing_ok=True)

    def _write_text(self, name: str, text: str) -> None:
        with self._whole(name) as part:
            part.write_text(text, encoding="utf-8")


def _names(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir())


def _example(a: Mapping[str, np.ndarray]) -> Example:
    lines = dict(zip(a["line_names"].tolist(), a["line_wavelengths"].tolist(), strict=True))
    return Example(a["ids"], a["wavelength"], str(a["medium"]), a["flux"], a["ivar"], a["model"], lines)


def _plain(value: Any) -> Any:
    """JSON's own types only; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    array = np.asarray(value)  # NumPy scalars, NumPy and JAX arrays
    if array.dtype.kind not in "biufU":
        raise InputError(
            f"a metric of type {type(value).__name__} cannot be written as JSON; give numbers or text."
        )
    return _plain(array.tolist())
