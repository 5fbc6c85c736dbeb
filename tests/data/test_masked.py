"""What stands at a masked pixel or a missing label changes nothing, from the catalogue to transferred labels."""

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.fitting import EM, fit
from luxjax.models import Lux
from luxjax.prediction import transfer

N, PIXELS = 40, 20
NAMES = ("teff", "fe_h")
RNG = np.random.default_rng(7)
LATENT = RNG.normal(size=(N, 2))
FLUX = 1 + 0.1 * LATENT @ RNG.normal(size=(2, PIXELS)) + 0.02 * RNG.normal(size=(N, PIXELS))
VALUE = [4800, -0.2] + [200, 0.3] * (LATENT @ np.array([[1, 0.3], [0.2, -1]]) + 0.1 * RNG.normal(size=(N, 2)))
HIDDEN = RNG.random((N, PIXELS)) < 0.15
HIDDEN[:, 4] = True  # one pixel that no star has
MISSING = RNG.random((N, 2)) < 0.15

# Ways to say that a value is not there: what stands in its place, and its error.
anything = st.one_of(
    st.sampled_from([np.nan, -9999.0, np.inf, -np.inf, 1e30, -1e300, 0.0]), st.floats(allow_subnormal=False)
)
not_finite = st.sampled_from([np.nan, np.inf, -np.inf])
bad_error = st.sampled_from([0.0, np.inf, -np.inf, np.nan, -1.0, -1e-300])
good_error = st.floats(1e-3, 1e3)
unusable = st.one_of(st.tuples(anything, bad_error), st.tuples(not_finite, good_error))
several = st.lists(unusable, min_size=1, max_size=5)


def put(values, errors, where, bad):
    """The arrays with the bad values and errors dealt out in turn over the places in `where`."""
    values, errors = values.copy(), errors.copy()
    pairs = np.resize(np.array(bad, float), (int(where.sum()), 2))
    values[where], errors[where] = pairs.T
    return values, errors


def catalog(bad, dtype=np.float64, keep=slice(None)) -> Catalog:
    """A catalogue of spectra by their errors and of labels from a table, with bad entries as given."""
    ids = [f"s{i}" for i in range(N)]
    flux, error = put(FLUX, np.full(FLUX.shape, 0.02), HIDDEN, bad)
    with np.errstate(over="ignore"):
        flux, error = flux.astype(dtype), error.astype(dtype)
    wavelength = np.linspace(15200, 15210, PIXELS)
    spectra = Spectra.from_error(flux[:, keep], error[:, keep], wavelength[keep], "vacuum", ids)
    value, error = put(VALUE, np.tile([60.0, 0.05], (N, 1)), MISSING, bad)
    frame = pd.DataFrame({"id": ids})
    for j, name in enumerate(NAMES):
        frame[name], frame[f"{name}_err"] = value[:, j], error[:, j]
    labels = LabelTable.from_frame(frame, id_column="id", labels=NAMES, errors={n: f"{n}_err" for n in NAMES})
    return Catalog.join({"apogee": spectra, "labels": labels})


REFERENCE = [(np.nan, np.nan)]


def same(one, two) -> bool:
    return all(
        np.array_equal(np.asarray(a), np.asarray(b)) and np.asarray(a).dtype == np.asarray(b).dtype
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    )


@given(bad=several, dtype=st.sampled_from([np.float32, np.float64]))
@settings(max_examples=40, deadline=None)
def test_the_batch_is_the_same_bit_for_bit(bad, dtype):
    batch = catalog(bad, dtype).batch()
    assert same(batch, catalog(REFERENCE, dtype).batch())
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(batch))
    assert batch["apogee"].ivar[HIDDEN].sum() == batch["labels"].ivar[MISSING].sum() == 0
    assert np.all(batch["apogee"].ivar[~HIDDEN] > 0)
    assert np.all(batch["labels"].ivar[~MISSING] > 0)


def test_a_good_value_does_change_the_batch():
    """The comparison above sees a difference where there is one."""
    one = catalog(REFERENCE)
    moved = Catalog({**one.outputs, "apogee": one["apogee"].replace(flux=one["apogee"].flux + 1e-3)})
    assert not same(one.batch(), moved.batch())


FITTER = EM(tol=1e-9, max_cycles=400)


def labels_of(stars: Catalog):
    """Fit and transfer: values, covariances and chi-squares of all stars."""
    found = transfer(fit(Lux.linear(stars.sizes, 2), stars, FITTER, key=0), stars, inputs=["apogee"])
    return found.value, found.cov, found.chi2


@pytest.fixture(scope="module")
def reference():
    return labels_of(catalog(REFERENCE))


@given(bad=several)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fit_and_transfer_are_the_same_bit_for_bit(reference, bad):
    assert same(labels_of(catalog(bad)), reference)


@pytest.mark.slow
def test_a_masked_pixel_is_as_good_as_a_dropped_one(reference):
    value, cov, chi2 = labels_of(catalog(REFERENCE, keep=np.arange(PIXELS) != 4))
    # In single precision; tests of the fitters hold the same to 1e-6 in double.
    spread = VALUE.std(axis=0)
    np.testing.assert_allclose(value / spread, reference[0] / spread, rtol=0, atol=4e-6)
    np.testing.assert_allclose(cov, reference[1], rtol=0, atol=4e-6 * np.abs(cov).max())
    np.testing.assert_allclose(chi2, reference[2], rtol=2e-5)
