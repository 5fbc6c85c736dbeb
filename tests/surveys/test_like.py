"""Spectra that suit a model or a catalogue: its grid, continuum, frame and pixels, whatever their own release."""

import numpy as np
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra, save_catalog
from luxjax.surveys import IngestOptions, ingest

from . import fixtures

QUIET = {"progress": False}


def write(folder, rng, numbers, *, n=3904, noisy=()):
    folder.mkdir()
    wave = 10.0 ** (3.5682 + 1e-4 * np.arange(n))
    for k in numbers:
        depth = 0.2 + 0.6 * (k % 7) / 7
        flux = (wave / 5000) * 1000 * (1 - depth * np.exp(-0.5 * ((wave - 6564) / 9) ** 2))
        error = np.full(n, 10.0)
        error[list(noisy)] = 100.0
        header = {"Z": 1e-4 * (k % 3), "DESIG": f"LAMOST J{folder.name}{k}"}
        flux = flux + error * rng.normal(size=n)
        fixtures.write_lamost(folder / f"spec-{k}.fits", flux, 1 / error**2, **header)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """40 stars of one release with ten noisy pixels, its catalogue and model; and a longer, cleaner release."""
    rng, root = np.random.default_rng(4), tmp_path_factory.mktemp("like")
    first = write(root / "first", rng, range(40), noisy=range(2169, 2199))
    second = write(root / "second", rng, range(5), n=3909)
    made = ingest(first, wavelength_range=(6000, 7000), **QUIET).unlabelled
    label = np.array([int(star[6:]) % 7 for star in made.ids])[:, None]
    catalog = Catalog(made.outputs | {"labels": LabelTable(label, 0.1, ("depth",), made.ids)}, made.table)
    save_catalog(catalog, root / "catalog")
    fitted = luxjax.fit(luxjax.Lux.linear(catalog.sizes, 2), catalog, key=1)
    luxjax.save(fitted, root / "run" / "model")
    return root, second, catalog, fitted


def test_spectra_of_another_release_can_be_given_to_the_model(world):
    root, second, catalog, fitted = world
    was = catalog.spectra("spectra")
    assert (~was.good.any(axis=0)).sum() in range(8, 13)
    unlike = ingest(second, **QUIET).unlabelled.spectra("spectra")
    assert unlike.n_pixels != was.n_pixels
    for like in (root / "run", str(root / "run" / "model"), root / "catalog", fitted, catalog, was):
        found = ingest(second, like=like, **QUIET)
        spectra = found.unlabelled.spectra("spectra")
        np.testing.assert_array_equal(spectra.wavelength, was.wavelength)
        assert (spectra.frame, spectra.normalized, spectra.medium) == ("rest", True, "vacuum")
        assert spectra.good.mean() > 0.9
        # What the first release taught nothing about stays out, though these spectra are good there.
        assert not spectra.good[:, ~was.good.any(axis=0)].any()
        luxjax.transfer(fitted, found.unlabelled)
    predicted = luxjax.transfer(fitted, found.unlabelled)
    np.testing.assert_allclose(predicted.value[:, 0], np.arange(5), atol=0.4)
    grid, continuum, pixels = ingest(second, like=root / "run", **QUIET).summary.splitlines()[:3]
    assert grid.endswith(f"each the weighted mean of 3 pixels of the files, as in '{root / 'run'}'")
    assert continuum == "continuum: divided out (a running 90% quantile over 100 A)"
    assert pixels == f"{(~was.good.any(axis=0)).sum()} pixels left out, as in '{root / 'run'}'"


@pytest.mark.slow
def test_the_same_files_give_the_same_spectra(world):
    """What is taken from a catalogue is all that was done to it."""
    root, _, catalog, fitted = world
    was = catalog.spectra("spectra")
    for like in (root / "catalog", fitted):
        again = ingest(root / "first", like=like, **QUIET).unlabelled.spectra("spectra")
        rows = [list(again.ids).index(star) for star in was.ids]
        np.testing.assert_array_equal(again.flux[rows], was.flux)
        np.testing.assert_array_equal(again.ivar[rows], was.ivar)


@pytest.mark.slow
def test_raw_spectra_stay_raw(world):
    root, second, *_ = world
    raw = ingest(root / "first", normalization="none", **QUIET).unlabelled
    like = ingest(second, like=raw, **QUIET).unlabelled.spectra("spectra")
    assert not like.normalized
    assert np.median(like.flux) > 500
    fitted = luxjax.fit(luxjax.Lux.linear(raw.sizes, 2), raw, key=1)
    model = ingest(second, like=fitted, **QUIET).unlabelled.spectra("spectra")
    np.testing.assert_array_equal(model.good, like.good)
    np.testing.assert_array_equal(model.flux, like.flux)


def test_the_frame_is_taken_too(world):
    root, second, *_ = world
    shifted = ingest(root / "first", rest=False, **QUIET).unlabelled
    assert ingest(second, like=shifted, **QUIET).unlabelled.spectra("spectra").frame == "barycentric"


def test_a_continuum_that_is_not_known_is_asked_for(world):
    _, second, catalog, _ = world
    mine = catalog.spectra("spectra")
    mine = Spectra(mine.flux, mine.ivar, mine.wavelength, "vacuum", mine.ids, normalized=True)
    with pytest.raises(InputError, match=r"does not say how its spectra were normalised.*quantile"):
        ingest(second, like=mine, **QUIET)
    found = ingest(second, like=mine, normalization="polynomial", **QUIET).unlabelled.spectra("spectra")
    assert "ContinuumPolynomial" in " ".join(found.history)
    with pytest.raises(InputError, match="have normalization 'quantile', and 'none' was asked for"):
        ingest(second, like=catalog, normalization="none", **QUIET)


def test_which_spectra(world):
    _, second, catalog, _ = world
    spectra = catalog.spectra("spectra")
    two = Catalog({"blue": spectra, "red": spectra.pixels(slice(50, 90))}, catalog.table)
    found = ingest(second, like=two, spectra_name="red", **QUIET).unlabelled
    assert found.spectra("red").n_pixels == 40
    with pytest.raises(InputError, match="has the spectra blue, red; say with spectra_name"):
        ingest(second, like=two, **QUIET)
    with pytest.raises(InputError, match="has no spectra, so no grid"):
        ingest(second, like=Catalog({"labels": catalog.labels()}), **QUIET)


def test_bad_templates(world, tmp_path):
    with pytest.raises(InputError, match="is no folder of a run, a model or a catalogue"):
        ingest(world[1], like=tmp_path, **QUIET)
    with pytest.raises(InputError, match="like is the folder of a run"):
        IngestOptions(like=3)
    for name, value in {"grid": [1.0, 2.0], "wavelength_range": (1, 2), "binning": 2}.items():
        with pytest.raises(InputError, match=f"like decides about {name}"):
            IngestOptions(like="run", **{name: value})
    with pytest.raises(InputError, match="like decides about the frame"):
        IngestOptions(like="run", rest=False)
    assert IngestOptions(like="").like is None


@pytest.mark.parametrize("binning", [0, 1.5, True, "3"])
def test_bad_binning(binning):
    with pytest.raises(InputError, match="binning is a number of pixels"):
        IngestOptions(binning=binning)
    with pytest.raises(InputError, match="a grid has its own pixels"):
        IngestOptions(grid=[1.0, 2.0], binning=2)
