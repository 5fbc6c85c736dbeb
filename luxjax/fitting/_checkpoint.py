"""The state of an iterative fit on disk, so that a killed fit is resumed, to the identical result."""

import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import InputError
from ..core.internal import AbstractStars, Array, PRNGKeyArray
from ..models import Lux

__all__ = ["Checkpoint", "fit_identity"]


def fit_identity(
    settings: Mapping[str, Any],
    model: Lux,
    batch: AbstractStars,
    key: PRNGKeyArray,
    moments: Mapping[str, Iterable[Array]],
) -> dict[str, Any]:
    """What decides the course of a fit, so that a checkpoint is not taken for another's; plain, as JSON holds it.

    Parameters
    ----------
    settings : mapping
        Settings of the fitter.
    model : Lux
        Before the fit.
    batch : AbstractStars
        The stars; where they come from a dataset its fingerprint says which they are.
    key : jax random key
    moments : mapping of str to arrays
        Sums over the stars by output, to tell other values of as many stars.
    """

    def rounded(x) -> str:
        # To six digits, so that another number of threads does not make it another fit.
        return f"{float(np.abs(np.asarray(x, np.float64)).sum()):.6g}"

    data = {"stars": batch.n_stars, "sizes": batch.sizes}
    data["sums"] = {name: [rounded(x) for x in sums] for name, sums in moments.items()}
    if fingerprint := batch.fingerprint:
        data["dataset"] = fingerprint
    return {
        "settings": dict(settings),
        "data": data,
        "latents": model.n_latents,
        "scatter": {name: rounded(s) for name, s in model.scatter.items()},
        "dof": {name: str(nu) for name, nu in model.dof.items()},
        "seed": jax.random.key_data(key).tolist(),
    }


class Checkpoint:
    """A file with the model and the objective after the last cycle; replaced whole or not at all.

    Parameters
    ----------
    path : path or None
        Nothing is written or read without one.
    identity : mapping
        What tells this fit from others: settings, data, seed. A file of another fit is refused.
    batch : AbstractStars
        The stars of the fit: where several processes have them, the first alone writes and reads.
    """

    def __init__(self, path: str | os.PathLike | None, identity: Mapping[str, Any], batch: AbstractStars):
        self.path = None if path is None or not batch.is_main_process else Path(path)
        self._batch = batch
        self.identity = json.dumps(identity, sort_keys=True)

    def write(self, model: Any, before: Mapping[str, Array], objective: list[float]) -> None:
        """Keep the model of the next cycle (or any tree of arrays), the scatter of this one and the objective so far."""
        if self.path is None:
            return
        leaves = jax.tree.leaves(eqx.filter((model, dict(before)), eqx.is_array))
        arrays = {f"leaf{k}": np.asarray(leaf) for k, leaf in enumerate(leaves)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f"{self.path.name}.partial")
        with part.open("wb") as file:
            np.savez(file, identity=np.array(self.identity), objective=np.array(objective), **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.path)

    def read(
        self, like: Any, before: Mapping[str, Array] | None = None
    ) -> tuple[Any, dict[str, Array], list[float]] | None:
        """What `write` kept, in the shape of this model and its scatter (or of `before`); None where there is nothing yet."""
        like = (like, dict(like.scatter if before is None else before))
        kept = self._read(like)
        n = int(self._batch.from_first(np.array(-1 if kept is None else len(kept[1]))))
        if n < 0:
            return None
        (model, last), objective = self._batch.from_first(kept or (like, np.zeros(n)))
        return model, last, objective.tolist()

    def _read(
        self, like: tuple[Any, dict[str, Array]]
    ) -> tuple[tuple[Any, dict[str, Array]], np.ndarray] | None:
        """The file of this process."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with self.path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                identity, objective = str(file["identity"]), file["objective"]
                leaves = [jnp.asarray(file[f"leaf{k}"]) for k in range(len(file.files) - 2)]
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(
                f"'{self.path}' is no checkpoint of a fit ({error}); remove it to start again."
            ) from error
        if identity != self.identity:
            raise InputError(
                f"the checkpoint '{self.path}' is of another fit ({identity}; now {self.identity}); remove it to begin "
                "again, or name another file."
            )
        arrays, rest = eqx.partition(like, eqx.is_array)
        return eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), leaves), rest), objective

    def done(self) -> None:
        """The fit has ended: its checkpoint has served."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
