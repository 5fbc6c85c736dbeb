"""Estimators by name: what their steps do with features as spectra give them."""

import numpy as np
import pytest

from luxjax.classify.internal import make_estimator


@pytest.mark.parametrize("name", ["svm", "neighbours", "logistic"])
def test_a_few_wild_values_do_not_decide_for_the_others(name):
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 100)
    x = 0.01 * (y[:, None] + rng.normal(scale=0.3, size=(200, 6)))
    wild = rng.random(x.shape) < 0.02
    x[wild] = 1e4 * rng.normal(size=wild.sum())
    model = make_estimator(name, seed=1).fit(x[::2], y[::2])
    assert (model.predict(x[1::2]) == y[1::2]).mean() > 0.95
