"""Small fitted models with known decoders, one of each kind, and stars for them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from luxjax.core import Batch, OutputData
from luxjax.core.internal import pack
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.models import AbstractDecoder, Linear, Lux, Quadratic

D, PIXELS, STARS = 4, 24, 5
NAMES = ("teff", "fe_h", "eu_fe")


class Tanh(AbstractDecoder):
    """A decoder that is not linear in its weights."""

    weight: jax.Array
    n_latents: int = eqx.field(static=True, default=D)

    def __call__(self, z):
        return jnp.tanh(self.weight @ z)


def small(kind: str, rng, weight_error: float = 1e-3) -> tuple[FittedModel, Batch]:
    """A fitted model in double precision, and a batch of its stars; pixel 3 is bad in all of them."""
    sizes = {"flux": PIXELS, "labels": len(NAMES)}
    with jax.enable_x64(True):
        model = Lux(
            {name: decoder(kind, size, rng) for name, size in sizes.items()},
            {"flux": jnp.full(PIXELS, 0.05), "labels": jnp.zeros(len(NAMES))},
        )
        z = 0.5 * rng.normal(size=(STARS, D))
        flux = np.array([model["flux"](x) for x in z]) + 0.1 * rng.normal(size=(STARS, PIXELS))
        ivar = rng.uniform(50, 150, flux.shape)
        ivar[:, 3] = 0
        batch = Batch({"flux": OutputData.clean(flux, ivar, np.float64)})
        root = {n: weight_error * rng.normal(size=(s, 1 + D, 1 + D)) for n, s in sizes.items()}
        cov = {n: pack(jnp.asarray(r @ r.transpose(0, 2, 1))) for n, r in root.items()}
    info = {
        "flux": OutputInfo(np.zeros(PIXELS), np.ones(PIXELS), 15_000.0 + np.arange(PIXELS), "vacuum"),
        "labels": OutputInfo(
            np.array([4800.0, -0.1, 0.1]), np.array([300.0, 0.2, 0.1]), names=NAMES, units={"teff": "K"}
        ),
    }
    return FittedModel(model, cov if kind == "linear" else {}, info), batch


def decoder(kind: str, size: int, rng) -> AbstractDecoder:
    if kind == "linear":
        return Linear(jnp.asarray(rng.normal(size=size)), jnp.asarray(rng.normal(size=(size, D))))
    if kind == "quadratic":
        n = D + D * (D + 1) // 2
        weight = np.append(np.ones(D), np.full(n - D, 0.1)) * rng.normal(size=(size, n))
        return Quadratic(jnp.asarray(rng.normal(size=size)), jnp.asarray(weight), D)
    return Tanh(jnp.asarray(0.5 * rng.normal(size=(size, D))))
