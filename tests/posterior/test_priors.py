"""Priors by leaf path, and the shrinkage prior with its variance integrated out."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, stats

from luxjax.core import InputError
from luxjax.fitted import FittedModel
from luxjax.models import Lux
from luxjax.posterior import Exact, Laplace, Priors, infer
from luxjax.posterior._joint import joint_density
from luxjax.posterior._priors import column_log_density, leaf_paths
from luxjax.posterior.methods._method import Problem

from .worlds import curved_model, linear_world, observe

MODEL = Lux.linear({"flux": 4, "labels": 2}, 2)


def test_leaves_have_paths():
    assert set(leaf_paths(MODEL)) == {
        f"{group}"
        for name in ("flux", "labels")
        for group in (f"decoders.{name}.weight", f"decoders.{name}.intercept", f"scatter.{name}")
    }


def test_defaults_and_overrides():
    given = dist.Normal(0, 0.1)
    priors = Priors({"decoders.flux.weight": given, "shrinkage.labels": None})
    assert priors.leaf("decoders.flux.weight") is given
    assert priors.shrinkage(MODEL, "decoders.flux.weight") is None  # a prior for weights takes its place
    assert priors.shrinkage(MODEL, "decoders.labels.weight") is None
    assert Priors().shrinkage(MODEL, "decoders.labels.weight") is None  # off unless asked for
    asked = Priors({"shrinkage": dist.InverseGamma(1.5, 0.2)})
    assert isinstance(asked.shrinkage(MODEL, "decoders.labels.weight"), dist.InverseGamma)
    assert isinstance(priors.leaf("scatter.flux"), dist.HalfNormal)
    assert priors.leaf("decoders.flux.intercept").scale == 10
    assert priors.standard_latents
    assert not Priors({"latents": dist.Normal(0, 2)}).standard_latents


def test_integrated_variance_is_the_integral():
    prior, rng = dist.InverseGamma(1.5, 0.2), np.random.default_rng(0)
    columns = rng.normal(size=(2, 5)) * np.array([[0.3], [2.0]])

    def by_quadrature(column):
        def density(v):
            return stats.norm.pdf(column, scale=np.sqrt(v)).prod() * stats.invgamma.pdf(v, 1.5, scale=0.2)

        return np.log(integrate.quad(density, 0, np.inf, limit=200)[0])

    with jax.enable_x64(True):
        each = [float(column_log_density(jnp.array([c @ c]), jnp.array([5.0]), prior)) for c in columns]
    expected = [by_quadrature(c) for c in columns]
    assert np.isclose(each[1] - each[0], expected[1] - expected[0], rtol=1e-6)


@pytest.mark.slow
def test_overrides_change_the_joint_density_by_their_own_densities():
    model, batch, _ = linear_world()
    fitted = FittedModel(model, {})
    problem = Problem(fitted, batch, np.arange(6).astype(str), Priors(), ("latents", "decoders", "scatter"))
    overrides = {
        "decoders.flux.weight": dist.Normal(0.2, 0.5),
        "decoders.labels.intercept": dist.StudentT(3.0, 1.0, 2.0),
        "scatter.flux": dist.HalfNormal(0.05),
    }

    given = [Priors(), Priors(overrides), Priors({"shrinkage.flux": dist.InverseGamma(1.5, 0.2)})]
    with jax.enable_x64(True):
        densities = [joint_density(problem, priors) for priors in given]
        plain, x = densities[0]
        assert {name for name, _ in plain.gauge} == {
            "labels"
        }  # the weights of the flux are free, all of them

        @eqx.filter_jit
        def at(densities, x):
            return [density(x) for density, _ in densities], plain.values(x)

        points = x, x + 0.1 * jax.random.normal(jax.random.key(0), x.shape)
        found = [jax.tree.map(np.asarray, at(densities, point)) for point in points]
    columns = []
    for (default, changed, shrunk), values in found:
        w, b, s = (values[k] for k in ("decoders.flux.weight", "decoders.labels.intercept", "scatter.flux"))
        expected = (
            (stats.norm(0.2, 0.5).logpdf(w) - stats.norm.logpdf(w)).sum()
            + (stats.t(3, 1, 2).logpdf(b) - stats.norm(0, 10).logpdf(b)).sum()
            + (stats.halfnorm(0, 0.05).logpdf(s) - stats.halfnorm(0, 0.3).logpdf(s)).sum()
        )
        assert np.isclose(changed - default, expected, rtol=1e-8)
        # A column with its variance integrated out is a multivariate t; its norm is left out of the density.
        t = stats.multivariate_t(np.zeros(len(w)), 0.2 / 1.5 * np.eye(len(w)), df=3)
        columns.append((shrunk - default, t.logpdf(w.T).sum() - stats.norm.logpdf(w).sum()))
    assert np.isclose(*np.subtract(*columns), rtol=1e-6)


def test_latents_prior_moves_the_posterior():
    """A prior N(m, s^2) on the latents of a linear model is the same as shifted and scaled decoders."""
    model, batch, _ = linear_world()
    exact = infer(model, batch, Exact(), key=0)
    found = infer(model, batch, Laplace(), key=0, priors=Priors({"latents": dist.Normal(0.4, 0.3)}))
    precision = np.linalg.inv(exact.cov)
    new = precision + (1 / 0.09 - 1) * np.eye(3)
    mean = np.linalg.solve(new, np.einsum("nij,nj->ni", precision, exact.mean)[..., None] + 0.4 / 0.09)[
        ..., 0
    ]
    np.testing.assert_allclose(found.mean, mean, atol=1e-5)
    np.testing.assert_allclose(found.cov, np.linalg.inv(new), rtol=1e-4, atol=1e-8)


def test_bad_priors_get_a_sentence():
    model, batch, _ = linear_world()

    def said(match, priors, method=None):
        with pytest.raises(InputError, match=match):
            infer(model, batch, method, key=0, priors=Priors(priors))

    said(
        "'decoders.flux.weights'.*Did you mean 'decoders.flux.weight'.*scatter.labels",
        {"decoders.flux.weights": dist.Normal(0, 1)},
    )
    said("has to be a numpyro distribution", {"scatter.flux": 0.3})
    said("InverseGamma, or None", {"shrinkage": dist.HalfCauchy(1.0)})
    said("latents' own prior", {"latents": dist.Normal(0, 2)}, Exact())
    curved = curved_model()
    data, _ = observe(curved)
    with pytest.raises(InputError, match="shrinkage.flux"):
        infer(curved, data, key=0, priors=Priors({"shrinkage.labels": None}))
