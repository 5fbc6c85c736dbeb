"""Posteriors of the same stars by several methods, side by side, and the calibration of each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from ...core import InputError, check_name
from ...plots import label_name, styled
from ...plots.internal import COLOURS, WIDTH, grid, label_html, note, save
from ...posterior import AbstractPosterior, diagnose, rank_test
from ...runs import RunFolder
from ...stats import binomial_interval, coverage
from .._section import Cell, Section, Shown, Table

__all__ = ["plot_agreement", "plot_calibration_curves", "compare_methods", "methods"]

DRAWS = 2000
INK = ("blue", "vermilion", "green", "purple", "orange", "sky", "grey", "ink")


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
    """Compare labels' posteriors of the same stars, and write numbers and figures into a run.

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
        Of true labels among `rank_draws` draws, by method, as from `luxjax.posterior.prior_ranks`.
    seconds : mapping of str to float, optional
        What each method took.
    seed : int

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
        figure = plot_calibration_curves(ranks, rank_draws, info.names, seed=seed)
        save(figure, run.figures, "methods_ranks")
    save(plot_agreement(moments, reference, info.names), run.figures, "methods_agreement")
    entry = {
        "reference": reference,
        "n_stars": len(ids),
        "n_simulations": len(next(iter(ranks.values()))) if ranks else 0,
        "methods": found,
    }
    run.write_metrics({**(run.metrics if run.has("metrics") else {}), "methods": entry})
    return entry


def _labels(posterior: AbstractPosterior, seed: int) -> np.ndarray:
    return posterior.predict(posterior.fitted.label_output(), DRAWS, key=seed)


def _against(one, other) -> tuple[np.ndarray, np.ndarray]:
    """Differences of means in standard deviations, and ratios of standard deviations, (star, label)."""
    return (one[0] - other[0]) / other[1], one[1] / other[1]


def _covered(posterior: AbstractPosterior, truth: np.ndarray, seed: int) -> dict[str, list[float]]:
    """Fraction of true labels in intervals, the scatter of labels about the model included, with its interval."""
    output = posterior.fitted.label_output()
    draws = posterior.replace(batch=None).predict(output, DRAWS, key=seed, noise=True)
    pull, found = (draws.mean(0) - truth) / draws.std(0), {}
    for level in (0.68, 0.95):
        inside = coverage(pull.ravel(), level)
        # The labels of one star are not independent: the interval is that of as many trials as there are stars.
        stars = len(truth)
        interval = binomial_interval(round(inside.fraction * stars), stars, 0.95, "exact")
        found[f"{level * 100:.0f}"] = [inside.fraction, *interval]
    return found


def methods(run: RunFolder) -> Section | None:
    """The section of the page; None for runs that compared nothing."""
    found = run.metrics.get("methods") if run.has("metrics") else None
    if not found:
        return None
    entries, reference = found["methods"], found["reference"]
    labels = list(entries[reference]["sd_ratio"])
    columns = ["Method", "Seconds", "Diagnosis", "Means off", *(Markup(label_html(k)) for k in labels)]
    covered = "coverage" in entries[reference]
    columns += ["in 68%", "in 95%"] if covered else []
    # What every method stumbles over lies in the stars or the model, not in the method.
    shared = [
        check for check in entries[reference]["wrong"] if all(check in e["wrong"] for e in entries.values())
    ]
    rows: list[list[str | Cell]] = []
    for name, e in entries.items():
        wrong = [check for check in e["wrong"] if check not in shared]
        seconds = "" if e["seconds"] is None else f"{e['seconds']:.1f}"
        verdict = Cell("; ".join(wrong) or "nothing wrong", mark="wrong" if wrong else "pass")
        row: list[str | Cell] = [name, seconds, verdict, f"{e['mean_off']:.3f}"]
        row += [f"{e['sd_ratio'][k]:.2f}" for k in labels]
        if covered:
            row += [Cell(f"{f:.0%}", f"{a:.0%} to {b:.0%}") for f, a, b in e["coverage"].values()]
        rows.append(row)
    table = Table(
        columns,
        rows,
        f"Posteriors of the labels of {found['n_stars']} test stars. Means off: root mean square difference of the means "
        f"from those of {reference}, in its standard deviations. Under each label: its standard deviation over that of "
        f"{reference}, median over stars. Both hold the Monte-Carlo error of {DRAWS:,} draws, some 0.02."
        + (" Last: true labels in intervals, with the exact 95% interval for so many stars." if covered else "")
        + (f" With every method some stars fail: {'; '.join(shared)}. That is of these stars, not of a method." if shared else ""),
    )  # fmt: skip
    shown = [
        Shown(
            "methods_agreement.png",
            "Means and standard deviations of labels by each method against the reference",
            f"Every point is a label of a star. Left: means should agree with those of {reference}. Right: a method that "
            "ignores how latents are correlated gives labels errors that are wrong, some too small and some too large.",
        )
    ]
    if found["n_simulations"]:
        shown.append(
            Shown(
                "methods_ranks.png",
                "Departure of the ranks of true labels from uniform, by method",
                f"{found['n_simulations']} stars drawn from the fitted model itself: ranks of their true labels among draws of "
                "their posteriors, cumulated, less what uniform ranks give. A right method stays in the band, which holds all "
                "points together 95 times in 100.",
            )
        )
    return Section("Methods side by side", tables=(table,), figures=tuple(shown))
