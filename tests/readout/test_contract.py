"""What every kind of read-out promises by being registered."""

import jax
import numpy as np
import pytest

from luxjax.fitted import load, save
from luxjax.prediction import transfer
from luxjax.readout import read_out
from luxjax.readout._registry import READOUTS

from .worlds import LATENTS, NAMES, sample, world


@pytest.fixture(params=READOUTS)
def kind(request):
    return request.param


@pytest.fixture
def stars(rng):
    return world(rng, 60, missing=0.1)


@jax.jit
def values_of(decoder, z):
    return decoder(z)


def test_it_finds_a_decoder_and_the_noise_of_every_label(kind, rng):
    given = sample(rng, 50, missing=0.2)
    decoder, cov, found = READOUTS[kind].fit(given)
    assert decoder.n_latents == 3
    assert len(found) == given.n_labels == 2
    assert cov is None or (len(cov) == 2 and np.isfinite(cov).all())
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(decoder))
    for j, f in enumerate(found):
        assert 0 < f.error_scale <= 1
        assert f.scatter >= 0
        assert f.residual.shape == (given.of(j)[0].sum(),)
        assert np.isfinite([*f.residual, f.evidence]).all()
        assert 0 < f.effective < 50


def test_it_is_differentiable(kind, rng):
    decoder = READOUTS[kind].fit(sample(rng, 50))[0]
    z, step = rng.normal(size=3), 1e-5
    value, slopes = jax.jit(jax.vmap(lambda x: (decoder(x), decoder.jacobian(x))))(
        np.concatenate([z + step * np.eye(3), z - step * np.eye(3), [z]])
    )
    np.testing.assert_allclose(slopes[-1].T, (value[:3] - value[3:6]) / (2 * step), rtol=1e-5, atol=1e-7)


def test_units_of_a_label_do_not_matter(kind, rng):
    given = sample(rng, 50)
    z = rng.normal(size=3)
    one = values_of(READOUTS[kind].fit(given)[0], z)
    scaled = type(given)(given.latents, 7 + 1000 * given.value, 1e6 * given.variance)
    other = values_of(READOUTS[kind].fit(scaled)[0], z)
    np.testing.assert_allclose(other, 7 + 1000 * one, rtol=2e-3)


def test_a_label_of_one_value_is_read_out_as_that(kind, rng):
    given = sample(rng, 30)
    value = np.column_stack([np.full(30, 2.5), given.value[:, 1]])
    decoder, _, found = READOUTS[kind].fit(type(given)(given.latents, value, given.variance))
    assert values_of(decoder, np.zeros(3))[0] == pytest.approx(2.5, abs=1e-3)
    assert np.isfinite([found[0].scatter, found[0].error_scale]).all()


def test_a_model_with_it_predicts_and_comes_back_from_disk(kind, stars, tmp_path):
    catalog, spectra, _ = stars
    fitted = read_out(spectra, catalog, kind)
    facts = fitted.read_outs["labels"]
    assert facts.kind == kind
    assert ((facts.error_scale > 0) & (facts.error_scale <= 1)).all()
    np.testing.assert_allclose(np.diag(facts.correlation), 1)
    assert np.linalg.eigvalsh(facts.correlation).min() > 0
    assert fitted.names_of("label") == ("labels",)
    assert fitted.info("labels").names == NAMES
    assert fitted.model.n_latents == LATENTS
    predicted = transfer(fitted, catalog)
    assert predicted.names == NAMES
    assert predicted.units == {"teff": "K"}
    assert predicted.error_scale == dict(zip(NAMES, facts.error_scale, strict=True))
    assert np.isfinite(predicted.value).all()
    assert np.linalg.eigvalsh(predicted.cov / np.outer([300, 0.3], [300, 0.3])).min() > 0
    assert (predicted.parts["decoder"] > 0).all()
    again = load(save(fitted, tmp_path / "m"))
    for a, b in zip(jax.tree.leaves(again.model), jax.tree.leaves(fitted.model), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert again.read_outs["labels"].to_dict() == facts.to_dict()
    same = transfer(again, catalog)
    np.testing.assert_array_equal(same.value, predicted.value)
    np.testing.assert_array_equal(same.cov, predicted.cov)


def test_it_is_the_same_twice(kind, stars):
    catalog, spectra, _ = stars
    one, other = (read_out(spectra, catalog, kind).model for _ in range(2))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)
