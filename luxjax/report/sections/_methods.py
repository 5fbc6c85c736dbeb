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

__all__ = ["agreement", "calibration_curves", "compare_methods", "methods"]

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
        figure = calibration_curves(ranks, rank_draws, info.names, seed=seed)
        save(figure, run.figures, "methods_ranks")
    save(agreement(moments, reference, info.names), run.figures, "methods_agreement")
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


@styled
def agreement(moments: Mapping[str, tuple[np.ndarray, np.ndarray]], reference: str, labels) -> Figure:
    """Means and standard deviations of labels, every star a point, against those of one method.

    Parameters
    ----------
    moments : mapping of str to (mean, sd)
        (star, label) each, by method.
    reference : str
    labels : sequence of str
    """
    names = [name for name in moments if name != reference]
    figure = Figure(figsize=(WIDTH, 0.9 + 0.55 * len(names)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    rng = np.random.default_rng(0)
    for row, name in enumerate(names):
        values = _against(moments[name], moments[reference])
        for j, label in enumerate(labels):
            y = row + 0.7 * ((j + 0.5) / len(labels) - 0.5)
            for ax, value in zip((left, right), values, strict=True):
                jitter = 0.25 / len(labels) * rng.uniform(-1, 1, len(value))
                ax.plot(
                    value[:, j], y + jitter, ".", color=COLOURS[INK[j % len(INK)]], markersize=2.5, alpha=0.6,
                    label=label_name(label) if row == 0 and ax is left else None,
                )  # fmt: skip
    for ax, centre in ((left, 0), (right, 1)):
        ax.axvline(centre, color=COLOURS["ink"], linewidth=0.6, zorder=0)
        ax.tick_params(axis="y", which="minor", left=False, right=False)
        ax.set_ylim(len(names) - 0.5, -0.5)
        for row in range(1, len(names)):
            ax.axhline(row - 0.5, color="#D0D0D0", linewidth=0.5, zorder=0)
    reach = 1.05 * max(0.1, *np.abs(left.get_xlim()))
    left.set_xlim(-reach, reach)
    left.set_yticks(range(len(names)), names)
    left.set_xlabel(f"Difference of means (standard deviations of {reference})")
    right.set_xlabel(f"Standard deviation over that of {reference}")
    figure.legend(loc="outside upper center", ncols=len(labels), markerscale=3)
    return figure


@styled
def calibration_curves(ranks: Mapping[str, np.ndarray], draws: int, labels, *, seed: int) -> Figure:
    """How far the ranks of true labels depart from uniform, method by method, with simultaneous 95% bands.

    Draws too narrow make an S that begins above zero; draws too wide one that begins below.

    Parameters
    ----------
    ranks : mapping of str to (simulation, label) int array
        By method.
    draws : int
        That the truth is ranked among.
    labels : sequence of str
    seed : int
        Of the bands.
    """
    figure, axes = grid(len(ranks), 3, (WIDTH / 3, 2.1), minor=False, sharex=True, sharey=True)
    for ax, (name, rank) in zip(axes, ranks.items(), strict=True):
        tests = [rank_test(r, draws, seed=seed) for r in rank.T]
        band = tests[0]
        ax.fill_between(
            band.at,
            band.lower - band.at,
            band.upper - band.at,
            color="#E4E4E4",
            linewidth=0,
            label="95% band",
        )
        for j, (label, test) in enumerate(zip(labels, tests, strict=True)):
            ax.plot(test.at, test.ecdf - test.at, color=COLOURS[INK[j % len(INK)]], linewidth=1, label=label_name(label))  # fmt: skip
        ax.axhline(0, color=COLOURS["ink"], linewidth=0.5)
        ax.set_title(name, fontsize=9)
        note(ax, f"smallest p = {min(t.p_value for t in tests):.2g}", "lower left")
    axes[0].set_xlim(0, 1)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    figure.supxlabel("Rank of the true label among draws, as a fraction", fontsize=9)
    figure.supylabel("Fraction below, less uniform", fontsize=9)
    return figure


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
