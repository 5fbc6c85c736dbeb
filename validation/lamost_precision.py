"""Real precision of indices and class probabilities of LAMOST spectra, beside the errors that are propagated.

Stars of DR1 to DR8 that were observed more than once give the real precision: the differences between spectra of a star, over
the errors propagated from the pixels, scatter by 1 if the errors are right (robust scatter, intervals by bootstrap over stars).
The same is done for simulated repeats, which have noise as stated, redshift errors of 5 km/s and errors of flux
calibration of 5%. Probabilities come from classifiers that have seen no spectrum of the star; their errors are propagated by
noisy copies of the indices. Tables go to validation/lamost_precision.md.

Needs the folder of real survey files, named by --data or LUXJAX_REAL_DATA. The thresholds were written after a trial on the real
spectra had shown that errors of colours and breaks are far too small and those of narrow indices about right.

    python validation/lamost_precision.py [--smoke] [--data FOLDER]
"""

import os
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from claims import Claim

from luxjax.classify import train_classifier
from luxjax.classify.features import Features, extract_features
from luxjax.core import InputError
from luxjax.data import folds
from luxjax.indices import builtin_indices
from luxjax.simulation import simulate_lamost
from luxjax.surveys import read_lamost

HERE = Path(__file__).resolve().parent
CLAIM = Claim(
    __file__,
    "Between spectra of the same real star, the differences of equivalent widths of metal and Balmer lines blueward of 5,900 Angstrom "
    "scatter by 0.8 to 1.25 of their propagated errors in the median of these indices, and simulated ones by 0.9 to 1.1.",
    {
        "widths_ratio": "< 1.25",
        "widths_ratio_inverse": "< 1.25",
        "simulated_widths_ratio": "< 1.1",
        "simulated_widths_ratio_inverse": "< 1.1",
    },
    seed=29,
    smoke_threshold={"widths_ratio": "< 2", "simulated_widths_ratio": "< 2"},
)


def options(parser):
    parser.add_argument(
        "--data", default=os.environ.get("LUXJAX_REAL_DATA"), help="folder of real survey files"
    )


def pairs_of(ids: np.ndarray) -> np.ndarray:
    """Rows of every two spectra of a star, (pair, 2)."""
    groups = list(pd.Series(range(len(ids))).groupby(np.asarray(ids)).groups.values())
    return np.array([pair for group in groups for pair in combinations(group, 2)])


def resampled(ids: np.ndarray, seed: int, draws: int = 200):
    """Rows of bootstrap samples of stars."""
    rng, groups = np.random.default_rng(seed), list(pd.Series(range(len(ids))).groupby(ids).apply(np.array))
    for _ in range(draws):
        yield np.concatenate([groups[k] for k in rng.integers(len(groups), size=len(groups))])


def index_table(features: Features) -> pd.DataFrame:
    """Real precision of every feature beside the propagated one."""
    pair = pairs_of(features.ids)
    value, error = features.values.to_numpy(), features.errors.to_numpy()
    difference = value[pair[:, 0]] - value[pair[:, 1]]
    stated = np.sqrt(error[pair[:, 0]] ** 2 + error[pair[:, 1]] ** 2)
    pull, star = difference / stated, features.ids[pair[:, 0]]

    def scatter(x: np.ndarray) -> np.ndarray:
        # about zero: which spectrum comes first means nothing
        return 1.4826 * np.nanmedian(np.abs(x), axis=0)

    draws = np.array([scatter(pull[rows]) for rows in resampled(star, CLAIM.seed)])
    lower, upper = np.quantile(draws, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "family": [features.families[n] for n in features.names],
            "propagated": np.nanmedian(stated, axis=0) / np.sqrt(2),
            "real": scatter(difference) / np.sqrt(2),
            "ratio": scatter(pull),
            "lower": lower,
            "upper": upper,
        },
        index=features.names,
    )


def probabilities(features: Features, truth: np.ndarray, ratio: np.ndarray, copies: int, **settings) -> dict:
    """Differences of probabilities between spectra of a star beside what the errors of the indices make of them."""
    rng = np.random.default_rng(CLAIM.seed)
    names = np.unique(truth)
    p = np.zeros((len(truth), len(names)))
    spread = {"as_propagated": np.ones(len(ratio)), "as_repeats_show": np.maximum(ratio, 1)}
    clouds = {k: np.zeros((copies, len(truth), len(names))) for k in spread}
    fold = folds(list(features.ids), 5, seed=CLAIM.seed)
    for part in range(5):
        judge = fold == part
        given = replace(features, spectra=None).select(~judge)  # errors are known of indices alone
        model = train_classifier(given, truth[~judge], estimator="boosting", seed=CLAIM.seed, **settings)
        order = [model.classes.index(n) for n in names]
        rows = features.select(judge)
        p[judge] = model.probabilities(rows).to_numpy()[:, order]
        for kind, factor in spread.items():
            for k in range(copies):
                shift = rng.standard_normal(rows.values.shape) * rows.errors * factor
                noisy = model.probabilities(replace(rows, values=rows.values + shift))
                clouds[kind][k, judge] = noisy.to_numpy()[:, order]
    a, b = pairs_of(features.ids).T
    top, star = (p[a] + p[b]).argmax(axis=1), features.ids[a]
    square = (p[a, top] - p[b, top]) ** 2
    out: dict = {
        "pairs": len(a),
        "stars": len(np.unique(star)),
        "median_difference": float(np.median(np.sqrt(square))),
        "rms_error_of_one": float(np.sqrt(square.mean() / 2)),
        "class_flips": float(np.mean(p[a].argmax(axis=1) != p[b].argmax(axis=1))),
        "label_flips": float(np.mean(truth[a] != truth[b])),
    }
    for kind, cloud in clouds.items():
        variance = cloud.var(axis=0, ddof=1)
        expected = variance[a, top] + variance[b, top]
        called = np.eye(len(names))[cloud.argmax(axis=2)].mean(axis=0)
        draws = [np.sqrt(square[r].mean() / expected[r].mean()) for r in resampled(star, CLAIM.seed)]
        out[kind] = {
            "rms_error_of_one": float(np.sqrt(expected.mean() / 2)),
            "real_over_propagated": float(np.sqrt(square.mean() / expected.mean())),
            "interval": np.quantile(draws, [0.025, 0.975]),
            "class_flips": float(np.mean(1 - np.sum(called[a] * called[b], axis=1))),
        }
    return out


def draw(table: pd.DataFrame, path: Path) -> None:
    """The ratio of real to propagated errors of every index, by family; circles are simulated repeats."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    order = table.groupby("family")["ratio"].median().sort_values().index
    fig, ax = plt.subplots(figsize=(7.0, 5.2), layout="constrained")
    for y, family in enumerate(order):
        t = table[table["family"] == family].sort_values("ratio")
        at = y + np.linspace(-0.3, 0.3, len(t)) if len(t) > 1 else np.array([float(y)])
        ends = np.abs(t[["lower", "upper"]].to_numpy().T - t["ratio"].to_numpy())
        ax.errorbar(
            t["ratio"], at, xerr=ends, fmt="o", ms=3, lw=0.7, color="#0072B2", label="" if y else "real"
        )
        ax.plot(
            t["simulated_ratio"], at, "o", ms=3.5, mfc="none", color="#D55E00", label="" if y else "simulated"
        )
    ax.axvline(1, color="#9A9A9A", lw=1, zorder=0)
    ax.set(xscale="log", yticks=range(len(order)), yticklabels=[f.replace("_", " ") for f in order])
    ax.set_xticks([0.5, 1, 2, 5, 10, 20, 50])
    ax.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    ax.set_xlabel("scatter between spectra of a star / propagated error")
    ax.xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    ax.legend(frameon=False, loc="lower right")
    fig.savefig(path, dpi=150)
    plt.close(fig)


def measure(args) -> dict:
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    spectra = read_lamost(Path(args.data) / "lamost").spectra
    facts = pd.DataFrame(spectra.table)
    spectra = spectra.replace(ids=np.array([f"star {k}" for k in facts["star"]]))
    features = extract_features(spectra)
    facts = facts.iloc[features.rows]
    table = index_table(features)
    sim = simulate_lamost(20 if args.smoke else 400, key=CLAIM.seed, visits=2, snr=(15.0, 100.0))
    simulated = index_table(extract_features(sim.spectra))
    table = table.assign(simulated_ratio=simulated["ratio"])
    blue = [i.name for i in builtin_indices(shapes=False) if i.unit == "A" and i.band[1] < 5900]  # type: ignore[index]
    blue = [n for n in blue if features.families[n] not in ("helium", "sodium")]
    settings = {"max_iter": 30} if args.smoke else {}
    p = probabilities(
        features, facts["main"].to_numpy(str), table["ratio"].to_numpy(), 3 if args.smoke else 30, **settings
    )
    found = {
        "widths_ratio": float(table.loc[blue, "ratio"].median()),
        "simulated_widths_ratio": float(table.loc[blue, "simulated_ratio"].median()),
    }
    found |= {f"{k}_inverse": 1 / v for k, v in found.items()}
    if not args.smoke:  # a trial run leaves the evidence alone
        draw(table, HERE / "figures" / "lamost_precision.png")
        (HERE / "lamost_precision.md").write_text(page(table, p), encoding="utf-8")
    return found | {
        "repeated_stars": p["stars"],
        "indices": table.T.to_dict(),
        "probabilities": p,
    }


def rows(head: str, lines: list[list]) -> str:
    """A Markdown table."""
    bar = "|" + "---|" * (head.count("|") + 1)
    return (
        "\n".join([f"| {head} |", bar, *("| " + " | ".join(map(str, cells)) + " |" for cells in lines)])
        + "\n"
    )


def page(table: pd.DataFrame, p: dict) -> str:
    """All as Markdown."""
    families = [
        [
            f,
            len(t),
            f"{t['ratio'].median():.2f}",
            f"{t['ratio'].min():.2f} to {t['ratio'].max():.2f}",
            f"{t['simulated_ratio'].median():.2f}",
        ]
        for f, t in sorted(table.groupby("family"), key=lambda item: item[1]["ratio"].median())
    ]
    each = [
        [
            n,
            r["family"],
            f"{r['real']:.3g}",
            f"{r['propagated']:.3g}",
            f"{r['ratio']:.2f} [{r['lower']:.2f}, {r['upper']:.2f}]",
            f"{r['simulated_ratio']:.2f}",
        ]
        for n, r in table.iterrows()
    ]
    kinds = {
        "as_propagated": "propagated errors of the indices",
        "as_repeats_show": "the same, enlarged where repeats show more",
    }
    chances = [["between real spectra", f"{p['rms_error_of_one']:.3f}", "", f"{p['class_flips']:.1%}"]]
    for kind, words in kinds.items():
        e = p[kind]
        low, high = e["interval"]
        ratio = f"{e['real_over_propagated']:.2f} [{low:.2f}, {high:.2f}]"
        chances.append([words, f"{e['rms_error_of_one']:.3f}", ratio, f"{e['class_flips']:.1%}"])
    return TEXT.format(
        stars=p["stars"],
        pairs=p["pairs"],
        label_flips=p["label_flips"],
        families=rows("family | indices | median ratio | range | simulated", families),
        chances=rows(
            "source | rms error of one probability | real over propagated | pairs called differently", chances
        ),
        each=rows("index | family | real precision | propagated | ratio | simulated", each),
    )


TEXT = """# Precision of real LAMOST indices and probabilities

Written by `python validation/lamost_precision.py`; thresholds and verdict in [README.md](README.md).

{stars} stars of DR1 to DR8 have two or more spectra, {pairs} pairs in all. The ratio is the robust scatter of the differences between spectra of a star over the
errors propagated from the pixels: 1 if these are right. "Simulated" is the same for simulated repeats.

![ratio of real to propagated errors by family](figures/lamost_precision.png)

{families}
Where the pixels of a band are compared with those next to them, propagated errors are about right. Where distant bands are compared (slopes, curvatures, breaks) the
flux calibration decides, which no pixel error knows of; towards the red, sky lines and tellurics do. Classifiers that lean on colours inherit this.

## Probabilities

The survey itself gives {label_flips:.0%} of the pairs different main classes.

{chances}
## Every index

{each}"""


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
