import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.photometry import read_xp
from luxjax.photometry._xp import N_COEFFICIENTS, correlations

N = N_COEFFICIENTS
REAL = ("CONTINUOUS_RAW.csv", "CONTINUOUS_RAW.ecsv", "CONTINUOUS_RAW.fits", "CONTINUOUS_RAW.xml")


@pytest.fixture
def matrix(rng):
    """Correlations that depend on their place, as unlike in rows and columns as can be."""
    root = np.tril(rng.normal(size=(N, N))) * np.linspace(0.2, 3, N)[:, None]
    cov = root @ root.T + np.eye(N)
    d = np.sqrt(np.diag(cov))
    return cov / d / d[:, None]


def column_by_column(matrix):
    return np.concatenate([matrix[:j, j] for j in range(1, N)])


def written(values):
    return '"(' + ", ".join(f"{v:.9g}" for v in values) + ')"'


def write(path, rows):
    head = "source_id,bp_coefficients,bp_coefficient_errors,bp_coefficient_correlations,rp_coefficients,rp_coefficient_errors,rp_coefficient_correlations"
    path.write_text("\n".join([head, *[",".join(row) for row in rows]]) + "\n")
    return path


def test_correlations_are_the_upper_triangle_column_by_column(matrix):
    np.testing.assert_allclose(correlations(column_by_column(matrix), "x"), matrix)
    by_row = matrix[np.triu_indices(N, 1)]
    assert not np.allclose(by_row, column_by_column(matrix))
    with pytest.raises(
        InputError, match=r"source 5: the correlations are not positive definite .* column by column"
    ):
        correlations(by_row, "source 5")
    with pytest.raises(InputError, match="10 correlations are given; 55 coefficients have 1485"):
        correlations(np.zeros(10), "x")
    with pytest.raises(InputError, match="not positive definite"):
        correlations(np.full(N * (N - 1) // 2, np.nan), "x")


def test_continuous_spectra_of_stars_with_one_band_or_both(matrix, rng, tmp_path):
    value, error = rng.normal(size=N) + 5, rng.uniform(0.1, 0.2, N)
    band = [written(value), written(error), written(column_by_column(matrix))]
    file = write(tmp_path / "xp.csv", [["5853498713190525696", *band, *band], ["12", "", "", "", *band]])
    found = read_xp(file, floor=0.0)
    assert found.ids.tolist() == ["5853498713190525696", "12"]
    assert (found.names[0], found.names[-1]) == ("bp_0", "rp_54")
    np.testing.assert_allclose(found.value[0, :N], value / value[0], rtol=1e-6)
    np.testing.assert_allclose(found.error[0, N:], error / value[0], rtol=1e-6)
    assert np.isnan(found.value[1, :N]).all()
    assert np.isfinite(found.value[1, N:]).all()
    np.testing.assert_allclose(found.correlation[:N, :N], matrix, atol=1e-7)
    np.testing.assert_array_equal(found.correlation[:N, N:], 0)
    # The band that is missing takes none of the other along when the noise is whitened.
    assert np.isfinite(found.whitened().value[1, N:]).all()


def test_bad_files_are_explained(matrix, rng, tmp_path):
    value, error = rng.normal(size=N) + 5, rng.uniform(0.1, 0.2, N)
    band = [written(value), written(error), written(column_by_column(matrix))]
    with pytest.raises(InputError, match="repeated: 5"):
        read_xp(write(tmp_path / "a.csv", [["5", *band, *band]] * 2))
    with pytest.raises(InputError, match="source 5 has 3 coefficients of BP and 55 errors"):
        read_xp(write(tmp_path / "b.csv", [["5", written(value[:3]), *band[1:], *band]]))
    with pytest.raises(InputError, match="no array of numbers"):
        read_xp(write(tmp_path / "c.csv", [["5", '"(1, x)"', *band[1:], *band]]))
    with pytest.raises(InputError, match="there is no file"):
        read_xp(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no table of Gaia's archive"):
        read_xp(__file__)
    (tmp_path / "d.csv").write_text("source_id,mag\n1,2\n")
    with pytest.raises(InputError, match="neither bp_coefficients"):
        read_xp(tmp_path / "d.csv")


def test_sampled_spectra_are_logarithms_of_flux(tmp_path):
    wavelength = 336 + 2 * np.arange(343)
    flux = 1e-16 * np.exp(-((wavelength - 600) ** 2) / 1e5)
    flux[:7] = 1e-19  # below the noise
    rows = ["source_id,flux,flux_error", ",".join(["3", written(flux), written(np.full(343, 1e-18))])]
    (tmp_path / "s.csv").write_text("\n".join(rows))
    found = read_xp(tmp_path / "s.csv", bins=49, floor=0.0)
    assert len(found.names) == 49
    assert np.isnan(found.value[0, 0])
    at = found.names.index("xp_" + f"{wavelength[21 * 7 : 22 * 7].mean():.0f}nm")
    assert found.value[0, at] == pytest.approx(np.log(flux[21 * 7 : 22 * 7].mean()))
    assert found.error[0, at] == pytest.approx(1e-18 / flux[21 * 7 : 22 * 7].mean())


def test_real_files_of_every_format_agree(real_data):
    found = [read_xp(real_data / "gaia_xp" / f"XP_{name}") for name in REAL]
    for one in found[1:]:
        np.testing.assert_allclose(one.value, found[0].value, rtol=1e-5)
        np.testing.assert_allclose(one.correlation, found[0].correlation, atol=1e-5)
    without = read_xp(real_data / "gaia_xp" / "XP_CONTINUOUS_RAW_missing_BP_dr3int6.fits")
    assert np.isfinite(without.value).mean() == 0.5
    flat = read_xp(real_data / "gaia_xp" / "xp_continuous_2000.fits")
    assert len(flat) == 1134
    assert flat.correlation is None
    sampled = [
        read_xp(real_data / "gaia_xp" / f"XP_SAMPLED_RAW{end}")
        for end in ("_dr3int6.csv", "_dr3int6.ecsv", "_dr3int6.fits", "_votable_dr3int6.xml")
    ]
    for one in sampled[1:]:
        np.testing.assert_allclose(one.value, sampled[0].value, rtol=1e-5)
