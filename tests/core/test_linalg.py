import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import gemm, pairs, ridge_mean, unpack
from luxjax.core.internal import is_definite, n_pairs, pack, quadratic_form, solve_ridge, solve_symmetric


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def test_weighted_gram_from_pairs_equals_the_sum_of_outer_products(rng):
    x, w = rng.normal(size=(50, 4)), rng.uniform(size=(3, 50))
    slow = np.einsum("np,pa,pb->nab", w, x, x)
    assert np.allclose(unpack(gemm(w, pairs(jnp.asarray(x))), 4), slow, rtol=1e-12)
    filled = pairs(jnp.asarray(x), 16)
    assert filled.shape == (50, 16)
    assert np.array_equal(filled[:, :10], pairs(jnp.asarray(x)))
    assert not np.any(filled[:, 10:])


def test_pack_is_undone_by_unpack(rng):
    a = rng.normal(size=(5, 6, 6))
    a = a + a.transpose(0, 2, 1)
    assert pack(jnp.asarray(a)).shape == (5, n_pairs(6))
    assert np.array_equal(unpack(pack(jnp.asarray(a)), 6), a)
    assert np.array_equal(pack(a), pack(jnp.asarray(a)))
    assert np.array_equal(unpack(pack(a), 6), a)


def test_quadratic_form_is_the_trace_of_the_product(rng):
    m, s = (a @ a.transpose(0, 2, 1) for a in (rng.normal(size=(7, 3, 3)), rng.normal(size=(4, 3, 3))))
    slow = np.einsum("aij,bji->ab", m, s)
    packed = pack(jnp.asarray(s))
    assert np.allclose(quadratic_form(jnp.asarray(m), packed), slow, rtol=1e-12)
    wider = jnp.concatenate([packed, jnp.full((4, 3), 7.0)], axis=1)
    assert np.allclose(quadratic_form(jnp.asarray(m), wider), slow, rtol=1e-12)
    assert np.array_equal(unpack(wider, 3), s)


def test_ridge_agrees_with_numpy(rng):
    x = rng.normal(size=(10, 30, 5))
    gram, rhs, prior = x.transpose(0, 2, 1) @ x, rng.normal(size=(10, 5)), np.diag(rng.uniform(1, 2, 5))
    got, inverse, logdet = solve_ridge(jnp.asarray(gram), jnp.asarray(rhs), jnp.asarray(prior))
    dense = gram + prior
    assert np.allclose(got, np.linalg.solve(dense, rhs[..., None])[..., 0], rtol=1e-5)
    assert np.allclose(inverse, np.linalg.inv(dense), rtol=1e-4, atol=1e-8)
    assert np.allclose(logdet, np.linalg.slogdet(dense)[1], rtol=1e-6)


@pytest.mark.parametrize("given", [jnp.asarray, np.asarray], ids=["device", "host"])
def test_ridge_leaves_what_nothing_is_known_about_at_zero(given):
    gram = np.zeros((2, 3, 3))
    gram[1, 1:, 1:] = [[2.0, 0.5], [0.5, 1.0]]
    rhs = np.array([[0.0, 0, 0], [0, 1, 1]])
    got, inverse, _ = solve_ridge(given(gram), given(rhs), np.zeros((3, 3)))
    assert np.array_equal(got[0], np.zeros(3))
    assert np.array_equal(inverse[0], np.zeros((3, 3)))
    assert np.allclose(got[1, 1:], np.linalg.solve(gram[1, 1:, 1:], [1, 1]), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("lapack", "given"), [(True, jnp.asarray), (False, jnp.asarray), (None, np.asarray)])
def test_ridge_alike_with_and_without_lapack_and_on_the_host(rng, monkeypatch, lapack, given):
    monkeypatch.setattr("luxjax.core._linalg._lapack_is_safe", lambda: lapack)
    x = rng.normal(size=(6, 30, 4))
    x[2, :, 1] = 0  # a direction without data or prior
    gram, rhs = x.transpose(0, 2, 1) @ x, rng.normal(size=(6, 4))
    rhs[2, 1] = 0
    prior, before = np.diag([1.0, 0, 2, 0]), gram.copy()
    mean = ridge_mean(given(gram), given(rhs), prior)
    full, inverse, logdet = solve_ridge(given(gram), given(rhs), prior)
    assert type(mean) is type(full) is type(inverse) is type(given(rhs))
    packed = pack(given(gram))
    wider = np.concatenate([np.asarray(packed), np.full((6, 2), 7.0)], axis=1)
    for triangles in (packed, given(wider)):
        np.testing.assert_allclose(ridge_mean(triangles, given(rhs), prior), mean, rtol=1e-12)
        for x, y in zip(solve_ridge(triangles, given(rhs), prior), (full, inverse, logdet), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12)
    assert np.array_equal(gram, before)  # nothing is done in place
    dense = gram + prior
    dense[2, 1, 1] = 1
    slow = np.linalg.inv(dense)
    slow[2, 1, 1] = 0
    for got in (mean, full):
        assert np.allclose(got, np.einsum("nij,nj->ni", slow, rhs), rtol=1e-5)
    assert np.allclose(inverse, slow, rtol=1e-4, atol=1e-8)
    assert np.allclose(logdet, np.linalg.slogdet(dense)[1], rtol=1e-6)


@pytest.mark.parametrize("lapack", [True, False])
def test_symmetric_systems_with_and_without_lapack(rng, monkeypatch, lapack):
    monkeypatch.setattr("luxjax.core._linalg._lapack_is_safe", lambda: lapack)
    x = rng.normal(size=(5, 9, 4))
    matrix, rhs = x.transpose(0, 2, 1) @ x, rng.normal(size=(5, 4))
    matrix[3] -= 1.001 * np.linalg.eigvalsh(matrix[3])[0] * np.eye(4)  # just not definite
    matrix[4] -= 0.999 * np.linalg.eigvalsh(matrix[4])[0] * np.eye(4)  # just so
    got = solve_symmetric(jnp.asarray(matrix), jnp.asarray(rhs))
    np.testing.assert_allclose(got, np.linalg.solve(matrix, rhs[..., None])[..., 0], rtol=1e-8)
    assert is_definite(jnp.asarray(matrix)).tolist() == [True, True, True, False, True]
