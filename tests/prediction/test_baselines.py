import numpy as np
import pytest

from luxjax.core import Gaussian, InputError
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.prediction import Prediction, cannon, labels_only, ridge
from luxjax.prediction._baselines import ALPHAS


def catalog(flux, ivar, labels, error=0.01) -> Catalog:
    ids = [f"star-{k}" for k in range(len(flux))]
    names = [f"l{j}" for j in range(labels.shape[1])]
    return Catalog(
        {
            "flux": Spectra(flux, ivar, 5000 + np.arange(flux.shape[1]), "air", ids),
            "labels": LabelTable(labels, error, names, ids),
        }
    )


def predicted(value) -> Prediction:
    n, k = value.shape
    ids = np.array([f"star-{i}" for i in range(n)])
    nothing = Gaussian(np.zeros((n, 1)), np.ones((n, 1, 1)))
    cov = np.broadcast_to(np.eye(k), (n, k, k))
    names = tuple(f"l{j}" for j in range(k))
    return Prediction(ids, names, value, cov, {}, nothing, np.ones(n), np.ones(n), np.ones(n, int))


def ridge_by_hand(x, y, new):
    """Normal equations for each strength; the one with the least leave-one-out error, by leaving stars out."""

    def solve(x, y, alpha):
        centred = x - x.mean(0)
        b = np.linalg.solve(centred.T @ centred + alpha * np.eye(x.shape[1]), centred.T @ (y - y.mean()))
        return lambda q: y.mean() + (q - x.mean(0)) @ b

    keep = [np.arange(len(y)) != k for k in range(len(y))]
    strengths = ALPHAS * len(y) ** 0.5
    errors = [np.mean([(solve(x[m], y[m], a)(x[~m]) - y[~m]) ** 2 for m in keep]) for a in strengths]
    return solve(x, y, strengths[int(np.argmin(errors))])(new)


@pytest.mark.parametrize("missing", [0, 9])
def test_ridge_is_the_normal_equations_at_the_best_strength(rng, missing):
    latents = rng.normal(size=(50, 2))
    flux = 1 + 0.1 * latents @ rng.normal(size=(2, 8)) + 0.05 * rng.normal(size=(50, 8))
    ivar = np.broadcast_to(rng.uniform(100, 900, 8), flux.shape).copy()
    ivar[rng.random(flux.shape) < 0.05] = 0
    labels = latents @ rng.normal(size=(2, 2)) * [100, 1] + [5000, 0] + rng.normal(size=(50, 2)) * [30, 0.3]
    labels[:missing, 1] = np.nan
    train, test = (catalog(flux, ivar, labels).select(s) for s in (slice(40), slice(40, None)))
    good = ivar > 0
    level = np.sqrt(ivar[:40].mean(0))
    x = np.where(good, flux - np.where(good, flux, 0)[:40].sum(0) / good[:40].sum(0), 0) * level
    found = ridge(train, test, inputs="flux")
    for j in range(2):
        seen = np.isfinite(labels[:40, j])
        want = ridge_by_hand(x[:40][seen], labels[:40, j][seen], x[40:])
        assert np.allclose(found[:, j], want, rtol=1e-3, atol=1e-3 * np.nanstd(labels[:, j]))


def quadratic_world(rng, n, n_pixels=25):
    labels = rng.normal(size=(n, 2)) * [200, 0.3] + [5000, -0.2]
    t = (labels - [5000, -0.2]) / [200, 0.3]
    features = np.stack([np.ones(n), *t.T, t[:, 0] ** 2, t[:, 0] * t[:, 1], t[:, 1] ** 2])
    size = np.array([1, 0.1, 0.1, 0.01, 0.01, 0.01])[:, None]
    return features.T @ (size * np.random.default_rng(3).normal(size=(6, n_pixels))), labels


@pytest.mark.slow
def test_cannon_recovers_labels_of_a_quadratic_world(rng):
    flux, labels = quadratic_world(rng, 90)
    ivar = np.full(flux.shape, 1e6)
    flux[70, :5], ivar[70, :5] = 50, 0
    ivar[89] = 0
    labels[3, 1] = np.nan
    train, test = (catalog(flux, ivar, labels).select(s) for s in (slice(70), slice(70, None)))
    found = cannon(train, test, inputs="flux")
    assert np.all(np.abs(found - labels[70:])[:-1] < [1.0, 1e-3])
    assert np.isfinite(found).all()  # a star without good pixels has to be somewhere


def test_cannon_needs_stars_with_all_labels(rng):
    flux, labels = quadratic_world(rng, 12)
    labels[:7, 0] = np.nan
    with pytest.raises(
        InputError, match="5 training stars have all labels; The Cannon with 2 labels needs at least 6"
    ):
        cannon(*[catalog(flux, np.full(flux.shape, 1e6), labels)] * 2, inputs="flux")


def test_labels_only_knows_the_trend_and_nothing_else(rng):
    def table(value):
        return LabelTable(value, 0.01, ["l0", "l1", "l2"], [f"star-{k}" for k in range(len(value))])

    value = rng.normal(size=(600, 3))
    value[:, 1] = 2 + value[:, 0] - 0.5 * value[:, 0] ** 2  # l1 follows l0, l2 stands alone
    observed = value.copy()
    observed[:40, 1] = np.nan
    found = labels_only(predicted(value[:400]), table(observed[:400]), predicted(value[400:]))
    assert np.allclose(found[:, 1], value[400:, 1], atol=0.02)
    assert np.std(found[:, 2]) < 0.25
    # A label is never guessed from its own prediction.
    moved = value[400:] + np.array([0, 0, 7.0])
    again = labels_only(predicted(value[:400]), table(observed[:400]), predicted(moved))
    assert np.array_equal(again[:, 2], found[:, 2])
