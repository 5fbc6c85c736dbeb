"""What of an accelerator's arithmetic luxjax turns into fits and inference.

On the first device that JAX finds, in one process: the rate of a large float32 matrix product at full precision (without TF32
or bfloat16), which is the ceiling; the two kernels that fit and inference spend their time in, the weighted Gram matrices of
all pixels and of all stars, with symmetry used and counted; then whole cycles of both closed-form fits and whole
transfers, warm, of 16,384 stars with 7,514 pixels, 12 labels and 21 latents. Rates of the other precisions stand beside it.

The labels that the accelerator infers are compared with the closed-form posterior in double precision by NumPy. A model
with its labels' rows exchanged is the null: it must be seen.

    python validation/accelerator.py [--smoke]

Without an accelerator nothing is measured; with --smoke a small version runs on whatever there is and says what that was.
"""

import time
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from claims import Claim

from luxjax.core import InputError, LuxWarning, gemm
from luxjax.fitting import ALS, EM, fit
from luxjax.latents import decoder_sums, gram_flops, star_sums
from luxjax.models import Lux
from luxjax.prediction import transfer
from luxjax.simulation import bilinear
from luxjax.system import machine

CLAIM = Claim(
    __file__,
    "On an accelerator the weighted Gram kernels of fit and inference reach 60% of its measured float32 matrix-product "
    "rate, a hundred thousand stars are inferred per second with full label covariance, and their labels are the exact ones.",
    {
        "fit_gram_share": ">= 0.6",
        "infer_gram_share": ">= 0.6",
        "infer_stars_per_s": ">= 100000",
        "worst_label_offset_sigma": "< 0.01",
        "null_label_offset_sigma": "> 0.1",
    },
    seed=71,
    # Shares of a toy problem, on whatever device, are overhead.
    smoke_threshold={"worst_label_offset_sigma": "< 0.01", "null_label_offset_sigma": "> 0.1"},
)


def seconds(call, times: int) -> float:
    """The best of some warm calls, each awaited."""
    jax.block_until_ready(call())
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        jax.block_until_ready(call())
        taken.append(time.perf_counter() - begun)
    return min(taken)


def ceilings(n: int, times: int) -> dict[str, float]:
    """Operations per second of n x n products: float32 in full, at JAX's default precision, and of bfloat16 factors."""
    a, b = jax.random.normal(jax.random.key(CLAIM.seed), (2, n, n), jnp.float32)
    half = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    full, plain = jax.jit(gemm), jax.jit(jnp.matmul)
    work = 2.0 * n**3
    return {
        "float32": work / seconds(lambda: full(a, b), times),
        "float32_default": work / seconds(lambda: plain(a, b), times),
        "bfloat16": work / seconds(lambda: plain(*half), times),
    }


def kernels(model: Lux, batch, times: int) -> dict[str, float]:
    """Seconds of the Gram matrices of all pixels (fit) and of all stars (inference) of one block of spectra."""
    decoder, flux = model.decoders["flux"], batch["flux"]
    with jax.enable_x64(True):
        z = jax.random.normal(jax.random.key(1), (batch.n_stars, model.n_latents), jnp.float64)
        cov = jnp.broadcast_to(jnp.eye(model.n_latents), (*z.shape, model.n_latents))
        of_pixels, of_stars = eqx.filter_jit(decoder_sums), eqx.filter_jit(star_sums)
        return {
            "fit": seconds(lambda: of_pixels(decoder, flux, flux.ivar, z, cov), times),
            "infer": seconds(lambda: of_stars(decoder, flux, flux.ivar), times),
        }


def cycle_seconds(model: Lux, batch, fitter) -> float:
    """Seconds of a warm cycle, the median of some."""
    ticks: list[tuple[int, float]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)  # it is not meant to converge
        for _ in range(2):
            ticks.clear()
            fit(
                model,
                batch,
                fitter,
                key=0,
                progress=lambda _, k, *__, **___: ticks.append((k, time.perf_counter())),
            )
    return float(np.median(np.diff([t for k, t in ticks if k])))


def exact_labels(fitted, batch, stars: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the first stars in closed form, (star, label), and their standard deviations over the population."""
    model = fitted.model
    w, b, s = (
        np.asarray(x, float) for x in (model["flux"].weight, model["flux"].intercept, model.scatter["flux"])
    )
    a, c = (np.asarray(x, float) for x in (model["labels"].weight, model["labels"].intercept))
    labels = []
    for n in range(stars):
        y, ivar = (np.asarray(getattr(batch["flux"], k)[n], float) for k in ("value", "ivar"))
        weight = ivar / (1 + ivar * s**2)
        z = np.linalg.solve((w.T * weight) @ w + np.eye(w.shape[1]), w.T @ (weight * (y - b)))
        labels.append(c + a @ z)
    return np.array(labels), np.sqrt(np.sum(a**2, axis=1))


def measure(args) -> dict:
    device = jax.devices()[0]
    if device.platform == "cpu" and not args.smoke:
        raise InputError(
            "JAX found no accelerator here, only a CPU; run this where there is one (pip install 'luxjax[cuda12]' for "
            "NVIDIA), or give --smoke for a trial of the program."
        )
    n, pixels, labels, latents, block, side, times = (
        (512, 300, 3, 5, 256, 256, 2) if args.smoke else (16384, 7514, 12, 21, 4096, 8192, 10)
    )
    sizes = {"flux": pixels, "labels": labels}
    batch = bilinear(n, sizes, latents, key=CLAIM.seed, bad_fraction=0.01).catalog.batch()
    model = Lux.linear(sizes, latents)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)
        fitted = fit(model, batch, EM(max_cycles=5, block=block), key=0)
    part = batch.stars(slice(block))
    ceiling, taken = ceilings(side, times), kernels(fitted.model, part, times)
    work = {
        "fit": gram_flops(part.n_stars, pixels, latents + 1),
        "infer": gram_flops(part.n_stars, pixels, latents),
    }
    found = transfer(fitted, batch, inputs=["flux"], block=block)
    infer_s = seconds(lambda: transfer(fitted, batch, inputs=["flux"], block=block).cov, 3)
    exact, spread = exact_labels(fitted, batch, 32)
    offset = np.abs(np.asarray(found.value)[:32] - exact) / spread
    null = np.abs(np.asarray(found.value)[:32, ::-1] - exact) / spread
    return {
        **{f"{k}_gram_share": work[k] / taken[k] / ceiling["float32"] for k in work},
        "infer_stars_per_s": n / infer_s,
        "worst_label_offset_sigma": offset.max(),
        "null_label_offset_sigma": np.median(null),
        "gram_s": taken,
        "gram_flops": work,
        "ceiling_flops_per_s": ceiling,
        "cycle_s": {
            type(f).__name__: cycle_seconds(model, batch, f)
            for f in (ALS(max_cycles=4, tol=-1.0, block=block), EM(max_cycles=4, tol=-1.0, block=block))
        },
        "infer_s": infer_s,
        "sizes": sizes | {"stars": n, "latents": latents, "block": block},
        "accelerator": f"{device.platform}: {device.device_kind}",
        "machine": machine(),
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
