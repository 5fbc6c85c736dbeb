"""Learned scatter: the size of its steps."""

import jax
import numpy as np
import pytest

from luxjax.latents.internal import scatter_sums


def test_information_is_that_about_what_all_other_values_say():
    """One star: the variance of each value about its prediction from the others, by leaving it out."""
    rng = np.random.default_rng(0)
    w, weight = rng.normal(size=(6, 2)), rng.uniform(0.5, 4, 6)
    whole = np.linalg.inv(np.eye(2) + (w.T * weight) @ w)
    spread = np.einsum("ji,ik,jk->j", w, whole, w)
    with jax.enable_x64(True):
        _, _, found = scatter_sums(weight[None], np.zeros((1, 6)), spread[None])
    for j in range(6):
        others = np.arange(6) != j
        left = np.linalg.inv(np.eye(2) + (w[others].T * weight[others]) @ w[others])
        told = max(1 - weight[j] * spread[j], 0.2)
        expected = (w[j] @ left @ w[j] + 1 / weight[j]) ** -2 if told > 0.2 else (0.2 * weight[j]) ** 2
        assert found[j] == pytest.approx(expected, rel=1e-5)
