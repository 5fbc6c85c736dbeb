import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.fitted import FittedModel, OutputInfo, load, save
from luxjax.models import MLP, AbstractDecoder, Linear, Lux, ModuleDecoder


class Mine(AbstractDecoder):
    n_latents: int = eqx.field(static=True, default=2)

    def __call__(self, z):
        return jnp.sin(z)


def network(width=4, key=3):
    return eqx.nn.MLP(2, 6, width, 1, activation=jnp.tanh, key=jax.random.key(key))


def fitted_with(decoder):
    labels = Linear(jnp.arange(2.0), jnp.ones((2, 2)))
    info = OutputInfo(np.zeros(2), np.ones(2), names=("teff", "logg"))
    return FittedModel(
        Lux({"x": decoder, "labels": labels}, {"labels": jnp.full(2, 0.1)}), {}, {"labels": info}
    )


def decoded(fitted):
    return np.asarray(jax.vmap(fitted.model["x"])(jnp.linspace(-1, 1, 8).reshape(4, 2)))


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_mlp_decoders_come_back_from_their_header(tmp_path, activation):
    empty = MLP.zeros(6, 2, key=jax.random.key(0), width=5, depth=3, activation=activation)
    rows = jnp.arange(6.0), jnp.arange(42.0).reshape(6, 7)
    fitted = fitted_with(eqx.tree_at(lambda d: (d.intercept, d.weight), empty, rows))
    again = load(save(fitted, tmp_path / "m"))
    assert type(again.model["x"]) is MLP
    assert jax.tree.structure(again.model) == jax.tree.structure(fitted.model)
    assert np.array_equal(decoded(again), decoded(fitted))


def test_modules_of_ones_own_come_back_into_a_model_built_alike(tmp_path):
    shift, matrix = jnp.ones(2), jnp.asarray([[2.0, 1.0], [0.0, 1.0]])
    fitted = fitted_with(ModuleDecoder(network(), 2, shift, matrix))
    folder = save(fitted, tmp_path / "m")
    assert "MLP" in json.loads((folder / "model.json").read_text())["outputs"]["x"]["class"]
    template = fitted_with(ModuleDecoder(network(key=9), 2)).model
    again = load(folder, model=template)
    assert np.array_equal(decoded(again), decoded(fitted))
    assert again.model["x"].module.activation is not None
    assert np.array_equal(again.model["labels"].weight, fitted.model["labels"].weight)


def test_a_decoder_class_of_ones_own_too(tmp_path):
    plain = fitted_with(Mine())
    assert np.array_equal(decoded(load(save(plain, tmp_path / "a"), model=plain.model)), decoded(plain))
    # A fit has put it into another basis.
    moved = fitted_with(Mine().change_basis(jnp.ones(2), 2 * jnp.eye(2)))
    again = load(save(moved, tmp_path / "b"), model=plain.model)
    assert np.array_equal(decoded(again), decoded(moved))
    assert not np.array_equal(decoded(again), decoded(plain))


def test_without_a_model_of_the_right_build_it_says_what_is_missing(tmp_path):
    folder = save(fitted_with(ModuleDecoder(network(), 2)), tmp_path / "m")
    with pytest.raises(
        InputError, match=r"'x' was decoded by a module of the class MLP.*load\(folder, model"
    ):
        load(folder)
    wider = fitted_with(ModuleDecoder(network(width=5), 2)).model
    with pytest.raises(InputError, match=r"not built as the saved one, a MLP of 6 arrays.*weight.*differ"):
        load(folder, model=wider)
    with pytest.raises(InputError, match=r"not built as the saved one|was decoded by"):
        load(folder, model=Lux({"x": Mine()}))
    header = json.loads((folder / "model.json").read_text())
    header["outputs"]["x"]["decoder"] = "os.system"
    (folder / "model.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="damaged"):
        load(folder)
