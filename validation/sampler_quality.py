"""Chains that sample decoders, scatter and latents of a simulated survey together have converged.

The survey is the physical one: 250 stars of the simulated APOGEE window, of which the 150 pixels are kept in which stars differ
most in units of their noise, and five labels of which a tenth are missing. The model has four latents and learns the scatter of
every pixel and label: 924 free entries of decoders and scatter, with the rotation of the latents fixed, and 1,000 latents. NUTS
runs four chains from scattered starts, 500 transitions of warm-up and 1,000 draws each.

Measured are the worst of all entries and all latents: rank-normalised split R-hat, and the effective sample sizes of the bulk and
of the tails (Vehtari et al. 2021, Bayesian Analysis 16, 667); divergent transitions; and the worst chain's energy Bayesian
fraction of missing information (Betancourt 2016, arXiv:1604.00695). Shown beside them is what the same numbers say of the first
30 transitions of the same chains, which nobody should use.

A first run, with scatter sampled by its logarithm, failed: the tails of some scatters near zero had only 199 effective draws.
Scatter is now sampled with a sign that is dropped, smooth at zero; survey, seed and thresholds are the same.

    python validation/sampler_quality.py [--smoke]
"""

import warnings
from pathlib import Path

import numpy as np
from claims import Claim

from luxjax.core import LuxWarning
from luxjax.data import Catalog
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.posterior import NUTS, SamplePosterior, chain_stats, e_bfmi, infer
from luxjax.simulation import simulate

FIGURE = Path(__file__).resolve().parent / "figures" / "sampler_quality.png"
CLAIM = Claim(
    __file__,
    "Four NUTS chains of decoders, scatter and latents together, on 250 stars, 150 pixels, 5 labels and 4 latents of the simulated "
    "survey, have R-hat below 1.01 and at least 400 effective draws in bulk and tails for every entry, no divergences, and an "
    "E-BFMI above 0.3.",
    {
        "largest_r_hat": "< 1.01",
        "smallest_bulk_ess": ">= 400",
        "smallest_tail_ess": ">= 400",
        "divergences": "== 0",
        "smallest_e_bfmi": "> 0.3",
    },
    seed=54,
    smoke_threshold={"largest_r_hat": "< 1.1", "divergences": "== 0", "smallest_e_bfmi": "> 0.3"},
)


def survey(n_stars: int, n_pixels: int) -> Catalog:
    """The stars, with the pixels that tell most about them."""
    missing = 0.1
    catalog = simulate(
        n_stars, key=CLAIM.seed, windows=("apogee",), n_train=n_stars, missing_labels=missing
    ).catalog
    spectra = catalog.spectra("apogee")
    often = spectra.good.mean(axis=0) > 0.9
    ivar = np.where(spectra.good, spectra.ivar, 0)
    count = np.maximum(ivar.sum(axis=0), 1e-30)
    mean = (ivar * spectra.flux).sum(axis=0) / count
    excess = np.where(often, (ivar * (spectra.flux - mean) ** 2).mean(axis=0), 0)
    kept = np.sort(np.argsort(-excess)[:n_pixels])
    return Catalog({"apogee": spectra.pixels(kept), "labels": catalog.labels()})


def quality(found: SamplePosterior) -> dict[str, dict[str, np.ndarray]]:
    """R-hat and effective sample sizes of every number that moves, by group."""
    groups: dict[str, list[np.ndarray]] = {"latents": [found.draws], "decoders": [], "scatter": []}
    for path, values in found.parameters.items():
        groups[path.split(".")[0]].append(values)
    out = {}
    for name, arrays in groups.items():
        flat = np.concatenate([a.reshape(*a.shape[:2], -1) for a in arrays], axis=2)
        stats = chain_stats(flat)
        moves = np.isfinite(stats.r_hat)
        out[name] = {k: v[moves] for k, v in stats._asdict().items()}
    return out


def worst(groups: dict[str, dict[str, np.ndarray]]) -> dict[str, float]:
    return {
        "largest_r_hat": max(g["r_hat"].max() for g in groups.values()),
        "smallest_bulk_ess": min(g["ess_bulk"].min() for g in groups.values()),
        "smallest_tail_ess": min(g["ess_tail"].min() for g in groups.values()),
    }


def draw(groups: dict[str, dict[str, np.ndarray]], energy: np.ndarray, n_draws: int) -> None:
    """Distributions of the diagnostics over all entries, with their bounds, and of the energy."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 4, figsize=(10, 2.7), layout="constrained")
    colours = dict(zip(groups, ("#0072B2", "#D55E00", "#009E73"), strict=True))
    columns = {"r_hat": r"$\hat R$", "ess_bulk": "Bulk ESS", "ess_tail": "Tail ESS"}
    for ax, (column, label), bound in zip(panels, columns.items(), (1.01, 400, 400), strict=False):
        every = np.concatenate([g[column] for g in groups.values()])
        low, high = min(every.min(), bound), max(every.max(), bound)
        edges = np.linspace(low, high + 0.02 * (high - low), 30)
        for name, group in groups.items():
            share = np.full(len(group[column]), 1 / len(group[column]))
            ax.hist(group[column], edges, weights=share, histtype="step", color=colours[name], label=name)
        ax.axvline(bound, color="0.5", linestyle="--", linewidth=0.9)
        ax.set_xlabel(label)
    panels[0].set_ylabel("Share of entries")
    panels[1].axvline(n_draws, color="0.7", linestyle=":", linewidth=0.9)
    panels[1].annotate(
        "draws", (n_draws, 0.97), (3, 0), ("data", "axes fraction"), "offset points", va="top", fontsize=8
    )
    panels[0].legend(frameon=False, fontsize=8)
    centred = energy - energy.mean()
    steps = np.diff(energy, axis=1)
    edges = np.linspace(-4 * centred.std(), 4 * centred.std(), 50)
    panels[3].hist(centred.ravel(), edges, density=True, histtype="step", color="k", label="energy")
    panels[3].hist(steps.ravel(), edges, density=True, histtype="step", color="#E69F00", label="its steps")
    panels[3].set(xlabel="Energy $-$ mean", ylabel="Density")
    panels[3].legend(frameon=False, fontsize=8)
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=130)


def measure(args) -> dict:
    sizes = (60, 20, 2) if args.smoke else (250, 150, 4)
    n_stars, n_pixels, n_latents = sizes
    nuts = NUTS(2, 200, 200) if args.smoke else NUTS(4, 500, 1000)
    catalog = survey(n_stars, n_pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)  # the fit is only where the search starts
        start = fit(Lux.linear(catalog.sizes, n_latents), catalog, EM(max_cycles=50), key=CLAIM.seed)
    found = infer(start, catalog, nuts, key=CLAIM.seed, sample=("latents", "decoders", "scatter"))
    groups, energy = quality(found), found.stats["energy"]
    if not args.smoke:
        draw(groups, energy, found.n_chains * found.n_draws)
    early = {k: v[:, :30] for k, v in found.parameters.items()}
    first = quality(found.replace(draws=found.draws[:, :30], parameters=early))
    return {
        **worst(groups),
        "divergences": int(found.stats["diverging"].sum()),
        "smallest_e_bfmi": float(e_bfmi(energy).min()),
        "medians": {name: {k: np.median(v) for k, v in g.items()} for name, g in groups.items()},
        "entries": {name: len(g["r_hat"]) for name, g in groups.items()},
        "first_30_draws": worst(first),
        "steps_per_draw": float(found.stats["n_steps"].mean()),
        "acceptance_rate": float(found.stats["acceptance_rate"].mean()),
        "chains": found.n_chains,
        "draws_per_chain": found.n_draws,
        "warmup": nuts.warmup,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
