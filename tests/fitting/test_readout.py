"""Label rows read out from latents that the spectra alone give."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, stats

from luxjax.core import InputError, unpack
from luxjax.fitting import EM, fit
from luxjax.fitting._readout import readout_row
from luxjax.models import Lux

from .worlds import toy_survey


@pytest.mark.slow
def test_row_maximises_the_evidence():
    """Prior width and scatter found by a general optimiser, the row by the dense Gaussian conditional."""
    rng = np.random.default_rng(0)
    n, d = 120, 6
    z = rng.normal(size=(n, d))
    error = rng.uniform(0.1, 0.5, n)
    y = 0.7 + z @ rng.normal(0, 0.3, d) + np.hypot(error, 0.25) * rng.normal(size=n)
    row, cov, scatter = readout_row(z, np.zeros((n, d, d)), y, error**-2, 0.1)
    wide = 1e4  # the intercept's flat prior

    def minus_evidence(x):
        t2, s2 = np.exp(x)
        return -stats.multivariate_normal(np.zeros(n), t2 * z @ z.T + wide + np.diag(error**2 + s2)).logpdf(y)

    best = optimize.minimize(
        minus_evidence, np.log([0.1, 0.1]), method="Nelder-Mead", options={"xatol": 1e-6}
    )
    t2, s2 = np.exp(best.x)
    assert scatter == pytest.approx(np.sqrt(s2), rel=1e-3)
    phi = np.column_stack([np.ones(n), z])
    precision = phi.T @ (phi / (error**2 + s2)[:, None]) + np.diag([1 / wide] + [1 / t2] * d)
    np.testing.assert_allclose(row, np.linalg.solve(precision, phi.T @ (y / (error**2 + s2))), atol=1e-3)
    np.testing.assert_allclose(cov, np.linalg.inv(precision), rtol=0.01, atol=1e-5)


def test_uncertain_latents_do_not_attenuate_the_slope():
    """Posterior means are less spread than the latents; the slope on them is that on the latents all the same."""
    rng = np.random.default_rng(1)
    n, spread = 20_000, 0.6
    z = rng.normal(size=(n, 1))
    seen = z + spread * rng.normal(size=z.shape)
    shrink = 1 / (1 + spread**2)
    cov = np.full((n, 1, 1), spread**2 * shrink)
    y = 2.0 * z[:, 0] + 0.3 * rng.normal(size=n)
    missing = np.where(rng.random(n) < 0.3, 0.0, 1 / 0.1**2)
    row, row_cov, scatter = readout_row(shrink * seen, cov, y, missing, 1.0)
    assert abs(row[1] - 2.0) < 4 * np.sqrt(row_cov[1, 1])
    assert np.sqrt(row_cov[1, 1]) < 0.03
    # The noise stated is 0.1, the noise there 0.3.
    assert scatter == pytest.approx(np.sqrt(0.3**2 - 0.1**2), abs=0.06)


def test_only_small_outputs_change_and_only_from_large_ones():
    batch, _, _ = toy_survey(
        np.random.default_rng(2), n_stars=90, sizes={"flux": 30, "labels": 2}, missing=0.1
    )
    model = Lux.linear({"flux": 30, "labels": 2}, 2)
    joint, read = (fit(model, batch, EM(readout=r), key=0) for r in (False, True))
    np.testing.assert_array_equal(read.model["flux"].weight, joint.model["flux"].weight)
    assert np.abs(np.asarray(read.model["labels"].weight - joint.model["labels"].weight)).max() > 1e-4
    w, b, s = (
        np.asarray(x, float)
        for x in (joint.model["flux"].weight, joint.model["flux"].intercept, joint.model.scatter["flux"])
    )
    y, ivar = (np.asarray(x, float) for x in (batch["flux"].value, batch["flux"].ivar))
    mean, cov = np.zeros((90, 2)), np.zeros((90, 2, 2))
    for k in range(90):
        weight = ivar[k] / (1 + ivar[k] * s**2)
        cov[k] = np.linalg.inv((w.T * weight) @ w + np.eye(2))
        mean[k] = cov[k] @ (w.T @ (weight * (y[k] - b)))
    y, ivar = (np.asarray(x, float)[:, 1] for x in (batch["labels"].value, batch["labels"].ivar))
    row, row_cov, scatter = readout_row(mean, cov, y, ivar, 0.1)
    np.testing.assert_allclose(read.model["labels"].weight[1], row[1:], rtol=1e-4)
    np.testing.assert_allclose(read.model["labels"].intercept[1], row[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        unpack(jnp.asarray(read.weight_cov["labels"]), 3)[1], row_cov, rtol=1e-3, atol=1e-7
    )
    assert float(read.model.scatter["labels"][1]) == pytest.approx(scatter, abs=1e-3)
    # The joint fit's own rows, too, were learned through these latents.
    row, s = (np.asarray(x, float)[1] for x in (joint.model["labels"].weight, joint.model.scatter["labels"]))
    phi, seen = np.column_stack([np.ones(90), mean]), ivar > 0
    total = np.einsum("i,nij,j->n", row, cov, row)[seen] + 1 / ivar[seen] + s**2
    information = phi[seen].T @ (phi[seen] / total[:, None])
    stated = unpack(jnp.asarray(joint.weight_cov["labels"]), 3)[1]
    np.testing.assert_allclose(stated, np.linalg.inv(information), rtol=1e-3, atol=1e-7)


def test_needs_spectra_and_labels():
    batch, _, _ = toy_survey(np.random.default_rng(3))
    with pytest.raises(InputError, match=r"one output with many pixels and one with few, for 5 latents"):
        fit(Lux.linear({"flux": 9, "labels": 3}, 5), batch, EM(readout=True, max_cycles=80), key=0)
