"""Fixtures shared by all tests, one folder of compiled programs for all test processes, and one thread in each."""

import os
from contextlib import contextmanager
from pathlib import Path

# Most of the time of a test is compilation. Before JAX is imported: it reads these once.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".cache" / "compiled")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# The test processes fill the cores; more threads in each (scikit-learn's t-SNE, BLAS) would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import jaxtyping
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lines.internal import PARAMETERS
from luxjax.simulation import simulate

_raises = pytest.raises


@contextmanager
def _refused(*args, **kwargs):
    """`pytest.raises` with annotations unchecked: here the library itself must refuse what it is given."""
    before = jaxtyping.config.jaxtyping_disable
    with _raises(*args, **kwargs) as caught:
        jaxtyping.config.update("jaxtyping_disable", True)
        try:
            yield caught
        finally:
            jaxtyping.config.update("jaxtyping_disable", before)


def _raises_unchecked(expected, *args, **kwargs):
    kinds = expected if isinstance(expected, tuple) else (expected,)
    refusal = not args and any(issubclass(InputError, kind) for kind in kinds)
    return (_refused if refusal else _raises)(expected, *args, **kwargs)


pytest.raises = _raises_unchecked


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real survey files, beside the checkout or named by LUXJAX_REAL_DATA."""
    named = os.environ.get("LUXJAX_REAL_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data" / "real"
    if not folder.is_dir():
        pytest.skip(f"no real survey files at {folder}; set LUXJAX_REAL_DATA to their folder")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Reproducible random numbers."""
    return np.random.default_rng(20260517)


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
