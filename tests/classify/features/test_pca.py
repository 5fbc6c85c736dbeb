import numpy as np
import pytest

from luxjax.classify.features import SpectralPCA
from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import vacuum_to_air

GRID = 10 ** (3.5682 + 1e-4 * np.arange(3909))


def world(n, rng, sigma=0.01, z=None):
    """Two lines that vary independently, on continua that differ; seen at a redshift."""
    z = np.zeros(n) if z is None else z
    depth = rng.uniform(0.1, 0.5, (n, 2))
    rest = GRID / (1 + z[:, None])
    lines = [np.exp(-0.5 * ((rest - c) / 12) ** 2) for c in (4863.0, 6565.0)]
    flux = (1 - depth[:, :1] * lines[0] - depth[:, 1:] * lines[1]) * np.exp(
        rng.normal(0, 0.5, (n, 1)) * np.log(GRID / 6000)
    )
    flux = flux + sigma * rng.standard_normal(flux.shape)
    ids = [str(k) for k in range(n)]
    return Spectra(flux, np.full(flux.shape, sigma**-2.0), GRID, "vacuum", ids, frame="barycentric"), depth, z


def test_components_hold_what_varies_and_not_the_continuum(rng):
    spectra, depth, z = world(120, rng, z=rng.normal(0, 2e-4, 120))
    pca = SpectralPCA.fit(spectra, 3, redshift=z)
    np.testing.assert_allclose(pca.components @ pca.components.T, np.eye(3), atol=1e-9)
    test, depth, z = world(60, rng, z=rng.normal(0, 2e-4, 60))
    found = pca.transform(test, redshift=z)
    assert found.names == ["pca_1", "pca_2", "pca_3"]
    assert set(found.families.values()) == {"pca"}
    design = np.column_stack([np.ones(60), found.values.to_numpy()[:, :2]])
    for line in depth.T:
        residual = line - design @ np.linalg.lstsq(design, line, rcond=None)[0]
        assert 1 - residual.var() / line.var() > 0.98
    assert pca.variance[1] > 5 * pca.variance[2]


def test_errors_equal_monte_carlo(rng):
    train, _, z = world(60, rng)
    pca = SpectralPCA.fit(train, 2, redshift=z)
    one = train.select([0])
    clean = np.repeat(one.flux, 400, axis=0)
    noisy = Spectra(
        clean + 0.02 * rng.standard_normal(clean.shape),
        np.full(clean.shape, 2500.0),
        GRID,
        "vacuum",
        ["a"] * 400,
        frame="rest",
    )
    found = pca.transform(noisy)
    # the fitted continuum takes up a little of the noise
    np.testing.assert_allclose(found.values.std(), found.errors.mean(), rtol=0.12)


def test_masked_pixels_change_nothing_and_medium_is_honoured(rng):
    train, _, z = world(40, rng)
    pca = SpectralPCA.fit(train, 2, redshift=z)
    ivar = train.ivar.copy()
    ivar[:, 1000:1040] = 0
    flux = train.flux.copy()
    flux[:, 1000:1040] = 1e9
    wild = pca.transform(train.replace(flux=flux, ivar=ivar), redshift=z)
    plain = pca.transform(train.replace(ivar=ivar), redshift=z)
    np.testing.assert_array_equal(wild.values, plain.values)
    air = train.replace(wavelength=vacuum_to_air(GRID), medium="air")
    np.testing.assert_allclose(
        pca.transform(air, redshift=z).values, pca.transform(train, redshift=z).values, atol=1e-6
    )


def test_too_many_components_are_refused(rng):
    train, _, z = world(4, rng)
    with pytest.raises(InputError, match="5 components cannot be learnt from 4 usable spectra"):
        SpectralPCA.fit(train, 5, redshift=z)
