import numpy as np
import pytest

from luxjax.lines.internal import PARAMETERS
from luxjax.simulation import simulate


@pytest.fixture(scope="session")
def star():
    """A star's parameters from keywords; solar abundances unless said otherwise."""

    def build(**values):
        params = np.zeros(len(PARAMETERS))
        for name, value in {"teff": 5777, "logg": 4.44, "vmic": 1.0, "vmacro": 3.0, **values}.items():
            params[PARAMETERS.index(name)] = value
        return params

    return build


@pytest.fixture(scope="session")
def survey():
    return simulate(400, key=11, bad_fraction=0.02, missing_labels={"eu_fe": 0.3}, visits=2)
