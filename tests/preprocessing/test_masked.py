"""What stands at a masked pixel changes nothing, whatever is done to the spectra."""

import warnings

import numpy as np
import pytest

from luxjax.preprocessing import (
    ContinuumPolynomial,
    ContinuumQuantile,
    combine,
    normalize,
    resample,
    to_medium,
    to_rest,
)
from luxjax.preprocessing._normalize import continuum_pixels
from luxjax.preprocessing._segments import segments

OPERATIONS = {
    "medium": lambda s: to_medium(s, "air"),
    "rest, one velocity": lambda s: to_rest(s, velocity_kms=30.0),
    "rest, own velocities": lambda s: to_rest(s, velocity_kms=s.table["rv_kms"]),
    "resample, coarse": lambda s: resample(s, s.wavelength[1::3]),
    "resample, fine": lambda s: resample(s, np.linspace(s.wavelength[0], s.wavelength[-1], 1500)),
    "polynomial": lambda s: normalize(s, ContinuumPolynomial(3)).spectra,
    "polynomial, clipped": lambda s: normalize(s, ContinuumPolynomial(3, clip=(1.5, 3.0))).spectra,
    "quantile": lambda s: normalize(s, ContinuumQuantile(20.0)).spectra,
    "undo": lambda s: normalize(s, ContinuumQuantile(20.0)).undo(),
    "combine": lambda s: combine(s.replace(ids=list("aabbbb"))),
    "combine, clipped": lambda s: combine(s.replace(ids=list("aabbbb")), clip=3.0),
}


def planted(spectra, value):
    return spectra.replace(flux=np.where(spectra.good, spectra.flux, value))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -9999.0, 1e30])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(spectra, name, value):
    operation = OPERATIONS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dirty = operation(planted(spectra, value))
    clean = operation(planted(spectra, 0.0))
    np.testing.assert_array_equal(dirty.ivar, clean.ivar)
    np.testing.assert_array_equal(np.where(dirty.good, dirty.flux, 0), np.where(clean.good, clean.flux, 0))
    np.testing.assert_array_equal(dirty.mask, clean.mask)
    assert np.isfinite(dirty.flux[dirty.good]).all()
    assert 0.5 < dirty.good.mean() < 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -9999.0])
def test_choices_of_pixels(spectra, value):
    first = normalize(spectra, ContinuumQuantile(20.0)).spectra
    dirty, clean = planted(first, value), planted(first, 0.0)
    chosen = continuum_pixels(clean, tolerance=0.1)
    assert chosen.any()
    np.testing.assert_array_equal(continuum_pixels(dirty, tolerance=0.1), chosen)
    assert segments(dirty) == segments(clean)
