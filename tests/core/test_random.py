"""Random keys: whole numbers and keys are taken, all else is refused in a sentence."""

import jax
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.core.internal import as_key


def test_numbers_and_keys():
    key = jax.random.key(3)
    assert as_key(key) is key
    assert as_key(3) == as_key(np.int64(3)) == key


@pytest.mark.parametrize("bad", [1.5, None, "1", [1]])
def test_anything_else(bad):
    with pytest.raises(InputError, match=r"a whole number or a jax random key; given: .* Write key=1"):
        as_key(bad)
