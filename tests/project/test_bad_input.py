"""Nine ways to go wrong, as a user meets them: one sentence with what was given, expected, known, and what to do."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.fitting import ALS
from luxjax.models import Lux
from luxjax.preprocessing import resample
from luxjax.simulation import simulate, write_survey_files
from luxjax.surveys import ingest, read_catalog, read_labels, read_many


@pytest.fixture(scope="module")
def survey():
    """24 stars seen in the H band, with the window cut to a few pixels."""
    catalog = simulate(24, key=3, windows=("apogee",)).catalog
    few = (catalog.spectra("apogee").wavelength > 15200) & (catalog.spectra("apogee").wavelength < 15215)
    return Catalog({**catalog.outputs, "apogee": catalog.spectra("apogee").pixels(few)}, catalog.table)


@pytest.fixture(scope="module")
def fitted(survey):
    return luxjax.fit(Lux.linear(survey.sizes, 2), survey, ALS(max_cycles=60, tol=1e-3), key=0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_survey_files(simulate(5, key=1, windows=("apogee",)), tmp_path_factory.mktemp("files"))


def said(action, *parts) -> str:
    """The sentence that `action` ends with; it must hold all the parts, and end like one."""
    with pytest.raises(InputError) as error:
        action()
    sentence = str(error.value)
    for part in parts:
        assert part in sentence
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    return sentence


def test_a_truncated_file_among_good_ones(files):
    paths = sorted(files.spectra.glob("*.fits"))
    paths[2].write_bytes(paths[2].read_bytes()[:100_000])
    result = read_many(paths, progress=False)
    assert len(result.stacked()) == 4
    assert result.failures["path"].tolist() == [str(paths[2])]
    (reason,) = result.failures["reason"]
    assert "truncated" in reason
    assert "fetch it again" in reason
    catalogs = ingest(files.spectra, label_catalog=files.allstar, progress=False)
    assert len(catalogs.labelled) == 4
    assert catalogs.lost["file"].tolist()[:1] == [str(paths[2])]
    assert "1 files not used" in catalogs.summary
    said(lambda: luxjax.read(paths[2]), str(paths[2]), "truncated", "fetch it again")


def test_a_catalogue_without_the_asked_column(files, tmp_path):
    said(
        lambda: read_labels(files.galah, ["teff", "eufe"]),
        "'eufe'",
        "known: teff, logg",
        "Did you mean 'eu_fe'?",
    )
    table = tmp_path / "mine.csv"
    pd.DataFrame({"sobject_id": [1], "teff": [5000.0], "e_teff": [60.0]}).to_csv(table, index=False)
    said(
        lambda: read_catalog(table, ["sobject_id", "logg"]), str(table), "'logg'", "sobject_id, teff, e_teff"
    )
    said(lambda: read_labels(table, ["logg"], survey="galah", release="dr3"), str(table), "'logg'", "teff")
    frame = pd.read_csv(table)
    said(
        lambda: LabelTable.from_frame(frame, id_column="sobject_id", labels=["tef"], errors={"tef": 1.0}),
        "no column 'tef'",
        "known: sobject_id, teff, e_teff",
        "Did you mean 'teff'?",
        "Name a column of this table",
    )


def test_two_spectra_on_different_grids(survey, fitted):
    one = survey.spectra("apogee").select(slice(0, 1))
    other = resample(one, one.wavelength[:-1] + 0.01).replace(ids=["other"])
    said(
        lambda: Spectra.stack([one, other]),
        f"'{one.ids[0]}' has {one.n_pixels} pixels",
        f"'other' {other.n_pixels} from",
        "luxjax.preprocessing.resample",
    )
    strange = Catalog({"apogee": other})
    said(
        lambda: luxjax.transfer(fitted, strange),
        f"fitted on {one.n_pixels} pixels",
        f"these spectra have {other.n_pixels}",
        "luxjax.preprocessing.resample",
    )
    # What to do does it.
    mended = resample(other, one.wavelength)
    assert len(luxjax.transfer(fitted, Catalog({"apogee": mended}))) == 1


def test_an_unknown_medium(survey, fitted):
    spectra = survey.spectra("apogee")
    for given in ("vac", "", None):
        said(
            lambda given=given: spectra.replace(medium=given),
            repr(given),
            "'air' or 'vacuum'",
            "never guessed",
        )
    air = Catalog({"apogee": spectra.replace(medium="air")})
    said(lambda: luxjax.transfer(fitted, air), "fitted on vacuum", "in air", "luxjax.preprocessing.to_medium")


def test_stars_that_occur_twice(survey):
    twice = survey.spectra("apogee").select([0, 1, 1, 2])
    said(
        lambda: Catalog.join({"apogee": twice, "labels": survey.labels()}),
        "output 'apogee' has repeated star ids",
        survey.ids[1],
        "Combine the visits",
    )


def test_an_output_that_does_not_exist(survey, fitted):
    said(
        lambda: survey["apogees"],
        "'apogees'",
        "known: apogee, labels",
        "Did you mean 'apogee'?",
        "join it in",
    )
    said(
        lambda: luxjax.transfer(fitted, survey, inputs=["galah"]),
        "no output of the model 'galah'",
        "known: apogee, labels",
    )
    model = Lux.linear({"galah": 10, "labels": 5}, 2)
    said(
        lambda: luxjax.fit(model, survey, key=0),
        "decodes galah",
        "it has apogee, labels",
        "name outputs alike",
    )


def test_a_model_of_a_newer_luxjax(fitted, tmp_path):
    folder = luxjax.save(fitted, tmp_path / "model")
    header = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(header | {"schema": 99, "luxjax": "7.0"}))
    said(
        lambda: luxjax.load(folder),
        str(folder),
        "schema 99, written by luxjax 7.0",
        "schemas up to 6",
        "install a newer one",
    )


def test_a_cross_match_without_a_pair(survey):
    left = survey.table[["ra", "dec"]]
    right = left.assign(dec=left["dec"] * 0.5 + 1)
    said(
        lambda: luxjax.crossmatch(left, right),
        "the left table (24)",
        "the right (24)",
        "closest positions are",
        "the radius is 1",
        "Gaia DR3 ids",
        "allow_empty=True",
    )
    assert len(luxjax.crossmatch(left, right, allow_empty=True)) == 0
    mine = dataclasses.replace(survey.labels(), ids=np.array([f"other{i}" for i in range(24)]))
    said(
        lambda: Catalog.join({"apogee": survey.spectra("apogee"), "labels": mine}),
        "no star is common",
        "cross-match by position",
    )


def test_fewer_stars_than_latents(survey):
    few = survey.select(slice(0, 8))
    said(
        lambda: luxjax.fit(Lux.linear(few.sizes, 8), few, key=0),
        "8 stars cannot determine 8 latents",
        "more stars",
        "fewer latents",
    )
