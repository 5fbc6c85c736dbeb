"""What luxjax is measured by on the arrays that its peers get: fits, inference, memory, and the rates of its kernels.

python luxjax_route.py FOLDER OUT --latents 21 --repeats 5 [--from-disk]
"""

import luxjax

luxjax.keep_freed_memory()  # before JAX has threads of its own

import argparse
import json
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from luxjax.core import Batch, OutputData, aligned, gemm, pairs, ridge_mean
from luxjax.fitting import ALS, fit
from luxjax.latents import (
    decoder_sums,
    gram_bytes,
    gram_flops,
    improve_decoders,
    latent_mean,
    star_sums,
    weight_products,
)
from luxjax.models import Lux
from luxjax.prediction import transfer
from luxjax.system import peak_memory_gb


def batch(folder: Path, part: str, *outputs: str) -> Batch:
    """The arrays as they lie in their files, mapped; inverse variances made of their errors."""

    def of(name: str) -> OutputData:
        value, error = (np.load(folder / f"{part}_{name}{end}.npy", mmap_mode="r") for end in ("", "_err"))
        ivar = aligned(error.shape, error.dtype)
        np.reciprocal(np.square(error, out=ivar), out=ivar)
        return OutputData(*(jax.device_put(x, may_alias=True) for x in (value, ivar)))

    return Batch({name: of(name) for name in outputs}, [name for name in outputs if name == "label"])


def seconds(call, times: int) -> float:
    """The median of some warm calls, each awaited."""
    return float(np.median(each(call, times)))


def each(call, times: int) -> np.ndarray:
    """Seconds of some warm calls, each awaited."""
    return in_turns({"": call}, times)[""]


def in_turns(calls: dict, times: int) -> dict[str, np.ndarray]:
    """Seconds of some warm calls, each awaited, of all in turns: a machine that slows down slows all of them."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(times + 1):
        for name, call in calls.items():
            begun = time.perf_counter()
            jax.block_until_ready(call())
            if turn:
                taken[name].append(time.perf_counter() - begun)
    return {name: np.array(all_of_it) for name, all_of_it in taken.items()}


def traced_fit(train, latents: int):
    """A fit with the seconds and J of its start and of every cycle, and its whole time."""
    begun, trace = time.perf_counter(), []
    fitter = ALS(intercept=False, tol=1e-8)
    fitted = fit(
        Lux.linear(train.sizes, latents),
        train,
        fitter,
        key=0,
        progress=lambda *_, objective: trace.append((time.perf_counter() - begun, objective)),
    )
    return fitted, trace, time.perf_counter() - begun


def measured(folder: Path, out: Path, latents: int, repeats: int, from_disk: bool) -> dict:
    """Everything, in this process; of stars that stay on disk the fit alone."""
    if from_disk:
        from luxjax.dataset import open_dataset  # and what it needs, for this alone

        dataset = open_dataset(folder / "dataset")
        first_s = traced_fit(dataset, latents)[2]
        runs = [traced_fit(dataset, latents)[1:] for _ in range(repeats)]
        return {"first_fit_s": first_s, **fits(runs)}
    train, runs = batch(folder, "train", "flux", "label"), []
    for _ in range(1 + repeats):
        fitted = None  # none in memory while the next is made
        fitted, *run = traced_fit(train, latents)
        runs.append(run)
    (_, first_s), *runs = runs
    found = fits(runs)
    test = batch(folder, "test", "flux")
    place_s = each(lambda: latent_mean(fitted.model, test), 15) if repeats else []
    transfer_s = each(lambda: transfer(fitted, test, labels="label").cov, 5) if repeats else []
    with jax.enable_x64(True):
        labels = jax.vmap(fitted.model["label"])(latent_mean(fitted.model, test))
    weights = {name: np.asarray(fitted.model[name].weight) for name in ("flux", "label")}
    np.savez(out.with_suffix(".npz"), labels=labels, **weights)
    return {
        "first_fit_s": first_s,
        **found,
        "peak_gb": peak_memory_gb(),
        "infer_s": list(place_s),
        "transfer_s": list(transfer_s),
        **(kernels(fitted.model, train.stars(slice(512))) if repeats else {}),
        **({"cycle": cycle(fitted.model, train, runs)} if repeats else {}),
    }


def fits(runs: list) -> dict:
    """Traces and seconds of some fits, and the largest memory of this program so far."""
    return {
        "traces": [trace for trace, _ in runs],
        "fit_s": [whole for _, whole in runs],
        "fit_peak_gb": peak_memory_gb(),
    }


def cycle(model: Lux, train: Batch, runs: list) -> dict:
    """Seconds of a cycle, by what they go into; the rest is residuals, adding up, packing and slicing."""
    block = train.stars(slice(256))  # those of a fit are as large
    n, latents, times = block.n_stars, model.n_latents, -(-train.n_stars // block.n_stars)
    solve = jax.jit(ridge_mean)
    with jax.enable_x64(True):
        z = jnp.ones((n, latents))
        of_pixels = eqx.filter_jit(lambda d, m, z: decoder_sums(d, m, m.ivar, z, None))
        of_stars = eqx.filter_jit(lambda d, m, p: star_sums(d, m, m.ivar, p))
        products = weight_products(model, ("flux",), train.dtype)["flux"]  # fits make them once in a cycle
        some = of_stars(model["flux"], block["flux"], products)
        eye, prior = jnp.eye(latents), {"flux": np.eye(latents)}
        rows = jax.tree.map(lambda x: x.astype(jnp.float64), of_pixels(model["flux"], block["flux"], z))
        flux = Lux({"flux": model["flux"]}, {"flux": model.scatter["flux"]})
        parts = {
            "sums of stars": times * seconds(lambda: of_stars(model["flux"], block["flux"], products), 5),
            "sums of pixels": times * seconds(lambda: of_pixels(model["flux"], block["flux"], z), 5),
            "solves of stars": times * seconds(lambda: solve(some.gram, some.rhs, eye), 5),
            "solves of pixels": seconds(lambda: improve_decoders(flux, {"flux": rows}, prior)[1], 5),
        }
    whole = float(np.median([np.diff([t for t, _ in trace[1:]]) for trace, _ in runs if len(trace) > 2]))
    return {"whole": whole, **parts, "rest": whole - sum(parts.values())}


def kernels(model: Lux, block: Batch) -> dict:
    """Rates of the Gram matrices of one block, and of the sums that they are part of, against that of a large product.

    The sums have right-hand sides besides, whose thin products and weighted values are bound by memory; operations are
    counted for the Gram matrices alone in both.
    """
    n, pixels, latents = block.n_stars, block["flux"].size, model.n_latents
    side = 4096 if pixels > 1000 else 512
    a, product = jnp.ones((side, side), jnp.float32), jax.jit(gemm)
    flux, decoder = block["flux"], model["flux"]
    with jax.enable_x64(True):
        z = jnp.ones((n, latents))
        phi, rows = jnp.ones((n, latents + 1), jnp.float32), decoder.weight.astype(jnp.float32)
        products = weight_products(model, ("flux",), rows.dtype)["flux"]
        gram_of_pixels = jax.jit(lambda weight, phi: gemm(weight.T, pairs(phi)))
        of_pixels = eqx.filter_jit(lambda d, m, z: decoder_sums(d, m, m.ivar, z, None))
        of_stars = eqx.filter_jit(lambda d, m, p: star_sums(d, m, m.ivar, p))
        calls = {
            "ceiling": lambda: product(a, a),
            "fit_gram": lambda: gram_of_pixels(flux.ivar, phi),
            "infer_gram": lambda: product(flux.ivar, products),
            "fit_sums": lambda: of_pixels(decoder, flux, z),
            "infer_sums": lambda: of_stars(decoder, flux, products),
        }
        taken = in_turns(calls, 15)
    host = np.asarray(a)
    flops = {"fit": gram_flops(n, pixels, latents + 1), "infer": gram_flops(n, pixels, latents)}
    ceiling = 2 * side**3 / taken.pop("ceiling")
    rates = {name: flops[name.split("_")[0]] / each for name, each in taken.items()}
    return {
        **{f"{name}_share": float(np.median(rate / ceiling)) for name, rate in rates.items()},
        "flops_per_s": {name: float(np.median(rate)) for name, rate in rates.items()},
        "gram_bytes": {
            "fit": gram_bytes(n, pixels, latents + 1, per_pixel=True),
            "infer": gram_bytes(n, pixels, latents, per_pixel=False),
        },
        "ceiling_flops_per_s": float(np.median(ceiling)),
        "numpy_flops_per_s": 2 * side**3 / seconds(lambda: host @ host, 5),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--latents", type=int, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--from-disk", action="store_true", help="fit the stars of the dataset in FOLDER")
    asked = parser.parse_args()
    asked.out.write_text(json.dumps(measured(**vars(asked))))
