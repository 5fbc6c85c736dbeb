"""The bound on one label at known others: it shrinks with a line planted, and never beats what the prior allows."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence.lines_of_evidence._bound import conditional_bound
from luxjax.simulation import PlantLine, simulate

OTHERS = ("teff", "logg", "fe_h", "alpha_fe")


def surveys(*plants):
    return simulate(6, key=3, windows=("apogee",), plants=plants)


@pytest.mark.slow
def test_bound_falls_with_a_line():
    plain = surveys()
    without = conditional_bound(plain.truth, plain.catalog.spectra("apogee"), "eu_fe", OTHERS, n_stars=2)
    assert np.all(np.isinf(without.cramer_rao))
    np.testing.assert_allclose(without.van_trees, without.prior, rtol=0.01)
    assert without.ceiling == pytest.approx(0, abs=0.02)
    lined = surveys(PlantLine("Eu", 15_500.0, 100.0), PlantLine("Eu", 16_000.0, 100.0))
    found = conditional_bound(lined.truth, lined.catalog.spectra("apogee"), "eu_fe", OTHERS, n_stars=2)
    assert np.all(found.van_trees < 0.9 * found.prior)
    assert np.all(found.van_trees < found.cramer_rao)
    assert 0.2 < found.ceiling < 1
    stars = plain.truth
    matrix = stars.label_matrix @ stars.prior @ stars.label_matrix.T
    j = stars.labels.index("eu_fe")
    rest = [k for k in range(len(matrix)) if k != j]
    left = matrix[j, j] - matrix[j, rest] @ np.linalg.solve(matrix[np.ix_(rest, rest)], matrix[rest, j])
    assert found.prior == pytest.approx(np.sqrt(left), rel=1e-6)


def test_strangers_are_refused():
    survey = surveys()
    other = survey.catalog.spectra("apogee").replace(ids=np.array([f"x{i}" for i in range(6)]))
    with pytest.raises(InputError, match="knows none of these stars"):
        conditional_bound(survey.truth, other, "eu_fe", OTHERS)
