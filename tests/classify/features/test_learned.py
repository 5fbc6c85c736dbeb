"""Families of features that are learned from spectra, against the posterior of the model and principal components by hand."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from luxjax.classify import load_classifier, save_classifier, train_classifier
from luxjax.classify.features import (
    Components,
    FeatureFamily,
    Latents,
    extract_features,
    fit_latents,
    latent_features,
    register_family,
)
from luxjax.classify.features._learned import LEARNED, learn_families, with_learned
from luxjax.core import InputError
from luxjax.simulation import simulate_lamost


@pytest.fixture(scope="module")
def stars():
    made = simulate_lamost(90, key=3, snr=(30.0, 80.0), mix={"A": 0.35, "G": 0.35, "K": 0.3})
    features = extract_features(made.spectra, indices=["Hbeta", "Mg_b", "CaII_K"])
    return features, made.truth["class"].to_numpy(str)[features.rows], made.spectra


def test_spectra_go_with_the_features(stars):
    features, *_ = stars
    part = features.select([5, 2, 7])
    assert list(part.spectra.ids) == list(part.ids)
    np.testing.assert_array_equal(part.spectra.flux, features.spectra.flux[[5, 2, 7]])
    with pytest.raises(InputError, match="must be those of the features"):
        replace(features, spectra=features.spectra.select(slice(None, None, -1)))


def test_latents_are_the_posterior_of_the_model(stars):
    """The closed form on the host against `infer` on the fitted model, the same grid and pixels."""
    features, _, spectra = stars
    rest = features.spectra
    every = rest.wavelength[:1400].reshape(-1, 2).mean(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = fit_latents(spectra.select(features.rows), 6, key=1, wavelength=every)
    info, decoder = fitted.info("spectra"), fitted.model.decoders["spectra"]
    mine = Latents(
        info.loc + info.scale * np.asarray(decoder.intercept, float),
        info.scale[:, None] * np.asarray(decoder.weight, float),
        np.square(info.scale * np.asarray(fitted.model.scatter["spectra"], float)),
    )
    theirs = latent_features(fitted, spectra.select(features.rows))
    from luxjax.classify.features._at_rest import rest_spectra

    same = rest_spectra(spectra.select(features.rows), every)[0]
    mean, sd = mine._solved(np.asarray(same.flux, float), np.asarray(same.ivar, float))
    np.testing.assert_allclose(mean, theirs.values.to_numpy(), atol=2e-3)
    np.testing.assert_allclose(sd, theirs.errors.to_numpy(), rtol=2e-3)


def test_components_are_those_of_the_contrast(stars):
    """Against the eigenvectors of the covariance; a component may only differ in sign."""
    features, *_ = stars
    found = Components.learn(features.spectra, seed=1)
    flux = np.where(features.spectra.good, features.spectra.flux, np.nan)
    smooth = pd.DataFrame(flux.T).rolling(121, center=True, min_periods=30).median().to_numpy().T
    contrast = np.nan_to_num(np.clip(flux / smooth - 1, -1, 1))
    vectors = np.linalg.eigh(np.cov(contrast.T))[1][:, ::-1]
    for k in range(3):
        assert abs(found.components[k] @ vectors[:, k]) > 0.999
    values, errors = found.measure(features.spectra)
    np.testing.assert_allclose(
        values["pca_1"], (contrast - contrast.mean(axis=0)) @ found.components[0], atol=1e-5
    )
    assert (errors > 0).all().all()


def test_no_test_star_enters(stars):
    """What is learned depends on the training stars alone, and measuring one star does not depend on the others."""
    features, *_ = stars
    learned = learn_families(("latent", "pca"), features.select(slice(0, 60)), 1)
    spoiled = replace(
        features,
        spectra=replace(
            features.spectra,
            flux=np.where(np.arange(len(features))[:, None] < 60, features.spectra.flux, 5.0),
        ),
    )
    again = learn_families(("latent", "pca"), spoiled.select(slice(0, 60)), 1)
    for name in learned:
        for key, value in learned[name].arrays().items():
            np.testing.assert_array_equal(value, again[name].arrays()[key])
    alone = with_learned(features.select([70]), learned).values.to_numpy()
    np.testing.assert_allclose(
        alone[0], with_learned(features, learned).values.to_numpy()[70], rtol=1e-5, atol=1e-6
    )


def test_a_classifier_learns_keeps_and_saves_them(stars, tmp_path):
    features, truth, _ = stars
    found = train_classifier(features, truth, estimator="logistic", seed=1)
    assert {"latent", "pca"} <= set(found.families.values())
    again = load_classifier(save_classifier(found, tmp_path / "c"))
    pd.testing.assert_frame_equal(again.classify(features), found.classify(features), check_exact=True)
    bare = replace(features, spectra=None)
    with pytest.raises(InputError, match="measured on spectra, and these features have none"):
        found.classify(bare)
    pd.testing.assert_frame_equal(found.classify(found.complete(features)), found.classify(features))
    plain = train_classifier(features, truth, estimator="logistic", learned=(), seed=1)
    assert not plain.learned
    assert list(plain.classify(bare)["class"]) == list(plain.classify(features)["class"])


class Depth(FeatureFamily):
    """The deepest pixel."""

    family = "depth"

    def __init__(self, least: float):
        self.least = least

    @classmethod
    def learn(cls, spectra, seed):
        return cls(float(spectra.flux.min()))

    def measure(self, spectra):
        table = pd.DataFrame({"deepest": spectra.flux.min(axis=1) - self.least})
        return table, 0 * table + 0.01

    def arrays(self):
        return {"least": np.array(self.least)}

    @classmethod
    def from_arrays(cls, arrays):
        return cls(float(arrays["least"]))


def test_a_family_of_ones_own(stars, tmp_path):
    features, truth, _ = stars
    with pytest.raises(InputError, match="no family to learn 'depth'"):
        train_classifier(features, truth, learned=("depth",))
    register_family(Depth)
    try:
        found = train_classifier(features, truth, estimator="logistic", learned=("depth",), seed=1)
        assert found.families["deepest"] == "depth"
        folder = save_classifier(found, tmp_path / "c")
        pd.testing.assert_frame_equal(load_classifier(folder).classify(features), found.classify(features))
    finally:
        del LEARNED["depth"]
    with pytest.raises(InputError, match="family 'depth', which is not known here; define it"):
        load_classifier(folder)


def test_names_that_are_taken():
    class Other(Depth):
        family = "balmer"

    with pytest.raises(InputError, match="there is a feature family 'balmer' already"):
        register_family(Other)
    with pytest.raises(InputError, match="a subclass of FeatureFamily"):
        register_family(int)
