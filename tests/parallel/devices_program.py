"""What tests of meshes run in processes of their own, where devices have to be counted before JAX starts.

python devices_program.py sums|fits|resumed FILE [CHECKPOINT]: writes FILE-<process>.npz
"""

import sys

import jax
import numpy as np

from luxjax.core import Batch, OutputData
from luxjax.fitting import ALS, EM, fit
from luxjax.latents.internal import blocks, sweep
from luxjax.models import Lux
from luxjax.parallel import join_processes, star_mesh
from luxjax.parallel.internal import STAR, on_mesh, shard_map_stars

N = 301


def stars(n: int = N) -> Batch:
    """Double precision, so that the order of a sum changes nothing that counts."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=(n, 2))
    flux = 1 + 0.1 * z @ rng.normal(size=(2, 30)) + rng.normal(0, 0.02, (n, 30))
    label = z @ rng.normal(size=(2, 2)) + rng.normal(0, 0.1, (n, 2))
    ivar = np.where(rng.uniform(size=flux.shape) < 0.1, 0, 1 / 0.02**2)
    with jax.enable_x64(True):
        return Batch(
            {
                "spectra": OutputData.clean(flux, ivar, np.float64),
                "labels": OutputData.clean(label, np.full(label.shape, 100.0), np.float64),
            },
            labels=["labels"],
        )


def arrays_of(name: str, *trees) -> dict[str, np.ndarray]:
    return {f"{name}_{k}": np.asarray(x) for k, x in enumerate(jax.tree.leaves(trees))}


def squares(shift, block, real):
    value = real[:, None] * (block["spectra"].value + shift)
    return value.sum(), value.T @ value


def means(block, shift):
    return block["spectra"].value.mean(axis=1) + shift


def sums(mesh) -> dict[str, np.ndarray]:
    with jax.enable_x64(True):
        batch = on_mesh(stars(), mesh)
        loss, gram = sweep(squares, jax.numpy.float64(0.5), batch, 16)
        each = [
            np.asarray(shard_map_stars(means, STAR)(block, 0.5))[: where.stop - where.start]
            for block, _, where in blocks(batch, 16)
        ]
        first = batch.from_first({"x": jax.numpy.full(2, 7.0 + jax.process_index())})["x"]
        labels = np.asarray(batch["labels"].value)
    return {
        "loss": np.array(loss),
        "gram": np.asarray(gram),
        "own": np.array([batch.own.start, batch.own.stop]),
        "each": np.concatenate(each),
        "all": batch.gathered(np.concatenate(each)),
        "labels": labels,
        "first": np.asarray(first),
    }


def resumed(mesh, checkpoint: str, stop: int | None = None) -> dict[str, np.ndarray]:
    """A fit that goes on from a checkpoint, or is killed in cycle `stop`."""
    batch, cycles = stars(), []

    def kill(_, cycle, *__, **___):
        cycles.append(cycle)
        if cycle == stop:
            raise KeyboardInterrupt

    fitter = EM(scatter=False, shrink=False, checkpoint=checkpoint)
    fitted = fit(Lux.linear(batch.sizes, 2), batch, fitter, key=1, mesh=mesh, progress=kill)
    return {"objective": np.array(fitted.objective), "first": np.array(cycles[0])}


def fits(mesh) -> dict[str, np.ndarray]:
    import luxjax

    batch, found = stars(), {}
    linear, quadratic = Lux.linear(batch.sizes, 2), Lux.quadratic(batch.sizes, 2)
    fitters = {"em": EM(), "no_scatter": EM(scatter=False), "als": ALS(tol=1e-5)}
    for name, fitter in fitters.items():
        fitted = fit(linear, batch, fitter, key=1, mesh=mesh)
        found |= arrays_of(name, fitted.model, dict(fitted.weight_cov), np.array(fitted.objective))
        if name == "em":
            predicted = luxjax.transfer(fitted, batch, inputs=["spectra"], labels="labels", mesh=mesh)
            found |= arrays_of("stars", predicted.value, predicted.cov, predicted.ids.astype(int))
    fitted = fit(linear.replace(dof={"spectra": 5.0}), batch, EM(tol=1e-3), key=1, mesh=mesh)
    found |= arrays_of("heavy", fitted.model, np.array(fitted.objective))
    predicted = luxjax.transfer(fitted, batch, inputs=["spectra"], labels="labels", mesh=mesh)
    found |= arrays_of("stars_heavy", predicted.value, predicted.cov)
    fitted = fit(quadratic, batch, ALS(max_cycles=8, tol=1e-3), key=1, mesh=mesh)
    found |= arrays_of("quadratic", fitted.model, np.array(fitted.objective))
    return found


if __name__ == "__main__":
    what, file, *rest = sys.argv[1:]
    join_processes()
    mesh = star_mesh()
    found = {"sums": sums, "fits": fits, "resumed": resumed}[what](mesh, *rest)
    np.savez(f"{file}-{jax.process_index()}.npz", processes=jax.process_count(), devices=mesh.size, **found)
