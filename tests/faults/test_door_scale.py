"""Fluxes of any physical scale, in single or double precision, fit as those of order one do; no cast drops a value silently."""

import numpy as np
import pytest

import luxjax
from luxjax.core import LuxWarning, OutputData
from luxjax.data import Catalog, LabelTable, Spectra, load_catalog, save_catalog
from luxjax.dataset import Dataset, open_dataset
from luxjax.fitting import ALS, EM
from luxjax.indices import Index, measure_indices
from luxjax.interpret.attribution import counterfactual, flux_jacobian, label_jacobian, recourse
from luxjax.prediction import predict_spectra

N, PIXELS = 80, 30
RNG = np.random.default_rng(3)
LATENT = RNG.normal(size=(N, 2))
FLUX = 1 + 0.1 * LATENT @ RNG.normal(size=(2, PIXELS)) + 0.01 * RNG.normal(size=(N, PIXELS))
VALUE = 5000 + 100 * LATENT @ RNG.normal(size=(2, 2)) + RNG.normal(size=(N, 2))
IDS = [f"s{i}" for i in range(N)]
SCALES = [1e-17, 1e-20, 1e18, 1e5]


def stars(scale: float, dtype="f8") -> Catalog:
    flux, error = (FLUX * scale).astype(dtype), np.full(FLUX.shape, 0.01 * scale).astype(dtype)
    spectra = Spectra.from_error(flux, error, np.linspace(15200, 15300, PIXELS), "vacuum", IDS)
    return Catalog({"x": spectra, "labels": LabelTable(VALUE, 20.0, ("teff", "vmic"), IDS)})


def fitted(data, fitter=None):
    sizes = data.sizes
    return luxjax.fit(luxjax.Lux.linear(sizes, 2), data, fitter or EM(tol=1e-6), key=1)


@pytest.fixture(scope="module")
def reference():
    return {type(f): fitted(stars(1.0), f) for f in (EM(tol=1e-6), ALS())}


def test_fluxes_of_order_one_are_as_they_were():
    for scale in (1.0, 0.01, 300.0):
        one = stars(scale, "f4")["x"]
        assert (one.scale, one.flux.dtype, one.ivar.dtype) == (1.0, np.float32, np.float32)
        assert np.array_equal(np.asarray(Catalog({"x": one}).batch()["x"].value), one.flux)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("scale", SCALES)
def test_fits_agree_with_those_of_order_one(reference, scale, dtype, tmp_path):
    data = stars(scale, dtype)
    spectra = data["x"]
    assert spectra.scale == pytest.approx(scale)
    assert spectra.good.all()
    np.testing.assert_allclose(spectra.flux / scale, FLUX, rtol=3e-7)
    np.testing.assert_allclose(spectra.error / scale, 0.01, rtol=1e-6)
    np.testing.assert_allclose(spectra.snr, stars(1.0)["x"].snr, rtol=1e-6)
    values = np.asarray(data.batch()["x"].value)
    assert values.dtype == np.float32
    assert 0.1 < np.median(values) < 10
    for fitter in (EM(tol=1e-6), ALS()):
        whole, one = reference[type(fitter)], stars(1.0)
        wanted = luxjax.transfer(whole, one, inputs=["x"])
        found = luxjax.transfer(fitted(data, fitter), data, inputs=["x"])
        np.testing.assert_allclose(found.value, wanted.value, rtol=1e-6)
        np.testing.assert_allclose(found.error, wanted.error, rtol=1e-5)
    model = luxjax.load(luxjax.save(fitted(data), tmp_path / "model"))
    again = load_catalog(save_catalog(data, tmp_path / "stars"))
    assert np.array_equal(again["x"].flux, spectra.flux)
    assert again["x"].scale == spectra.scale
    found = luxjax.transfer(model, again, inputs=["x"])
    np.testing.assert_allclose(found.value, luxjax.transfer(reference[EM], stars(1.0)).value, rtol=1e-6)
    expected = predict_spectra(model, found, "x")
    np.testing.assert_allclose(expected.flux / scale, FLUX, atol=0.06)
    assert expected.good.all()


@pytest.mark.parametrize("scale", [1e-20, 1e18])
def test_datasets_hold_values_of_order_one(reference, scale, tmp_path):
    data = stars(scale, "f4")
    dataset = Dataset.create(tmp_path / "d", data.outputs)
    dataset.append(data.select(slice(0, 50)))
    dataset.append(data.select(slice(50, None)))
    dataset = open_dataset(tmp_path / "d")
    assert dataset["x"].scale == pytest.approx(scale)
    stored = next(dataset.batches(N, "x"))["x"]
    assert 0.1 < np.median(np.asarray(stored.value)) < 10
    read = dataset.catalog()["x"]
    assert read.good.all()
    np.testing.assert_allclose(read.flux / scale, FLUX, rtol=3e-7)
    wanted = luxjax.transfer(reference[EM], stars(1.0), inputs=["x"])
    for model, given in ((fitted(dataset), data), (fitted(data), dataset.catalog())):
        found = luxjax.transfer(model, given, inputs=["x"])
        np.testing.assert_allclose(found.value, wanted.value, rtol=1e-6)


def test_a_dataset_made_before_its_stars_takes_their_scale(tmp_path):
    data = stars(1e-17)
    empty = {name: output.select(slice(0)) for name, output in data.outputs.items()}
    empty["x"] = empty["x"].replace(scale=1.0)
    dataset = Dataset.create(tmp_path / "d", empty)
    dataset.append(data)
    assert open_dataset(tmp_path / "d")["x"].scale == pytest.approx(1e-17)
    assert open_dataset(tmp_path / "d").catalog()["x"].good.all()


def test_a_model_reads_datasets_of_another_scale(tmp_path):
    """Stars of a model's own unit that happen to be a hundred thousand times fainter are not brought to its scale twice."""
    model, faint = fitted(stars(1e-17)), stars(1e-17)
    dataset = Dataset.create(tmp_path / "d", {"x": faint["x"].replace(scale=1e-12)})
    dataset.append(Catalog({"x": faint["x"].replace(scale=1e-12)}))
    found = model.batch(dataset.catalog())["x"].value
    streamed = dataset.in_units_of(model, "x").in_memory()["x"].value
    np.testing.assert_allclose(found, model.batch(faint)["x"].value, rtol=1e-6)
    np.testing.assert_allclose(streamed, found, rtol=1e-6)


def test_explanations_are_in_the_unit_of_the_flux(reference):
    scale, one = 1e-17, stars(1.0)
    data = stars(scale)
    plain, model = reference[EM], fitted(data)
    np.testing.assert_allclose(
        flux_jacobian(model, "teff").value / scale, flux_jacobian(plain, "teff").value, rtol=1e-5, atol=1e-9
    )
    np.testing.assert_allclose(
        label_jacobian(model, data[:2], "teff").value * scale,
        label_jacobian(plain, one[:2], "teff").value,
        rtol=1e-4,
        atol=1e-3,
    )
    moved, plainly = (counterfactual(m, d[:2], "teff", 50.0) for m, d in ((model, data), (plain, one)))
    np.testing.assert_allclose(moved.difference / scale, plainly.difference, rtol=1e-4, atol=1e-8)
    small, plainly = (recourse(m, d[:1], "teff", 50.0) for m, d in ((model, data), (plain, one)))
    np.testing.assert_allclose(small.flux_change / scale, plainly.flux_change, rtol=1e-4, atol=1e-8)
    assert small.sigmas == pytest.approx(plainly.sigmas, rel=1e-5)


def test_posteriors_are_in_the_unit_of_the_flux(reference):
    scale = 1e-20
    posterior = luxjax.infer(fitted(stars(scale)), stars(scale).only("x")[:3], "exact", key=2)
    plain = luxjax.infer(reference[EM], stars(1.0).only("x")[:3], "exact", key=2)
    for noise in (False, True):
        found, wanted = (p.predict("x", 20, key=4, noise=noise) for p in (posterior, plain))
        np.testing.assert_allclose(found / scale, wanted, rtol=1e-5)


def test_indices_do_not_depend_on_the_scale():
    wavelength = np.arange(4980.0, 5040.0)
    flux = np.where(abs(wavelength - 5010.0) < 2.5, 0.5, 1.0)[None]
    index = Index("line", "A", "vacuum", band=(5004.5, 5015.5), blue=(4990.0, 5000.0), red=(5020.0, 5030.0))
    found = [
        measure_indices(
            Spectra.from_error(flux * s, np.full(flux.shape, 0.01 * s), wavelength, "vacuum", ["a"]), [index]
        )
        for s in (1.0, 1e-20)
    ]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("flux", "error"),
    [
        (np.full((1, 2), 1e-17, "f4"), np.full((1, 2), 1e-20)),
        (np.full((1, 2), 1e-18, "f4"), np.full((1, 2), 1e-20, "f4")),
        (np.full((1, 2), 1e18, "f4"), np.full((1, 2), 1e16, "f4")),
        (np.full((1, 2), 1e30, "f4"), np.full((1, 2), 1e25, "f4")),
        (np.ones((1, 2), "f2"), np.full((1, 2), 1e-3)),
    ],
)
def test_errors_survive_the_type_of_the_flux(flux, error):
    one = Spectra.from_error(flux, error, [1.0, 2.0], "vacuum", ["a"])
    assert one.good.all()
    np.testing.assert_allclose(one.error, error, rtol=1e-6)
    np.testing.assert_allclose(one.snr, np.float64(flux[0, 0]) / error[0, 0], rtol=1e-5)
    weights = np.asarray(Catalog({"x": one}).batch()["x"].ivar)
    assert np.isfinite(weights).all()
    assert np.all(weights > 0)


def test_half_precision_is_widened():
    one = Spectra(np.ones((1, 2), "f2"), np.full((1, 2), 1e6), [1.0, 2.0], "vacuum", ["a"])
    assert one.ivar.tolist() == [[1e6, 1e6]]


def test_what_no_type_can_hold_is_told(tmp_path):
    odd = Catalog({"x": Spectra([[1.0, 1e300, 1.0]], np.ones((1, 3)), [1.0, 2.0, 3.0], "vacuum", ["a"])})
    with pytest.warns(LuxWarning, match="1 of 3 values of output 'x' get no weight"):
        assert odd.batch()["x"].ivar.tolist() == [[1.0, 0.0, 1.0]]
    dataset = Dataset.create(tmp_path / "d", odd.outputs)
    with pytest.warns(LuxWarning, match="1 of 3 values of output 'x' get no weight"):
        dataset.append(odd)
    with pytest.warns(LuxWarning, match="get no weight"):
        OutputData.clean(np.ones((1, 1)), np.full((1, 1), 1e60))


def test_masked_huge_values_are_nobodys_business():
    masked = Spectra([[1.0, 1e300]], [[1.0, 0.0]], [1.0, 2.0], "vacuum", ["a"])
    assert Catalog({"x": masked}).batch()["x"].ivar.tolist() == [[1.0, 0.0]]


def test_new_fluxes_have_a_new_scale():
    faint = stars(1e-17)["x"]
    assert faint.replace(flux=faint.flux * 1e17, ivar=faint.ivar * 1e-34).scale == 1
    assert faint[:3].scale == faint.scale
    assert faint.pixels(slice(0, 5)).scale == faint.scale
    assert Spectra.stack([faint[:2], faint[2:4]]).scale == faint.scale
