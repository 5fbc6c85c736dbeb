import numpy as np

from luxjax.core import Gaussian
from luxjax.prediction import Prediction


def made(ids, n_latents: int, value: float) -> Prediction:
    n = len(ids)
    latents = Gaussian(np.full((n, n_latents), value), np.tile(np.eye(n_latents), (n, 1, 1)))
    one = np.ones(n)
    cov = np.full((n, 1, 1), value)
    parts = {"latent": np.full((n, 1), value)}
    return Prediction(
        np.array(ids), ("teff",), np.full((n, 1), value), cov, parts, latents, one, one, one.astype(int)
    )


def test_gathered_in_the_order_asked_for_whatever_their_latents():
    both = Prediction.gather([made(["a", "c"], 1, 1.0), made(["b"], 3, 2.0)], np.array(["a", "b", "c"]))
    assert list(both.ids) == ["a", "b", "c"]
    np.testing.assert_array_equal(both["teff"], [1, 2, 1])
    np.testing.assert_array_equal(both.error[:, 0] ** 2, np.float64([1, np.sqrt(2) ** 2, 1]))
    nan = np.nan
    np.testing.assert_array_equal(both.latents.mean, [[1, nan, nan], [2, 2, 2], [1, nan, nan]])
    np.testing.assert_array_equal(both.latents.cov[1], np.eye(3))
    assert np.isnan(both.latents.cov[0]).sum() == 8
