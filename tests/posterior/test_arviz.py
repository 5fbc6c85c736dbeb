"""Posteriors as ArviZ data, their likelihoods, and leaving stars out, against closed forms and ArviZ's own."""

import sys
import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from luxjax.core import Gaussian, InputError
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.fitting import log_evidence
from luxjax.posterior import Exact, SamplePosterior, infer, loo, to_arviz
from luxjax.posterior._draws import log_joint

from .worlds import curved_model, linear_world, observe

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import arviz

N, DRAWS = 6, 400


@pytest.fixture(scope="module")
def exact():
    """Labels in units of their own, so that scalings show."""
    model, batch, _ = linear_world(n_stars=N)
    waves = OutputInfo(np.zeros(40), np.ones(40), 15000 + np.arange(40.0), "vacuum")
    names = ("teff", "logg", "fe_h")
    labels = OutputInfo(np.array([5000.0, 3, 0]), np.array([300.0, 0.5, 0.2]), names=names)
    fitted = FittedModel(model, {}, {"flux": waves, "labels": labels})
    missing = batch["labels"].ivar.at[2, 1].set(0)
    batch = type(batch)(
        {"flux": batch["flux"], "labels": type(batch["labels"])(batch["labels"].value, missing)}
    )
    found = infer(fitted, batch, Exact(), key=1)
    return found.replace(ids=np.array([f"s{i}" for i in range(N)]))


@pytest.fixture(scope="module")
def joint(exact):
    """Draws of label intercepts, given the rest, from their exact posterior under a flat prior."""
    model, batch = exact.fitted.model, exact.batch
    sums = [_shares(model, batch, n) for n in range(N)]
    precision, vector = (sum(s[i] for s in sums) for i in range(2))
    cov = np.linalg.inv(precision)
    intercepts = np.random.default_rng(1).multivariate_normal(cov @ vector, cov, size=(2, DRAWS))
    z = exact.sample(2 * DRAWS, key=4).reshape(2, DRAWS, N, 3)
    common = {k: getattr(exact, k) for k in ("fitted", "ids", "priors", "batch")}
    return SamplePosterior(
        **common, method="NUTS", settings={"free": ["latents", "decoders"]}, draws=z,
        parameters={"decoders.labels.intercept": intercepts},
        stats={"diverging": np.zeros((2, DRAWS), bool), "loss": np.zeros(7)},
    )  # fmt: skip


def _marginal(model, batch, n):
    """Residual about the spectra's intercept, and the covariance of all measured values of a star."""
    parts, weights, noise, rows = [], [], [], []
    for name in ("flux", "labels"):
        good = np.asarray(batch[name].ivar[n]) > 0
        decoder = model.decoders[name]
        start = np.asarray(decoder.intercept) if name == "flux" else np.zeros(3)
        parts.append((np.asarray(batch[name].value[n], float) - start)[good])
        weights.append(np.asarray(decoder.weight)[good])
        noise.append(
            1 / np.asarray(batch[name].ivar[n], float)[good] + np.asarray(model.scatter[name])[good] ** 2
        )
        rows.append(np.eye(3)[good] if name == "labels" else np.zeros((good.sum(), 3)))
    b = np.concatenate(weights)
    return np.concatenate(parts), b @ b.T + np.diag(np.concatenate(noise)), np.concatenate(rows)


def _shares(model, batch, n):
    residual, cov, design = _marginal(model, batch, n)
    solved = np.linalg.solve(cov, design)
    return design.T @ solved, solved.T @ residual


def _units(posterior):
    return np.log([300, 0.5, 0.2]) @ (np.asarray(posterior.batch["labels"].ivar) > 0).T


def _groups(data):
    """Names of the groups of an InferenceData or of a DataTree."""
    return set(data.groups()) if callable(data.groups) else set(data.children)


@pytest.mark.slow
def test_groups_dimensions_and_coordinates(joint):
    data = to_arviz(joint, key=1)
    assert _groups(data) == {
        "posterior", "sample_stats", "log_likelihood", "observed_data", "constant_data", "posterior_predictive",
    }  # fmt: skip
    posterior = data.posterior
    assert posterior["latents"].dims == ("chain", "draw", "star", "latent")
    assert posterior["decoders.labels.intercept"].dims == ("chain", "draw", "label_labels")
    assert posterior["labels"].dims == ("chain", "draw", "star", "label_labels")
    assert list(posterior["star"].values) == list(joint.ids)
    assert list(posterior["label_labels"].values) == ["teff", "logg", "fe_h"]
    assert data.posterior_predictive["flux"].dims == ("chain", "draw", "star", "pixel")
    assert data.posterior_predictive["pixel"].values[3] == 15003
    assert list(data.sample_stats) == ["diverging"]
    model, draw = joint.fitted.model, 17
    clean = (
        joint.parameters["decoders.labels.intercept"][1, draw]
        + joint.draws[1, draw] @ np.asarray(model.decoders["labels"].weight).T
    )
    np.testing.assert_allclose(posterior["labels"][1, draw], clean * [300, 0.5, 0.2] + [5000, 3, 0])
    observed, errors = data.observed_data["labels"].values, data.constant_data["labels_error"].values
    assert np.isnan(observed[2, 1])
    assert np.isnan(errors[2, 1])
    np.testing.assert_allclose(
        errors[0], [300, 0.5, 0.2] / np.sqrt(np.asarray(joint.batch["labels"].ivar[0])), rtol=1e-6
    )
    assert len(arviz.summary(data, var_names=["labels"])) == N * 3  # their code takes it


@pytest.mark.slow
def test_normal_distributions_and_thinning(exact, monkeypatch):
    data = to_arviz(exact, key=1, draws=600)
    assert data.posterior["latents"].shape == (1, 600, N, 3)
    np.testing.assert_allclose(
        data.posterior["latents"].mean(("chain", "draw")), exact.mean, atol=6 * exact.sd.max() / 600**0.5
    )
    spread = data.posterior_predictive["flux"].std(("chain", "draw")).values[0]
    weight = np.asarray(exact.fitted.model.decoders["flux"].weight)
    ivar, scatter = (
        np.asarray(exact.batch["flux"].ivar[0], float),
        np.asarray(exact.fitted.model.scatter["flux"]),
    )
    expected = np.sqrt(
        np.einsum("ia,ab,ib->i", weight, exact.cov[0], weight)
        + scatter**2
        + (ivar > 0) / np.maximum(ivar, 1e-9)
    )
    np.testing.assert_allclose(spread, expected, rtol=0.15)
    monkeypatch.setattr("luxjax.posterior._arviz.PREDICTIVE_BYTES", 600 * N * 43 * 4 / 5)
    thinned = to_arviz(exact.replace(batch=None), key=1, draws=600)
    assert thinned.posterior_predictive.sizes["draw"] == 120
    assert thinned.posterior_predictive["draw"].values[1] == 5
    assert "every 5th draw" in thinned.posterior_predictive.attrs["thinned"]
    assert thinned.posterior.sizes["draw"] == 600
    assert "observed_data" not in _groups(thinned)


def test_likelihoods(joint):
    data = to_arviz(joint, key=1).log_likelihood
    model, batch, draw, star = joint.fitted.model, joint.batch, 5, 2
    ivar = np.asarray(batch["labels"].ivar[star], float)
    good = ivar > 0
    mean = (
        joint.parameters["decoders.labels.intercept"][0, draw]
        + np.asarray(model.decoders["labels"].weight) @ joint.draws[0, draw, star]
    )
    sd = np.sqrt(1 / ivar[good] + np.asarray(model.scatter["labels"])[good] ** 2)
    value = np.asarray(batch["labels"].value[star], float)
    expected = norm.logpdf(value[good], mean[good], sd).sum() - np.log([300, 0.2]).sum()
    assert float(data["labels"][0, draw, star]) == pytest.approx(expected)
    residual, cov, design = _marginal(model, batch, star)
    centre = design @ joint.parameters["decoders.labels.intercept"][0, draw]
    expected = multivariate_normal.logpdf(residual, centre, cov) - _units(joint)[star]
    assert float(data["marginal"][0, draw, star]) == pytest.approx(expected)


def test_leaving_stars_out(joint):
    found = loo(joint)
    shares = [_shares(joint.fitted.model, joint.batch, n) for n in range(N)]
    for n in range(N):
        precision, vector = (sum(s[i] for m, s in enumerate(shares) if m != n) for i in range(2))
        others = np.linalg.inv(precision)
        residual, cov, design = _marginal(joint.fitted.model, joint.batch, n)
        expected = multivariate_normal.logpdf(
            residual, design @ others @ vector, cov + design @ others @ design.T
        )
        assert found.by_star[n] == pytest.approx(expected - _units(joint)[n], abs=0.15)
    assert (found.pareto_k < 0.7).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = arviz.loo(to_arviz(joint, key=1), var_name="marginal", pointwise=True, reff=1.0)
    by_star = theirs.elpd_i if hasattr(theirs, "elpd_i") else theirs.loo_i  # the name since 1.0, and before
    np.testing.assert_allclose(found.by_star, by_star, atol=0.05)
    np.testing.assert_allclose(found.se, theirs.se, rtol=0.1)  # theirs divides by the number of stars
    assert str(found).startswith(f"LOO of {N} stars: elpd {found.elpd:.1f} +- ")


def test_weights_take_draws_of_an_approximation_to_the_posterior(joint):
    """Draws twice as wide as the posterior, with the log densities of both, give the same answer."""
    path = "decoders.labels.intercept"
    draws = joint.parameters[path].reshape(-1, 3)
    mean, cov = draws.mean(0), np.cov(draws.T)
    wide = mean + 1.3 * (draws - mean)
    stats = {
        "lp": multivariate_normal.logpdf(wide, mean, cov).reshape(2, DRAWS),
        "lq": multivariate_normal.logpdf(wide, mean, 1.69 * cov).reshape(2, DRAWS),
    }
    other = joint.replace(parameters={path: wide.reshape(2, DRAWS, 3)}, stats=stats)
    np.testing.assert_allclose(loo(other).by_star, loo(joint).by_star, atol=0.15)
    plain = loo(joint.replace(parameters=other.parameters)).by_star
    assert np.abs(plain - loo(joint).by_star).max() > 0.15


def test_known_models_need_no_leaving_out(exact):
    found = loo(exact)
    np.testing.assert_allclose(found.by_star, log_evidence(exact.fitted, exact.batch))
    assert (found.pareto_k == -np.inf).all()
    # With decoders that are not linear, by importance sampling; a quadrature over two latents is the reference.
    model = curved_model()
    batch, z = observe(model, n_stars=2)
    grid = np.linspace(-0.6, 0.6, 61)
    points = z + np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 1, 2)
    fitted, rough = FittedModel(model, {}), Gaussian(z, np.tile(0.02 * np.eye(2), (2, 1, 1)))
    found = exact.replace(fitted=fitted, batch=batch, gaussian=rough, ids=np.array(["a", "b"]))
    values = log_joint(found, points, np.arange(2))
    weight = np.exp(values - logsumexp(values, axis=0))
    mean = np.einsum("sn,sni->ni", weight, points)
    cov = np.einsum("sn,sni,snj->nij", weight, points - mean, points - mean)
    close = loo(found.replace(gaussian=Gaussian(mean, 1.2 * cov)))
    np.testing.assert_allclose(
        close.by_star, logsumexp(values, axis=0) + 2 * np.log(grid[1] - grid[0]), atol=0.05
    )
    assert np.isfinite(close.pareto_k).all()


def test_bad_input(joint, exact, monkeypatch):
    with pytest.raises(InputError, match="give them: load_posterior"):
        loo(exact.replace(batch=None))
    curved = curved_model()
    fitted = joint.fitted.replace(model=curved)
    with pytest.raises(InputError, match="compare models with other decoders on held-out stars"):
        loo(joint.replace(fitted=fitted))
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(InputError, match=r"pip install luxjax\[bayes\]"):
        to_arviz(exact, key=1)
