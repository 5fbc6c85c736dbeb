import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.interpret.attribution import (
    infidelity,
    label_jacobian,
    label_randomization,
    max_sensitivity,
    parameter_randomization,
)
from luxjax.interpret.attribution._saliency_checks import randomize
from luxjax.simulation import bilinear

from ...evidence.models import small


def test_shuffled_parameters_keep_their_values_and_lose_their_places(rng):
    fitted, _ = small("linear", rng)
    other = randomize(fitted, ["flux"], seed=1)
    before, after = (np.asarray(f.model["flux"].weight) for f in (fitted, other))
    assert np.allclose(np.sort(before.ravel()), np.sort(after.ravel()))
    assert not np.allclose(before, after)
    assert other.model["labels"] is fitted.model["labels"]


def test_the_jacobian_passes_and_an_edge_detector_fails_the_parameter_check(rng):
    fitted, batch = small("linear", rng)
    flux = np.asarray(batch["flux"].value)
    jacobian = parameter_randomization(lambda f: label_jacobian(f, batch, "fe_h").value, fitted, seed=3, n=6)
    assert jacobian.passed
    assert len(jacobian.draws) == 6
    assert len(jacobian.null) == 15
    # A map that looks at the spectrum alone stays the same whatever the model.
    edges = parameter_randomization(lambda f: np.gradient(flux, axis=1), fitted, seed=3, n=6)
    assert edges.similarity == pytest.approx(1)
    mixed = parameter_randomization(
        lambda f: (
            np.gradient(flux, axis=1) ** 2
            + 0.01 * np.asarray(f.model["flux"].weight[:, 0]) ** 2 * (f is fitted)
        ),
        fitted,
        seed=3,
        n=6,
    )
    assert mixed.similarity > 0.9


def test_label_randomization(rng):
    catalog = bilinear(400, {"flux": 40, "labels": 2}, 3, key=5).catalog

    def ridge(stars):
        flux = stars["flux"].flux - stars["flux"].flux.mean(0)
        y = stars["labels"].value[:, 0]
        return np.linalg.solve(flux.T @ flux + 1e-2 * np.eye(40), flux.T @ (y - y.mean()))

    found = label_randomization(ridge, catalog, seed=2, n=5)
    assert found.passed
    assert found.similarity < 0.5
    assert found.null.shape == (10,)
    spectrum = label_randomization(lambda stars: stars["flux"].flux[0], catalog, seed=2, n=3)
    assert spectrum.similarity == pytest.approx(1)
    with pytest.raises(InputError, match="holds spectra"):
        label_randomization(ridge, catalog, "flux", seed=2)


def test_infidelity_of_the_gradient_of_a_linear_map_is_zero(rng):
    weight, x, sd = rng.normal(size=8), rng.normal(size=8), np.full(8, 0.1)
    sd[0] = 0

    def predict(f):
        return f @ jnp.asarray(weight)

    perfect = infidelity(predict, x, sd, weight, key=1)
    assert perfect.value < 1e-20
    nothing = infidelity(predict, x, sd, 0 * weight, key=1, n=4000)
    expected = np.sum((weight * sd) ** 2)
    assert nothing.value == pytest.approx(expected, rel=0.1)
    assert nothing.value == pytest.approx(nothing.response)
    flipped = infidelity(predict, x, sd, -weight, key=1, n=4000)
    assert flipped.value == pytest.approx(4 * expected, rel=0.1)
    assert 0 < flipped.error < 0.1 * flipped.value


def test_max_sensitivity(rng):
    weight, x = rng.normal(size=8), np.ones(8)
    assert max_sensitivity(lambda f: weight, x, 0.1, seed=1) == 0
    # phi = 2x changes by 2e, |e| <= 0.1 in each pixel: at most 0.1 of its size
    found = max_sensitivity(lambda f: 2 * f, x, 0.1, seed=1, n=200)
    assert 0.05 < found <= 0.1
    with pytest.raises(InputError, match="zero everywhere"):
        max_sensitivity(lambda f: 0 * f, x, 0.1, seed=1)


def test_wrong_input_gets_a_sentence(rng):
    fitted, _ = small("linear", rng)
    with pytest.raises(InputError, match="at least 2"):
        parameter_randomization(lambda f: np.ones(3), fitted, seed=1, n=1)
    with pytest.raises(InputError, match="output 'galah'"):
        randomize(fitted, ["galah"], seed=1)
    with pytest.raises(InputError, match="one label"):
        infidelity(lambda f: f[:2], np.ones(3), np.ones(3), np.ones(3), key=1)
