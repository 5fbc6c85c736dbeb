import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra


def spectra(ids, medium="air"):
    """Flux is the number in the id, so that a row that strays is seen."""
    number = np.array([[float(i[1:])] for i in ids])
    flux = number + np.array([0.0, 0.25])
    return Spectra(flux, np.ones_like(flux), [5000.0, 5001.0], medium, ids)


def labels(ids):
    value = np.array([[float(i[1:])] for i in ids])
    return LabelTable(value, 0.1, ("fe_h",), ids)


def test_join_keeps_the_shared_stars_in_the_first_order():
    joined = Catalog.join(
        {
            "apogee": spectra(["s3", "s1", "s9", "s2"]),
            "galah": spectra(["s2", "s3", "s1"]),
            "labels": labels(["s1", "s2", "s3", "s4"]),
        }
    )
    assert joined.ids.tolist() == ["s3", "s1", "s2"]
    for output in joined.outputs.values():
        assert output.ids.tolist() == ["s3", "s1", "s2"]
    np.testing.assert_array_equal(joined["galah"].flux[:, 0], [3, 1, 2])
    np.testing.assert_array_equal(joined.labels()["fe_h"], [3, 1, 2])
    assert joined.sizes == {"apogee": 2, "galah": 2, "labels": 1}
    assert len(joined) == 3
    assert repr(joined).splitlines()[0] == "Catalog of 3 stars"


def test_visits_are_combined_before_joining():
    with pytest.raises(InputError, match=r"output 'galah' has repeated star ids: s1, s2. Combine the visits"):
        Catalog.join({"apogee": spectra(["s1", "s2"]), "galah": spectra(["s1", "s2", "s1", "s2"])})
    with pytest.raises(InputError, match="star ids must be unique; repeated: s1"):
        Catalog({"apogee": spectra(["s1", "s1"])})


def test_nothing_in_common():
    with pytest.raises(InputError, match="no star is common to all outputs, .*'2M' prefix.*cross-match"):
        Catalog.join({"apogee": spectra(["s1"]), "labels": labels(["s2"])})
    for empty in (Catalog, Catalog.join):
        with pytest.raises(InputError, match="at least one output"):
            empty({})


def test_the_same_stars_in_the_same_order():
    with pytest.raises(InputError, match="outputs 'a' and 'b' do not hold the same stars in the same order"):
        Catalog({"a": spectra(["s1", "s2"]), "b": labels(["s2", "s1"])})
    with pytest.raises(InputError, match="star table has 1 rows for 2 stars"):
        Catalog({"a": spectra(["s1", "s2"])}, pd.DataFrame({"ra": [1.0]}))


@pytest.fixture
def catalog():
    ids = ["s1", "s2", "s3"]
    return Catalog(
        {"apogee": spectra(ids), "labels": labels(ids)}, pd.DataFrame({"ra": [1, 2, 3]}, index=[9, 8, 7])
    )


def test_outputs_are_asked_for_by_name_and_kind(catalog):
    assert catalog.spectra("apogee") is catalog["apogee"]
    assert catalog.labels() is catalog["labels"]
    with pytest.raises(
        InputError, match=r"no output 'apoge' \(known: apogee, labels\). Did you mean 'apogee'\?"
    ):
        catalog["apoge"]
    with pytest.raises(InputError, match="'labels' holds labels; spectra were asked for"):
        catalog.spectra("labels")
    with pytest.raises(InputError, match="'apogee' holds spectra; labels were asked for"):
        catalog.labels("apogee")
    assert list(catalog.only("labels").outputs) == ["labels"]
    with pytest.raises(InputError, match="no output 'galah'"):
        catalog.only("galah")


def test_rows_are_chosen_in_every_output(catalog):
    for index in ([2, 0], np.array([2, 0])):
        part = catalog.select(index)
        assert part.ids.tolist() == ["s3", "s1"]
        np.testing.assert_array_equal(part["apogee"].flux[:, 0], [3, 1])
        assert part.table["ra"].tolist() == [3, 1]
    assert catalog.select(np.array([False, True, False])).ids.tolist() == ["s2"]


def test_the_door_to_the_models():
    ids = ["s1", "s2"]
    flux = Spectra([[1.0, np.nan], [3.0, 4.0]], [[4.0, 4.0], [0.0, 9.0]], [5000.0, 5001.0], "air", ids)
    label = LabelTable([[0.1, np.nan], [0.3, 0.4]], 0.5, ("a", "b"), ids)
    batch = Catalog({"flux": flux, "labels": label}).batch()
    np.testing.assert_array_equal(batch["flux"].value, [[1, 0], [0, 4]])
    np.testing.assert_array_equal(batch["flux"].ivar, [[4, 0], [0, 9]])
    np.testing.assert_allclose(batch["labels"].value, [[0.1, 0], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_array_equal(batch["labels"].ivar, [[4, 0], [4, 4]])
    assert {m.value.dtype for m in batch.outputs.values()} == {jnp.dtype("float32")}
