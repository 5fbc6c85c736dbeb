"""Estimators side by side on the real LAMOST stars: the same features, the same folds, with their times; a table, not a contest.

One partition into three folds by star: fourteen estimators in five took twice the time, and the table compares them with each other, not with the claims
in five folds. The latents, principal components and colours of a fold do not depend on the estimator, so they are
learned once in each fold, from its training stars, and every estimator is trained on the same columns: to learn them again for each of the
estimators would take most of the time and change no number but the times. Boosted trees of other libraries get one thread: on few stars
theirs wait for each other. Four questions: what do eight estimators of four libraries give;
does making stars (SMOTE) beat weights of classes; does a stack beat the average; what do two colours of the survey's input catalogue add?

Needs the folder of real survey files, named by --data or LUXJAX_REAL_DATA. Needs lightgbm, xgboost and imbalanced-learn.

    python validation/open_estimators.py [--smoke] [--data FOLDER]
"""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from claims import Claim
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from lamost_folds import CLASSES, SCORES, paired, real_spectra, scored
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from luxjax.classify import train_classifier
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
THREADED = ("xgboost", "lightgbm")
BANDS, WITH = "ugrizyjhk", ", with colours"


def options(parser):
    parser.add_argument(
        "--data", default=os.environ.get("LUXJAX_REAL_DATA"), help="folder of real survey files"
    )


def cases(smoke: bool) -> dict:
    """Estimators by what they are called in the table."""
    if smoke:
        return {name: {"estimator": name} for name in ("average", "logistic")}
    trees = ExtraTreesClassifier(200, min_samples_leaf=2, max_features=0.3, random_state=CLAIM.seed)
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
    named = {name: {"estimator": name} | ({"n_jobs": 1} if name in THREADED else {}) for name in NAMED}
    return named | {
        "linear discriminants": {"estimator": line},
        "trees without weights": {"estimator": trees},
        "trees with weights": {"estimator": weighted},
        "trees on SMOTE": {"estimator": made},
        "trees and discriminants stacked": {"estimator": stack},
    }


def colours(files: pd.Series) -> pd.DataFrame:
    """Colours g - r and r - i of the input catalogue, from the headers; missing where a header has other bands."""
    rows = []
    for file in files:
        head = fits.getheader(file)
        bands = str(head.get("MAGTYPE", "")).removeprefix("MOD")
        named = {b: k + 1 for k, b in enumerate(bands)} if set(bands) <= set(BANDS) else {}
        mag = [float(head.get(f"MAG{named[b]}", np.nan)) if b in named else np.nan for b in "gri"]
        g, r, i = np.where((np.array(mag) > 5) & (np.array(mag) < 25), mag, np.nan)
        rows.append((g - r, r - i))
    return pd.DataFrame(rows, columns=["photometry: g_r", "photometry: r_i"])


def folds_of(features, truth) -> list:
    """Training and held-out rows of each fold with all their columns, learned by what the training stars are."""
    found, three = [], StratifiedGroupKFold(3, shuffle=True, random_state=CLAIM.seed)
    for fit, held in three.split(truth, truth, features.ids):
        train = features.select(fit)
        families = ("latent", "pca", "photometry")
        learned = train_classifier(train, truth[fit], estimator="logistic", learned=families, seed=CLAIM.seed)
        found.append((fit, held, learned.complete(train), learned.complete(features.select(held))))
    return found


def judged(folds, truth, colour: bool, **how) -> np.ndarray:
    """Out-of-fold probabilities of an estimator, with the colours or without."""
    p = np.zeros((len(truth), len(CLASSES)))
    for fit, held, train, new in folds:
        parts = (train, new) if colour else (train.without("photometry"), new.without("photometry"))
        model = train_classifier(parts[0], truth[fit], learned=(), seed=CLAIM.seed, **how)
        p[held] = model.probabilities(parts[1])[CLASSES].to_numpy()
    return p


def measure(args) -> dict:
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    spectra, table, _, _ = real_spectra(Path(args.data) / "lamost")
    seen = colours(table["file"])
    features = extract_features(spectra.replace(table=table.join(seen)))
    truth, found, each = table["main"].to_numpy(str)[features.rows], {}, {}
    folds = folds_of(features, truth)
    asked = [(name, False, how) for name, how in cases(args.smoke).items()]
    asked += [(f"{name}{WITH}", True, {"estimator": name}) for name in ("trees", "logistic")]
    for name, colour, how in asked:
        start = time.process_time()
        each[name] = judged(folds, truth, colour, **how)
        found[name] = {
            **scored(each[name], truth, features.ids),
            "cpu_seconds": time.process_time() - start,
        }
        print(name, {k: round(v, 3) for k, v in found[name].items()}, flush=True)
    losses = {name: entry["log_loss"] for name, entry in found.items() if not name.endswith(WITH)}
    print(pd.DataFrame(found).T.round(3).to_string())
    return {
        "estimators": len(losses),
        "best_log_loss_below_default": losses["average"] - min(losses.values()),
        "table": found,
        "scores": list(SCORES),
        "spectra_with_colours": int(seen.notna().all(axis=1).sum()),
        "accuracy_gained": gains(each, truth, features.ids),
    }


def gains(each, truth, ids) -> dict:
    """Difference in accuracy of two rows of the table on the same spectra, with its 95% interval by bootstrap over stars."""
    pairs = [
        ("trees on SMOTE", "trees with weights"),
        ("trees and discriminants stacked", "average"),
        (f"trees{WITH}", "trees"),
        (f"logistic{WITH}", "logistic"),
    ]
    right = {
        name: (np.array(CLASSES)[p.argmax(axis=1)] == truth)[:, None].astype(float)
        for name, p in each.items()
    }
    return {f"{a} - {b}": paired(right[a], right[b], ids, CLAIM.seed) for a, b in pairs if {a, b} <= {*right}}


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
