"""Classes and parameters of a simulated natural mix, with probabilities and intervals that must hold.

Stars of O to M are simulated as LAMOST would observe them: reddened, not at rest, with errors of flux calibration and redshift, at
S/N 10 to 100. One part trains (and, within training, calibrates), other stars are judged. Every judged star of A to M counts, those
called O or B among the errors. Training labels are true; intervals and calibration are for such.

- Classes: gradient boosting on spectral indices and 20 principal components (learnt on training spectra), beside a random forest and logistic regression on the same stars.
- Parameters of F to K stars at S/N >= 20: boosted quantiles on the same features, trained on all classes. Beside them ridge
  regression on the same features, and Lux and ridge regression on the spectra themselves (at rest, divided by their continuum),
  these trained on the F to K stars alone, because linear decoders do not reach from M to A.
- The calibration error of probabilities that are exactly right is not zero in a finite sample: `ece_if_calibrated` is what classes
  drawn from the stated probabilities give, mean and 97.5%.

    python validation/lamost_classes.py [--smoke]
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from claims import Claim

from luxjax.classify import Classifier, calibration_error, score_classes, train_classifier
from luxjax.classify.features import Features, SpectralPCA, extract_features
from luxjax.classify.parameters import score_parameters, train_parameters
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.prediction import ridge, transfer
from luxjax.preprocessing import ContinuumQuantile, normalize, to_rest
from luxjax.readout import read_out
from luxjax.simulation import OpticalSynthesis, simulate_lamost

MAIN = "AFGKM"
LEVELS = (0.8, 0.9, 0.95)
UNITS = {"teff": "K", "logg": "dex", "fe_h": "dex", "alpha_fe": "dex"}
ERRORS = (
    20.0,
    0.03,
    0.02,
    0.02,
)  # Lux asks for label errors; these are true labels, so well below what it can reach
CHUNK = 1500  # stars simulated at a time
GRID = np.geomspace(3900.0, 8900.0, 1000)
CLAIM = Claim(
    __file__,
    "On a simulated natural mix of O to M at S/N 10 to 100, split by star, A to M are told apart with a balanced accuracy of at least 0.90 and a "
    "macro-F1 of at least 0.88, at least 95% of the errors are in an adjacent class, the calibration error is at most 0.02, conformal sets cover within "
    "their band at 80, 90 and 95%, and for F to K at S/N >= 20 the mean absolute errors of Teff, log g and [Fe/H] are below 100 K, 0.2 and 0.1 dex.",
    {
        "balanced_accuracy": ">= 0.9",
        "macro_f1": ">= 0.88",
        "adjacent_errors": ">= 0.95",
        "calibration_error": "<= 0.02",
        "conformal_levels_outside": "== 0",
        "teff_mae_k": "< 100",
        "logg_mae": "< 0.2",
        "fe_h_mae": "< 0.1",
    },
    seed=83,
    smoke_threshold={"balanced_accuracy": ">= 0.5", "teff_mae_k": "< 400"},
)


class Sample(NamedTuple):
    """Simulated spectra, their features, and the truth with the S/N in the rows of the features."""

    parts: list[Spectra]
    features: Features
    truth: pd.DataFrame

    def among(self, classes: str, snr: float = 0.0) -> np.ndarray:
        """Which stars are of these classes and at least this S/N."""
        return (self.truth["class"].isin(list(classes)) & (self.truth["snr"] >= snr)).to_numpy()

    def labels(self, rows=slice(None)) -> LabelTable:
        """True parameters."""
        values = self.truth[list(UNITS)].to_numpy()[rows]
        errors = np.broadcast_to(ERRORS, values.shape)
        return LabelTable(values, errors, tuple(UNITS), self.features.ids[rows], UNITS)

    def catalog(self, rows: np.ndarray) -> Catalog:
        """Spectra at rest on a coarse grid, divided by their continuum, and labels."""
        kept, ends, found = self.features.rows[rows], np.cumsum([0, *map(len, self.parts)]), []
        for part, start, stop in zip(self.parts, ends[:-1], ends[1:], strict=True):
            mine = part.select(kept[(kept >= start) & (kept < stop)] - start)
            if len(mine):
                found.append(to_rest(mine, redshift=pd.DataFrame(mine.table)["z"], grid=GRID))
        continuum = ContinuumQuantile(window_angstrom=100.0, quantile=0.9)
        spectra = normalize(Spectra.stack(found), continuum).spectra
        return Catalog({"spectra": spectra, "labels": self.labels(rows)})


def observed(n_stars: int, seed: int, synthesis: OpticalSynthesis, mix=None) -> Sample:
    """A natural mix, with its spectral indices for features."""
    parts, truths = [], []
    for start in range(0, n_stars, CHUNK):
        n = min(CHUNK, n_stars - start)
        sim = simulate_lamost(n, key=seed + start, mix=mix, synthesis=synthesis)
        parts.append(sim.spectra.replace(ids=np.array([f"{start}-{name}" for name in sim.spectra.ids])))
        truths.append(sim.truth.assign(snr=pd.DataFrame(sim.spectra.table)["snrg"]))
    features, truth = extract_features(parts), pd.concat(truths, ignore_index=True)
    return Sample(parts, features, truth.iloc[features.rows].reset_index(drop=True))


def with_components(sample: Sample, pca: SpectralPCA) -> Sample:
    """The same with principal components among the features."""
    found = pca.transform(Spectra.stack(sample.parts))
    return sample._replace(features=sample.features.join(found))


def classes(train: Sample, judged: Sample, estimator: str) -> dict:
    """Scores of an estimator, by S/N too, and the coverage of its sets."""
    model = train_classifier(train.features, train.truth["class"], estimator=estimator, seed=CLAIM.seed)
    p, known, main = model.probabilities(judged.features), judged.truth["class"], judged.among(MAIN)
    scores = score_classes(p[main], known[main])
    rng = np.random.default_rng(CLAIM.seed)
    drawn = [(p[main].cumsum(axis=1) > rng.random((main.sum(), 1))).to_numpy().argmax(1) for _ in range(100)]
    null = [calibration_error(p[main], codes) for codes in drawn]
    ratio, by_snr = judged.truth["snr"].to_numpy(), {}
    for low, high in ((10, 20), (20, 40), (40, 100)):
        rows = main & (ratio >= low) & (ratio < high)
        table = score_classes(p[rows], known[rows]).table().T[["balanced_accuracy", "macro_f1", "ece"]]
        by_snr[f"{low}-{high}"] = {"n": int(rows.sum()), **table.to_dict()}
    return {
        "scores": scores.table().T.to_dict(),
        "classes": scores.classes,
        "confusion": scores.confusion,
        "ece_if_calibrated": [float(np.mean(null)), float(np.quantile(null, 0.975))],
        "by_snr": by_snr,
        "sets": sets(model, p.to_numpy(), known),
        "about": dict(model.about),
    }


def sets(model: Classifier, p: np.ndarray, known: pd.Series) -> dict:
    """Coverage of the conformal sets over all held-out stars, O and B included, and the family-wise 95% band."""
    assert model.sets is not None  # made by every calibration
    codes, out = np.array([model.classes.index(c) for c in known]), {}
    for level in LEVELS:
        inside = model.sets.contains(p, level)
        band = model.sets.coverage_band(len(p), level, 1 - 0.05 / len(LEVELS))
        covered = float(inside[np.arange(len(p)), codes].mean())
        out[f"{level:g}"] = {
            "coverage": covered,
            "band": band,
            "inside": band[0] <= covered <= band[1],
            "mean_size": float(inside.sum(axis=1).mean()),
        }
    return out


def parameters(train: Sample, judged: Sample, n_latents: int, **settings) -> dict:
    """Errors for F to K stars at S/N >= 20 by every method, Lux too where it has latents; of intervals, the coverage over all held-out stars."""
    rows, out = judged.among("FGK", 20), {}
    for name, estimator, more in (("boosting", "boosting", settings), ("ridge_on_features", "ridge", {})):
        model = train_parameters(
            train.features, train.labels(), tuple(UNITS), estimator=estimator, seed=CLAIM.seed, **more
        )
        found = model.predict(judged.features)
        out[name] = {
            "f_to_k": score_parameters(found[rows], judged.labels(rows)).T.to_dict(),
            "all_stars": score_parameters(found, judged.labels()).T.to_dict(),
        }
    if not n_latents:
        return out
    fitted, seen = train.catalog(train.among("FGK")), judged.catalog(rows)
    spectra = fitted.only("spectra")
    lux = fit(Lux.linear(spectra.sizes, n_latents), spectra, EM(), key=CLAIM.seed)
    lux = read_out(lux, fitted)
    values = {"lux": transfer(lux, seen).value, "ridge_on_spectra": ridge(fitted, seen, inputs="spectra")}
    for name, value in values.items():
        error = np.abs(value - seen.labels("labels").value)
        mae = {"mae": error.mean(axis=0), "standard_error": error.std(axis=0) / np.sqrt(len(error))}
        out[name] = {"f_to_k": pd.DataFrame(mae, index=list(UNITS)).T.to_dict()}
    return out


def measure(args) -> dict:
    synthesis, first = OpticalSynthesis(), CLAIM.seed * 100_000
    mix = dict.fromkeys(MAIN, 1.0) if args.smoke else None  # a trial run has too few O and B
    train = observed(300 if args.smoke else 8_000, first, synthesis, mix)
    judged = observed(150 if args.smoke else 4_000, first + 50_000, synthesis, mix)
    pca = SpectralPCA.fit(Spectra.stack(train.parts[:2]), 5 if args.smoke else 20)
    train, judged = with_components(train, pca), with_components(judged, pca)
    estimators = ("boosting",) if args.smoke else ("boosting", "forest", "logistic")
    found = {name: classes(train, judged, name) for name in estimators}
    stars = parameters(train, judged, 0 if args.smoke else 12, max_iter=30 if args.smoke else 400)
    best, mae = found["boosting"]["scores"], stars["boosting"]["f_to_k"]
    return {
        "balanced_accuracy": best["balanced_accuracy"]["value"],
        "macro_f1": best["macro_f1"]["value"],
        "adjacent_errors": best["adjacent"]["value"],
        "calibration_error": best["ece"]["value"],
        "conformal_levels_outside": sum(not s["inside"] for s in found["boosting"]["sets"].values()),
        "teff_mae_k": mae["teff"]["mae"],
        "logg_mae": mae["logg"]["mae"],
        "fe_h_mae": mae["fe_h"]["mae"],
        "alpha_fe_mae": mae["alpha_fe"]["mae"],
        "classes": found,
        "parameters": stars,
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
