"""A small neural probe: one hidden layer, many fits in parallel, each stopped early on separate stars."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

__all__ = ["mlp_predictions"]

WIDTH = 32
STEPS = 300
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-3
STOPPING_SHARE = 0.15


def mlp_predictions(z: np.ndarray, targets: np.ndarray, fitted: np.ndarray, *, seed: int) -> np.ndarray:
    """Predict every star of every task with a network fitted to some of them.

    All tasks are fitted by one compiled program, which serves every label of the same stars.

    Parameters
    ----------
    z : (star, latent) array
    targets : (task, star) array
    fitted : (task, star) bool array
        The stars each task may see. 15% of them choose when to stop, the rest are fitted.

    Returns
    -------
    (task, star) array
    """
    rng = np.random.default_rng(seed)
    stopping = fitted & (rng.random(fitted.shape) < STOPPING_SHARE)
    fit = fitted & ~stopping
    mean = np.average(z, axis=0, weights=fitted.any(0))
    standard = (z - mean) / np.maximum(z.std(0), 1e-12)
    counts = fit.sum(1, keepdims=True)
    loc = (targets * fit).sum(1, keepdims=True) / counts
    scale = np.sqrt((((targets - loc) * fit) ** 2).sum(1, keepdims=True) / counts)
    scale = np.where(scale > 0, scale, 1.0)
    y = np.where(fitted, (targets - loc) / scale, 0.0)
    keys = jax.random.split(jax.random.key(seed), len(targets))
    arrays = [jnp.asarray(a, np.float32) for a in (standard, y, fit, stopping)]
    return np.asarray(_fit_all(arrays, keys), float) * scale + loc


@eqx.filter_jit
def _fit_all(arrays, keys):
    z, *tasks = arrays
    return jax.vmap(lambda *task: _fit_one(z, *task))(*tasks, keys)


def _fit_one(z, y, fit, stopping, key):
    network = eqx.nn.MLP(z.shape[1], "scalar", WIDTH, 1, activation=jax.nn.gelu, key=key)
    params, static = eqx.partition(network, eqx.is_inexact_array)
    optimizer = optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def predict(params):
        return jax.vmap(eqx.combine(params, static))(z)

    def loss(params):
        wrong = (predict(params) - y) ** 2
        return jnp.sum(fit * wrong) / jnp.sum(fit), jnp.sum(stopping * wrong) / jnp.sum(stopping)

    def step(state, _):
        params, opt_state, best, least = state
        (_, held_out), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        better = held_out < least
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), params, best)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state, best, jnp.minimum(held_out, least)), None

    start = (params, optimizer.init(params), params, jnp.full((), jnp.inf, z.dtype))
    (_, _, best, _), _ = jax.lax.scan(step, start, length=STEPS)
    return predict(best)
