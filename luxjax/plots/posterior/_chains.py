"""Figures of chains: the draws of what mixes worst, their ranks, and the sampler's energies."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom, gaussian_kde

from ...core import InputError
from ...posterior import SamplePosterior, chain_stats, e_bfmi
from ...posterior.internal import judged_quantities
from .._style import COLOURS, WIDTH, note, styled

__all__ = ["plot_energies", "plot_rank_bars", "plot_traces"]

CHAINS = ("blue", "vermilion", "green", "purple", "orange", "sky", "grey", "ink")
BINS = 20
SHOWN = 800  # draws of a chain that a trace shows


def _worst(posterior: SamplePosterior, n: int) -> list[tuple[str, np.ndarray]]:
    """The quantities of largest R-hat by name, at most two of one array: draws (chain, draw)."""
    if posterior.n_draws < 8:
        raise InputError(
            f"chains of {posterior.n_draws} draws are too short to show anything; sample longer ones, NUTS(draws=1000)."
        )
    found = []
    for quantities in judged_quantities(posterior):
        r_hat = np.nan_to_num(quantities.stats().r_hat, nan=np.inf)
        for i in np.argsort(-r_hat)[:2]:
            found.append((r_hat[i], str(quantities.names[i]), quantities.draws[:, :, i]))
    found.sort(key=lambda f: -f[0])
    return [(name, draws) for _, name, draws in found[:n]]


def _colour(chain: int) -> str:
    return COLOURS[CHAINS[chain % len(CHAINS)]]


@styled
def plot_traces(posterior: SamplePosterior, n: int = 4) -> Figure:
    """Distribution and history of the quantities that mix worst, chain by chain.

    Parameters
    ----------
    posterior : SamplePosterior
        Posterior of a sampler.
    n : int
        Quantities, those of largest R-hat.
    """
    worst = _worst(posterior, n)
    figure = Figure(figsize=(WIDTH, 0.35 + 1.35 * len(worst)), layout="constrained")
    axes = figure.subplots(len(worst), 2, squeeze=False, width_ratios=(1, 2.6), sharey="row")
    for (left, right), (name, draws) in zip(axes, worst, strict=True):
        step = max(1, draws.shape[1] // SHOWN)
        grid = np.linspace(*_reach(draws), 200)
        for chain, values in enumerate(draws):
            shown = np.arange(0, len(values), step)
            right.plot(
                shown + 1, values[shown], color=_colour(chain), linewidth=0.4, alpha=0.8, rasterized=True
            )
            if np.ptp(values) > 0:
                left.plot(gaussian_kde(values)(grid), grid, color=_colour(chain), linewidth=1)
        left.set_xlim(left=0)
        left.set_ylim(grid[0], grid[-1])
        left.tick_params(axis="x", which="both", bottom=False, top=False, labelbottom=False)
        left.set_ylabel(_two_lines(name))
        right.set_xlim(1, draws.shape[1])
        note(right, _numbers(draws), "upper right")
    axes[-1, 1].set_xlabel("Draw")
    axes[-1, 0].set_xlabel("Density")
    return figure


def _two_lines(name: str) -> str:
    if " of " not in name:  # the path of a leaf
        name = ".\n".join(name.rsplit(".", 1))
    name = "\n".join(_short(line) for line in name.replace(" of ", "\n", 1).split("\n"))
    return name.replace("$", r"\$").replace("_", r"\_" if "$" in name else "_")


def _short(line: str, most: int = 18) -> str:
    """A line as high as its panel at most: its middle left out."""
    return line if len(line) <= most else f"{line[: most // 2]}...{line[3 - most // 2 :]}"


def _reach(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.0005, 0.9995])
    pad = 0.08 * (high - low) or 0.5
    return float(low - pad), float(high + pad)


def _numbers(draws: np.ndarray) -> str:
    found = chain_stats(draws)
    return rf"$\hat R$ = {float(found.r_hat):.3f}, ESS = {float(found.ess_bulk):.0f} (bulk), {float(found.ess_tail):.0f} (tail)"


@styled
def plot_rank_bars(posterior: SamplePosterior, n: int = 4) -> Figure:
    """Histograms of each chain's ranks among the draws of all chains, for the quantities that mix worst.

    If chains agree, every histogram is flat (Vehtari et al. 2021, section 4.2). The band holds nine tenths of the bars of
    independent draws.

    Parameters
    ----------
    posterior : SamplePosterior
        Posterior of a sampler.
    n : int
        Quantities, those of largest R-hat.
    """
    worst, chains = _worst(posterior, n), posterior.n_chains
    figure = Figure(figsize=(WIDTH, 0.5 + 1.2 * len(worst)), layout="constrained")
    axes = figure.subplots(len(worst), chains, squeeze=False, sharex=True, sharey=True)
    for row, (name, draws) in zip(axes, worst, strict=True):
        total, per_chain = draws.size, draws.shape[1]
        bins = min(BINS, max(per_chain // 10, 2))
        rank = np.argsort(np.argsort(draws, axis=None)).reshape(draws.shape)
        low, high = binom.ppf([0.05, 0.95], per_chain, 1 / bins) / (per_chain / bins)
        for chain, ax in enumerate(row):
            count = np.histogram(rank[chain], bins, (0, total))[0] / (per_chain / bins)
            ax.axhspan(low, high, color="#E4E4E4", linewidth=0, zorder=0)
            ax.axhline(1, color=COLOURS["ink"], linewidth=0.5, zorder=1)
            ax.stairs(count, np.linspace(0, 1, bins + 1), color=_colour(chain), fill=True, alpha=0.45)
            ax.stairs(count, np.linspace(0, 1, bins + 1), color=_colour(chain), linewidth=0.8)
            ax.set_xlim(0, 1)
            ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        row[0].set_ylabel(_two_lines(name), fontsize=8)
    for chain, ax in enumerate(axes[0]):
        ax.set_title(f"chain {chain + 1}", fontsize=9)
    axes[0, 0].set_ylim(0, None)
    figure.supxlabel("Rank among all draws, as a fraction", fontsize=9)
    figure.supylabel("Draws over those expected", fontsize=9)
    return figure


@styled
def plot_energies(posterior: SamplePosterior) -> Figure:
    """Energies that a sampler visited, and the changes of energy from draw to draw, for every chain.

    Where the changes are much narrower than the energies, the sampler cannot reach the tails (Betancourt 2016,
    arXiv:1604.00695). Where each star has its own chains, the one with the smallest E-BFMI is shown.

    Parameters
    ----------
    posterior : SamplePosterior
        Posterior of a Hamiltonian sampler.
    """
    if "energy" not in posterior.stats:
        raise InputError(
            f"{posterior.method} has no energies; only a Hamiltonian sampler has. Infer with NUTS."
        )
    energy = np.asarray(posterior.stats["energy"])
    title = ""
    if energy.ndim == 3:
        star = int(np.argmin(np.nan_to_num(e_bfmi(energy), nan=0.0).min(0)))
        energy, title = energy[:, :, star], f"star {posterior.ids[star]}"
    chains = len(energy)
    columns = min(chains, 4)
    rows = -(-chains // columns)
    figure = Figure(figsize=(WIDTH * columns / 4, 0.5 + 1.55 * rows), layout="constrained")
    axes: list[Axes] = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel())
    for spare in axes[chains:]:
        spare.remove()
    value = e_bfmi(energy)
    for chain, ax in enumerate(axes[:chains]):
        centred, change = energy[chain] - energy[chain].mean(), np.diff(energy[chain])
        bins = list(np.linspace(*_reach(np.concatenate([centred, change])), 31))
        ax.hist(centred, bins, density=True, color=COLOURS["sky"], alpha=0.55, label="energy, less its mean")
        ax.hist(
            change,
            bins,
            density=True,
            histtype="step",
            color=COLOURS["vermilion"],
            linewidth=1.1,
            label="change of energy",
        )
        ax.tick_params(axis="y", which="both", left=False, right=False, labelleft=False)
        note(ax, f"chain {chain + 1}\nE-BFMI = {value[chain]:.2f}", "upper right")
    axes[0].set_ylim(top=axes[0].get_ylim()[1] * 1.25)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, title=title, title_fontsize=9)
    figure.supxlabel("Energy", fontsize=9)
    figure.supylabel("Density", fontsize=9)
    return figure
