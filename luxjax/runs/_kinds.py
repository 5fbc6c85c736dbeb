"""The kinds of runs: every workflow declares the files that it writes into a run folder in its own module.

To add one: write its module with ``KINDS = (RunKind(...),)``, and add the module's name to `WORKFLOWS`.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

__all__ = ["LABELS", "RunKind", "run_kinds"]

# Of the files in the folders of a run.
ENDINGS = (
    *("", ".csv", ".ecsv", ".fits", ".html", ".json", ".npy", ".npz", ".parquet", ".pdf", ".png"),
    *(".skops", ".toml", ".txt"),
)

# Modules that declare kinds. They are imported when the kinds are asked for: some of them take a second.
WORKFLOWS = (
    "_demo",
    "_catalog",
    "_files",
    "_transfer",
    "_explain",
    "_infer",
    "_methods",
    "classes._train",
    "classes._explain",
)


@dataclass(frozen=True)
class RunKind:
    """A workflow that fills a run folder, or adds to one that another has filled.

    Parameters
    ----------
    name : str
    command : str
        What runs it: a command (``"luxjax fit"``) or a recipe (``"inference/large_survey.py"``).
    what : str
        One sentence.
    files : mapping of str to str
        Files and folders that it writes, with a sentence about each. A name with ``*`` is a pattern.
    sections : tuple of str
        Sections of the report that show what it found, by their names in `luxjax.report`.
    no_page : str
        Why there are none, where there are none.
    """

    name: str
    command: str
    what: str
    files: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[str, ...] = ()
    no_page: str = ""

    def strangers(self, folder: Path) -> list[str]:
        """Files in the folders of this kind that luxjax did not write, as their endings tell."""
        found = []
        for name in self.files:
            for inside in list(folder.glob(name)) if "*" in name else [folder / name]:
                if inside.is_dir() and not inside.is_symlink():
                    found += [
                        f"{f.relative_to(folder)}"
                        for f in sorted(inside.rglob("*"))
                        if f.is_symlink() or (f.is_file() and f.suffix not in ENDINGS)
                    ]
        return found

    def remove_from(self, folder: Path) -> None:
        """Remove the files of this kind from a folder, and nothing else."""
        for name in self.files:
            for old in list(folder.glob(name)) if "*" in name else [folder / name]:
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                else:
                    old.unlink(missing_ok=True)


EVERY_RUN = RunKind(
    "run",
    "luxjax report",
    "What every run has, and its page.",
    {
        "config.toml": "The configuration, with all defaults filled in.",
        "versions.json": "Versions of Python and of the libraries.",
        "seed": "The random seed.",
        "log.txt": "What happened, with times.",
        "metrics.json": "The numbers of the run.",
        "figures": "Figures as PNG and PDF.",
        "report.html": "The page of the run.",
    },
    ("configuration", "versions", "cite"),
)

# Shared by the kinds that predict labels.
LABELS = {
    "labels.fits": "Labels with errors, one row per star.",
    "labels.parquet": "The same table as Parquet, where pyarrow is installed.",
}


def run_kinds() -> dict[str, RunKind]:
    """All kinds by name, the one that every run is of first."""
    found = [EVERY_RUN]
    for module in WORKFLOWS:
        found += import_module(f".{module}", __package__).KINDS
    return {kind.name: kind for kind in found}
