"""Estimators side by side on the real LAMOST stars: the same features, the same folds, with their times; a table, not a contest.

Eight estimators in one partition into five folds by star, all on the indices, latents and principal components that are learned in each fold.
Then two questions: does making stars (SMOTE) beat weights of classes, and does a stack beat the average?

Needs the folder of real survey files, named by --data or LUXJAX_REAL_DATA. Needs lightgbm, xgboost and imbalanced-learn.

    python validation/open_estimators.py [--smoke] [--data FOLDER]
"""

import os
import time
from pathlib import Path

import pandas as pd
from claims import Claim
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from lamost_folds import SCORES, partition, real_spectra, scored
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from luxjax.classify.features import extract_features
from luxjax.core import InputError

CLAIM = Claim(
    __file__,
    "Eight estimators of four libraries train on the same features and folds of real stars through the one front door, and none of them beats the "
    "default in log loss by more than 0.05 nats.",
    {"estimators": ">= 8", "best_log_loss_below_default": "<= 0.05"},
    seed=6,
    smoke_threshold={"estimators": ">= 2"},
)
NAMED = ("average", "trees", "boosting", "forest", "logistic", "svm", "neighbours", "xgboost", "lightgbm")


def options(parser):
    parser.add_argument(
        "--data", default=os.environ.get("LUXJAX_REAL_DATA"), help="folder of real survey files"
    )


def cases(smoke: bool) -> dict:
    """Estimators by what they are called in the table."""
    if smoke:
        return {name: {"estimator": name} for name in ("average", "logistic")}
    trees = ExtraTreesClassifier(300, min_samples_leaf=2, max_features=0.3, random_state=CLAIM.seed)
    line = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    made = Pipeline(
        [
            ("fill", SimpleImputer()),
            ("smote", SMOTE(k_neighbors=3, random_state=CLAIM.seed)),
            ("trees", trees),
        ]
    )
    weighted = ExtraTreesClassifier(**{**trees.get_params(), "class_weight": "balanced"})
    stack = StackingClassifier(
        [("trees", weighted), ("line", line)], final_estimator=LogisticRegression(max_iter=2000)
    )
    return {name: {"estimator": name} for name in NAMED} | {
        "linear discriminants": {"estimator": line},
        "trees, no weights": {"estimator": trees},
        "trees, SMOTE": {"estimator": made},
        "trees and discriminants stacked": {"estimator": stack},
    }


def measure(args) -> dict:
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    spectra, table, _, _ = real_spectra(Path(args.data) / "lamost")
    features = extract_features(spectra)
    truth, found = table["main"].to_numpy(str)[features.rows], {}
    for name, how in cases(args.smoke).items():
        start = time.process_time()
        p = partition(features, truth, CLAIM.seed, **how)["p"]
        found[name] = {**scored(p, truth, features.ids), "cpu_seconds": time.process_time() - start}
        print(name, {k: round(v, 3) for k, v in found[name].items()}, flush=True)
    losses = {name: entry["log_loss"] for name, entry in found.items()}
    print(pd.DataFrame(found).T.round(3).to_string())
    return {
        "estimators": len(found),
        "best_log_loss_below_default": losses["average"] - min(losses.values()),
        "table": found,
        "scores": list(SCORES),
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
