"""What labels of real stars rest on, when nobody knows their errors.

Two sets, none of it simulated: 471 APOGEE stars (100 pixels whose wavelengths were inferred by comparison; Teff, logg, [M/H]
without errors) and 92 LAMOST DR1 stars (whole optical spectra; Teff, logg, [Fe/H] with errors that are too large: that of
[Fe/H] exceeds its spread). Half of each trains a model, the other half gives the evidence, with the package's line list.

The size of a label's noise decides how much of its off-trend variance is real, so every set is judged at a grid of assumed
errors: for APOGEE half, once and one and a half times 91.5 K, 0.11 and 0.05 dex (of the order of those of DR12, not
looked up again); for LAMOST a quarter, a half and once the medians of the stated ones. What such few stars cannot
decide should come out as inconclusive, and never as opposite verdicts at different assumed errors: that is the claim. A
label is contradicted if it is judged measured at one assumed error and shortcut at another. Teff shapes every spectrum,
so no assumption may make it a shortcut.

Writes validation/real_verdicts.md; the pages with all evidence go to runs/real_verdicts. Needs the folder of real survey
files, named by --data or LUXJAX_REAL_DATA. The claim was fixed before the first run.

    python validation/real_verdicts.py [--smoke] [--data FOLDER]
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from claims import Claim

from luxjax.core import InputError
from luxjax.data import Catalog, load_catalog, split
from luxjax.evidence import explain_all
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.report import render
from luxjax.runs import RunFolder, with_errors, write_explanations

HERE = Path(__file__).resolve().parent
CLAIM = Claim(
    __file__,
    "On real APOGEE and LAMOST stars no label is judged measured at one assumed label error and shortcut at another, and "
    "Teff is never judged a shortcut.",
    {"contradicted_labels": "== 0", "teff_shortcuts": "== 0"},
    seed=1,
)
SETS = {
    "apogee": (
        "ingest {data}/apogee/cannon_test_set/apogee_cannon_471_stars_100_pixels.npz --survey apogee --medium vacuum "
        "--labels teff,logg,m_h --array error=flux_err --array wavelength=wavelength_inferred_angstrom --label-error teff=91.5 "
        "--label-error logg=0.11 --label-error m_h=0.05 -o {out}",
        (0.5, 1.0, 1.5),
        12,
    ),
    "lamost": (
        "ingest {data}/lamost/lrs_dr1 --label-catalog {data}/lamost/catalogue/lamost_dr1_catalogue_subset.csv --labels "
        "teff,logg,fe_h --survey lamost --wavelength-range 3850,8900 --normalization quantile --binning 1 --noise-limit inf -o {out}",
        (0.25, 0.5, 1.0),
        6,
    ),
}
PAGE = """# What labels of real stars rest on

Written by `python validation/real_verdicts.py`, which says how; thresholds and verdict in [README.md](README.md). Evidence is
taken from stars that did not train the model. Brackets: 95% intervals. T: significance of the label's element lines.

| stars | label | assumed error | verdict | response | T | why, and what it would take |
|---|---|---|---|---|---|---|
"""


def options(parser):
    default = os.environ.get("LUXJAX_REAL_DATA")
    parser.add_argument("--data", default=default, help="folder of real survey files")


def ingested(line: str, **folders) -> Catalog:
    """The catalogue that a documented command makes."""
    words = [word.format(**folders) for word in shlex.split(line)]
    program = [sys.executable, "-c", "from luxjax.cli import main; main()", *words]
    done = subprocess.run(program, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"'luxjax {line}' ended with status {done.returncode}: {done.stderr.strip()}")
    return load_catalog(folders["out"])


def explained(catalog: Catalog, run: RunFolder, errors: dict, n_latents: int) -> dict:
    """Verdicts of all labels at these assumed errors, with their pages."""
    stars = with_errors(catalog, errors)
    half = split(list(stars.ids), {"train": 0.5, "evidence": 0.5}, seed=CLAIM.seed)
    model, fitter = Lux.linear(stars.sizes, n_latents), EM(tol=1e-5, max_cycles=150)
    fitted = fit(model, stars.select(half["train"]), fitter, key=CLAIM.seed)
    found = explain_all(fitted, stars.select(half["evidence"]), key=CLAIM.seed)
    write_explanations(run, found)
    render(run)
    return found


def row(name: str, label: str, error: float, explanation) -> str:
    verdict, own = explanation.verdict, explanation["element_lines"].value
    low, high = verdict.response_interval
    response = f"{verdict.response:.2f} [{low:.2f}, {high:.2f}]" if np.isfinite(verdict.response) else ""
    cells = [
        f"{name}, {verdict.n_stars}",
        label,
        f"{error:.3g} {explanation.unit}".strip(),
        verdict.verdict,
        response,
        f"{own:.1f}" if np.isfinite(own) else "",
        " ".join(verdict.reasons).replace("|", "\\|"),
    ]
    return "| " + " | ".join(cells) + " |\n"


def measure(args) -> dict:
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    page, found = PAGE, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (line, factors, n_latents) in list(SETS.items())[: 1 if args.smoke else 2]:
            data = str(Path(args.data).resolve())
            catalog = ingested(line, data=data, out=f"{folder}/{name}")
            table = catalog.labels()
            typical = dict(zip(table.names, np.nanmedian(table.error, axis=0), strict=True))
            for factor in factors[1:2] if args.smoke else factors:
                errors = {label: factor * value for label, value in typical.items()}
                out = (
                    Path(folder) if args.smoke else HERE.parent / "runs/real_verdicts"
                ) / f"{name}_{factor:g}"
                run = RunFolder.create(out, config={"name": out.name}, seed=CLAIM.seed, overwrite=True)
                for label, e in explained(catalog, run, errors, n_latents).items():
                    found.setdefault(f"{name} {label}", []).append(e.verdict.verdict)
                    page += row(name, label, errors[label], e)
    if not args.smoke:  # a trial run leaves the evidence alone
        (HERE / "real_verdicts.md").write_text(page, encoding="utf-8")
    return {
        "contradicted_labels": sum(
            "shortcut" in words and bool({"measured", "followed"} & set(words)) for words in found.values()
        ),
        "teff_shortcuts": sum(words.count("shortcut") for key, words in found.items() if "teff" in key),
        "verdicts": found,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
