"""Recipes: runnable programs that answer one question each, with their options in a TOML file beside them."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luxjax.core import InputError
from luxjax.files import merge_config, read_config

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """A program with its options.

    Parameters
    ----------
    file : path
        The program's ``__file__``; the TOML file of the same name holds every option with its default.
    about : str
        What it does, shown by ``--help``.
    smoke : mapping
        Options of a small trial run, ``--smoke``, that finishes in seconds.
    """

    file: str | Path
    about: str
    smoke: Mapping[str, Any]

    @property
    def pattern(self) -> Path:
        """The TOML file with every option."""
        return Path(self.file).with_suffix(".toml")

    def config(
        self, given: str | Path | None = None, *, smoke: bool = False, out: str | Path | None = None
    ) -> dict[str, Any]:
        """The options: defaults, then those of the smoke run, then the given TOML file, then `out`."""
        defaults = read_config(self.pattern)
        if smoke:
            defaults = merge_config(defaults, self.smoke, "--smoke")
        config = read_config(given, defaults=defaults)
        return config if out is None else merge_config(config, {"out": str(out)}, "--out")

    def main(
        self, run: Callable[[dict[str, Any], bool], Path], arguments: Sequence[str] | None = None
    ) -> int:
        """Read the command line, run, and print where the results lie; exit status 2 and one sentence for bad input.

        Parameters
        ----------
        run : callable
            Takes the options, and whether this is a smoke run; returns the folder of its results.
        arguments : sequence of str, optional
            Instead of the command line's.
        """
        parser = argparse.ArgumentParser(
            description=self.about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument(
            "--config", type=Path, help=f"TOML file; every option stands in {self.pattern.name}"
        )
        parser.add_argument("--out", type=Path, help="folder of results, instead of the configuration's")
        parser.add_argument("--smoke", action="store_true", help="a small trial run that needs no data")
        args = parser.parse_args(arguments)
        try:
            folder = run(self.config(args.config, smoke=args.smoke, out=args.out), args.smoke)
        except InputError as error:
            print(f"{self.pattern.stem}: {error}", file=sys.stderr)
            return 2
        print(folder)
        return 0
