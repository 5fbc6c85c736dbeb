"""Labels of real stars by ten-fold cross-validation, through the command line alone.

Two sets, none of it simulated: 471 APOGEE stars (100 pixels; Teff, logg, [M/H]) and 92 LAMOST DR1 stars (whole optical
spectra; Teff, logg, [Fe/H]). Each fold chooses its number of latents on its own training stars. Commands, tables and
figures go to validation/real_labels.md. Needs the folder of real survey files, named by --data or LUXJAX_REAL_DATA.

The threshold on APOGEE's RMSE and the bands were set before the first run; the one on LAMOST's is the same number, added
after trials had shown that Lux does worse than ridge there, so that the table says so. The APOGEE file has no label errors: 91.5
K, 0.11 and 0.05 dex are stated here, of the order of those of DR12 (not looked up again). Spectra came with the errors that
the surveys state. In LAMOST DR1 these proved
too large: third differences of neighbouring pixels (which know nothing of labels) scatter by 0.66 of what they state
on the native pixels, and 0.52 after resampling to rest. A model that takes noise as stated or larger must miss
features below it. The set is therefore shown twice, with errors as stated and halved; the claim is judged on the first.

    python validation/real_labels.py [--smoke] [--data FOLDER]
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from claims import Claim

from luxjax.core import InputError
from luxjax.runs import RunFolder
from luxjax.stats import binomial_interval

HERE = Path(__file__).resolve().parent
CLAIM = Claim(
    __file__,
    "On real APOGEE and LAMOST stars, in ten-fold cross-validation with all choices made on training stars, no label's "
    "RMSE is more than 1.1 times the better of ridge's and The Cannon's on the same folds, and the calibrated 68% and "
    "95% intervals cover the catalogue labels within their family-wise 95% bands.",
    {"apogee_rmse_ratio": "<= 1.1", "lamost_rmse_ratio": "<= 1.1", "cells_outside_band": "== 0"},
    seed=1,
    smoke_threshold={"apogee_rmse_ratio": "<= 2", "lamost_rmse_ratio": "<= 4", "cells_outside_band": "<= 6"},
)
LAMOST = (
    "luxjax ingest {data}/lamost/lrs_dr1 --label-catalog {data}/lamost/catalogue/lamost_dr1_catalogue_subset.csv "
    "--labels teff,logg,fe_h --survey lamost --wavelength-range 3850,8900 --normalization quantile --binning 1 --noise-limit inf"
)
SETS = {
    "apogee": (
        "luxjax ingest {data}/apogee/cannon_test_set/apogee_cannon_471_stars_100_pixels.npz --survey apogee "
        "--medium vacuum --labels teff,logg,m_h --array error=flux_err --array wavelength=wavelength_inferred_angstrom "
        "--label-error teff=91.5 --label-error logg=0.11 --label-error m_h=0.05 -o {out}/apogee",
        "4,8,12,16,24",
    ),
    "lamost": (LAMOST + " -o {out}/lamost", "3,6,12"),
    "lamost_half": (LAMOST + " --error-factor 0.5 -o {out}/lamost_half", "3,6,12"),
}
TITLES = {
    "apogee": "APOGEE: 471 stars, 100 pixels",
    "lamost": "LAMOST DR1: 92 stars, 3,639 pixels, errors as stated",
    "lamost_half": "LAMOST DR1: the same, errors of the spectra halved",
}
FIGURES = {"one_to_one_observed": "predicted against catalogue", "residuals_observed": "residuals"}
PAGE = """# Labels of real stars

Written by `python validation/real_labels.py`; thresholds and verdict in [README.md](README.md).

Every star is predicted once, by a linear model that never saw it. RMSE is against the survey's own labels, whose errors it
includes. Ridge and The Cannon see the same folds. Brackets: 95% intervals, by bootstrap for RMSE and exact binomial
(Clopper and Pearson) for coverage. "Raw" intervals are the model's own; calibrated ones were scaled on the training stars
of each fold. The band is where calibrated coverages must lie, all labels and levels of a set together.

"""

NOTES = """## Why ridge does better here, and what was tried

Measured by hand before labels could be read out from latents that the spectra alone give (``EM(readout=True)``), which is
the remedy for the first point and which cross-validation has been free to choose since ("8 (readout)"). On the same folds, RMSE of Teff (K), logg and [M/H] or [Fe/H]; no part of the claim.

- APOGEE: the latents hold what ridge uses, and the label decoder wastes it. Ridge on the pixels: 163, 0.317, 0.161. Lux with 24
  latents: 185, 0.361, 0.181; a ridge regression of the labels on *those same latents*: 163, 0.319, 0.161 (with 8 latents:
  171, 0.319, 0.159, for Lux's 180, 0.332, 0.164). Three label rows, fitted by maximum likelihood to some 420 stars with
  nothing to shrink them, follow label noise; from 16 latents on the learned scatter of Teff goes to zero.
- APOGEE, no remedy: 3 to 30 latents (177, 0.332, 0.163 at best, each with another number), quadratic decoders (191, 0.368, 0.178 with 6 latents), errors of the spectra
  divided by 2 or 4 (within 2%, at 8 latents).
- LAMOST: stated errors are too large (see the program), so features below them are lost. Ridge: 208, 0.366, 0.183. Lux with 12
  latents and the errors halved: 200, 0.437, 0.200, and divided by 3: 191, 0.446, 0.227. As stated, with 10 latents
  267, 0.682, 0.263. Smaller label errors change nothing.
- LAMOST: stated label errors (medians 174 K, 0.49, 0.43) are too large as well: that of [Fe/H] exceeds the spread of [Fe/H],
  0.27, and all 92 stars lie inside their 95% intervals. Where a band is missed for this, no calibration of the
  *predicted* error can mend it.
"""


def options(parser):
    default = os.environ.get("LUXJAX_REAL_DATA")
    parser.add_argument("--data", default=default, help="folder of real survey files")


def command(line: str, **folders: str) -> None:
    """Run a documented command, with the program of this Python."""
    words = [word.format(**folders) for word in shlex.split(line)]
    program = [sys.executable, "-c", "from luxjax.cli import main; main()"]
    done = subprocess.run(program + words[1:], capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"'{line}' ended with status {done.returncode}: {done.stderr.strip()}")


def commands(name: str, folds: int, smoke: bool) -> list[str]:
    ingest, latents = SETS[name]
    choice = "--latents 4" if smoke else f"--latents {latents}"
    return [
        ingest,
        f"luxjax evaluate {{out}}/{name} --folds {folds} {choice} --seed {CLAIM.seed} -o {{out}}/runs/{name}",
    ]


def judged(metrics: dict) -> dict:
    """Scores of one set, with exact intervals of the coverages."""
    out = {}
    for name, entry in metrics["labels"].items():
        n, raw = entry["n_observed"], metrics["uncalibrated"][name]
        cover = {}
        for level in ("68", "95"):
            for kind, source in (("raw", raw), ("calibrated", entry)):
                inside = round(source[f"coverage{level}"] * n)
                exact = binomial_interval(inside, n, 0.95, method="exact")
                cover[f"{kind}{level}"] = {"coverage": inside / n, "interval": list(exact)}
            low, high = entry[f"band{level}"]
            value = cover[f"calibrated{level}"]
            value |= {"band": [low, high], "inside": bool(low <= value["coverage"] <= high)}
        keep = ("n", "unit", "rmse", "rmse_interval", "bias", "robust", "spread", "median_error", "baselines")
        out[name] = {k: entry[k] for k in keep} | {
            "over_best_baseline": entry["rmse"] / min(entry["baselines"].values()),
            **cover,
        }
    return out


def table(labels: dict) -> str:
    def pair(entry, digits=2):
        return "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(entry["coverage"], *entry["interval"], d=digits)

    lines = [
        "| label | stars | spread | Lux RMSE | ridge | Cannon | ratio to better | bias | 68% raw | 68% calibrated | band | 95% raw "
        "| 95% calibrated | band |",
        "|" + "---|" * 14,
    ]
    for name, e in labels.items():
        rivals = e["baselines"]
        cells = [
            name,
            e["n"],
            f"{e['spread']:.3g}",
            "{:.3g} [{:.3g}, {:.3g}]".format(e["rmse"], *e["rmse_interval"]),
        ]
        cells += [f"{rivals['ridge']:.3g}", f"{rivals['cannon']:.3g}", f"{e['over_best_baseline']:.2f}"]
        cells += [f"{e['bias']:+.2g}"]
        for level in ("68", "95"):
            calibrated = e[f"calibrated{level}"]
            cells += [pair(e[f"raw{level}"]), pair(calibrated)]
            cells += [
                "{:.2f}-{:.2f}".format(*calibrated["band"]) + ("" if calibrated["inside"] else " **outside**")
            ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def section(name: str, lines: list[str], fit: dict, labels: dict) -> str:
    """One set on the page."""
    shown = "\n".join(line.format(data="$LUXJAX_REAL_DATA", out=".") for line in lines)
    pictures = (
        ""
        if name == "lamost"
        else "\n\n".join(
            f"![{TITLES[name]}: {what}](figures/real_labels_{name}_{figure}.png)"
            for figure, what in FIGURES.items()
        )
    )
    counts = ", ".join(fit["chosen_by_fold"])
    text = f"## {TITLES[name]}\n\n```\n{shown}\n```\n\nLatents chosen, fold by fold: {counts}.\n\n{table(labels)}\n"
    return f"{text}\n{pictures}\n" if pictures else text


def measure(args) -> dict:
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    folds, found, page = (3 if args.smoke else 10), {}, PAGE
    with tempfile.TemporaryDirectory() as out:
        for name in list(SETS)[: 2 if args.smoke else 3]:
            lines = commands(name, folds, args.smoke)
            for line in lines:
                command(line, data=str(Path(args.data).resolve()), out=out)
            metrics = RunFolder.open(Path(out) / "runs" / name).metrics
            labels = judged(metrics)
            found[name] = {"fit": metrics["fit"], "labels": labels}
            page += section(name, lines, metrics["fit"], labels) + "\n"
            if not args.smoke and name != "lamost":
                for figure in FIGURES:
                    source = Path(out) / "runs" / name / "figures" / f"{figure}.png"
                    shutil.copyfile(source, HERE / "figures" / f"real_labels_{name}_{figure}.png")
    if not args.smoke:  # a trial run leaves the evidence alone
        (HERE / "real_labels.md").write_text(page + NOTES, encoding="utf-8")
    ratio = {k: max(e["over_best_baseline"] for e in v["labels"].values()) for k, v in found.items()}
    cells = [
        e[f"calibrated{level}"]["inside"]
        for k in ("apogee", "lamost")
        for e in found[k]["labels"].values()
        for level in ("68", "95")
    ]
    return {
        "apogee_rmse_ratio": ratio["apogee"],
        "lamost_rmse_ratio": ratio["lamost"],
        "lamost_half_rmse_ratio": ratio.get("lamost_half"),
        "cells_outside_band": sum(not c for c in cells),
        "cells": len(cells),
        "sets": found,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
