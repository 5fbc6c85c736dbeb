"""Pixels taken out of the sums, and fluxes changed in them, against inferring everything anew."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.data import Catalog
from luxjax.evidence._held_out import infer_held_out
from luxjax.evidence.lines_of_evidence._injection import inject
from luxjax.models import Lux, Quadratic

from .worlds import fitted_world

OWN = np.zeros(600, bool)
OWN[100:160] = True


def bent(decoder) -> Quadratic:
    """A linear decoder's first two latents, and squares of them a tenth as strong."""
    first = np.asarray(decoder.weight)[:, :2]
    second = 0.1 * np.std(first) * np.random.default_rng(1).normal(size=(len(first), 3))
    return Quadratic(decoder.intercept, jnp.asarray(np.hstack([first, second])), 2)


@pytest.fixture(scope="module", params=["linear", "quadratic"])
def seen(request):
    world, fitted = fitted_world(0.0)
    stars = world.held_out.select(slice(60))
    if request.param == "quadratic":  # a made-up model serves as well
        curved = {name: bent(decoder) for name, decoder in fitted.model.decoders.items()}
        fitted = fitted.replace(model=Lux(curved, fitted.model.scatter), weight_cov={})
    return fitted, stars, infer_held_out(fitted, stars)


def test_masked_pixels_leave_as_if_never_seen(seen):
    fitted, stars, sums = seen
    found, spectra = sums.without(OWN), stars.spectra("flux")
    bad = dataclasses.replace(spectra, ivar=np.where(OWN, 0.0, spectra.ivar))
    never = infer_held_out(fitted, Catalog({"flux": bad, "labels": stars["labels"]}))
    scale = np.nanstd(never.observed, axis=0)
    np.testing.assert_array_equal(found.observed, never.observed)
    np.testing.assert_array_equal(found.predicted, sums.predicted)
    assert np.abs((found.masked - never.predicted) / scale).max() < 2e-4
    np.testing.assert_allclose(found.model, sums.model_flux(never.latents, OWN), atol=1e-5)
    assert np.abs((found.predicted - found.masked) / scale).max() > 0.01


def test_changed_flux_moves_labels_as_a_new_inference_does(seen):
    fitted, stars, sums = seen
    factor = np.where(OWN, 0.98, 1.0)
    spectra = stars.spectra("flux")
    deeper = dataclasses.replace(spectra, flux=spectra.flux * factor)
    again = infer_held_out(fitted, Catalog({"flux": deeper, "labels": stars["labels"]}))
    difference = sums.flux[:, OWN] * (factor[OWN] - 1)
    change, scale = again.predicted - sums.predicted, np.std(sums.predicted, axis=0)
    assert np.abs((sums.change(OWN, difference) - change) / scale).max() < 5e-4
    assert np.abs(change / scale).max() > 0.05
    found = inject(sums, factor, 0.2)
    np.testing.assert_allclose(found.slope, change.mean(axis=0) / 0.2, atol=1e-3 * scale.max())
