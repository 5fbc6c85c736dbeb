"""Annotations are checked where they are asked to be (``make test-annotations``): one that lies, or an argument of a wrong shape, is an error."""

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from luxjax.core import InputError, OutputData
from luxjax.fitted import Trend
from luxjax.latents.internal import effective_ivar
from luxjax.simulation import toy_survey


@pytest.fixture(autouse=True)
def checked(request):
    if not request.config.getoption("jaxtyping_packages", None):
        pytest.skip("annotations are not checked in this run; make test-annotations does")


def test_a_wrong_shape_is_seen():
    with pytest.raises(jaxtyping.TypeCheckError, match="scatter"):
        effective_ivar(jnp.ones((4, 3)), jnp.ones(2))


def test_a_wrong_dtype_is_seen():
    with pytest.raises(jaxtyping.TypeCheckError, match="ivar"):
        OutputData(jnp.ones((4, 3)), jnp.ones((4, 3), int))


def test_right_arguments_pass_as_jax_or_numpy_arrays():
    ivar = np.ones((4, 3), np.float32)
    np.testing.assert_allclose(effective_ivar(jnp.asarray(ivar), jnp.ones(3)), 0.5)
    np.testing.assert_allclose(effective_ivar(ivar, np.ones(3)), 0.5)


def test_a_constructor_that_converts_takes_lists():
    assert isinstance(Trend(("logg",), [0.0], [1.0], [0.0, 1.0, 0.0], 0.1).loc, np.ndarray)


def test_what_luxjax_must_refuse_is_refused_by_luxjax():
    with pytest.raises(InputError, match="impostor"):
        toy_survey(1, impostor="test")
    assert not jaxtyping.config.jaxtyping_disable
