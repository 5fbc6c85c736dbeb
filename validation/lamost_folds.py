"""Real LAMOST stars in five partitions of five folds by star: what the classifier's defaults are worth, and more stars.

Used by `lamost_real.py` and `open_estimators.py`; not a claim by itself.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline

from luxjax.classify import coverage_band, score_classes, train_classifier
from luxjax.classify.features import Features, extract_features
from luxjax.data import Spectra
from luxjax.surveys import read_lamost

CLASSES = list("AFGKM")
SEEDS = (1, 2, 3, 4, 5)
ORIGINAL = "lrs_dr10_original"  # the same spectra are among those of DR10
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "log_loss")


def real_spectra(folder: Path) -> tuple[Spectra, pd.DataFrame, int, pd.DataFrame]:
    """Spectra of DR1 to DR8 with ids by star, their facts, the number of files, and what cannot be used."""
    read = read_lamost(folder)
    table = pd.DataFrame(read.spectra.table)
    kept = np.flatnonzero(~table["file"].astype(str).str.contains(ORIGINAL))
    spectra = read.spectra.replace(ids=np.array([f"star {k}" for k in table["star"]])).select(kept)
    problems = read.problems[~read.problems["path"].astype(str).str.contains(ORIGINAL)]
    n_files = len([p for p in folder.rglob("*.fits*") if ORIGINAL not in str(p)])
    return spectra, table.iloc[kept].reset_index(drop=True), n_files, problems


def tenth_release(folder: Path) -> tuple[Features, np.ndarray]:
    """Features and classes of the 1,153 A, F and G stars of DR10; spectra of one designation are of one star."""
    parts = []
    for file in sorted((folder / "lrs_dr10_afg").glob("*.npz")):
        with np.load(file, allow_pickle=False) as d:
            wavelength = 10 ** (float(d["coeff0"]) + float(d["coeff1"]) * np.arange(d["flux"].shape[1]))
            table = pd.DataFrame({"z": d["z"], "main": [s[0] for s in d["subclass"]]})
            good = (d["ivar"] > 0) & (d["andmask"] == 0)
            ids = np.char.add("dr10 ", d["designation"].astype(str))
            flux, ivar = d["flux"].astype(float), np.where(good, d["ivar"], 0).astype(float)
        parts.append(Spectra(flux, ivar, wavelength, "vacuum", ids, frame="barycentric", table=table))
    features = extract_features(parts)
    truth = pd.concat([pd.DataFrame(p.table) for p in parts], ignore_index=True)["main"].to_numpy(str)
    return features, truth[features.rows]


def joined(one: Features, other: Features) -> Features:
    """The rows of both, with their spectra."""
    assert one.spectra is not None
    assert other.spectra is not None
    return Features(
        pd.concat([one.values, other.values], ignore_index=True),
        pd.concat([one.errors, other.errors], ignore_index=True),
        one.families,
        np.concatenate([one.ids, other.ids]),
        np.arange(len(one) + len(other)),
        one.left_out,
        Spectra.stack([one.spectra.replace(table=None), other.spectra.replace(table=None)]),
    )


def split(truth: np.ndarray, ids: np.ndarray, seed: int):
    """Rows to train on and rows held out, five times, by star."""
    return list(StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(truth, truth, ids))


def partition(features: Features, truth: np.ndarray, seed: int, more=None, **options) -> dict:
    """Out-of-fold probabilities, membership of the 90% sets and the calibration scores of each fold; `more` stars train in every fold."""
    p, inside = np.zeros((len(truth), len(CLASSES))), np.zeros(len(truth), bool)
    sets, counts = [], []
    for fit, held in split(truth, features.ids, seed):
        train, known = features.select(fit), truth[fit]
        if more is not None:
            train, known = joined(train, more[0]), np.concatenate([known, more[1]])
        model = train_classifier(train, known, seed=seed, **options)
        found = model.probabilities(features.select(held))[CLASSES].to_numpy()
        p[held] = found
        codes = pd.Index(CLASSES).get_indexer(truth[held])
        inside[held] = model.sets.contains(found, 0.9)[np.arange(len(held)), codes]
        sets.append(model.sets)
        counts.append(len(np.unique(features.ids[held])))
    return {"p": p, "inside": inside, "sets": sets, "counts": counts}


def by_pixels(features: Features, truth: np.ndarray, seed: int) -> np.ndarray:
    """The baseline: boosted trees on 30 principal components of the pixels, all of scikit-learn, on the same folds."""
    assert features.spectra is not None
    flux = np.where(features.spectra.good, features.spectra.flux, np.nan)
    codes, p = pd.Index(CLASSES).get_indexer(truth), np.zeros((len(truth), len(CLASSES)))
    for fit, held in split(truth, features.ids, seed):
        boosting = HistGradientBoostingClassifier(
            max_iter=200,
            learning_rate=0.06,
            max_leaf_nodes=15,
            min_samples_leaf=10,
            early_stopping=False,
            random_state=seed,
        )
        model = make_pipeline(SimpleImputer(strategy="median"), PCA(30, random_state=seed), boosting)
        p[held] = model.fit(flux[fit], codes[fit]).predict_proba(flux[held])
    return p


def scored(p: np.ndarray, truth: np.ndarray, ids: np.ndarray) -> dict[str, float]:
    scores = score_classes(pd.DataFrame(p, columns=CLASSES), truth, ids=list(ids), n_draws=20)
    return {name: float(scores[name]) for name in SCORES}


def paired(right: np.ndarray, other: np.ndarray, ids: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Mean difference of being right over partitions (row, partition), with the ends of its 95% interval by bootstrap over stars."""
    each = pd.Series((right.astype(float) - other).mean(axis=1)).groupby(ids).agg(["sum", "size"]).to_numpy()
    rows = np.random.default_rng(seed).integers(len(each), size=(2000, len(each)))
    draws = each[rows, 0].sum(axis=1) / each[rows, 1].sum(axis=1)
    return float(each[:, 0].sum() / each[:, 1].sum()), *map(float, np.quantile(draws, [0.025, 0.975]))


def second_look(called: np.ndarray, truth: np.ndarray, ids: np.ndarray) -> dict[str, float]:
    """Over all pairs of spectra of one star: how often the class of one is what the classifier calls the other, (row, partition) names,
    and how often the survey gives both the same.
    """
    groups = list(pd.Series(range(len(ids))).groupby(np.asarray(ids)).groups.values())
    a, b = np.array([pair for group in groups for pair in combinations(group, 2)]).T
    agrees = ((called[a] == truth[b][:, None]).mean() + (called[b] == truth[a][:, None]).mean()) / 2
    return {"pairs": len(a), "classifier": float(agrees), "survey": float(np.mean(truth[a] == truth[b]))}


def defaults(features: Features, truth: np.ndarray, folder: Path, smoke: bool) -> dict:
    """The defaults in all partitions: scores, sets, repeats, the baseline of pixels, and what the stars of DR10 add."""
    seeds, options = SEEDS, {}
    if smoke:
        seeds, options = SEEDS[:1], {"estimator": "trees", "n_estimators": 40}
    found, ids = {"default": {}, "pixels": {}, "with_dr10": {}}, features.ids
    parts = [partition(features, truth, seed, **options) for seed in seeds]
    called = np.array(CLASSES)[np.stack([p["p"].argmax(axis=1) for p in parts], axis=1)]
    plain = [by_pixels(features, truth, seed) for seed in seeds]
    other = np.array(CLASSES)[np.stack([p.argmax(axis=1) for p in plain], axis=1)]
    each = {
        "default": [scored(p["p"], truth, ids) for p in parts],
        "pixels": [scored(p, truth, ids) for p in plain],
    }
    if not smoke:
        more = tenth_release(folder)
        wide = [partition(features, truth, seed, more) for seed in seeds[:1]]
        each["with_dr10"] = [scored(p["p"], truth, ids) for p in wide]
    for name, entries in each.items():
        found[name] = {k: float(np.mean([e[k] for e in entries])) for k in SCORES}
    once = np.unique(ids, return_index=True)[1]  # one spectrum of each star, as the band counts stars
    held = float(np.mean([p["inside"][once].mean() for p in parts]))
    low, high = coverage_band(parts[0]["sets"], parts[0]["counts"])
    truth_column = truth[:, None]
    gap = paired(called == truth_column, other == truth_column, ids, seeds[0])
    return {
        **found,
        "sets_hold": held,
        "band": [low, high],
        "against_pixels": gap,
        "repeats": second_look(called, truth, ids),
    }
