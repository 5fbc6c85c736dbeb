import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.data.internal import native

WAVE = np.array([5000.0, 5001.0, 5003.0])


def make(
    flux=((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), ivar=None, wavelength=WAVE, medium="air", ids=("a", "b"), **more
):
    flux = np.array(flux)
    return Spectra(flux, np.full(flux.shape, 4.0) if ivar is None else ivar, wavelength, medium, ids, **more)


def test_contents_are_kept_and_frozen():
    one = make(survey="galah", table=pd.DataFrame({"snr": [7, 8]}, index=[5, 9]), bits={"COSMIC": 3})
    assert (len(one), one.n_pixels, one.medium, one.frame, one.survey) == (2, 3, "air", "rest", "galah")
    assert one.ids.tolist() == ["a", "b"]
    assert one.table.index.tolist() == [0, 1]
    assert repr(one) == "Spectra(galah: 2 x 3 pixels, 5000.0-5003.0 A air, rest frame, 100.0% of pixels good)"
    with pytest.raises(AttributeError):
        one.flux = 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"medium": "vac"}, "medium 'vac' is not known; say 'air' or 'vacuum'"),
        ({"medium": None}, "medium None is not known"),
        (
            {"frame": "heliocentric"},
            r"no velocity frame 'heliocentric' \(known: rest, barycentric, observed\)",
        ),
        ({"ivar": np.ones((2, 2))}, r"flux has shape \(2, 3\) and ivar \(2, 2\)"),
        ({"ids": ("a",)}, r"1 ids and 3 wavelengths ask for \(1, 3\)"),
        ({"wavelength": WAVE[:2]}, "2 ids and 2 wavelengths"),
        ({"wavelength": WAVE[::-1]}, "strictly increasing; sort the pixels"),
        ({"wavelength": [1.0, 1.0, 2.0]}, "strictly increasing"),
        ({"wavelength": [1.0, np.nan, 2.0]}, "must be finite"),
        ({"table": pd.DataFrame({"x": [1]})}, "star table has 1 rows for 2 spectra"),
        ({"mask": np.zeros((2, 2), int)}, r"mask has shape \(2, 2\), the flux \(2, 3\)"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        make(**change)


def test_unusable_pixels_have_no_weight():
    flux = [[1.0, np.nan, 3.0], [np.inf, 5.0, 6.0]]
    one = make(flux, ivar=np.array([[np.nan, 4.0, -2.0], [4.0, np.inf, 0.5]]))
    assert one.ivar.tolist() == [[0, 0, 0], [0, 0, 0.5]]
    assert one.good.tolist() == [[False] * 3, [False, False, True]]
    assert one.error[1, 2] == pytest.approx(np.sqrt(2))
    assert np.isinf(one.error[0]).all()


def test_dtypes():
    big = make(np.ones((2, 3), ">f4"), ivar=np.ones((2, 3), ">f8"), wavelength=WAVE.astype(">f4"))
    assert (big.flux.dtype, big.ivar.dtype, big.wavelength.dtype) == (np.float32, np.float32, np.float64)
    assert big.flux.dtype.isnative
    whole = make(np.ones((2, 3), int))
    assert whole.ivar.dtype == np.float64
    assert native(np.arange(3, dtype=">i2"), np.int64).tolist() == [0, 1, 2]
    single = Spectra(np.ones(3), np.ones(3), WAVE, "vacuum", "a")
    assert single.flux.shape == (1, 3)


def test_from_error():
    error = np.array([[0.5, 0.0, -1.0], [np.nan, np.inf, 10.0]])
    one = Spectra.from_error(np.ones((2, 3)), error, WAVE, "air", ("a", "b"))
    np.testing.assert_allclose(one.ivar, [[4, 0, 0], [0, 0, 0.01]])
    np.testing.assert_allclose(one.error[one.good], [0.5, 10])
    cut = Spectra.from_error(np.ones((2, 3)), error, WAVE, "air", ("a", "b"), error_limit=10, survey="x")
    assert cut.good.tolist() == [[True, False, False], [False] * 3]
    assert cut.survey == "x"


def test_snr_is_the_median_over_good_pixels():
    one = make([[2.0, 100.0, 6.0], [1.0, 1.0, 1.0]], ivar=np.array([[4.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    assert one.snr[0] == pytest.approx((2 * 2 + 6 * 1) / 2)
    assert np.isnan(one.snr[1])


def test_rows_and_pixels_are_chosen():
    one = make(mask=np.arange(6).reshape(2, 3), table=pd.DataFrame({"snr": [7, 8]}))
    for index in (np.array([1, 0]), [1, 0], slice(None, None, -1)):
        turned = one.select(index)
        assert turned.ids.tolist() == ["b", "a"]
        np.testing.assert_array_equal(turned.flux, one.flux[::-1])
        np.testing.assert_array_equal(turned.mask, one.mask[::-1])
        assert turned.table["snr"].tolist() == [8, 7]
    assert one.select(1).flux.shape == (1, 3)
    assert one.select(np.array([False, True])).ids.tolist() == ["b"]
    assert len(one.select(np.array([], int))) == 0
    part = one.pixels(np.array([True, False, True]))
    assert part.wavelength.tolist() == [5000, 5003]
    np.testing.assert_array_equal(part.flux, one.flux[:, [0, 2]])
    np.testing.assert_array_equal(part.ivar, one.ivar[:, [0, 2]])
    np.testing.assert_array_equal(part.mask, one.mask[:, [0, 2]])
    assert one.pixels(slice(1, None)).ids.tolist() == ["a", "b"]


def test_replace_keeps_the_history():
    one = make(history=("read",)).replace(step="shifted", frame="rest").replace(survey="x")
    assert one.history == ("read", "shifted")
    assert one.survey == "x"


BITS = {"COSMIC": 0, "SKY": 40, "LAST": 62}
MASK = np.array([[1, 1 << 40, 0], [(1 << 62) | 1, 2, (1 << 40) | (1 << 62)]], dtype=np.int64)


def test_mask_bits_are_64_bits_wide():
    one = make(mask=MASK.astype(">i8"), bits=BITS)
    assert one.mask.dtype == np.int64
    assert one.flagged(["SKY"]).tolist() == [[False, True, False], [False, False, True]]
    assert one.flagged(["LAST", "COSMIC", "LAST"]).tolist() == [[True, False, False], [True, False, True]]
    assert not one.flagged([]).any()
    assert one.mask_counts() == {"COSMIC": 2, "SKY": 2, "LAST": 2}
    assert make(bits=BITS).mask_counts() == {}
    clean = one.drop_flagged(["SKY", "COSMIC"])
    assert clean.good.tolist() == [[False, False, True], [False, True, False]]
    assert clean.history == ("dropped pixels flagged SKY, COSMIC",)
    assert one.good.all()
    np.testing.assert_array_equal(clean.flux, one.flux)


def test_unknown_bits_and_missing_masks():
    with pytest.raises(
        InputError, match=r"no mask bit 'COSMICS' \(known: COSMIC, SKY, LAST\). Did you mean 'COSMIC'"
    ):
        make(mask=MASK, bits=BITS).drop_flagged(["COSMICS"])
    with pytest.raises(InputError, match="carry no mask"):
        make(bits=BITS).flagged(["SKY"])


def test_stack():
    one = make(mask=MASK, bits=BITS, table=pd.DataFrame({"snr": [7, 8]}))
    two = make(-one.flux, ids=("c", "d"), mask=2 * MASK // 4, table=pd.DataFrame({"snr": [9, 10]}))
    both = Spectra.stack([one, two])
    assert both.ids.tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(both.flux, [*one.flux, *two.flux])
    np.testing.assert_array_equal(both.mask, [*one.mask, *two.mask])
    assert both.table["snr"].tolist() == [7, 8, 9, 10]
    assert Spectra.stack([one, make(ids=("c", "d"))]).mask is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"medium": "vacuum"}, "whose medium differs \\('air' for 'a', 'vacuum' for 'c'\\)"),
        ({"frame": "observed"}, "whose frame differs"),
        ({"normalized": True}, "whose normalized differs"),
        (
            {"wavelength": WAVE + 0.001},
            r"different grids: 'a' has 3 pixels from 5000.000 A, 'c' 3 from 5000.001 A",
        ),
        ({"wavelength": WAVE[:2], "flux": np.ones((2, 2))}, "'c' 2 from 5000.000 A; .*resample first"),
    ],
)
def test_only_like_is_stacked(change, said):
    with pytest.raises(InputError, match=said):
        Spectra.stack([make(), make(**{"ids": ("c", "d")} | change)])


def test_nothing_to_stack():
    with pytest.raises(InputError, match="no spectra to stack"):
        Spectra.stack([])
