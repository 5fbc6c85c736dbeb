import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import combine

GRID = 5000 + np.arange(5.0)


def visits(flux, ivar=1.0, ids="aabab", **changes) -> Spectra:
    flux = np.asarray(flux, float)
    flux = np.repeat(flux[:, None], 5, axis=1) if flux.ndim == 1 else flux
    return Spectra(flux, np.broadcast_to(ivar, flux.shape), GRID, "air", list(ids), **changes)


def test_weighted_mean_and_summed_ivar():
    ivar = np.array([1.0, 3, 2, 4, 2])[:, None]
    out = combine(visits([10.0, 20, 7, 30, 9], ivar))
    assert list(out.ids) == ["a", "b"]
    np.testing.assert_allclose(out.flux[:, 0], [(10 + 60 + 120) / 8, 8])
    np.testing.assert_allclose(out.ivar[:, 0], [8, 4])
    np.testing.assert_array_equal(out.table["n_visits"], [3, 2])
    assert "5 visits of 2 stars" in out.history[-1]


def test_scatter_is_what_ivar_says():
    rng = np.random.default_rng(0)
    ivar = rng.uniform(0.2, 5, (4, 5))
    n = 3000
    flux = 3 + rng.normal(size=(n, 4, 5)) / np.sqrt(ivar)
    ids = np.repeat(np.arange(n), 4)
    out = combine(Spectra(flux.reshape(-1, 5), np.tile(ivar, (n, 1)), GRID, "air", ids))
    assert len(out) == n
    np.testing.assert_allclose(out.flux.var(axis=0) * out.ivar[0], 1, atol=5 * np.sqrt(2 / n))
    np.testing.assert_allclose(out.flux.mean(axis=0), 3, atol=0.05)


def test_bad_pixels_and_mask_bits():
    ivar = np.ones((5, 5))
    ivar[0, 0] = ivar[[0, 1, 3], 1] = 0
    mask = np.zeros((5, 5), int)
    mask[0, 0], mask[1, 0], mask[2, 3] = 1, 4, 2
    out = combine(visits([1e9, 2, 3, 4, 5], ivar, mask=mask))
    assert out.flux[0, 0] == 3
    np.testing.assert_array_equal(out.ivar[0], [2, 0, 3, 3, 3])
    np.testing.assert_array_equal(out.mask, [[5, 0, 0, 0, 0], [0, 0, 0, 2, 0]])


def test_clip_leaves_out_a_cosmic_ray():
    flux = np.ones((7, 5))
    flux[1, 2], flux[6, 4] = 50.0, 50.0  # star a has four visits, star b two, star c one
    spectra = visits(flux, 4.0, ids="aaaabbc")
    out = combine(spectra, clip=5)
    np.testing.assert_allclose(out.flux[:2], 1)
    np.testing.assert_allclose(out.ivar[0], [16, 16, 12, 16, 16])
    assert out.flux[2, 4] == 50, "one visit cannot be judged"
    assert combine(spectra).flux[0, 2] == pytest.approx(53 / 4)


def test_by_a_column_and_what_the_table_keeps():
    table = pd.DataFrame(
        {
            "star": [7, 7, 3, 7, 3],
            "ra": [1.0, 1, np.nan, 1, np.nan],
            "file": list("vwxyz"),
            "n": [1, 1, 1, 2, 1],
        }
    )
    out = combine(visits([1.0, 1, 5, 1, 5], ids="vwxyz", table=table), by="star")
    assert list(out.ids) == ["7", "3"]
    assert list(out.table.columns) == ["star", "ra", "n_visits"]
    np.testing.assert_allclose(out.flux[:, 0], [1, 5])


def test_single_visits_pass_unchanged(spectra):
    out = combine(spectra)
    np.testing.assert_allclose(out.flux, np.where(spectra.good, spectra.flux, 0), rtol=1e-12)
    np.testing.assert_allclose(out.ivar, spectra.ivar, rtol=1e-12)
    assert out.table["rv_kms"].equals(spectra.table["rv_kms"])


def test_refused(spectra):
    with pytest.raises(InputError, match="no column 'star'"):
        combine(spectra, by="star")
    with pytest.raises(InputError, match="observed frame"):
        combine(spectra.replace(frame="observed"))
    with pytest.raises(InputError, match="above 0"):
        combine(spectra, clip=0)
    with pytest.raises(InputError, match="empty for 1 spectra"):
        combine(spectra.replace(table=spectra.table.assign(star=[1, 2, 3, 4, 5, None])), by="star")
