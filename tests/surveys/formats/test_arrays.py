import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.surveys import ingest, read_arrays


@pytest.fixture
def arrays(rng):
    return {
        "flux": rng.normal(1, 0.1, (4, 6)),
        "error": np.full((4, 6), 0.05),
        "wavelength": np.linspace(15000, 15010, 6),
        "ids": np.array(["a", "b", "c", "d"]),
        "labels": np.array([[5000.0, 1.0], [5100, -9999], [5200, 2], [5300, 3]]),
        "label_names": np.array(["teff", "logg"]),
    }


def saved(path, arrays):
    np.savez(path, **arrays)
    return path


def test_arrays_become_spectra_and_labels(arrays, tmp_path):
    arrays["error"][1, 2], arrays["error"][2, 3] = 0, np.inf
    path = saved(tmp_path / "x.npz", arrays | {"medium": "air"})
    spectra, labels = read_arrays(path, label_errors={"teff": 80, "logg": 0.2}, survey="apogee")
    assert (spectra.medium, spectra.frame, spectra.survey, spectra.normalized) == (
        "air",
        "rest",
        "apogee",
        True,
    )
    np.testing.assert_array_equal(spectra.flux, arrays["flux"])
    expected = np.full((4, 6), 400.0)
    expected[1, 2] = expected[2, 3] = 0
    np.testing.assert_allclose(spectra.ivar, expected)
    assert labels.names == ("teff", "logg")
    assert labels.units == {"teff": "K"}
    np.testing.assert_array_equal(labels["logg"], [1, np.nan, 2, 3])
    np.testing.assert_array_equal(labels.error[:, 0], 80)
    result = ingest(spectra, label_catalog=labels)
    assert result.labelled.ids.tolist() == ["a", "b", "c", "d"]


def test_entries_by_other_names(arrays, tmp_path):
    arrays = {f"my_{k}": v for k, v in arrays.items()} | {
        "w": 1 / arrays["error"] ** 2,
        "e": np.array([90.0, 0.3]),
    }
    del arrays["my_ids"]
    path = saved(tmp_path / "x.npz", arrays)
    spectra, labels = read_arrays(
        path,
        medium="vacuum",
        flux="my_flux",
        ivar="w",
        wavelength="my_wavelength",
        labels="my_labels",
        label_names=("TEFF", "LOGG"),
        label_errors="e",
    )
    np.testing.assert_allclose(spectra.ivar, 400)
    assert spectra.ids.tolist() == ["x-0", "x-1", "x-2", "x-3"]
    assert labels.names == ("TEFF", "LOGG")
    np.testing.assert_array_equal(labels.error[0], [90, 0.3])
    assert read_arrays(path, medium="air", flux="my_flux", ivar="w", wavelength="my_wavelength")[1] is None


def test_bad_input(arrays, tmp_path):
    path = saved(tmp_path / "x.npz", arrays)
    no_error = saved(tmp_path / "y.npz", {k: v for k, v in arrays.items() if k != "error"})
    no_wave = saved(tmp_path / "w.npz", {k: v for k, v in arrays.items() if k != "wavelength"})
    (tmp_path / "z.npz").write_text("rubbish")
    np.save(tmp_path / "one.npy", np.ones(3))
    np.savez(tmp_path / "objects.npz", allow_pickle=True, flux=np.array([{}], dtype=object))
    errors = {"teff": 80.0, "logg": 0.1}
    cases = [
        (tmp_path / "none.npz", {}, "no file"),
        (tmp_path / "z.npz", {}, "is not an .npz archive"),
        (tmp_path / "one.npy", {}, "is not an .npz archive"),
        (tmp_path / "objects.npz", {}, "cannot be read as an .npz archive of plain arrays"),
        (path, {}, "state medium='air' or medium='vacuum'"),
        (path, {"medium": "glass"}, "medium 'glass' is not known; say 'air' or 'vacuum'"),
        (path, {"medium": "air", "frame": "moving"}, "no velocity frame 'moving'"),
        (path, {"medium": "air", "flux": "flx"}, "no entry named 'flx'; it has flux"),
        (no_wave, {"medium": "air"}, "--array wavelength=ENTRY; in Python: wavelength='ENTRY'"),
        (no_error, {"medium": "air"}, "no entry for error .*ivar or of error"),
        (path, {"medium": "air"}, "teff, logg. without errors; state one for each"),
        (path, {"medium": "air", "label_errors": {"teff": 80}}, "no error was stated for logg"),
        (path, {"medium": "air", "label_errors": {"tef": 80}}, "no label 'tef'"),
        (path, {"medium": "air", "label_errors": errors, "label_names": ("a",)}, "no label 'teff'"),
    ]
    for file, options, said in cases:
        with pytest.raises(InputError, match=said):
            read_arrays(file, **options)


def test_repeated_ids_keep_the_best(arrays, tmp_path):
    arrays["ids"] = np.array([7, 7, 8, 9])
    arrays["error"][0] = 0.2
    spectra, _ = read_arrays(
        saved(tmp_path / "x.npz", arrays), medium="air", label_errors={"teff": 1, "logg": 1}
    )
    result = ingest(spectra)
    assert result.unlabelled.ids.tolist() == ["7", "8", "9"]
    np.testing.assert_array_equal(result.unlabelled.spectra("spectra").flux[0], arrays["flux"][1])
    assert result.left_out["id"].tolist() == ["7"]


def test_real_apogee_arrays(real_data):
    path = next((real_data / "apogee" / "cannon_test_set").glob("*.npz"))
    spectra, labels = read_arrays(
        path,
        medium="vacuum",
        wavelength="wavelength_inferred_angstrom",
        ids="original_row",
        label_errors={"TEFF": 90, "LOGG": 0.2, "PARAM_M_H": 0.1},
        survey="apogee",
    )
    result = ingest(spectra, label_catalog=labels)
    assert (len(result.labelled), result.unlabelled) == (471, None)
    assert result.labelled.sizes == {"spectra": 100, "labels": 3}
    assert 15168 < spectra.wavelength[0] < spectra.wavelength[-1] < 15190
    # Metal lines deepen with metallicity: the rows of spectra and labels belong together.
    depth = 1 - spectra.flux.mean(axis=1)
    assert np.corrcoef(depth, labels["PARAM_M_H"])[0, 1] > 0.5
