import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lines.internal import PARAMETERS
from luxjax.simulation import BreakCorrelation, Confounder, Impostor, PlantLine, simulate
from luxjax.simulation._population import LABELS
from luxjax.simulation.physics._windows import apogee


def test_catalogue_is_what_was_asked_for(survey):
    catalog = survey.catalog
    assert tuple(catalog.outputs) == ("apogee", "galah", "labels")
    assert catalog.ids[0] == "sim-000001"
    labels = catalog.labels()
    assert labels.names == ("teff", "logg", "fe_h", "alpha_fe", "eu_fe")
    assert labels.species == {"fe_h": "Fe", "alpha_fe": "Mg,Si,Ca,Ti", "eu_fe": "Eu"}
    assert labels.units["teff"] == "K"
    assert (catalog.spectra("apogee").medium, catalog.spectra("galah").medium) == ("vacuum", "air")
    assert catalog.spectra("apogee").normalized
    batch = catalog.batch()
    assert all(np.isfinite(m.value).all() for m in batch.outputs.values())


def test_noise_is_what_the_errors_say(survey):
    for window in ("apogee", "galah"):
        spectra = survey.catalog.spectra(window)
        pull = (spectra.flux - survey.truth.flux(window)) * np.sqrt(spectra.ivar)
        assert abs(pull[spectra.good].std() - 1) < 0.005
        assert abs(pull[spectra.good].mean()) < 0.005
    labels = survey.catalog.labels()
    pull = (labels.value - survey.truth.label_values) / labels.error
    assert np.all(np.abs(np.nanstd(pull, axis=0) - 1) < 0.12)
    assert np.all(np.abs(np.nanmean(pull, axis=0)) < 0.2)
    assert np.allclose(np.nanmedian(labels.error, axis=0), [v[1] for v in LABELS.values()], rtol=0.05)


def test_bad_pixels_gaps_and_missing_labels(survey):
    spectra = survey.catalog.spectra("apogee")
    assert not spectra.good[:, ~apogee().good].any()
    assert abs(1 - spectra.good[:, apogee().good].mean() - 0.02) < 0.002
    missing = np.isnan(survey.catalog.labels().value)
    assert abs(missing[:, 4].mean() - 0.3) < 0.08
    assert not missing[:, :4].any()


def test_repeats_share_stars_and_not_noise(survey):
    (again,) = survey.repeats
    assert np.array_equal(again.ids, survey.catalog.ids)
    first, second = survey.catalog.spectra("apogee"), again.spectra("apogee")
    both = first.good & second.good
    z = (first.flux - second.flux) / np.sqrt(
        1 / np.where(both, first.ivar, 1) + 1 / np.where(both, second.ivar, 1)
    )
    assert abs(z[both].std() - 1) < 0.005


def test_offsets_tilt_and_velocity_are_off_unless_asked():
    plain = simulate(60, key=3, windows=("apogee",))
    assert not plain.truth.rv.any()
    assert not plain.truth.tilt.any()
    moved = simulate(
        60, key=3, windows=("apogee",), offsets={"teff": (80.0, 0.1)}, continuum_tilt=0.02, rv_jitter=1.0
    )
    assert moved.truth.rv.std() > 0.5
    clean = moved.truth.label_values[:, 0]
    shift = moved.catalog.labels()["teff"] - clean - 80.0 - 0.1 * (clean - np.median(clean))
    assert abs(np.mean(shift)) < 30
    edge = moved.truth.flux("apogee")[:, 6079] / plain.truth.flux("apogee")[:, 6079] - 1
    assert np.corrcoef(edge, moved.truth.tilt[0])[0, 1] > 0.95


@pytest.mark.slow
def test_planted_line_has_its_strength_and_answers_to_its_element():
    world = simulate(40, key=4, windows=("apogee",), plants=[PlantLine("Eu", 15_784.0, strength=40.0)])
    truth = world.truth
    synthesis = truth.syntheses["apogee"]
    giant = np.zeros(len(PARAMETERS), np.float32)
    giant[[PARAMETERS.index(n) for n in ("teff", "logg", "vmic")]] = 4600, 2.3, 1.6
    without = giant.copy()
    without[PARAMETERS.index("eu_fe")] = -9.0
    depth = synthesis.flux(without)[0].astype(float) - synthesis.flux(giant)[0]
    near = np.abs(synthesis.window.wavelength - 15_784) < 4
    assert abs(1e3 * np.trapezoid(depth[near], synthesis.window.wavelength[near]) - 40) < 1.0
    assert truth.line_response("apogee")["Eu"][synthesis.window.pixel(15_784.0)]
    more = giant.copy()
    more[PARAMETERS.index("eu_fe")] = 0.2
    change = synthesis.flux(more)[0] - synthesis.flux(giant)[0]
    assert synthesis.window.wavelength[np.argmin(change)] == pytest.approx(15_784, abs=0.2)
    assert "Eu" not in simulate(2, key=4, windows=("apogee",)).truth.line_response("apogee")


@pytest.mark.parametrize("where", ["train", "all"])
def test_impostor_follows_the_label_where_it_should(where):
    pixels = (1000, 1001, 1002)
    plant = Impostor(pixels, "eu_fe", strength=0.05, where=where)
    options = dict(key=5, windows=("apogee",), n_train=60)
    rigged, plain = simulate(100, plants=[plant], **options), simulate(100, **options)
    change = rigged.truth.flux("apogee") - plain.truth.flux("apogee")
    europium = rigged.truth.label_values[:, 4]
    train = rigged.catalog.table["split"] == "train"
    assert train.sum() == 60
    assert np.corrcoef(change[train, 1001], europium[train])[0, 1] < -0.999
    assert np.any(change[~train][:, 1001]) == (where == "all")
    assert not np.delete(change, pixels, axis=1).any()


@pytest.mark.slow
def test_broken_correlation_keeps_the_distribution_and_loses_the_trend():
    world = simulate(1000, key=6, windows=("galah",), plants=[BreakCorrelation("Eu")], n_train=500)
    values, split = world.truth.label_values, world.truth.split
    for part, low, high in (("train", 0.75, 1.0), ("test", -0.12, 0.12)):
        alpha, europium = values[split == part][:, 3:].T
        assert low < np.corrcoef(alpha, europium)[0, 1] < high


def test_key_decides_everything():
    a, b, c = (simulate(5, key=k, windows=("apogee",), plants=[Confounder("Co", 0.5)]) for k in (1, 1, 2))
    assert np.array_equal(a.catalog.spectra("apogee").flux, b.catalog.spectra("apogee").flux)
    assert not np.array_equal(a.truth.params, c.truth.params)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"windows": ("boss",)}, "window 'boss'"),
        ({"windows": "apogee"}, "sequence"),
        ({"bad_fraction": 1.0}, "bad_fraction"),
        ({"visits": 0}, "visits"),
        ({"n_train": 9}, "n_train"),
        ({"plants": ["Eu"]}, "planted"),
        ({"labels": ("age",)}, "label 'age'"),
        ({"offsets": {"age": (1.0, 0.0)}}, "label 'age'"),
        ({"plants": [PlantLine("Eu", 6645.0, window="galah")]}, "planted line"),
    ],
)
def test_wrong_input_gets_a_sentence(wrong, message):
    with pytest.raises(InputError, match=message):
        simulate(4, **{"key": 0, "windows": ("apogee",), **wrong})
