"""What the figures of a posterior show beyond it, kept with it: known labels, and data of the first stars."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ..core import Batch, OutputData
from ..data import LabelTable
from ..posterior import AbstractPosterior, load_posterior
from ._folder import RunFolder

__all__ = ["VALUES", "KeptPosterior", "keep_values", "read_posterior"]

VALUES = "posterior_values.npz"
SHOWN = 30  # stars whose labels and spectra are drawn


@dataclass(frozen=True, eq=False)
class KeptPosterior:
    """A posterior of a run with what its figures compare it with.

    Parameters
    ----------
    posterior : AbstractPosterior
        Posterior of all stars, without its data.
    shown : AbstractPosterior
        Posterior of the first stars alone, at most 30, with their data.
    observed : LabelTable, optional
        Labels of the stars shown.
    truth : (star, label) array, optional
        True labels of the stars shown, in the model's order of labels.
    seed : int
        Random seed of predictive draws.
    """

    posterior: AbstractPosterior
    shown: AbstractPosterior
    observed: LabelTable | None
    truth: np.ndarray | None
    seed: int


def keep_values(
    run: RunFolder,
    posterior: AbstractPosterior,
    observed: LabelTable | None,
    truth: np.ndarray | None,
    seed: int,
) -> None:
    """Write what `read_posterior` gives beyond the posterior itself."""
    arrays = {"seed": np.array(seed)}
    if truth is not None:
        arrays["truth"] = truth[:SHOWN]
    if observed is not None:
        observed = observed.select(slice(0, SHOWN))
        units = np.array([observed.units.get(n, "") for n in observed.names], dtype=str)
        arrays |= {
            "observed/value": observed.value,
            "observed/error": observed.error,
            "observed/units": units,
        }
        arrays["observed/names"] = np.array(observed.names, dtype=str)
    if posterior.batch is not None:
        for name, data in posterior.batch.stars(slice(0, SHOWN)).outputs.items():
            arrays |= {
                f"data/{name}/value": np.asarray(data.value),
                f"data/{name}/ivar": np.asarray(data.ivar),
            }
    run.write_arrays(VALUES, arrays)


def read_posterior(run: RunFolder) -> KeptPosterior | None:
    """The posterior of a run with what its figures show; None where the run has none.

    Raises
    ------
    InputError
        If its files are damaged.
    """
    if not (run.path / "posterior").is_dir() or not (run.path / VALUES).is_file():
        return None
    posterior = load_posterior(run.path / "posterior")
    return run.arrays(VALUES, "values of a posterior", lambda arrays: _kept(posterior, arrays))


def _kept(posterior: AbstractPosterior, arrays: dict[str, np.ndarray]) -> KeptPosterior:
    observed = None
    if "observed/value" in arrays:
        names, units = arrays["observed/names"].tolist(), arrays["observed/units"].tolist()
        observed = LabelTable(
            arrays["observed/value"],
            arrays["observed/error"],
            tuple(names),
            posterior.ids[:SHOWN],
            {n: u for n, u in zip(names, units, strict=True) if u},
        )
    outputs = [
        key[len("data/") : -len("/value")]
        for key in arrays
        if key.startswith("data/") and key.endswith("/value")
    ]
    shown = posterior.select(slice(0, SHOWN))
    if outputs:
        data = {n: [jnp.asarray(arrays[f"data/{n}/{what}"]) for what in ("value", "ivar")] for n in outputs}
        shown = shown.replace(batch=Batch({n: OutputData(*pair) for n, pair in data.items()}))
    return KeptPosterior(posterior, shown, observed, arrays.get("truth"), int(arrays["seed"]))
