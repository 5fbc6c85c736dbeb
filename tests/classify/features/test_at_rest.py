"""Spectra made comparable, and what is made of their pixels: features of their own, latents of a Lux model."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.classify.features import fit_latents, latent_features, pixel_features
from luxjax.classify.features._at_rest import rest_spectra
from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.models import Linear, Lux

GRID = np.geomspace(4000.0, 7000.0, 900)
COARSE = np.geomspace(4300.0, 6800.0, 120)


def world(n, seed, sigma=0.01):
    """Two lines whose depths vary independently, on slopes that differ, seen at a redshift; the truth beside."""
    rng = np.random.default_rng(seed)
    z, depth = rng.normal(0, 3e-4, n), rng.uniform(0.1, 0.5, (n, 2))
    rest = GRID / (1 + z[:, None])
    lines = [np.exp(-0.5 * ((rest - c) / 25) ** 2) for c in (4863.0, 6565.0)]
    flux = (
        (1 - depth[:, :1] * lines[0] - depth[:, 1:] * lines[1])
        * 1e3
        * (rest / 5500) ** rng.normal(0, 1, (n, 1))
    )
    flux = flux + 1e3 * sigma * rng.standard_normal(flux.shape)
    ids = [f"s{k}" for k in range(n)]
    ivar = np.full(flux.shape, (1e3 * sigma) ** -2.0)
    return Spectra(flux, ivar, GRID, "vacuum", ids, frame="barycentric"), depth, z


def test_rest_spectra_are_at_rest_normalised_and_have_honest_errors():
    spectra, _, z = world(60, 1)
    made, rows, left_out = rest_spectra(spectra, COARSE, redshift=z)
    assert (made.frame, made.medium, len(rows), len(left_out)) == ("rest", "vacuum", 60, 0)
    near = np.abs(COARSE - 4863) < 60
    deepest = COARSE[near][made.flux[:, near].mean(axis=0).argmin()]
    assert abs(deepest - 4863) < 12
    flat = (np.abs(COARSE - 5600) < 300).nonzero()[0]
    assert np.median(made.flux[:, flat]) == pytest.approx(1.03, abs=0.04)  # lines pull the polynomial down
    # neighbouring pixels differ by noise alone there
    step = np.diff(made.flux[:, flat]) / np.hypot(made.error[:, flat[1:]], made.error[:, flat[:-1]])
    assert np.std(step) == pytest.approx(1, abs=0.05)
    brighter = rest_spectra(
        spectra.replace(flux=7 * spectra.flux, ivar=spectra.ivar / 49), COARSE, redshift=z
    )
    np.testing.assert_allclose(brighter[0].flux, made.flux, rtol=1e-5)


def test_pixels_are_named_masked_and_left_out():
    spectra, _, z = world(4, 2)
    ivar = spectra.ivar.copy()
    ivar[1, 300:340] = 0
    z[2] = np.nan
    found = pixel_features(spectra.replace(ivar=ivar), COARSE, redshift=z)
    np.testing.assert_array_equal(found.rows, [0, 1, 3])
    assert found.left_out["row"].tolist() == [2]
    assert found.names[0] == "f_4300.0"
    assert set(found.families.values()) == {"pixels"}
    hidden = (GRID[304] < COARSE) & (GRID[335] > COARSE)
    assert found.values.iloc[1, np.flatnonzero(hidden)].isna().all()
    assert found.values.iloc[[0, 2]].notna().all().all()
    with pytest.raises(InputError, match="a rising row of at least 10"):
        pixel_features(spectra, COARSE[::-1], redshift=z)
    with pytest.raises(InputError, match="leave at least 0.1 Angstrom"):
        pixel_features(spectra, 5000 + 0.01 * np.arange(20), redshift=0)


def test_latents_are_the_closed_form_posterior_given_the_spectrum_at_rest():
    test, _, z = world(6, 3, sigma=0.2)
    rng = np.random.default_rng(6)
    mean, weight, scatter = 1 + 0.1 * rng.random(120), 0.1 * rng.standard_normal((120, 2)), np.full(120, 0.05)
    linear = Linear(*(jnp.asarray(a, jnp.float32) for a in (mean, weight)))
    info = OutputInfo(np.zeros(120), np.ones(120), COARSE, "vacuum")
    fitted = FittedModel(Lux({"spectra": linear}, {"spectra": jnp.asarray(scatter)}), {}, {"spectra": info})
    ivar = test.ivar.copy()
    ivar[2, 300:500] = 0
    z[4] = np.nan
    found = latent_features(fitted, test.replace(ivar=ivar), redshift=z)
    assert found.names == ["latent_1", "latent_2"]
    assert set(found.families.values()) == {"latent"}
    np.testing.assert_array_equal(found.rows, [0, 1, 2, 3, 5])
    seen, _, _ = rest_spectra(test.replace(ivar=ivar), COARSE, redshift=z)
    for k in range(5):
        w = np.where(seen.good[k], 1 / (seen.error[k] ** 2 + 0.05**2), 0)
        precision = np.eye(2) + weight.T * w @ weight
        expected = np.linalg.solve(precision, weight.T @ (w * (seen.flux[k] - mean)))
        np.testing.assert_allclose(found.values.iloc[k], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            found.errors.iloc[k], np.sqrt(np.diag(np.linalg.inv(precision))), rtol=1e-4
        )
    none = latent_features(fitted, test.select([4]), redshift=z[[4]])
    assert (len(none), len(none.left_out)) == (0, 1)
    with pytest.raises(InputError, match="200 latents cannot be learnt from 5"):
        fit_latents(test, 200, key=0, redshift=z)
    air = FittedModel(fitted.model, {}, {"spectra": dataclasses.replace(info, medium="air")})
    with pytest.raises(InputError, match="one output of spectra in vacuum"):
        latent_features(air, test, redshift=0)


@pytest.mark.long
def test_fitted_latents_hold_what_varies_with_honest_errors():
    train, _, z = world(150, 3)
    fitted = fit_latents(train, 2, key=0, wavelength=COARSE, redshift=z)
    test, depth, z = world(80, 4)
    found = latent_features(fitted, test, redshift=z)
    design = np.column_stack([np.ones(80), found.values])
    for line in depth.T:
        residual = line - design @ np.linalg.lstsq(design, line, rcond=None)[0]
        assert 1 - residual.var() / line.var() > 0.98
    # one star with more noise, which is half of the variance then
    one = test.select(np.zeros(60, int))
    noise = np.random.default_rng(5).standard_normal(one.flux.shape) * one.error
    twice = one.replace(flux=one.flux + noise, ivar=one.ivar / 2, ids=np.arange(60).astype(str))
    again = latent_features(fitted, twice, redshift=np.full(60, z[0]))
    np.testing.assert_allclose(again.values.std() * np.sqrt(2), again.errors.mean(), rtol=0.25)
