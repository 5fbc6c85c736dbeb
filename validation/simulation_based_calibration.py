"""Posteriors are calibrated: ranks of the truth among draws are uniform, for latents and for decoders.

Latents. In every simulation a star's latents are drawn from N(0, I) and its data from them, with known decoders of few noisy
pixels, so that the posterior's latents are strongly correlated. The rank of the truth among independent draws (NUTS: thinned)
must be uniform (Talts et al. 2018, arXiv:1804.06788) for each latent, for a label never observed, and for the log density of the
data at the latents, which depends on the data and so sees what marginal ranks cannot (Modrak et al. 2023, arXiv:2211.02383).
Uniformity is tested by the ECDF everywhere at once (Sailynoja, Buerkner & Vehtari 2022, Stat. Comput. 32, 32), and of all latents
together by TARP with reference points made from the data (Lemos et al. 2023, arXiv:2302.03026). NUTS is also run with quadratic
decoders. Mean-field variational inference must be seen to fail: a test that cannot fail shows nothing.

Decoders. Every simulation draws decoders, scatter and stars from the priors and samples all of them with NUTS. Ranks are those of
quantities that no rotation of the latents changes: entries of B B', scatter, intercepts, a prediction, the log density.

Each p value below is the chance of ranks as far from uniform; the smallest of a family of m must be above 0.05 / m.

    python validation/simulation_based_calibration.py [--smoke]
"""

import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from claims import Claim

from luxjax.core import Batch, LuxWarning, OutputData
from luxjax.fitting import ALS, fit
from luxjax.models import Linear, Lux, Quadratic
from luxjax.posterior import (
    NUTS,
    Exact,
    Laplace,
    Priors,
    SamplePosterior,
    Variational,
    infer,
    rank_test,
    ranks,
    tarp_ranks,
)

FIGURE = Path(__file__).resolve().parent / "figures" / "simulation_based_calibration.png"
D, DRAWS, ALPHA = 3, 199, 0.05
DECODERS = {"sims": 200, "stars": 15, "pixels": 5, "latents": 2, "sigma": 0.4, "draws": 99}
CLAIM = Claim(
    __file__,
    "Ranks of true latents and labels in Exact, Laplace, full-rank variational and NUTS posteriors, and of gauge-free functions of "
    "decoders sampled with NUTS, are uniform within the family-wise 95% ECDF band, TARP included; mean-field ranks are not.",
    {"smallest_p_over_bound": "> 1", "decoder_p_over_bound": "> 1", "mean_field_p": "< 0.001"},
    seed=52,
    smoke_threshold={"smallest_p_over_bound": "> 1", "mean_field_p": "< 0.001"},
)


def known_model(rng: np.random.Generator, curved: bool = False) -> Lux:
    """Rows that nearly agree in what they measure: one direction of the latents is known well, the others are not."""
    first = np.array([1.0, 0.8, 0.6]) + 0.35 * rng.normal(size=(8, D))
    label = rng.normal(size=(1, D))
    with jax.enable_x64(True):
        if not curved:
            rows = Linear(jnp.zeros(8), jnp.asarray(first))
            return Lux({"flux": rows, "labels": Linear(jnp.zeros(1), jnp.asarray(label))})
        both = [np.concatenate([b, 0.25 * rng.normal(size=(len(b), 6))], axis=1) for b in (first, label)]
        return Lux(
            {
                k: Quadratic(jnp.zeros(len(b)), jnp.asarray(b), D)
                for k, b in zip(("flux", "labels"), both, strict=True)
            }
        )


def decode(model: Lux, name: str, z: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(jax.vmap(model[name])(jnp.asarray(z.reshape(-1, D)))).reshape(*z.shape[:-1], -1)


def simulate(model: Lux, rng: np.random.Generator, n: int, sigma: float = 0.8) -> tuple[np.ndarray, Batch]:
    """True latents (simulation, latent), and one star each."""
    z = rng.normal(size=(n, D))
    y = decode(model, "flux", z)
    return z, Batch(
        {"flux": OutputData.clean(y + sigma * rng.normal(size=y.shape), np.full(y.shape, sigma**-2.0))}
    )


def quantities(model: Lux, batch: Batch, z: np.ndarray) -> dict[str, np.ndarray]:
    """What is ranked: (..., simulation) each, of latents (..., simulation, latent)."""
    residual = np.asarray(batch["flux"].value, float) - decode(model, "flux", z)
    chi2 = np.sum(residual**2 * np.asarray(batch["flux"].ivar, float), axis=-1)
    return {
        **{f"latent {i + 1}": z[..., i] for i in range(D)},
        "label": decode(model, "labels", z)[..., 0],
        "log density": -0.5 * chi2 - 0.5 * np.sum(z**2, axis=-1),
    }


def latents_known_decoders(method, model: Lux, truth: np.ndarray, batch: Batch, seed: int) -> dict:
    """The rank test of every quantity, and of TARP."""
    found = infer(model, batch, method, key=seed, block=len(truth))
    draws = found.pooled[:DRAWS] if isinstance(found, SamplePosterior) else found.sample(DRAWS, key=seed + 1)
    drawn, true = quantities(model, batch, draws), quantities(model, batch, truth)
    of = {name: ranks(drawn[name], true[name]) for name in true}
    # A crude estimate from half of the pixels, and a draw from the prior's width around it.
    half = np.asarray(batch["flux"].value, float)[:, ::2]
    aside = np.random.default_rng(seed).normal(size=truth.shape)
    of["TARP"] = tarp_ranks(draws, truth, 0.4 * half.mean(1, keepdims=True) + aside)
    return {name: rank_test(r, DRAWS, seed=CLAIM.seed) for name, r in of.items()}


def decoder_priors() -> Priors:
    weights = {
        "decoders.flux.weight": dist.Normal(0.0, 1.0),
        "decoders.flux.intercept": dist.Normal(0.0, 1.0),
    }
    return Priors(weights | {"scatter.flux": dist.HalfNormal(0.5)})


def gauge_free(b, intercept, scatter, z) -> dict[str, np.ndarray]:
    """Functions of decoders (..., out, latent) and latents (..., star, latent) that no rotation changes."""
    square = np.einsum("...ia,...ja->...ij", b, b)
    return {
        "(B B')_11": square[..., 0, 0],
        "(B B')_12": square[..., 0, 1],
        "(B B')_34": square[..., 2, 3],
        "tr B B'": np.trace(square, axis1=-2, axis2=-1),
        "intercept 1": intercept[..., 0],
        "scatter 1": scatter[..., 0],
        "sum of log scatter": np.log(scatter).sum(-1),
        "prediction": intercept[..., 1] + np.einsum("...a,...a->...", b[..., 1, :], z[..., 0, :]),
    }


def one_decoder_simulation(seed: int) -> dict[str, int]:
    """Ranks of one draw of the whole model from its priors."""
    n, p, d, sigma = (DECODERS[k] for k in ("stars", "pixels", "latents", "sigma"))
    rng = np.random.default_rng(seed)
    b, intercept = rng.normal(size=(p, d)), rng.normal(size=p)
    scatter, z = np.abs(rng.normal(0, 0.5, p)), rng.normal(size=(n, d))
    y = intercept + z @ b.T + np.hypot(sigma, scatter) * rng.normal(size=(n, p))
    batch = Batch({"flux": OutputData.clean(y, np.full(y.shape, sigma**-2.0))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)  # fit and mode are only where the chain starts
        start = fit(Lux.linear({"flux": p}, d), batch, ALS(max_cycles=20), key=seed)
        nuts = NUTS(chains=1, warmup=250, draws=DECODERS["draws"], thinning=5, target_accept=0.9)
        free = ("latents", "decoders", "scatter")
        found = infer(start, batch, nuts, key=seed, sample=free, priors=decoder_priors())
    of = found.parameters
    drawn = gauge_free(
        of["decoders.flux.weight"][0], of["decoders.flux.intercept"][0], of["scatter.flux"][0], found.draws[0]
    )
    true = gauge_free(b, intercept, scatter, z)
    return {name: int(ranks(drawn[name], true[name])) for name in true} | {
        "diverging": int(found.stats["diverging"].sum())
    }


def draw(tests: dict[str, dict]) -> None:
    """ECDF minus uniform of every rank, with its band, one panel per method."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 4, figsize=(10, 5.6), layout="constrained", sharex=True)
    colours = ["#0072B2", "#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#D55E00", "#000000", "#999999"]
    for ax, (title, found) in zip(panels.flat, tests.items(), strict=True):
        for colour, (name, t) in zip(colours, found.items(), strict=False):
            ax.step(t.at, t.ecdf - t.at, where="post", color=colour, linewidth=1, label=name)
        ax.fill_between(t.at, t.lower - t.at, t.upper - t.at, color="0.88", zorder=0, step="post")
        ax.axhline(0, color="0.6", linewidth=0.7, zorder=0)
        ax.set_title(title, fontsize=9)
        reach = 1.05 * max(0.105, *(np.abs(t.ecdf - t.at).max() for t in found.values()))
        ax.set_ylim(-reach, reach)
    for ax in panels[:, 0]:
        ax.set_ylabel("ECDF of ranks $-$ uniform")
    for ax in panels[-1]:
        ax.set_xlabel("Rank / draws")
    # The last panel ranks quantities of its own.
    for ax, what, place in (
        (panels[0, 0], "latents:", "outside upper center"),
        (panels[-1, -1], "decoders:", "outside lower center"),
    ):
        lines, names = ax.get_legend_handles_labels()
        blank = plt.Line2D([], [], linestyle="none")
        figure.legend([blank, *lines], [what, *names], loc=place, ncols=9, fontsize=7, frameon=False)
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=130)


def measure(args) -> dict:
    rng, n = np.random.default_rng(CLAIM.seed), 200 if args.smoke else 400
    straight, curved = known_model(rng), known_model(rng, curved=True)
    truth, batch = simulate(straight, rng, n)
    steps = 300 if args.smoke else 1000
    nuts = NUTS(chains=1, warmup=100 if args.smoke else 300, draws=DRAWS, thinning=1 if args.smoke else 5)
    methods = {
        "Exact": Exact(),
        "NUTS": nuts,
        "Variational, mean field": Variational("mean_field", steps=steps, particles=4),
    }
    if not args.smoke:
        methods |= {"Laplace": Laplace(), "Variational, full rank": Variational(steps=steps, particles=4)}
    tests = {
        name: latents_known_decoders(m, straight, truth, batch, CLAIM.seed + 10 * i)
        for i, (name, m) in enumerate(methods.items())
    }
    mean_field = tests.pop("Variational, mean field")
    shown = {"Variational, mean field": mean_field}
    if not args.smoke:
        more, stars = simulate(curved, rng, n)
        tests["NUTS, quadratic"] = latents_known_decoders(nuts, curved, more, stars, CLAIM.seed + 60)
        shown["Laplace, quadratic"] = latents_known_decoders(Laplace(), curved, more, stars, CLAIM.seed + 70)
    p = {name: {q: t.p_value for q, t in found.items()} for name, found in tests.items()}
    every = [v for found in p.values() for v in found.values()]
    measured = {
        "smallest_p_over_bound": min(every) * len(every) / ALPHA,
        "mean_field_p": min(t.p_value for t in mean_field.values()),
        "p_values": p,
        "mean_field_p_values": {q: t.p_value for q, t in mean_field.items()},
        "simulations": n,
    }
    if args.smoke:
        return measured
    seeds = np.random.SeedSequence(CLAIM.seed).generate_state(DECODERS["sims"])
    rows = [one_decoder_simulation(int(s)) for s in seeds]
    diverging = [row.pop("diverging") for row in rows]
    found = {q: rank_test([row[q] for row in rows], DECODERS["draws"], seed=CLAIM.seed) for q in rows[0]}
    draw(tests | shown | {"NUTS, decoders": found})
    return measured | {
        "decoder_p_over_bound": min(t.p_value for t in found.values()) * len(found) / ALPHA,
        "decoder_p_values": {q: t.p_value for q, t in found.items()},
        "decoder_simulations_with_divergences": int(np.sum(np.array(diverging) > 0)),
        "laplace_quadratic_p_values": {q: t.p_value for q, t in shown["Laplace, quadratic"].items()},
        "decoders": DECODERS,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
