"""The command that checks files on disk for damage: ``luxjax check``."""

from pathlib import Path
from typing import Annotated

import typer

from ._program import Steps, app, echo

__all__ = ["check"]


@app.command()
def check(
    location: Annotated[
        str,
        typer.Argument(
            help="Dataset (folder or address), or folder of a catalogue, a model or a run.",
            metavar="FOLDER",
        ),
    ],
    drop: Annotated[
        bool,
        typer.Option(
            "--drop",
            help="Leave damaged parts out of the dataset from now on. Nothing is removed from the disk; ingest reads their files again.",
        ),
    ] = False,
) -> None:
    """Check a dataset, a catalogue, a model or a run for damage, and say what to do about it.

    A dataset is compared with its checksums; of others every file is read. Exit status 1 if anything is damaged.
    """
    from ..core import InputError
    from ..dataset import open_dataset
    from ..dataset.internal import is_dataset

    step = Steps()
    if not is_dataset(location) and "://" not in location and Path(location).is_dir():
        if drop:
            raise InputError(f"--drop is for datasets, and '{location}' is none; leave it out.")
        with step("read"):
            read = _read(Path(location))
        if read:
            typer.echo(f"{read}: nothing damaged")
            return
    dataset = open_dataset(location)
    with step("read and compare") as told:
        found = dataset.check(progress=told)
    for damage in found:
        echo(str(damage))
    bad = sorted({part for damage in found for part in damage.parts})
    if drop and bad:
        before = len(dataset)
        dataset.drop(bad)
        found = [damage for damage in found if not damage.parts]
        typer.echo(f"left out from now on: {before - len(dataset)} stars of {len(bad)} parts")
    typer.echo(f"{dataset!r}: {len(found) or 'nothing'} damaged")
    if found:
        raise typer.Exit(1)


def _read(folder: Path) -> str:
    """What a folder holds, all of it read; empty where that is nothing of luxjax. Damage is an `InputError`."""
    import numpy as np

    from ..data import Spectra, load_catalog
    from ..data.internal import CATALOG_FOLDER
    from ..fitted import load
    from ..fitted.internal import MODEL_FOLDER
    from ..runs import RunFolder

    if (folder / CATALOG_FOLDER.header).is_file():
        catalog = load_catalog(folder)
        with CATALOG_FOLDER.reading(folder, refusals=False):
            for output in catalog.outputs.values():
                # Arrays are mapped from their files, and read now.
                np.sum(output.ivar if isinstance(output, Spectra) else output.value)
        return f"catalogue at '{folder}' with {len(catalog)} stars"
    if (folder / MODEL_FOLDER.header).is_file():
        return f"model at '{folder}': {load(folder)!r}"
    if (folder / "versions.json").is_file():
        run = RunFolder.open(folder)
        found = [run.config, run.versions, run.seed]
        found += [getattr(run, name) for name in ("metrics", "labels", "examples") if run.has(name)]
        found += [load(run.model)] if run.model.is_dir() else []
        return f"run at '{folder}', {len(found)} of its files read"
    return ""
