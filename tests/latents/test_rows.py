"""Rows of decoders solved by the cores of the host, and by devices, against dense weighted ridge regressions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import OutputData, unpack
from luxjax.latents import _rows, decoder_sums
from luxjax.models import Linear, Lux

N, PIXELS, LATENTS = 40, 23, 3


@pytest.fixture(params=["cpu", "another"])
def backend(request, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: request.param)
    monkeypatch.setattr(
        _rows, "PART_BYTES", 10 * 8 * (LATENTS + 1) ** 2
    )  # parts that do not fill the rows up,
    monkeypatch.setattr(_rows, "ROWS_ELSEWHERE", 16)  # nor are filled by them
    with jax.enable_x64(True):
        yield


@pytest.fixture
def problem(rng):
    """A model, its sums, the regressors and the dense solution of every row with a ridge of 2 on its weights."""
    z, y, w = rng.normal(size=(N, LATENTS)), rng.normal(size=(N, PIXELS)), rng.uniform(1, 9, (N, PIXELS))
    w[:, 4] = 0  # no star has this pixel
    decoder = Linear(jnp.asarray(rng.normal(size=PIXELS)), jnp.asarray(rng.normal(size=(PIXELS, LATENTS))))
    model = Lux({"flux": decoder}, {"flux": jnp.zeros(PIXELS)})
    with jax.enable_x64(True):
        sums = decoder_sums(
            decoder, OutputData(jnp.asarray(y), jnp.asarray(w)), jnp.asarray(w), jnp.asarray(z), None
        )
    phi = np.concatenate([np.ones((N, 1)), z], axis=1)
    prior = np.diag([0.0, 2, 2, 2])
    dense = np.einsum("np,na,nb->pab", w, phi, phi) + prior
    dense[4, 0, 0] = 1
    rhs = np.einsum("np,na->pa", w * y, phi)
    return (
        model,
        {"flux": sums},
        (phi, y, w, prior),
        np.linalg.solve(dense, rhs[..., None])[..., 0],
        np.linalg.inv(dense),
    )


def objective(rows, phi, y, w, prior):
    return 0.5 * np.sum(w * (y - phi @ rows.T) ** 2) + 0.5 * np.einsum("pa,ab,pb->", rows, prior, rows)


def rows_of(decoder):
    return np.concatenate([np.asarray(decoder.intercept)[:, None], np.asarray(decoder.weight)], axis=1)


def test_rows_and_their_covariances_are_those_of_dense_regressions(backend, problem):
    model, sums, _, slow, cov = problem
    solved, covs = _rows.solve_decoders(model, sums, {"flux": 2 * np.eye(LATENTS)})
    seen = np.arange(PIXELS) != 4
    np.testing.assert_allclose(rows_of(solved["flux"])[seen], slow[seen], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        unpack(np.asarray(covs["flux"]), LATENTS + 1)[seen], cov[seen], rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(solved["flux"].weight[4], 0)


def test_rows_lower_the_objective_by_what_is_said(backend, problem):
    model, sums, given, slow, _ = problem
    better, gain = _rows.improve_decoders(model, sums, {"flux": 2 * np.eye(LATENTS)})
    np.testing.assert_allclose(rows_of(better["flux"])[:4], slow[:4], rtol=1e-5, atol=1e-6)
    before, after = (objective(rows_of(m["flux"]), *given) for m in (model, better))
    assert gain > 0
    np.testing.assert_allclose(gain, before - after, rtol=1e-6)
