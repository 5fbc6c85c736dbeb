"""Checks of chains that a sampler made."""

from collections.abc import Sequence

import numpy as np

from .._samples import SamplePosterior
from ._chains import LEAST_DRAWS, e_bfmi
from ._diagnosis import Finding, finding
from ._quantities import Quantities, judged_quantities, star_name

__all__ = ["chain_findings"]

R_HAT = 1.01
ESS = 400
E_BFMI = 0.3
CUT_OFF = 0.01  # share of trajectories at their longest
FAR_OFF = (
    "The chains have not converged: {} differ between or along chains by more than chance. Do not use these draws; sample "
    "longer, NUTS(warmup=2000, draws=2000). If that does not help, the posterior has more than one mode or a direction "
    "that nothing determines: use fewer latents, or narrower priors."
)
NEARLY = (
    "The chains have nearly converged: {} differ between or along chains by a little more than chance. Sample two to four "
    "times as many draws before tails are used."
)
LEAST_CHAINS = 4
ENOUGH_DRAWS = 100  # per chain


def chain_findings(posterior: SamplePosterior) -> list[Finding]:
    """Numbers of chains and draws, R-hat, effective sample sizes, divergences, E-BFMI, lengths of trajectories."""
    found = _numbers(posterior)
    if posterior.n_draws >= LEAST_DRAWS:
        found += _convergence(posterior) + _energy(posterior)
    return found + _divergences(posterior) + _trajectories(posterior)


def _numbers(posterior: SamplePosterior) -> list[Finding]:
    chains, draws = posterior.n_chains, posterior.n_draws
    wrong = ~np.isfinite(posterior.draws).all((0, 1, 3))
    return [
        finding(
            "chains",
            chains >= LEAST_CHAINS,
            chains,
            f">= {LEAST_CHAINS}",
            advice="Only chains that start apart show whether they end up in the same place; sample at least "
            "NUTS(chains=4).",
        ),
        finding(
            "draws per chain",
            draws >= ENOUGH_DRAWS,
            draws,
            f">= {ENOUGH_DRAWS}",
            advice="Too few draws to tell whether the chains have converged, let alone for quantiles; sample "
            "NUTS(draws=1000).",
        ),
        finding(
            "stars with draws that are not finite",
            not wrong.any(),
            wrong.sum(),
            "= 0",
            star_name(posterior, int(np.argmax(wrong))) if wrong.any() else "",
            "The sampler left the numbers that a computer holds; give narrower priors or use fewer latents.",
        ),
    ]


def _convergence(posterior: SamplePosterior) -> list[Finding]:
    judged = judged_quantities(posterior)
    stats = [q.stats() for q in judged]
    total = posterior.n_chains * posterior.n_draws
    badness, where, count = _worst(judged, [-s.r_hat for s in stats], -R_HAT)
    found = [
        finding(
            "R-hat",
            -badness < R_HAT,
            -badness,
            f"< {R_HAT}",
            where,
            (FAR_OFF if -badness > 1.05 else NEARLY).format(count),
        )
    ]
    for check, values, what in (
        ("bulk ESS", [s.ess_bulk for s in stats], "means and medians"),
        ("tail ESS", [s.ess_tail for s in stats], "95% intervals"),
    ):
        value, where, count = _worst(judged, values, ESS)
        factor = int(np.ceil(1.3 * ESS / value)) if np.isfinite(value) and value > 1 else 10
        advice = (
            f"The {total:,} draws are worth too few independent ones for {what} of {count}; draw about {factor} times as "
            f"many, NUTS(draws={factor * posterior.n_draws}), thinned if memory is short."
        )
        found.append(finding(check, value >= ESS, value, f">= {ESS}", where, advice))
    return found


def _worst(judged: list[Quantities], values: Sequence[np.ndarray], least: float) -> tuple[float, str, str]:
    """The smallest value, what has it, and how many fall short, in words.

    What never moves has no value and is the worst: entries that the gauge holds are not evaluated, so a chain is stuck.
    """
    joined = np.concatenate([np.where(np.isnan(v), -np.inf, v) for v in values])
    names = np.concatenate([q.names for q in judged])
    worst = int(np.argmin(joined))
    return float(joined[worst]), str(names[worst]), f"{np.sum(joined < least)} of {len(joined)} quantities"


def _divergences(posterior: SamplePosterior) -> list[Finding]:
    if "diverging" not in posterior.stats:
        return []
    diverging = np.asarray(posterior.stats["diverging"])
    n, target = int(diverging.sum()), float(posterior.settings.get("target_accept", 0.8))
    higher = next((t for t in (0.9, 0.95, 0.99) if t > target), 0.999)
    advice = (
        f"{n} of {diverging.size:,} trajectories went wrong where the posterior curves sharply, and draws are missing there. "
        f"Raise target_accept from {target:g} to {higher:g} and warm up for longer; if some remain, give narrower priors or "
        "use fewer latents."
    )
    where = _where(posterior, diverging.sum(1), np.argmax) if n else ""
    return [finding("divergences", n == 0, n, "= 0", where, advice)]


def _energy(posterior: SamplePosterior) -> list[Finding]:
    if "energy" not in posterior.stats:
        return []
    value = np.nan_to_num(e_bfmi(posterior.stats["energy"]), nan=0.0)
    advice = (
        "The sampler moves slowly across energies, so tails are missed: a funnel, or heavy tails. Leave shrinkage or "
        "sampled scatter out, give narrower priors, or warm up for longer."
    )
    where = _where(posterior, value, np.argmin)
    return [finding("E-BFMI", value.min() > E_BFMI, value.min(), f"> {E_BFMI}", where, advice)]


def _trajectories(posterior: SamplePosterior) -> list[Finding]:
    if "tree_depth" not in posterior.stats or "max_tree_depth" not in posterior.settings:
        return []
    depth = int(posterior.settings["max_tree_depth"])
    share = (np.asarray(posterior.stats["tree_depth"]) >= depth).mean(1)
    advice = (
        f"Trajectories end at 2^{depth} steps before they turn back, so chains wander slowly; raise max_tree_depth, or warm "
        "up for longer so that steps become larger."
    )
    where = _where(posterior, share, np.argmax) if share.any() else ""
    return [
        finding("trajectories cut off", share.max() <= CUT_OFF, share.max(), f"<= {CUT_OFF}", where, advice)
    ]


def _where(posterior: SamplePosterior, by_chain: np.ndarray, pick) -> str:
    """The chain, and the star where each star has its own chains, in words."""
    chain, *star = np.unravel_index(int(pick(by_chain)), by_chain.shape)
    return f"chain {chain + 1}" + (f" of {star_name(posterior, int(star[0]))}" if star else "")
