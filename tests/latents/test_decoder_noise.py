"""What noise of decoders adds to the variance of outputs: against a plain sum of every term."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core.internal import pack
from luxjax.latents.internal import decoder_variance
from luxjax.models import Linear, Quadratic
from luxjax.models.internal import feature_jacobian

LATENTS = 3


@pytest.mark.parametrize("rows", [2, 40], ids=["few rows", "more rows than features"])
@pytest.mark.parametrize("leading", [None, 3, 2], ids=["linear", "quadratic", "two leading latents"])
def test_the_variance_is_the_sum_of_both_terms(rng, leading, rows):
    n = LATENTS if leading is None else LATENTS + leading * (leading + 1) // 2
    weight = jnp.asarray(rng.normal(size=(rows, n)))
    decoder = (
        Linear(jnp.zeros(rows), weight)
        if leading is None
        else Quadratic(jnp.zeros(rows), weight, LATENTS, leading)
    )
    root, roots = rng.normal(size=(rows, n + 1, n + 1)), rng.normal(size=(7, LATENTS, LATENTS))
    own, cov = root @ root.swapaxes(1, 2), roots @ roots.swapaxes(1, 2)
    z = rng.normal(size=(7, LATENTS))
    with jax.enable_x64(True):
        packed = jnp.pad(pack(jnp.asarray(own)), ((0, 0), (0, 5)))  # columns that fill up have no part
        found = decoder_variance(decoder, packed, jnp.asarray(z), jnp.asarray(cov))
        for i in range(7):
            phi = np.r_[1.0, decoder.features(jnp.asarray(z[i]))]
            jac = np.vstack([np.zeros(LATENTS), feature_jacobian(decoder, jnp.asarray(z[i]))])
            expected = [phi @ c @ phi + np.trace(c @ jac @ cov[i] @ jac.T) for c in own]
            np.testing.assert_allclose(found[i], expected, rtol=1e-10)
