import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.models import MLP, AbstractDecoder, Linear, Lux, ModuleDecoder, Quadratic


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def drawn_mlp(rng, size=5, n_latents=3, width=4):
    """An MLP decoder with no zero weight in it."""
    empty = MLP.zeros(size, n_latents, key=jax.random.key(1), width=width, depth=2)
    rows = jnp.asarray(rng.normal(size=size)), jnp.asarray(rng.normal(size=(size, n_latents + width)))
    return eqx.tree_at(lambda d: (d.intercept, d.weight), empty, rows)


class Mine(AbstractDecoder):
    n_latents: int = eqx.field(static=True, default=3)

    def __call__(self, z):
        return jnp.sin(z)


def decoders(rng):
    network = eqx.nn.MLP(3, 6, 5, 1, activation=jnp.tanh, key=jax.random.key(2))
    return {
        "linear": Linear(jnp.asarray(rng.normal(size=5)), jnp.asarray(rng.normal(size=(5, 3)))),
        "quadratic": Quadratic(jnp.asarray(rng.normal(size=5)), jnp.asarray(rng.normal(size=(5, 9))), 3),
        "mlp": drawn_mlp(rng),
        "wrapped": ModuleDecoder(
            network, 3, jnp.asarray(rng.normal(size=3)), jnp.asarray(rng.normal(size=(3, 3)))
        ),
        "own": Mine(),
    }


def test_an_mlp_decoder_is_a_line_plus_a_network(rng):
    decoder, z = drawn_mlp(rng), rng.normal(size=3)
    h = z
    for layer in decoder.layers:
        h = np.tanh(np.asarray(layer.weight) @ h + np.asarray(layer.bias))
    weight = np.asarray(decoder.weight)
    slow = np.asarray(decoder.intercept) + weight[:, :3] @ z + weight[:, 3:] @ h
    assert np.allclose(decoder(jnp.asarray(z)), slow, atol=1e-12)


def test_before_a_fit_it_is_linear(rng):
    empty = MLP.zeros(5, 3, key=jax.random.key(0))
    line = jnp.asarray(rng.normal(size=(5, 3)))
    decoder = eqx.tree_at(lambda d: d.weight, empty, empty.weight.at[:, :3].set(line))
    z = jnp.asarray(rng.normal(size=3))
    assert np.allclose(decoder(z), line @ z, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "gelu", "silu"])
def test_its_jacobian_is_the_finite_difference(rng, activation):
    decoder = MLP(*(getattr(drawn_mlp(rng), k) for k in ("intercept", "weight", "layers")), activation)
    z, step = rng.normal(size=3), 1e-6
    slow = [(decoder(z + step * e) - decoder(z - step * e)) / (2 * step) for e in np.eye(3)]
    assert np.allclose(jax.jacfwd(decoder)(jnp.asarray(z)), np.column_stack(slow), atol=1e-7)


@pytest.mark.parametrize("kind", ["linear", "quadratic", "mlp", "wrapped", "own"])
def test_in_another_basis_it_is_the_same_decoder(rng, kind):
    decoder = decoders(rng)[kind]
    shift, matrix, u = (jnp.asarray(rng.normal(size=s)) for s in (3, (3, 3), 3))
    moved = decoder.change_basis(shift, matrix)
    assert np.allclose(moved(u), decoder(shift + matrix @ u), atol=1e-10)
    again = moved.change_basis(u, matrix)
    assert np.allclose(again(shift), decoder(shift + matrix @ (u + matrix @ shift)), atol=1e-10)


def test_no_gradient_moves_the_basis_of_a_wrapped_module(rng):
    decoder = decoders(rng)["wrapped"]
    gradient = eqx.filter_grad(lambda d: jnp.sum(d(jnp.ones(3)) ** 2))(decoder)
    assert not np.any(gradient.matrix)
    assert not np.any(gradient.shift)
    assert np.any(gradient.module.layers[0].weight)
    assert np.any(jax.grad(lambda z: jnp.sum(decoder(z)))(jnp.ones(3)))


def test_models_of_mlp_decoders():
    sizes = {"flux": 7, "labels": 2}
    model = Lux.mlp(sizes, 3, key=0, width=4, outputs=["flux"])
    assert (type(model["flux"]), type(model["labels"])) == (MLP, Linear)
    assert (model.is_linear, model.has_features, model.is_closed_form) == (False, True, False)
    assert Lux.quadratic(sizes, 3).is_closed_form
    other = Lux.mlp(sizes, 3, key=1, width=4)
    assert type(other["labels"]) is MLP
    assert not np.allclose(model["flux"].layers[0].weight, other["flux"].layers[0].weight)
    # Every leaf is an array, so that models go through jax.jit as they are.
    assert jax.jit(lambda m: m(jnp.ones(3))["flux"])(model).shape == (7,)


def test_any_module_joins_a_model(rng):
    model = Lux({"flux": decoders(rng)["wrapped"], "labels": Linear.zeros(2, 3)})
    assert {k: len(s) for k, s in model.scatter.items()} == {"flux": 6, "labels": 2}
    assert not model.has_features
    with pytest.raises(InputError, match="linear in their last weights"):
        _ = model.feature_decoders


def test_bad_networks_are_refused(rng):
    with pytest.raises(InputError, match="width 0 and depth 2"):
        MLP.zeros(3, 2, key=jax.random.key(0), width=0)
    with pytest.raises(InputError, match="no activation 'tan'.*Did you mean 'tanh'"):
        MLP.zeros(3, 2, key=jax.random.key(0), activation="tan")
    with pytest.raises(InputError, match="no output for an MLP decoder 'fluks'"):
        Lux.mlp({"flux": 3}, 2, key=0, outputs=["fluks"])
    good = drawn_mlp(rng)
    with pytest.raises(InputError, match=r"shape \(5, 7\)"):
        MLP(good.intercept, good.weight[:, :-1], good.layers)
