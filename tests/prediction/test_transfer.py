import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import Batch, InputError, LuxWarning, OutputData, unpack
from luxjax.data import Catalog, LabelTable
from luxjax.fitted import FittedModel
from luxjax.fitting import ALS, EM, fit
from luxjax.fitting.internal import UNKNOWN
from luxjax.models import Linear, Lux, ModuleDecoder
from luxjax.prediction import predict_spectra, transfer

from .worlds import N_LATENTS, SIZES


def relabelled(catalog: Catalog, change) -> Catalog:
    return Catalog({**catalog.outputs, "labels": change(catalog.labels())})


def rows(fitted: FittedModel, name: str):
    """Intercepts, weights, scatter and row covariances of an output, double precision."""
    decoder = fitted.model.decoders[name]
    cov = np.asarray(unpack(fitted.weight_cov[name], N_LATENTS + 1), float)
    return *(
        np.asarray(x, float) for x in (decoder.intercept, decoder.weight, fitted.model.scatter[name])
    ), cov


def dense(fitted: FittedModel, catalog: Catalog, star: int, inputs):
    """Latents and labels of one star, pixel by pixel as the formulas stand."""
    precision, rhs = np.eye(N_LATENTS), np.zeros(N_LATENTS)
    used = []
    batch = fitted.batch(catalog, *inputs, dtype=np.float64)
    for name in inputs:
        intercept, weight, scatter, cov = rows(fitted, name)
        y, ivar = np.asarray(batch[name].value[star], float), np.asarray(batch[name].ivar[star], float)
        for j in np.flatnonzero(ivar > 0):
            w = 1 / (1 / ivar[j] + scatter[j] ** 2)
            precision += w * np.outer(weight[j], weight[j])
            rhs += w * (y[j] - intercept[j]) * weight[j]
            # Spectra define the latents: their decoders' noise is in the rows of the labels.
            used.append((w, y[j] - intercept[j], weight[j], cov[j] * (name == "labels")))
    s = np.linalg.inv(precision)
    z = s @ rhs
    phi = np.append(1, z)
    middle, chi2 = np.zeros_like(s), 0.0
    for w, y, b, c in used:
        v = phi @ c @ phi + np.trace(c[1:, 1:] @ s)
        middle += w**2 * v * np.outer(b, b)
        chi2 += w * (y - b @ z) ** 2
    cov = s + s @ middle @ s
    intercept, weight, scatter, row_cov = rows(fitted, "labels")
    info = fitted.info("labels")
    own = np.array([phi @ c @ phi + np.trace(c[1:, 1:] @ cov) for c in row_cov])
    parts = {"latent": np.diag(weight @ cov @ weight.T), "decoder": own, "scatter": scatter**2}
    return {
        "latents": z,
        "latent_cov": cov,
        "value": (intercept + weight @ z) * info.scale + info.loc,
        "cov": (weight @ cov @ weight.T + np.diag(own + scatter**2)) * np.outer(info.scale, info.scale),
        "parts": {k: v * info.scale**2 for k, v in parts.items()},
        "chi2": chi2 / max(len(used) - N_LATENTS, 1),
        "n_inputs": len(used),
    }


@pytest.mark.parametrize("inputs", [["flux"], ["flux", "blue"], ["blue", "labels"], ["labels"]])
def test_agrees_with_dense_formulas(fitted, stars, inputs):
    found = transfer(fitted, stars, inputs=inputs)
    for n in (0, 7, 29):
        want = dense(fitted, stars, n, inputs)
        assert np.allclose(found.latents.mean[n], want["latents"], rtol=2e-4, atol=2e-5)
        assert np.allclose(found.latents.cov[n], want["latent_cov"], rtol=5e-4, atol=1e-8)
        assert np.allclose(found.value[n], want["value"], rtol=2e-4, atol=2e-5)
        assert np.allclose(found.cov[n], want["cov"], rtol=5e-4, atol=1e-8)
        for part, variance in want["parts"].items():
            assert np.allclose(found.parts[part][n], variance, rtol=5e-4, atol=1e-10), part
        assert found.chi2[n] == pytest.approx(want["chi2"], rel=2e-3)
        assert found.n_inputs[n] == want["n_inputs"]
    assert np.allclose(np.sqrt(sum(found.parts.values())), found.error)


def test_labels_of_the_stars_are_not_looked_at_unless_asked(fitted, stars):
    shifted = relabelled(stars, lambda t: LabelTable(t.value + 5, t.error, t.names, t.ids))
    base = transfer(fitted, stars)
    assert np.array_equal(transfer(fitted, shifted).value, base.value)
    assert np.array_equal(transfer(fitted, stars, inputs=["flux", "blue"]).value, base.value)
    assert np.array_equal(transfer(fitted, stars.only("blue", "flux")).value, base.value)
    with pytest.warns(LuxWarning, match="median reduced chi2"):  # the spectra do not agree with such labels
        given = transfer(fitted, shifted, inputs=["flux", "blue", "labels"])
    assert np.abs(given.value - base.value).max() > 0.5


def test_label_order_of_the_data_does_not_matter(fitted, stars):
    order = [2, 0, 1]
    turned = relabelled(
        stars,
        lambda t: LabelTable(t.value[:, order], t.error[:, order], [t.names[k] for k in order], t.ids),
    )
    found, base = (transfer(fitted, c, inputs=["blue", "labels"]) for c in (turned, stars))
    assert found.names == base.names == stars.labels().names
    assert np.allclose(found.value, base.value, rtol=1e-6)


def test_units_of_labels_scale_predictions(world, fitted, stars):
    factor, shift = np.array([1000.0, 1.0, 0.01]), np.array([5000.0, 0.0, 2.0])

    def change(t):
        units = {t.names[0]: "K"}
        return LabelTable(t.value * factor + shift, t.error * factor, t.names, t.ids, units=units)

    train = relabelled(world.catalog.select(slice(80)), change)
    found = transfer(fit(Lux.linear(SIZES, N_LATENTS), train, EM(), key=0), stars)
    base = transfer(fitted, stars)
    assert found.units == {"label_1": "K"}
    assert np.allclose(found.value, base.value * factor + shift, rtol=1e-5)
    assert np.allclose(found.cov, base.cov * np.outer(factor, factor), rtol=1e-3, atol=1e-8)


def test_blocks_and_bare_batches_change_nothing(fitted, stars):
    base = transfer(fitted, stars)
    for found in (transfer(fitted, stars, block=13), transfer(fitted, stars.only("flux", "blue").batch())):
        assert np.allclose(found.value, base.value, rtol=1e-5, atol=1e-6)
        assert np.allclose(found.cov, base.cov, rtol=1e-4, atol=1e-9)


def test_star_without_good_pixels_gets_the_prior(fitted, stars):
    batch = stars.only("flux", "blue").batch()
    dark = {k: OutputData(m.value, m.ivar.at[3].set(0)) for k, m in batch.outputs.items()}
    found = transfer(fitted, Batch(dark))
    intercept, weight, scatter, cov = rows(fitted, "labels")
    info = fitted.info("labels")
    assert np.allclose(found.value[3], intercept * info.scale + info.loc)
    own = cov[:, 0, 0] + np.trace(cov[:, 1:, 1:], axis1=1, axis2=2)
    want = weight @ weight.T + np.diag(own + scatter**2)
    assert np.allclose(found.cov[3], want * np.outer(info.scale, info.scale), rtol=1e-5)
    assert found.n_inputs[3] == 0


def test_noise_of_given_labels_decoders_widens_the_latents_as_it_must(rng):
    """Against the law of total variance: exact posteriors for many draws of the decoders, mixed."""
    n_given, n_stars = 7, 400  # too few to define two latents, so labels
    weight, intercept = rng.normal(size=(n_given, N_LATENTS)), rng.normal(size=n_given)
    root = 0.06 * rng.normal(size=(n_given, 3, 3))
    cov = root @ root.swapaxes(1, 2)
    i, j = np.triu_indices(3)
    z = rng.normal(size=(n_stars, N_LATENTS))
    error = rng.uniform(0.3, 0.8, (n_stars, n_given))
    y, w = intercept + z @ weight.T + error * rng.normal(size=error.shape), error**-2

    def posterior(b, a):
        s = np.linalg.inv(np.einsum("np,pi,pj->nij", w, a, a, optimize=True) + np.eye(N_LATENTS))
        return np.einsum("nij,nj->ni", s, (w * (y - b)) @ a), s

    base, s = posterior(intercept, weight)
    added = 0.0
    for _ in range(2000):
        d = np.einsum("pij,pj->pi", root, rng.normal(size=(n_given, 3)))
        mean, spread = posterior(intercept + d[:, 0], weight + d[:, 1:])
        added = added + ((mean - base).T @ (mean - base) / n_stars + (spread - s).mean(axis=0)) / 2000

    decoders = {"given": (intercept, weight), "labels": (np.zeros(1), np.ones((1, N_LATENTS)))}
    model = Lux({k: Linear(jnp.asarray(b), jnp.asarray(a)) for k, (b, a) in decoders.items()})
    known = FittedModel(model, {"given": jnp.asarray(cov[:, i, j], jnp.float32)})
    batch = {"given": OutputData.clean(y, w)}
    found = transfer(known, Batch(batch, labels=["given"]))
    found_added = (found.latents.cov - s).mean(axis=0)
    assert np.allclose(found_added, added, rtol=0.06, atol=0.03 * np.trace(added))
    certain = transfer(dataclasses.replace(known, weight_cov={}), Batch(batch, labels=["given"]))
    assert np.allclose(certain.latents.cov, s, rtol=1e-4)
    assert np.all(certain.error < found.error)


def test_spectra_from_labels(fitted, stars):
    given = transfer(fitted, stars, inputs=["labels"])
    spectra = predict_spectra(fitted, given, "flux")
    intercept, weight, scatter, cov = rows(fitted, "flux")
    for n in (0, 11):
        z, latent_cov = given.latents.mean[n], given.latents.cov[n]
        phi = np.append(1, z)
        own = np.array([phi @ c @ phi + np.trace(c[1:, 1:] @ latent_cov) for c in cov])
        variance = np.diag(weight @ latent_cov @ weight.T) + own + scatter**2
        assert np.allclose(spectra.flux[n], intercept + weight @ z, rtol=1e-5)
        assert np.allclose(spectra.ivar[n], 1 / variance, rtol=1e-3)
    assert np.array_equal(spectra.wavelength, stars.spectra("flux").wavelength)
    assert (spectra.medium, list(spectra.ids)) == ("vacuum", list(stars.ids))
    pull = (stars.spectra("flux").flux - spectra.flux)[stars.spectra("flux").good]
    assert np.std(pull) < 0.08  # S/N 30 is 0.033, and labels of error 0.05 leave a little


@pytest.mark.parametrize(
    "fitter", [pytest.param(EM(), id="EM"), pytest.param(ALS(), id="ALS", marks=pytest.mark.slow)]
)
def test_spectra_are_not_predicted_where_no_star_was_seen(world, fitter):
    catalog = world.catalog.select(slice(80))  # as many as `fitted` has: one program fits both
    flux = catalog.spectra("flux")
    never = np.isin(np.arange(flux.n_pixels), [3, 20])
    gap = Catalog({**catalog.outputs, "flux": flux.replace(ivar=np.where(never, 0, flux.ivar))})
    found = fit(Lux.linear(SIZES, N_LATENTS), gap, fitter, key=0)
    assert np.array_equal(predict_spectra(found, transfer(found, gap), "flux").good, np.tile(~never, (80, 1)))


def test_wrong_questions_get_a_sentence(fitted, stars):
    with pytest.raises(InputError, match=r"nothing to predict from: the model decodes .*flux.* data hold"):
        transfer(fitted, stars.only("labels"))
    with pytest.raises(InputError, match="output of the model.*'infrared'"):
        transfer(fitted, stars, inputs=["infrared"])
    with pytest.raises(InputError, match="output of the data.*'blue'"):
        transfer(fitted, stars.only("flux"), inputs=["blue"])
    with pytest.raises(InputError, match="'ages'"):
        transfer(fitted, stars, labels="ages")
    with pytest.raises(InputError, match="'labels' holds labels or has no wavelengths"):
        predict_spectra(fitted, transfer(fitted, stars), "labels")
    air = Catalog({"flux": dataclasses.replace(stars.spectra("flux"), medium="air")})
    with pytest.raises(InputError, match="fitted on vacuum wavelengths and these spectra are in air"):
        transfer(fitted, air)


@pytest.mark.long
def test_modules_of_ones_own_predict_as_linear_decoders_without_covariance(fitted, stars):
    bare = fitted.replace(weight_cov={})
    own = bare.replace(
        model=Lux(
            {k: ModuleDecoder(d, N_LATENTS) for k, d in fitted.model.decoders.items()}, fitted.model.scatter
        )
    )
    one, other = transfer(bare, stars), transfer(own, stars)
    # The search for their latents sees pixels in single precision.
    assert np.all(np.abs(one.value - other.value) < 1e-3 * one.error)
    assert np.allclose(one.cov, other.cov, rtol=1e-3, atol=1e-6)
    assert np.allclose(one.chi2, other.chi2, rtol=1e-3)
    for name in ("flux", "blue"):
        spectra, again = predict_spectra(bare, one, name), predict_spectra(own, one, name)
        assert np.allclose(spectra.flux, again.flux, atol=1e-5)
        assert np.allclose(spectra.ivar, again.ivar, rtol=1e-3)
    # A pixel that no training star had.
    with jax.enable_x64(True):
        scatter = {**own.model.scatter, "flux": own.model.scatter["flux"].at[3].set(UNKNOWN)}
        blind = own.replace(model=Lux(own.model.decoders, scatter))
    assert not np.any(predict_spectra(blind, one, "flux").ivar[:, 3])
