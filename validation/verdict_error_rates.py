"""On small simulated worlds the verdict tells a measured label from a guessed one, and how often it errs.

Every world (`luxjax.simulation.toy_survey`) is drawn anew and judged once: a linear model is fitted to its training stars,
and `measure_evidence` and `decide` judge [Eu/Fe] on its held-out stars with the thresholds that luxjax ships with. Worlds
differ in S/N (60-200), off-trend scatter (0.03-0.10 dex), label error (0.05-0.12 dex), curvature of the trend, errors of the
other labels (x 1 or x 2), correlation of label noise, number of training and held-out stars, lines and latents.

- *Without a line*: plain; a curved trend; noisy other labels, their noise correlated with europium's; a neighbour element
  correlated with europium off trend (0.3-0.9); three pixels that follow europium in training only, or in all stars.
- *Informative*: lines that give europium, the other labels known and all other elements unknown, to half its off-trend
  scatter or better (tau / bound from 2 to 8). Half of them have one of the confounders besides.
- *Weak*: lines with tau / bound from 0.2 to 2, for the curves in the figure; nothing is demanded of them.

Judged are the area under the ROC curve of the element-line statistic T, informative worlds against those without a line, and
the observed shares of wrong verdicts. Beside a share stands its Clopper-Pearson upper limit at 95%: no error in 300
worlds still allows 1.0%. The seeds were used for nothing else; thresholds and program were settled on other seeds.
A first run, with version 1 of the thresholds (seed 7001), was stopped after 182 worlds: 2 of 77 informative ones, both with
pixels that follow europium in all stars besides its lines, were called proxy although their own pixels clearly answered
(own response 0.35 and 0.19). Version 2 calls that mixed, hence inconclusive; it is scored on the worlds of another seed.

Worlds are judged one by one; with ``--keep FILE`` each is written there as a line of JSON, and a run that was cut off
goes on from the file.

    python validation/verdict_error_rates.py [--smoke] [--keep FILE]
"""

import collections
import contextlib
import itertools
import json
import warnings
from pathlib import Path

import numpy as np
from claims import Claim
from sklearn.metrics import roc_auc_score

from luxjax.core import InputError, LuxWarning
from luxjax.evidence import decide, held_out, measure_evidence, residualize, second_order
from luxjax.fitted import VERDICTS
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.simulation import toy_survey
from luxjax.stats import binomial_interval

FIGURE = Path(__file__).resolve().parent / "figures" / "verdict_error_rates.png"
CONFOUNDERS = ("neighbour", "impostor in training", "impostor in all stars")
ABSENT = ("plain", "curved", "noisy", *CONFOUNDERS)
LINE = ("line", "line", "line", *(f"line and {name}" for name in CONFOUNDERS))
RATIO = {"absent": None, "informative": (2.03, 8.0), "weak": (0.2, 2.0)}  # tau / bound
EDGES = np.array([0.2, 0.4, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0])
CLAIM = Claim(
    __file__,
    "On small simulated worlds the element-line statistic T ranks informative labels above labels without a line with an ROC "
    "area of at least 0.99, at most 1% of labels without a line are called measured, at most 1% of informative ones "
    "shortcut or proxy, and at most 15% of informative ones inconclusive.",
    {
        "roc_area": ">= 0.99",
        "absent_called_measured": "<= 0.01",
        "informative_called_shortcut_or_proxy": "<= 0.01",
        "informative_undecided": "<= 0.15",
        "worlds_without_line": ">= 300",
        "informative_worlds": ">= 300",
    },
    seed=7002,
    smoke_threshold={"roc_area": ">= 0.9", "absent_called_measured": "<= 0.2"},
)


def settings(rng: np.random.Generator, kind: str) -> dict:
    """The options of a world of this kind."""
    noisy = kind == "noisy" or (kind not in ("plain", "curved") and rng.random() < 0.5)
    curved = kind == "curved" or (kind not in ("plain", "noisy") and rng.random() < 0.5)
    place = "train" if "training" in kind else "all" if "all stars" in kind else "none"
    return {
        "n_train": int(rng.choice([1024, 1024, 1536])),
        "n_held_out": int(rng.choice([1024, 1536])),
        "snr": rng.uniform(60, 200),
        "tau": rng.uniform(0.03, 0.10),
        "label_error": rng.uniform(0.05, 0.12),
        "others_error": 2.0 if noisy else 1.0,
        "noise_correlation": 0.6 if noisy else 0.0,
        "curvature": rng.uniform(0.5, 1.5) if curved else 0.0,
        "n_lines": int(rng.integers(1, 7)),
        "neighbour": rng.uniform(0.3, 0.9) if "neighbour" in kind else 0.0,
        "impostor": place,
        "impostor_strength": rng.uniform(0.5, 4.0),
    }


def drawn(group: str, kind: str, seed: int, sizes: dict):
    """A world of this kind with its options; drawn again where its lines saturate before they are informative enough."""
    for attempt in itertools.count():
        rng = np.random.default_rng([seed, attempt])
        options = settings(rng, kind) | sizes
        if RATIO[group]:
            options["ratio"] = float(np.exp(rng.uniform(*np.log(RATIO[group]))))
        n_latents = 8 if sizes else int(rng.choice([20, 28]))
        with contextlib.suppress(InputError):
            return toy_survey(seed, **options), options, n_latents


def judge(group: str, kind: str, seed: int, sizes: dict) -> dict:
    """Draw one world, fit it, judge it."""
    world, options, n_latents = drawn(group, kind, seed, sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LuxWarning)
        fitted = fit(
            Lux.linear(world.train.sizes, n_latents), world.train, EM(max_cycles=30, tol=1e-4), key=seed
        )
    windows = (world.pixels, world.profile)
    found = measure_evidence(fitted, world.held_out, world.label, world.others, *windows, line=world.line)
    verdict = decide(world.label, True, *found)
    predicted = held_out(fitted, world.held_out).predicted[:, -1]
    terms = second_order(world.truth[:, :-1])
    off_trend = residualize(world.truth[:, -1], terms)
    slope = off_trend @ residualize(predicted, terms) / (off_trend @ off_trend)
    return {
        "group": group,
        "kind": kind,
        "seed": seed,
        "verdict": verdict.verdict,
        "tau_over_bound": world.tau / world.bound,
        "latents": n_latents,
        "true_slope": slope,
        "interval": list(found.response.interval),
        **options,
        **verdict.numbers,
    }


def worlds(smoke: bool) -> list[tuple[str, str, int]]:
    """Group, kind and seed of every world, groups mixed so that an unfinished run is balanced."""
    n = (
        {"absent": 4, "informative": 2, "weak": 0}
        if smoke
        else {"absent": 330, "informative": 330, "weak": 120}
    )
    kinds = {"absent": ABSENT, "informative": LINE, "weak": ("line",)}
    listed = [(g, kinds[g][i % len(kinds[g])], i / n[g]) for g in n for i in range(n[g])]
    ordered = sorted(listed, key=lambda entry: entry[2])
    first = 1_000_000 * CLAIM.seed
    return [(group, kind, first + i) for i, (group, kind, _) in enumerate(ordered)]


def collect(args) -> list[dict]:
    kept = {}  # worlds judged by an earlier run, or by several at the same time
    if args.keep and args.keep.exists():
        kept = {w["seed"]: w for w in map(json.loads, args.keep.read_text().splitlines())}
    done = []
    for group, kind, seed in worlds(args.smoke):
        sizes = {"n_train": 320, "n_held_out": 512} if args.smoke else {}
        world = kept.get(seed) or judge(group, kind, seed, sizes)
        if args.keep and seed not in kept:
            with args.keep.open("a") as file:
                file.write(json.dumps(world) + "\n")
        done.append(world)
    return done


def shares(found: list[dict]) -> dict:
    """How often each verdict was given, with the number of worlds."""
    count = collections.Counter(w["verdict"] for w in found)
    return {"n": len(found), **{v: count[v] / max(len(found), 1) for v in VERDICTS}}


def upper(found: list[dict], *verdicts: str) -> float:
    """Clopper-Pearson upper limit at 95% (one-sided) of the share of these verdicts."""
    return binomial_interval(sum(w["verdict"] in verdicts for w in found), len(found), 0.90, "exact").upper


def draw(found: list[dict]) -> None:
    """Shares of the four verdicts against tau / bound."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = [w for w in found if w["kind"] == "line"]
    absent = [w for w in found if w["group"] == "absent"]
    bins = [[w for w in lines if a <= w["tau_over_bound"] < b] for a, b in itertools.pairwise(EDGES)]
    centres = np.sqrt(EDGES[:-1] * EDGES[1:])
    figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    colours = dict(zip(VERDICTS, ("#009E73", "#E69F00", "#D55E00", "#7A7A7A"), strict=True))
    for verdict, marker in zip(VERDICTS, "osDv", strict=True):
        at = [
            (x, sum(w["verdict"] == verdict for w in b), len(b))
            for x, b in zip(centres, bins, strict=True)
            if b
        ]
        x, k, n = np.array(at).T
        low, high = np.array([binomial_interval(int(i), int(m)) for i, m in zip(k, n, strict=True)]).T
        bars = [k / n - low, high - k / n]
        ax.errorbar(
            x, k / n, np.maximum(bars, 0), color=colours[verdict], marker=marker, label=verdict, capsize=2
        )
        none = sum(w["verdict"] == verdict for w in absent) / len(absent)
        ax.plot(0.12, none, marker, color=colours[verdict], markerfacecolor="none", clip_on=False)
    ax.axvline(0.155, color="0.8", linewidth=0.8)
    ax.set(xscale="log", xlim=(0.1, 9), ylim=(-0.03, 1.03), ylabel="Share of worlds")
    ax.set_xticks([0.12, 0.2, 0.5, 1, 2, 5], ["no\nline", "0.2", "0.5", "1", "2", "5"])
    ax.set_xlabel("Off-trend scatter / information bound (no confounder)")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(0.13, 0.5))
    ax.minorticks_off()
    figure.savefig(FIGURE, dpi=130)


def measure(args) -> dict:
    before = len(args.keep.read_text().splitlines()) if args.keep and args.keep.exists() else 0
    found = collect(args)
    absent = [w for w in found if w["group"] == "absent"]
    informative = [w for w in found if w["group"] == "informative"]
    t = [w["element_line_t"] for w in absent + informative]
    both = absent + informative
    known = [w for w in found if np.isfinite(w["interval"][0])]
    if not args.smoke:
        draw(found)
    said, true = shares(absent), shares(informative)
    weak = [w for w in found if w["kind"] == "line"]
    return {
        "roc_area": roc_auc_score([w["group"] == "informative" for w in both], t),
        "absent_called_measured": said["measured"],
        "informative_called_shortcut_or_proxy": true["shortcut"] + true["proxy"],
        "informative_undecided": true["inconclusive"],
        "worlds_without_line": said["n"],
        "informative_worlds": true["n"],
        "absent_called_measured_upper_95": upper(absent, "measured"),
        "informative_called_shortcut_or_proxy_upper_95": upper(informative, "shortcut", "proxy"),
        "informative_undecided_upper_95": upper(informative, "inconclusive"),
        "largest_t_without_line": max(w["element_line_t"] for w in absent),
        "smallest_t_informative": min(w["element_line_t"] for w in informative),
        "sd_of_t_without_line": float(np.std([w["element_line_t"] for w in absent])),
        "response_interval_holds_true_slope": float(
            np.mean([w["interval"][0] <= w["true_slope"] <= w["interval"][1] for w in known])
        ),
        "verdicts": {"absent": said, "informative": true},
        "verdicts_by_kind": {
            k: shares([w for w in both if w["kind"] == k]) for k in (*ABSENT, *dict.fromkeys(LINE))
        },
        "verdicts_by_tau_over_bound": {
            f"{a:g}-{b:g}": shares([w for w in weak if a <= w["tau_over_bound"] < b])
            for a, b in itertools.pairwise(EDGES)
        },
        "worlds_judged_before_this_process": before,
        "wrong": [w["seed"] for w in absent if w["verdict"] == "measured"]
        + [w["seed"] for w in informative if w["verdict"] in ("shortcut", "proxy")],
    }


def options(parser) -> None:
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="where judged worlds are kept, to go on from"
    )


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
