"""Checks of approximations: how far the posterior's density departs from the distribution that stands for it."""

import jax
import numpy as np

from .._draws import log_joint
from .._gaussian import GaussianPosterior
from .._posterior import AbstractPosterior
from .._samples import SamplePosterior
from ._diagnosis import Finding, finding
from ._importance import k_threshold, pareto_smooth
from ._quantities import star_name

__all__ = ["approximation_findings", "gaussian_findings"]

DRAWS = 1000
MOST_STARS = 500
DEFINITE = 1e-12  # smallest over largest eigenvalue
SHIFT = 0.2  # of a mean, in standard deviations
WIDTH = 0.15  # of a standard deviation, in natural log
FALL = 0.1  # nats that a converged loss may still fall by
UNDETERMINED = 1.0  # standard deviation of ln scatter


def gaussian_findings(posterior: GaussianPosterior) -> list[Finding]:
    """Covariances, and importance sampling from the approximation to the density, star by star."""
    lowest = np.nan_to_num(posterior.definiteness, nan=-np.inf)
    wrong = ~(lowest > DEFINITE) | ~np.isfinite(posterior.mean).all(1)
    worst = int(np.argmin(lowest))
    advice = (
        f"The covariances of {wrong.sum()} of {len(posterior)} stars are not positive definite, as those of a posterior always "
        "are: nothing determines some direction, or numbers overflowed. Look for pixels of enormous weight; use fewer "
        "latents, or NUTS."
    )
    found = [
        finding(
            "covariance, least eigenvalue",
            not wrong.any(),
            lowest[worst],
            "> 0",
            star_name(posterior, worst),
            advice,
        ),
        *_loss(posterior.loss, "star"),
    ]
    if posterior.batch is None:
        advice = "Not checked without data; give them: load_posterior(folder, data)."
        return [*found, Finding("Pareto k-hat", None, np.nan, "", "", advice)]
    return found if wrong.all() else [*found, *_importance(posterior, np.flatnonzero(~wrong))]


def _importance(posterior: GaussianPosterior, stars: np.ndarray) -> list[Finding]:
    """Draw from the normal distributions, weigh the draws by the density, and compare moments."""
    if len(stars) > MOST_STARS:
        stars = stars[np.linspace(0, len(stars) - 1, MOST_STARS).round().astype(int)]
    mean, root = posterior.mean[stars], np.linalg.cholesky(posterior.cov[stars])
    unit = np.asarray(jax.random.normal(jax.random.key(0), (DRAWS, *mean.shape)), float)
    z = mean + np.einsum("nij,snj->sni", root, unit)
    log_q = -0.5 * np.sum(unit**2, axis=2)  # up to a constant per star
    log_weight, k = pareto_smooth(log_joint(posterior, z, stars) - log_q)
    threshold, worst = k_threshold(DRAWS), int(np.argmax(k))
    bad = k > threshold
    advice = (
        f"The posteriors of {bad.sum()} of {len(stars)} stars have tails that {posterior.method} misses, so far that weights "
        f"cannot repair it. {_better(posterior)}"
    )
    where = star_name(posterior, int(stars[worst]))
    found = [finding("Pareto k-hat", not bad.any(), max(k[worst], 0.0), f"< {threshold:.2f}", where, advice)]
    if bad.all():
        return found
    fine = ~bad
    return found + _moments(posterior, stars[fine], np.exp(log_weight[:, fine]), z[:, fine])


def _moments(
    posterior: GaussianPosterior, stars: np.ndarray, weight: np.ndarray, z: np.ndarray
) -> list[Finding]:
    """Means and standard deviations of the draws, against those of the same draws with weights."""
    right = np.einsum("sn,sni->ni", weight, z)
    right_sd = np.sqrt(np.einsum("sn,sni->ni", weight, (z - right) ** 2))
    shift, width = (z.mean(0) - right) / right_sd, np.log(z.std(0) / right_sd)
    found = []
    for check, values, limit, words in (
        ("means, off by sd", shift, SHIFT, ("too low", "too high")),
        ("widths, off by ln", width, WIDTH, ("too narrow", "too wide")),
    ):
        n, latent = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
        value, count = float(values[n, latent]), int(np.sum(np.abs(values).max(1) > limit))
        where = f"latent {latent} of {star_name(posterior, int(stars[n]))}"
        advice = f"Weighted by the posterior's density, {count} of {len(stars)} stars come out otherwise, the worst {words[value > 0]} here. {_better(posterior)}"
        found.append(finding(check, count == 0, round(value, 4), f"< {limit}", where, advice))
    return found


def _better(posterior: AbstractPosterior) -> str:
    if posterior.method == "Variational" and posterior.settings.get("guide") != "full_rank":
        return 'Use Variational(guide="full_rank"), which follows correlations, or NUTS.'
    if posterior.method == "Variational":
        return "Give Variational more steps, or use NUTS."
    return "Use NUTS."


def approximation_findings(posterior: SamplePosterior) -> list[Finding]:
    """Draws from an approximation of everything that was inferred, with the log densities of both."""
    ratio = np.asarray(posterior.stats["lp"] - posterior.stats["lq"]).reshape(-1, 1)
    k, threshold = float(pareto_smooth(ratio)[1][0]), k_threshold(len(ratio))
    advice = (
        f"The {posterior.method} approximation of all that was inferred is far from the posterior, as is usual in many "
        "dimensions: its means may serve, its intervals not without a test. Use NUTS, or check the intervals on held-out "
        "stars."
    )
    found = [
        finding(
            "Pareto k-hat", k < threshold, max(k, 0.0), f"< {threshold:.2f}", "everything at once", advice
        )
    ]
    return found + _loss(np.asarray(posterior.stats.get("loss", ())), "fit") + _boundary(posterior)


def _loss(loss: np.ndarray, of: str) -> list[Finding]:
    """Whether a variational fit had come to rest: how far the loss fell from its ninth to its last tenth."""
    n = len(loss) // 10
    if n < 2:
        return []
    before, last = loss[-2 * n : -n], loss[-n:]
    noise = np.sqrt((before.var() + last.var()) / n)
    fall = float(before.mean() - last.mean())
    ok = np.isfinite(fall) and fall < FALL + 3 * noise
    advice = "The fit had not converged; give Variational more steps, or a smaller learning_rate if the loss jumps."
    return [finding("loss, still falling", ok, fall, f"< {FALL}", f"nats per {of}", advice)]


def _boundary(posterior: SamplePosterior) -> list[Finding]:
    """Scatter that may be zero has a posterior that piles up there, which no normal distribution follows."""
    names, spread = [], []
    for path, values in posterior.parameters.items():
        if path.startswith("scatter."):
            spread.append(np.std(np.log(np.maximum(values, 1e-300)), axis=(0, 1)).ravel())
            names += [f"{path}[{i}]" for i in range(len(spread[-1]))]
    if not spread:
        return []
    each = np.concatenate(spread)
    worst, count = int(np.argmax(each)), int(np.sum(each >= UNDETERMINED))
    advice = (
        f"{count} of {len(each)} scatters cannot be told from zero, near which their posterior is far from normal. "
        "Believe only their upper limits, or use NUTS."
    )
    return [
        finding("scatter, sd of ln", count == 0, each[worst], f"< {UNDETERMINED:g}", names[worst], advice)
    ]
