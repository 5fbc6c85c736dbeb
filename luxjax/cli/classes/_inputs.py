"""What the commands about classes begin with: a dataset in place of files, and stages that leave a line in the run's log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._program import Steps

__all__ = ["dataset_of", "logged"]


def dataset_of(files: list[str] | None) -> Any:
    """The dataset, where one is given in place of files."""
    from ...dataset.internal import is_dataset

    if files is None or len(files) != 1 or not is_dataset(files[0]):
        return None
    from ...dataset import open_dataset

    return open_dataset(files[0])


def logged(step: Steps, run: Any) -> Any:
    """Stages that also leave a line in the run's log when they are done."""

    @contextmanager
    def stage(name: str) -> Iterator[Any]:
        with step(name) as shown:
            yield shown
        run.log(f"{name}: {step.timings[name]:.1f} s")

    return stage
