"""Student-t noise in inference and in fits, against dense densities."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from luxjax.core import Batch, InputError, OutputData
from luxjax.data import Catalog
from luxjax.fitted import load, save
from luxjax.fitting import ALS, EM, fit
from luxjax.latents.internal import latent_posterior, minus_log_density
from luxjax.models import Linear, Lux, Quadratic
from luxjax.prediction import transfer
from luxjax.simulation import bilinear

from ..fitting.worlds import toy_survey

NU = 4.0


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def with_outliers(rng, batch, fraction=0.1, size=20.0):
    """The batch with some values thrown off by many of their errors."""
    outputs = {}
    for name, m in batch.outputs.items():
        off = (rng.random(m.value.shape) < fraction) * rng.normal(size=m.value.shape) * size
        outputs[name] = OutputData(m.value + off / np.sqrt(np.where(m.ivar > 0, m.ivar, 1)), m.ivar)
    return Batch(outputs, batch.labels)


def minus_log_posterior(model, batch, star, z):
    """As the densities stand, value by value; up to constants of z."""
    value = 0.5 * z @ z
    for name, m in batch.outputs.items():
        w = m.ivar[star] / (1 + m.ivar[star] * model.scatter[name] ** 2)
        square = w * (m.value[star] - model.decoders[name](z)) ** 2
        nu = model.dof[name]
        value = value + jnp.sum(square / 2 if np.isinf(nu) else (nu + 1) / 2 * jnp.log(1 + square / nu))
    return value


@eqx.filter_jit
def derivatives(model, batch, z):
    """Value, slope and Hessian of every star's density, differentiated by JAX as it stands above."""

    def of_star(star, z):
        def f(z):
            return minus_log_posterior(model, batch, star, z)

        return f(z), jax.grad(f)(z), jax.hessian(f)(z)

    return jax.vmap(of_star)(jnp.arange(batch.n_stars), z)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("curved", "dof"), [(False, {"flux": NU, "labels": NU}), (False, {"flux": NU}), (True, {"flux": NU})]
)
def test_posterior_is_the_mode_and_curvature_of_the_t_density(rng, dof, curved):
    batch, model, z = toy_survey(rng, n_stars=6, sizes={"flux": 25, "labels": 3})
    if curved:
        linear = model["flux"]
        weight = jnp.concatenate([linear.weight, 0.1 * rng.normal(size=(25, 3))], axis=1)
        decoder, flux = Quadratic(linear.intercept, weight, 2), batch["flux"]
        added = jax.vmap(decoder)(z) - jax.vmap(linear)(z)
        batch = Batch({**batch.outputs, "flux": OutputData(flux.value + added, flux.ivar)}, batch.labels)
        model = model.replace({**model.decoders, "flux": decoder})
    batch = Batch({**batch.outputs, **with_outliers(rng, batch.only(*dof)).outputs}, batch.labels)
    model = model.replace(scatter={"flux": jnp.full(25, 0.1), "labels": jnp.full(3, 0.1)}, dof=dof)
    found = latent_posterior(model, batch)
    plain = latent_posterior(model.replace(dof={}), batch)
    _, slope, hessian = derivatives(model, batch, found.mean)
    assert np.abs(slope).max() < 1e-4 * np.abs(derivatives(model, batch, found.mean + 1)[1]).max()
    if not curved:
        assert np.allclose(found.cov, np.linalg.inv(hessian), rtol=1e-4)
        assert np.allclose(found.logdet, np.linalg.slogdet(hessian)[1], rtol=1e-5)
    assert np.abs(found.mean - plain.mean).max() > 0.05


@pytest.mark.slow
def test_posterior_matches_a_dense_one(rng):
    """One latent on a grid: many values, a tenth of them outliers."""
    batch, model, _ = toy_survey(rng, n_stars=8, sizes={"flux": 40}, n_latents=1, noise=0.8)
    batch, model = with_outliers(rng, batch), model.replace(dof={"flux": NU})
    found = latent_posterior(model, batch)
    grid = np.linspace(-5, 5, 4001)
    on_grid = jax.jit(
        lambda n: jax.vmap(lambda z: minus_log_posterior(model, batch, n, z))(jnp.asarray(grid[:, None]))
    )
    for star in range(8):
        log = -np.asarray(on_grid(star))
        density = np.exp(log - log.max())
        mean = np.average(grid, weights=density)
        sd = np.sqrt(np.average((grid - mean) ** 2, weights=density))
        assert abs(found.mean[star, 0] - mean) < 0.25 * sd  # the mode of a lopsided density is not its mean
        assert np.sqrt(found.cov[star, 0, 0]) == pytest.approx(sd, rel=0.15)


@pytest.mark.slow
def test_contradictory_values_never_say_less_than_the_prior():
    """Two values far apart, the mode between them: the density has a hollow there, and no width of its own."""
    model = Lux({"labels": Linear(jnp.zeros(2), jnp.ones((2, 1)))}, dof={"labels": NU})
    far = Batch({"labels": OutputData.clean(np.array([[-2.0, 2.0]]), np.full((1, 2), 100.0), np.float64)})
    hollow = jax.hessian(lambda z: minus_log_posterior(model, far, 0, z))(jnp.zeros(1))
    assert hollow[0, 0] < 0
    found = latent_posterior(model, far)
    assert found.mean[0, 0] == pytest.approx(0, abs=1e-9)
    assert found.cov[0, 0, 0] == pytest.approx(1 / (1 + 200 * (NU + 1) / (NU + 3)), rel=1e-6)


@pytest.mark.parametrize("nu", [1.0, 4.0, np.inf])
def test_density_is_that_of_scipy(rng, nu):
    weight = rng.uniform(0.5, 4, (3, 5))
    weight[0, 2] = 0
    r = rng.normal(size=(3, 5)) * 3
    found = minus_log_density(nu, jnp.asarray(weight), jnp.asarray(r**2))
    scale = 1 / np.sqrt(np.where(weight > 0, weight, 1))
    want = -(stats.norm(0, scale) if np.isinf(nu) else stats.t(nu, 0, scale)).logpdf(r)
    assert np.allclose(found, np.where(weight > 0, want, 0))


def test_objective_bounds_the_marginal_likelihood(rng):
    batch, model, _ = toy_survey(rng, n_stars=10, sizes={"flux": 12, "labels": 2}, n_latents=1)
    model = Lux(model.decoders, {"flux": jnp.full(12, 0.2), "labels": jnp.full(2, 0.1)}, {"flux": NU})
    bound = float(EM()._sweep(model, batch)[0])
    grid = np.linspace(-6, 6, 6001)
    exact = 0.0
    for star in range(10):
        log = stats.norm.logpdf(grid)
        for name, m in batch.outputs.items():
            seen = np.asarray(m.ivar[star]) > 0
            scale = np.sqrt(1 / np.asarray(m.ivar[star])[seen] + np.asarray(model.scatter[name])[seen] ** 2)
            d = model.decoders[name]
            r = (
                np.asarray(m.value[star] - d.intercept)[None, seen]
                - grid[:, None] * np.asarray(d.weight)[seen, 0]
            )
            noise = stats.t(NU, 0, scale) if name == "flux" else stats.norm(0, scale)
            log = log + noise.logpdf(r).sum(axis=1)
        exact -= np.log(np.trapezoid(np.exp(log - log.max()), grid)) + log.max()
    assert exact < bound < exact + 0.15 * 10


@pytest.fixture(scope="module")
def clean():
    with jax.enable_x64(True):
        rng = np.random.default_rng(11)
        return toy_survey(rng, n_stars=400, sizes={"flux": 30, "labels": 2}, missing=0.0, noise=0.2)[0]


@pytest.mark.long
def test_large_dof_is_gaussian(clean):
    model, fitter = Lux.linear(clean.sizes, 2), EM(max_cycles=4, tol=-1.0)
    with pytest.warns(UserWarning, match="without converging"):
        plain = fit(model, clean, fitter, key=0)
    with pytest.warns(UserWarning, match="without converging"):
        almost = fit(model.replace(dof={"labels": 1e7}), clean, fitter, key=0)
    assert np.allclose(plain.objective, almost.objective, rtol=1e-5)
    assert np.allclose(plain.model["labels"].weight, almost.model["labels"].weight, atol=1e-3)
    assert np.allclose(plain.weight_cov["labels"], almost.weight_cov["labels"], rtol=1e-3, atol=1e-8)


@pytest.mark.long
def test_outliers_drag_the_gaussian_fit_and_not_the_robust_one(rng, clean):
    batch = Batch(
        {"flux": clean["flux"], "labels": with_outliers(rng, clean, 0.03, 40)["labels"]}, clean.labels
    )
    model, fitter = Lux.linear(batch.sizes, 2), EM(tol=1e-5)
    robust = fit(model.replace(dof={"labels": NU}), batch, fitter, key=0)
    dragged, without = fit(model, batch, fitter, key=0), fit(model, clean, fitter, key=0)
    assert np.all(np.diff(robust.objective) <= 1e-6)
    assert robust.model.dof == {"flux": np.inf, "labels": NU}

    def off(found):
        """Covariance of the labels, which no rotation of the latents changes, against that of the clean fit."""
        a, b = (np.asarray(m.model["labels"].weight @ m.model["labels"].weight.T) for m in (found, without))
        return np.abs(a - b).max() / np.abs(b).max()

    assert off(robust) < 0.03
    assert off(dragged) > 3 * off(robust)
    assert float(robust.model.scatter["labels"].max()) < 0.15
    assert float(dragged.model.scatter["labels"].min()) > 1.0


def test_gaussian_models_compile_the_same_program(rng):
    """Infinite degrees of freedom leave no trace, whether stated or not."""
    batch, model, _ = toy_survey(rng, n_stars=5)
    stated = model.replace(dof={"flux": np.inf, "labels": np.inf})
    programs = [jax.make_jaxpr(lambda b, m=m: latent_posterior(m, b))(batch) for m in (model, stated)]
    assert str(programs[0]) == str(programs[1])
    assert "while" not in str(programs[0])
    assert jax.tree.structure(model) == jax.tree.structure(stated)
    robust = jax.make_jaxpr(lambda b: latent_posterior(model.replace(dof={"flux": 3.0}), b))(batch)
    assert "while" in str(robust) or "scan" in str(robust)
    # An output that the block lacks does not matter.
    labels = jax.make_jaxpr(lambda b: latent_posterior(model.replace(dof={"flux": 3.0}), b))(
        batch.only("labels")
    )
    assert "eigh" not in str(labels)


def test_what_robust_noise_cannot_do_is_said(rng):
    batch, _, _ = toy_survey(rng)
    model = Lux.linear(batch.sizes, 2).replace(dof={"labels": NU})
    with pytest.raises(InputError, match=r"ALS fits Gaussian noise only; .* EM\(\)"):
        fit(model, batch, ALS(), key=0)
    with pytest.raises(InputError, match="'labels' was given 0 degrees of freedom"):
        model.replace(dof={"labels": 0})
    with pytest.raises(InputError, match="output for the degrees of freedom 'label'.*Did you mean 'labels'"):
        model.replace(dof={"label": 3})


@pytest.mark.long
def test_it_is_saved_and_decides_what_is_transferred(tmp_path):
    world = bilinear(120, {"flux": 60, "labels": 2}, 2, key=3, snr=50)
    train, stars = world.catalog.select(slice(100)), world.catalog.select(slice(100, None)).only("flux")
    gauss = fit(Lux.linear(world.catalog.sizes, 2), train, EM(tol=1e-4), key=0)
    robust = gauss.replace(model=gauss.model.replace(dof={"flux": NU}))
    again = load(save(robust, tmp_path / "model"))
    assert again.model.dof == {"flux": NU, "labels": np.inf}
    flux = stars.spectra("flux")
    hit = np.zeros(flux.flux.shape)
    hit[:, 31] = 40 * flux.error[:, 31]
    struck = Catalog({"flux": flux.replace(flux=flux.flux + hit)})
    moved = {
        k: np.abs(transfer(f, struck).value - transfer(f, stars).value)
        for k, f in [("t", again), ("g", gauss)]
    }
    assert moved["t"].max() < 0.2 * moved["g"].max()
    one, two = transfer(again, stars), transfer(robust, stars)
    assert np.array_equal(one.value, two.value)
    # What the spectrum tells is a little less than Gaussian noise would let it tell.
    ratio = one.parts["latent"] / transfer(gauss, stars).parts["latent"]
    assert 1.0 < np.median(ratio) < (NU + 3) / (NU + 1)
