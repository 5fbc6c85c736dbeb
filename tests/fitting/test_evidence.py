import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from luxjax.core import Batch, InputError, OutputData
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.fitting import log_evidence
from luxjax.models import Lux

from .worlds import toy_survey


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def dense(model, batch, names, star):
    """The log density of one star's measured values from their full covariance matrix."""
    w = np.concatenate([np.asarray(model.decoders[k].weight) for k in names])
    b = np.concatenate([np.asarray(model.decoders[k].intercept) for k in names])
    s = np.concatenate([np.asarray(model.scatter[k]) for k in names])
    y = np.concatenate([np.asarray(batch[k].value[star]) for k in names])
    ivar = np.concatenate([np.asarray(batch[k].ivar[star]) for k in names])
    seen = ivar > 0
    if not seen.any():
        return 0.0
    cov = w[seen] @ w[seen].T + np.diag(1 / ivar[seen] + s[seen] ** 2)
    return multivariate_normal(b[seen], cov).logpdf(y[seen])


@pytest.mark.parametrize("names", [("flux", "labels"), ("labels",)])
def test_it_is_the_dense_density_of_what_was_measured(rng, names):
    batch, model, _ = toy_survey(rng, n_stars=7)
    model = Lux(model.decoders, {"flux": jnp.full(9, 0.2), "labels": jnp.full(3, 0.1)})
    found = log_evidence(FittedModel(model, {}), batch.only(*names), block=4)
    want = [dense(model, batch, names, n) for n in range(7)]
    assert np.allclose(found, want, rtol=1e-6, atol=1e-6)


def test_labels_are_in_their_own_units(rng):
    """The density per kelvin is a hundredth of that per hundred kelvin."""
    batch, model, _ = toy_survey(rng, n_stars=7)
    info = {
        "flux": OutputInfo(np.zeros(9), np.ones(9), np.arange(1.0, 10), "vacuum"),
        "labels": OutputInfo(np.zeros(3), np.array([100.0, 1.0, 1.0]), names=("teff", "logg", "fe_h")),
    }
    change = log_evidence(FittedModel(model, {}, info), batch) - log_evidence(FittedModel(model, {}), batch)
    seen = np.asarray(batch["labels"].ivar[:, 0]) > 0
    assert 0 < seen.sum() < 7
    assert np.allclose(change, np.where(seen, -np.log(100), 0))


def test_nothing_measured_has_probability_one_and_curved_decoders_are_refused(rng):
    batch, model, _ = toy_survey(rng, n_stars=5)
    dark = Batch({k: OutputData(m.value, 0 * m.ivar) for k, m in batch.outputs.items()})
    assert np.allclose(log_evidence(FittedModel(model, {}), dark), 0, atol=1e-9)
    with pytest.raises(InputError, match="only for linear decoders and Gaussian noise"):
        log_evidence(FittedModel(Lux.quadratic(batch.sizes, 2), {}), batch)
