import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Measurements, Spectra, load_catalog, save_catalog

NAMES = ("G", "BP", "K")
IDS = ("a", "b", "c")
CORRELATION = np.array([[1.0, 0.6, 0.1], [0.6, 1.0, -0.4], [0.1, -0.4, 1.0]])


def make(value=None, error=0.02, **more):
    value = np.arange(9.0).reshape(3, 3) if value is None else value
    return Measurements(value, error, NAMES, IDS, **{"units": {"K": "mag"}, "survey": "gaia", **more})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": np.ones((2, 3))}, r"measurement values have shape \(2, 3\); 3 ids and 3 names"),
        ({"units": {"H": "mag"}}, "no measurement for the unit 'H'"),
        ({"correlation": np.eye(2)}, r"correlations have shape \(2, 2\); 3 measurements ask for \(3, 3\)"),
        ({"correlation": 2 * np.eye(3)}, "is it a covariance"),
        ({"correlation": np.triu(CORRELATION)}, "finite and symmetric"),
        ({"correlation": 3 * CORRELATION - 2 * np.eye(3)}, "not positive definite .* column by column"),
        ({"whitening": -np.eye(3)}, "positive diagonal"),
        ({"whitening": np.eye(3), "correlation": np.eye(3)}, "not both"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        make(**change)


def test_they_are_inputs_and_say_what_is_missing():
    one = make([[1, np.nan, 3], [4, 5, 6], [7, 8, 9]], [[1, 1, 0.5], [0, 1, 1], [1, np.nan, 1]])
    np.testing.assert_array_equal(one.ivar, [[1, 0, 4], [0, 1, 1], [1, 0, 1]])
    assert one.role == "input"
    assert repr(one) == "Measurements(gaia: 3 stars, G, BP, K, 66.7% measured)"
    few = make(correlation=CORRELATION).only("K", "G")
    assert few.names == ("K", "G")
    assert few.correlation[0, 1] == 0.1
    assert few.units == {"K": "mag"}


def test_noise_of_whitened_measurements_is_independent_and_as_large_as_they_say(rng):
    error = np.array([0.1, 0.2, 0.05])
    factor = np.linalg.cholesky(CORRELATION) * error[:, None]
    noise = rng.normal(size=(40_000, 3)) @ factor.T
    given = Measurements(noise, error, NAMES, [str(k) for k in range(len(noise))], correlation=CORRELATION)
    white = given.whitened()
    assert np.corrcoef(white.value.T) == pytest.approx(np.eye(3), abs=0.02)
    assert white.value.std(axis=0) == pytest.approx(white.error[0], rel=0.02)
    assert white.error[0] == pytest.approx(error, rel=1e-6)
    # Of a star with other errors than the typical one the errors are still right.
    other = Measurements(noise * [2, 0.5, 1], error * [2, 0.5, 1], NAMES, given.ids, correlation=CORRELATION)
    again = other.whitened(white.whitening)
    assert again.value.std(axis=0) == pytest.approx(again.error[0], rel=0.02)
    with pytest.raises(InputError, match="choose before whitening"):
        white.only("G")
    with pytest.raises(InputError, match="another matrix"):
        white.whitened(2 * white.whitening)


def test_what_is_made_from_a_missing_one_is_missing():
    correlation = np.eye(3)
    correlation[2, 1] = correlation[1, 2] = 0.5
    white = make([[1, np.nan, 3], [1, 2, 3], [np.nan, 2, 3]], correlation=correlation).whitened()
    np.testing.assert_array_equal(
        np.isnan(white.value), [[False, True, True], [False] * 3, [True, False, False]]
    )


def test_an_outer_join_keeps_all_stars():
    flux = np.ones((2, 4))
    spectra = Spectra(flux, flux, [1.0, 2.0, 3.0, 4.0], "air", ids=["b", "d"], table={"snr": [5.0, 6.0]})
    labels = LabelTable([[1.0], [2.0]], 0.1, ["teff"], ["d", "e"])
    stars = Catalog.join({"phot": make(), "spec": spectra, "labels": labels}, how="outer")
    assert stars.ids.tolist() == ["a", "b", "c", "d", "e"]
    np.testing.assert_array_equal(stars.spectra("spec").ivar.sum(axis=1), [0, 4, 0, 4, 0])
    np.testing.assert_array_equal(np.isfinite(stars["phot"]["G"]), [True, True, True, False, False])
    np.testing.assert_array_equal(stars.labels()["teff"], [np.nan, np.nan, np.nan, 1, 2])
    np.testing.assert_array_equal(stars["spec"].table["snr"], [np.nan, 5, np.nan, 6, np.nan])
    assert Catalog.join({"phot": make(), "spec": spectra}).ids.tolist() == ["b"]
    with pytest.raises(InputError, match="way to join 'left'.*inner, outer"):
        Catalog.join({"phot": make()}, how="left")
    with pytest.raises(InputError, match="output 'phot' holds measurements; labels were asked for"):
        stars.labels("phot")


def test_they_come_back_from_disk(tmp_path):
    labels = LabelTable(np.ones((3, 1)), 0.1, ["teff"], IDS)
    for name, one in {
        "c": make(correlation=CORRELATION),
        "w": make(correlation=CORRELATION).whitened(),
    }.items():
        again = load_catalog(save_catalog(Catalog({"phot": one, "labels": labels}), tmp_path / name))["phot"]
        assert isinstance(again, Measurements)
        for field in ("value", "error", "correlation", "whitening"):
            np.testing.assert_equal(getattr(again, field), getattr(one, field))
        assert (again.names, again.units, again.survey) == (one.names, one.units, "gaia")
