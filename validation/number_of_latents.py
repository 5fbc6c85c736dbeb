"""The number of latents that made a survey is found again by the evidence of held-out stars.

Surveys are drawn from bilinear models of 5, 10 and 20 latents: spectra of S/N 100 with bad pixels, and five labels, some of
them missing. No candidate knows the answer: models of 2, 4, ..., 28 latents are compared, and then the neighbours of
the best. They are compared by three-fold cross-validation over stars (`luxjax.prediction.select_model`) by their evidence: the marginal
likelihood of all pixels and labels of stars they were not fitted to, latents integrated out. Choosing blindly among these
candidates would land within 2 of the truth in about one case of five.

Shown beside it, without a threshold: the number chosen by the predictive density of held-out labels from the spectra alone.
It asks a different question. Labels that hang on a latent weakly do not miss it, and latents too many cost them little.

    python validation/number_of_latents.py [--smoke]
"""

import numpy as np
import pandas as pd
from claims import Claim

from luxjax.fitting import EM
from luxjax.models import Lux
from luxjax.prediction import select_model
from luxjax.simulation import bilinear

COLUMNS = {"evidence": "evidence", "labels": "score"}
CLAIM = Claim(
    __file__,
    "On twelve simulated surveys, four each of 5, 10 and 20 latents, the number of latents of the highest held-out "
    "marginal likelihood is within 2 of the truth every time.",
    {"largest_error": "<= 2"},
    seed=70,
)


def survey(truth: int, seed: int, n_stars: int, pixels: int, coarse) -> dict:
    """What one survey's stars choose, and by how much."""
    sizes = {"flux": pixels, "labels": 5}
    catalog = bilinear(n_stars, sizes, truth, key=seed, bad_fraction=0.01, missing_fraction=0.1).catalog

    def compare(numbers) -> pd.DataFrame:
        candidates = {str(d): (Lux.linear(sizes, d), EM(tol=1e-4)) for d in numbers}
        return select_model(catalog, candidates, inputs=["flux"], key=seed, n_folds=3, seed=seed).table

    table = compare(coarse)
    near = {int(table[c].idxmax()) + step for c in COLUMNS.values() for step in (-1, 1)}
    table = pd.concat([table, compare(sorted(near))])
    table = table.set_index(table.index.astype(int)).sort_index()
    return {
        "truth": truth,
        "seed": seed,
        **{f"by_{by}": int(table[c].idxmax()) for by, c in COLUMNS.items()},
        **{f"{by}_by_latents": table[c].to_dict() for by, c in COLUMNS.items()},
    }


def measure(args) -> dict:
    truths, n_seeds = ((2,), 1) if args.smoke else ((5, 10, 20), 4)
    n_stars, pixels, coarse = (150, 96, (2,)) if args.smoke else (300, 300, range(2, 29, 2))
    seeds = np.random.SeedSequence(CLAIM.seed).generate_state(len(truths) * n_seeds).reshape(-1, n_seeds)
    surveys = [
        survey(truth, int(seed), n_stars, pixels, coarse)
        for truth, row in zip(truths, seeds, strict=True)
        for seed in row
    ]
    errors = {by: [s[f"by_{by}"] - s["truth"] for s in surveys] for by in COLUMNS}
    return {
        "largest_error": max(abs(e) for e in errors["evidence"]),
        "largest_error_by_labels": max(abs(e) for e in errors["labels"]),
        "errors": errors,
        "exact": sum(e == 0 for e in errors["evidence"]),
        "surveys": surveys,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
