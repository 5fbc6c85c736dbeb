import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import OutputData
from luxjax.latents import gram_bytes, gram_flops, star_sums
from luxjax.models import Linear


def test_operations_are_those_that_the_compiler_counts():
    n, pixels, latents = 64, 500, 6
    with jax.enable_x64(True):
        decoder = Linear(jnp.zeros(pixels), jnp.ones((pixels, latents)))
        flux = OutputData.clean(np.ones((n, pixels)), np.ones((n, pixels)))
        compiled = jax.jit(lambda m: star_sums(decoder, m, m.ivar)).lower(flux).compile()
    counted = compiled.cost_analysis()["flops"]
    # Weighting the values and such comes on top: a few operations per star and pixel.
    assert gram_flops(n, pixels, latents) == pytest.approx(counted, rel=0.15)
    assert gram_flops(n, pixels, latents) <= counted


def test_operations_and_bytes_written_out():
    assert gram_flops(2, 3, 4) == sum(2 for _ in np.ndindex(2, 3) for _ in range(4 * 5 // 2 + 4))
    assert gram_bytes(10, 100, 3, per_pixel=False) == 4 * (2 * 1000 + (10 + 100) * 9)
    assert gram_bytes(10, 100, 3, per_pixel=True, itemsize=8) == 8 * (2 * 1000 + (100 + 10) * 9)
