"""Read-outs are fitted in double precision, each label in a thread of one core."""

import jax
import pytest

from luxjax.system.internal import one_blas_thread


@pytest.fixture(autouse=True)
def as_read_out_does():
    with jax.enable_x64(True), one_blas_thread():
        yield
