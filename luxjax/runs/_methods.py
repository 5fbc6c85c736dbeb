"""Posteriors of the same stars by several methods, compared.

methods.npz     means and standard deviations of every label by method, and ranks of the truth
metrics.json    ``methods``: agreement, coverage and calibration of each
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import InputError, check_name
from ..posterior import AbstractPosterior, diagnose, rank_test
from ..stats import binomial_interval, coverage
from ._folder import RunFolder
from ._kinds import RunKind

__all__ = ["METHOD_DRAWS", "ComparedMethods", "compare_methods", "read_methods"]

FILE = "methods.npz"
METHOD_DRAWS = 2000

KINDS = (
    RunKind(
        "methods",
        "inference/posterior_study.py",
        "Posteriors of the same stars by several methods, compared.",
        {FILE: "Means and standard deviations of every label by method, and ranks of the truth."},
        ("methods",),
    ),
)


@dataclass(frozen=True, eq=False)
class ComparedMethods:
    """What the figures of a comparison show.

    Parameters
    ----------
    moments : mapping of str to (mean, sd)
        (star, label) each, by method.
    labels : tuple of str
    ranks : mapping of str to (simulation, label) int array
        By method; empty where none were given.
    rank_draws : int
        Draws that the truth was ranked among.
    seed : int
    """

    moments: Mapping[str, tuple[np.ndarray, np.ndarray]]
    labels: tuple[str, ...]
    ranks: Mapping[str, np.ndarray]
    rank_draws: int
    seed: int


def compare_methods(
    run: RunFolder,
    posteriors: Mapping[str, AbstractPosterior],
    *,
    reference: str,
    truth: np.ndarray | None = None,
    ranks: Mapping[str, np.ndarray] | None = None,
    rank_draws: int = 99,
    seconds: Mapping[str, float] | None = None,
    seed: int,
) -> dict[str, Any]:
    """Compare posteriors of labels of the same stars by several methods, and write the result into a run.

    Parameters
    ----------
    run : RunFolder
        Its ``metrics.json`` gets the entry ``methods``; `luxjax.report.render` makes the page.
    posteriors : mapping of str to posterior
        By the name of the method, all of the same stars.
    reference : str
        The method that the others are measured against.
    truth : (star, label) array, optional
        True labels, in the model's order.
    ranks : mapping of str to (simulation, label) int array, optional
        Ranks of true labels among `rank_draws` draws, by method, as from `luxjax.posterior.prior_ranks`.
    seconds : mapping of str to float, optional
        What each method took.
    seed : int
    rank_draws : int
        Number of draws that `ranks` were counted among.

    Returns
    -------
    dict
        The entry.
    """
    check_name("method", reference, posteriors)
    ids = posteriors[reference].ids
    for name, posterior in posteriors.items():
        if not np.array_equal(posterior.ids, ids):
            raise InputError(f"'{name}' and '{reference}' are posteriors of different stars; infer the same.")
    info = posteriors[reference].fitted.info(posteriors[reference].fitted.label_output())
    draws = {name: _labels(p, seed) for name, p in posteriors.items()}
    moments = {name: (d.mean(0), d.std(0)) for name, d in draws.items()}
    found: dict[str, Any] = {}
    for name, posterior in posteriors.items():
        off, ratio = _against(moments[name], moments[reference])
        found[name] = {
            "seconds": (seconds or {}).get(name),
            "wrong": [f.check for f in diagnose(posterior).wrong],
            "mean_off": float(np.sqrt(np.mean(off**2))),
            "sd_ratio": dict(zip(info.names, np.median(ratio, axis=0).tolist(), strict=True)),
        }
        if truth is not None:
            found[name]["coverage"] = _covered(posterior, truth, seed)
    if ranks:
        for name, rank in ranks.items():
            p = [rank_test(r, rank_draws, seed=seed).p_value for r in rank.T]
            found[name]["rank_p"] = dict(zip(info.names, p, strict=True))
    _write(run, ComparedMethods(moments, info.names, ranks or {}, rank_draws, seed))
    entry = {
        "reference": reference,
        "n_stars": len(ids),
        "n_simulations": len(next(iter(ranks.values()))) if ranks else 0,
        "methods": found,
    }
    run.write_metrics({**(run.metrics if run.has("metrics") else {}), "methods": entry})
    return entry


def _write(run: RunFolder, compared: ComparedMethods) -> None:
    arrays = {
        "methods": np.array(list(compared.moments), dtype=str),
        "ranked": np.array(list(compared.ranks), dtype=str),
        "labels": np.array(compared.labels, dtype=str),
        "numbers": np.array([compared.rank_draws, compared.seed]),
    }
    for k, (mean, sd) in enumerate(compared.moments.values()):
        arrays |= {f"mean/{k}": mean, f"sd/{k}": sd}
    run.write_arrays(FILE, arrays | {f"ranks/{k}": r for k, r in enumerate(compared.ranks.values())})


def read_methods(run: RunFolder) -> ComparedMethods | None:
    """What `compare_methods` wrote for the figures; None where it wrote nothing."""
    return run.arrays(FILE, "compared methods", _compared) if (run.path / FILE).is_file() else None


def _compared(arrays: Mapping[str, np.ndarray]) -> ComparedMethods:
    moments = {n: (arrays[f"mean/{k}"], arrays[f"sd/{k}"]) for k, n in enumerate(arrays["methods"].tolist())}
    ranks = {n: arrays[f"ranks/{k}"] for k, n in enumerate(arrays["ranked"].tolist())}
    draws, seed = arrays["numbers"].tolist()
    return ComparedMethods(moments, tuple(arrays["labels"].tolist()), ranks, draws, seed)


def _labels(posterior: AbstractPosterior, seed: int) -> np.ndarray:
    return posterior.predict(posterior.fitted.label_output(), METHOD_DRAWS, key=seed)


def _against(one, other) -> tuple[np.ndarray, np.ndarray]:
    """Differences of means in standard deviations, and ratios of standard deviations, (star, label)."""
    return (one[0] - other[0]) / other[1], one[1] / other[1]


def _covered(posterior: AbstractPosterior, truth: np.ndarray, seed: int) -> dict[str, list[float]]:
    """Fraction of true labels in intervals, the scatter of labels about the model included, with its interval."""
    output = posterior.fitted.label_output()
    draws = posterior.replace(batch=None).predict(output, METHOD_DRAWS, key=seed, noise=True)
    pull, found = (draws.mean(0) - truth) / draws.std(0), {}
    for level in (0.68, 0.95):
        inside = coverage(pull.ravel(), level)
        # The labels of one star are not independent: the interval is that of as many trials as there are stars.
        stars = len(truth)
        interval = binomial_interval(round(inside.fraction * stars), stars, 0.95, "exact")
        found[f"{level * 100:.0f}"] = [inside.fraction, *interval]
    return found
