import json

import jax
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.fitted import FittedModel, load, save
from luxjax.fitting import ALS, EM, FitError, fit
from luxjax.fitting.internal import fit_given_latents
from luxjax.models import Lux
from luxjax.prediction import transfer

from .worlds import toy_survey


@pytest.fixture(scope="module")
def catalog():
    rng = np.random.default_rng(20260517)
    z = rng.normal(size=(80, 2))
    flux = 1 + 0.1 * z @ rng.normal(size=(2, 20)) + 0.01 * rng.normal(size=(80, 20))
    ids = [f"s{i}" for i in range(80)]
    spectra = Spectra(flux, np.full(flux.shape, 1e4), 15000 + np.arange(20.0), "vacuum", ids, survey="apogee")
    value = np.column_stack([4800 + 200 * z[:, 0], 2.5 + 0.5 * z[:, 1]])
    labels = LabelTable(value, [20.0, 0.05], ("teff", "logg"), ids, units={"teff": "K", "logg": "dex"})
    return Catalog({"flux": spectra, "labels": labels})


@pytest.fixture(scope="module")
def fitted(catalog):
    return fit(Lux.linear(catalog.sizes, 2), catalog, key=0)


def test_what_travels_with_the_model(fitted):
    assert fitted.outputs["flux"].medium == "vacuum"
    assert fitted.outputs["labels"].units == {"teff": "K", "logg": "dex"}
    assert fitted.label_output() == "labels"
    assert fitted.summary["n_stars"] == 80
    assert fitted.summary["converged"]


def test_saved_and_loaded_models_predict_the_same_bits(fitted, catalog, tmp_path):
    folder = save(fitted, tmp_path / "model")
    again = load(folder)
    assert np.array_equal(transfer(again, catalog).value, transfer(fitted, catalog).value)
    assert np.array_equal(transfer(again, catalog).cov, transfer(fitted, catalog).cov)
    assert again.summary == json.loads(json.dumps(fitted.summary))
    assert again.objective == fitted.objective
    save(again, folder)
    assert sorted(p.name for p in folder.iterdir()) == ["arrays.npz", "model.json"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
def test_quadratic_models_are_saved_too(catalog, tmp_path):
    with pytest.warns(match="without converging"):
        fitted = fit(Lux.quadratic(catalog.sizes, 2), catalog, ALS(max_cycles=2), key=0)
    again = load(save(fitted, tmp_path / "m"))
    assert np.array_equal(transfer(again, catalog).value, transfer(fitted, catalog).value)


def test_models_saved_before_there_were_verdicts_load(fitted, tmp_path):
    folder = save(fitted, tmp_path / "model")
    header = json.loads((folder / "model.json").read_text())
    assert header.pop("verdicts") == {}
    (folder / "model.json").write_text(json.dumps(header | {"schema": 1}))
    assert load(folder).verdicts == {}
    (folder / "model.json").write_text(json.dumps(header | {"verdicts": {"teff": {"label": "teff"}}}))
    with pytest.raises(InputError, match="damaged"):
        load(folder)


def test_damaged_newer_and_absent_models_are_refused(fitted, tmp_path):
    with pytest.raises(InputError, match=r"no model at .* no model\.json"):
        load(tmp_path / "nothing")
    folder = save(fitted, tmp_path / "model")
    header = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(header | {"schema": 99}))
    with pytest.raises(InputError, match="schema 99.*reads schemas up to 6.*install a newer"):
        load(folder)
    (folder / "model.json").write_text(json.dumps(header))
    (folder / "arrays.npz").write_bytes(b"PK" + b"0" * 100)
    with pytest.raises(InputError, match="is damaged"):
        load(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(InputError, match="not the header of a model"):
        load(folder)


def test_nothing_else_is_overwritten_by_a_save(fitted, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("...")
    with pytest.raises(InputError, match="holds no model"):
        save(fitted, tmp_path / "precious")


def test_spectra_off_the_model_grid_are_refused(fitted, catalog):
    spectra = catalog.spectra("flux")
    with pytest.raises(InputError, match="fitted on vacuum wavelengths and these spectra are in air"):
        fitted.batch(Catalog({"flux": spectra.replace(medium="air")}))
    with pytest.raises(InputError, match=r"fitted on 20 pixels.*have 10.*resample"):
        fitted.batch(Catalog({"flux": spectra.pixels(slice(None, None, 2))}))


def test_labels_are_matched_by_name(fitted, catalog):
    turned = Catalog({"labels": catalog.labels().only("logg", "teff")})
    assert np.allclose(fitted.batch(turned)["labels"].value, fitted.batch(catalog)["labels"].value)


def test_bad_requests(catalog, rng):
    with pytest.raises(InputError, match="80 stars cannot determine 90 latents"):
        fit(Lux.linear(catalog.sizes, 90), catalog, key=0)
    with pytest.raises(InputError, match="decodes galah, which the catalogue lacks"):
        fit(Lux.linear({"galah": 3, "labels": 2}, 2), catalog, key=0)
    with pytest.raises(InputError, match="has 20 pixels or labels in the catalogue and 19"):
        fit(Lux.linear({"flux": 19, "labels": 2}, 2), catalog, key=0)
    with pytest.raises(InputError, match="no labels"):
        FittedModel(Lux.linear({"flux": 20}, 2), {}).label_output()
    labels = catalog.labels()
    empty = LabelTable(labels.value * [1, np.nan], labels.error, labels.names, labels.ids)
    with pytest.raises(InputError, match="'logg' is missing for every training star"):
        fit(Lux.linear(catalog.sizes, 2), Catalog({"flux": catalog["flux"], "labels": empty}), key=0)


def test_known_latents_give_the_least_squares_decoder(rng):
    batch, _, z = toy_survey(rng, missing=0.2)
    fitted = fit_given_latents(Lux.linear(batch.sizes, 2), batch, z, scatter=False)
    m = batch["flux"]
    with jax.enable_x64(True):
        design = np.column_stack([np.ones(len(z)), z])
        for j in range(m.size):
            root = np.sqrt(np.asarray(m.ivar[:, j]))
            slow = np.linalg.lstsq(design * root[:, None], np.asarray(m.value[:, j]) * root)[0]
            d = fitted.model.decoders["flux"]
            assert np.allclose(np.r_[d.intercept[j], d.weight[j]], slow, atol=1e-5)


def test_expectation_maximisation_wants_linear_decoders(catalog):
    with pytest.raises(InputError, match="needs linear decoders"):
        EM().run(Lux.quadratic(catalog.sizes, 2), None, key=None)


@pytest.mark.parametrize("stars", [slice(3, 4), slice(None)], ids=["one star", "all"])
@pytest.mark.parametrize("fitter", [EM(), ALS()], ids=lambda f: type(f).__name__)
def test_errors_near_zero_are_said_to_be_the_cause(rng, fitter, stars):
    batch, _, _ = toy_survey(rng, n_stars=40)
    flux = batch["flux"]
    # Single-precision sums overflow.
    spoilt = Batch(
        {**batch.outputs, "flux": OutputData.clean(1e3 * flux.value, flux.ivar.at[stars].set(1e38))},
        batch.labels,
    )
    with pytest.raises(FitError, match="check the errors of the data for values near zero"):
        fit(Lux.linear(spoilt.sizes, 2), spoilt, fitter, key=0)
