import jax
import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData, aligned
from luxjax.core.internal import check_stars


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -9999.0])
@pytest.mark.parametrize("ivar", [0.0, -1.0, np.nan, np.inf])
def test_what_stands_at_an_unusable_value_leaves_no_trace(bad, ivar):
    value, weight = np.ones((2, 3)), np.ones((2, 3))
    value[0, 1], weight[0, 1] = bad, ivar
    got = OutputData.clean(value, weight)
    assert got.value[0, 1] == 0
    assert got.ivar[0, 1] == 0
    assert np.isfinite(got.value).all()
    assert float(got.ivar.sum()) == 5


def test_a_value_without_finite_number_loses_its_weight():
    got = OutputData.clean(np.array([[np.nan, 2.0]]), np.array([[1.0, 1.0]]))
    assert got.ivar.tolist() == [[0.0, 1.0]]


def test_batches_select_stars_and_outputs(rng):
    batch = Batch(
        {k: OutputData.clean(rng.normal(size=(4, n)), np.ones((4, n))) for k, n in (("a", 3), ("b", 2))}
    )
    assert batch.sizes == {"a": 3, "b": 2}
    assert batch.stars(np.array([True, False, True, False])).n_stars == 2
    assert batch.only("b").names == ("b",)
    assert len(jax.tree.leaves(batch)) == 4
    assert jnp.array_equal(batch.stars(slice(1, 2))["a"].value[0], batch["a"].value[1])


def test_which_outputs_are_labels_is_stated_and_kept(rng):
    outputs = {k: OutputData.clean(rng.normal(size=(4, 2)), np.ones((4, 2))) for k in ("a", "b", "c")}
    assert Batch(outputs).labels == ()
    batch = Batch(outputs, labels=["c", "b"])
    assert batch.labels == ("b", "c")
    for same in (batch.stars(slice(2)), batch.pad(8), jax.tree.map(lambda x: 2 * x, batch)):
        assert same.labels == ("b", "c")
    assert batch.only("a", "c").labels == ("c",)
    with pytest.raises(InputError, match="no output of the batch 'd'"):
        Batch(outputs, labels=["d"])


def test_errors_name_what_is_wrong():
    one = OutputData.clean(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(InputError, match="same stars"):
        Batch({"a": one, "b": OutputData.clean(np.ones((3, 1)), np.ones((3, 1)))})
    with pytest.raises(InputError, match="no output 'spectrum'.*known: spectra.*Did you mean 'spectra'"):
        Batch({"spectra": one})["spectrum"]
    with pytest.raises(InputError, match="same shape"):
        OutputData.clean(np.ones((2, 3)), np.ones((2, 2)))


def test_filled_with_stars_of_zero_weight():
    batch = Batch({"flux": OutputData.clean(np.ones((2, 3)), np.ones((2, 3)))})
    filled = batch.pad(5)
    assert filled.n_stars == 5
    np.testing.assert_array_equal(filled["flux"].ivar.sum(axis=1), [3, 3, 0, 0, 0])
    np.testing.assert_array_equal(filled.stars(slice(2))["flux"].value, batch["flux"].value)
    assert batch.pad(2) is batch


def test_rows_by_the_host_are_those_of_compiled_programs(rng):
    batch = Batch({"flux": OutputData.clean(rng.normal(size=(7, 3)), np.ones((7, 3)))})
    for index in (slice(2, 5), np.array([4, 0, -1, 4]), np.arange(7) > 3):
        traced = jax.jit(lambda b, i=index: b.stars(i))(batch)
        np.testing.assert_array_equal(batch.stars(index)["flux"].value, traced["flux"].value)
    np.testing.assert_array_equal(
        batch.pad(9)["flux"].value, jax.jit(lambda b: b.pad(9))(batch)["flux"].value
    )
    with pytest.raises(IndexError):
        batch.stars(np.array([7]))


@pytest.mark.parametrize("shape", [(3, 5), (1,), (0, 4)])
def test_aligned_arrays_are_taken_over_without_a_copy(shape):
    array = aligned(shape, np.float32)
    assert (array.shape, array.dtype) == (shape, np.float32)
    assert array.ctypes.data % 64 == 0 or not array.size
    array[...] = 1
    taken = jax.device_put(array, may_alias=True)
    if array.size and jax.default_backend() == "cpu":
        assert taken.unsafe_buffer_pointer() == array.ctypes.data


def test_what_holds_no_stars_is_refused():
    check_stars(Batch({"flux": OutputData.clean(np.zeros((3, 2)), np.ones((3, 2)))}))
    with pytest.raises(InputError, match="a Catalog, a Dataset or a Batch; given a ndarray"):
        check_stars(np.zeros((3, 2)))
