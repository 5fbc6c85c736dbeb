import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import multivariate_normal

from luxjax.core import Gaussian


def test_density_linear_map_and_draws_agree_with_scipy(rng):
    root = rng.normal(size=(2, 3, 3))
    cov, mean = root @ root.transpose(0, 2, 1) + np.eye(3), rng.normal(size=(2, 3))
    x, matrix = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    with jax.enable_x64(True):
        g = Gaussian(jnp.asarray(mean), jnp.asarray(cov))
        slow = [multivariate_normal(m, c).logpdf(v) for m, c, v in zip(mean, cov, x, strict=True)]
        assert np.allclose(g.log_density(jnp.asarray(x)), slow, rtol=1e-10)
        mapped = g.linear(jnp.asarray(matrix), 1.5)
        assert np.allclose(mapped.mean, mean @ matrix.T + 1.5)
        assert np.allclose(mapped.cov, matrix @ cov @ matrix.T)
        assert np.allclose(g.sd, np.sqrt(np.diagonal(cov, axis1=1, axis2=2)))
        draws = np.asarray(g.sample(40_000, key=jax.random.key(0)))
    assert np.allclose(draws.mean(0), mean, atol=0.05)
    assert np.allclose(np.cov(draws[:, 0].T), cov[0], rtol=0.1, atol=0.1)
