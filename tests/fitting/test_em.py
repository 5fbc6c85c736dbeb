import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.decomposition import FactorAnalysis

from luxjax.core import Batch, InputError, OutputData
from luxjax.fitting import ALS, EM, fit
from luxjax.models import Lux
from luxjax.prediction import transfer

from .worlds import toy_survey


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def dense_loss(model, batch):
    """Minus log likelihood of every measured value from the full covariance matrix of each star."""
    loss = 0.0
    w = np.concatenate([np.asarray(model.decoders[k].weight) for k in batch.names])
    b = np.concatenate([np.asarray(model.decoders[k].intercept) for k in batch.names])
    s = np.concatenate([np.asarray(model.scatter[k]) for k in batch.names])
    y = np.concatenate([np.asarray(batch[k].value) for k in batch.names], axis=1)
    ivar = np.concatenate([np.asarray(batch[k].ivar) for k in batch.names], axis=1)
    for yn, wn in zip(y, ivar, strict=True):
        seen = wn > 0
        cov = w[seen] @ w[seen].T + np.diag(1 / wn[seen] + s[seen] ** 2)
        loss -= multivariate_normal(b[seen], cov).logpdf(yn[seen])
    return loss


def test_objective_is_the_dense_marginal_likelihood(rng):
    batch, model, _ = toy_survey(rng)
    model = Lux(model.decoders, {"flux": jnp.full(9, 0.2), "labels": jnp.full(3, 0.1)})
    loss, *_ = EM(scatter=False)._sweep(model, batch)
    assert float(loss) == pytest.approx(dense_loss(model, batch), rel=1e-7)


@pytest.mark.parametrize("scatter", [False, True])
def test_objective_never_rises_and_ends_at_a_maximum(rng, scatter):
    batch, truth, _ = toy_survey(rng, n_stars=150)
    fitted = fit(
        Lux.linear(batch.sizes, 2), batch, EM(scatter=scatter, shrink=False, max_cycles=300, tol=1e-9), key=0
    )
    assert np.all(np.diff(fitted.objective) <= 1e-6)
    assert fitted.objective[-1] < dense_loss(truth, batch)
    # A maximum: small steps in any direction do not help.
    best = dense_loss(fitted.model, batch)
    leaves, tree = jax.tree.flatten(fitted.model)
    for k, leaf in enumerate(leaves[:4]):
        step = 1e-3 * rng.normal(size=leaf.shape)
        for moved in (leaf + step, leaf - step):
            assert (
                dense_loss(jax.tree.unflatten(tree, [*leaves[:k], moved, *leaves[k + 1 :]]), batch)
                > best - 1e-3
            )


def test_with_equal_errors_it_is_factor_analysis(rng):
    """scikit-learn's factor analysis learns one noise variance per feature, as our scatter does."""
    z, w = rng.normal(size=(400, 2)), rng.normal(size=(25, 2))
    y = z @ w.T + rng.normal(size=(400, 25)) * rng.uniform(0.3, 0.8, 25)
    batch = Batch({"flux": OutputData.clean(y, np.full(y.shape, 100.0), np.float64)})
    fitted = fit(Lux.linear({"flux": 25}, 2), batch, EM(shrink=False, max_cycles=500, tol=1e-8), key=0)
    reference = FactorAnalysis(2, tol=1e-8, max_iter=5000).fit(y)
    assert -fitted.objective[-1] / 400 == pytest.approx(reference.score(y), abs=1e-4)
    assert np.allclose(fitted.model.scatter["flux"] ** 2 + 0.01, reference.noise_variance_, rtol=0.02)


def test_scatter_beyond_the_stated_errors_is_found(rng):
    batch, _, _ = toy_survey(rng, n_stars=3000, noise=0.1, missing=0.1)
    extra = np.array([0.0] * 8 + [0.5])
    m = batch["flux"]
    noisy = OutputData(m.value + extra * rng.normal(size=m.value.shape), m.ivar)
    batch = Batch({"flux": noisy, "labels": batch["labels"]}, batch.labels)
    fitted = fit(Lux.linear(batch.sizes, 2), batch, EM(), key=0)
    found = np.asarray(fitted.model.scatter["flux"])
    assert found[8] == pytest.approx(0.5, rel=0.05)
    assert np.all(found[:8] < 0.05)


def test_shrinkage_pulls_rows_towards_zero_most_where_stars_are_few(rng):
    batch, _, _ = toy_survey(rng, n_stars=40, sizes={"flux": 200, "labels": 3}, noise=3.0)
    sizes = Lux.linear(batch.sizes, 2)
    plain, shrunk = (fit(sizes, batch, EM(shrink=s, max_cycles=200), key=0).model for s in (False, True))
    assert np.linalg.norm(shrunk.decoders["flux"].weight) < 0.95 * np.linalg.norm(
        plain.decoders["flux"].weight
    )
    assert np.allclose(shrunk.decoders["labels"].weight, plain.decoders["labels"].weight)


def test_it_asks_for_linear_decoders(rng):
    batch, _, _ = toy_survey(rng)
    with pytest.raises(InputError, match="linear decoders; use ALS"):
        fit(Lux.quadratic(batch.sizes, 2), batch, EM(), key=0)


@pytest.mark.parametrize(
    "fitter", [pytest.param(EM(), id="EM"), pytest.param(ALS(scatter=True), id="ALS", marks=pytest.mark.slow)]
)
def test_values_without_weight_change_nothing(rng, fitter):
    """Whatever stands at a masked pixel or missing label, the fit is the same, bit for bit."""
    batch, _, _ = toy_survey(rng, n_stars=50)
    fits = []
    for bad in (0.0, np.nan, -9999.0, np.inf, 1e30):
        outputs = {}
        for name, m in batch.outputs.items():
            value, ivar = np.array(m.value), np.array(m.ivar)
            value[ivar == 0] = bad
            outputs[name] = OutputData.clean(value, ivar, np.float64)
        fits.append(fit(Lux.linear(batch.sizes, 2), Batch(outputs, batch.labels), fitter, key=0))
    for other in fits[1:]:
        same = jax.tree.map(lambda a, b: bool(jnp.array_equal(a, b)), fits[0].model, other.model)
        assert all(jax.tree.leaves(same))
        assert other.objective == fits[0].objective


@pytest.mark.slow
@pytest.mark.parametrize(
    "fitter", [EM(tol=1e-13, max_cycles=2000), ALS(tol=1e-15, max_cycles=2000)], ids=["EM", "ALS"]
)
def test_a_masked_pixel_is_as_good_as_a_dropped_one(rng, fitter):
    batch, _, _ = toy_survey(rng, n_stars=50, missing=0.1, sizes={"flux": 30, "labels": 3})
    flux = batch["flux"]
    masked = Batch(
        {"flux": OutputData(flux.value, flux.ivar.at[:, 4].set(0)), "labels": batch["labels"]}, batch.labels
    )
    keep = np.arange(30) != 4
    dropped = Batch(
        {"flux": OutputData(flux.value[:, keep], flux.ivar[:, keep]), "labels": batch["labels"]}, batch.labels
    )
    one, two = (
        transfer(fit(Lux.linear(b.sizes, 2), b, fitter, key=0), b, inputs=["flux"], labels="labels")
        for b in (masked, dropped)
    )
    assert np.allclose(one.value, two.value, atol=1e-6)
    assert np.allclose(one.cov, two.cov, atol=1e-6)
