import dataclasses
import warnings

import numpy as np
import pytest

from luxjax.core import InputError, LuxWarning
from luxjax.lines import LineList, match_lines
from luxjax.simulation.physics._windows import apogee

WINDOW = apogee()
SETTINGS = {"resolution": 22_500.0, "seed": 1}


def saliency_of(lines, rng, height=1.0, noise=0.05):
    """Gaussian troughs of random depth at the lines, vacuum, on APOGEE's grid; zero between the detectors."""
    wave = WINDOW.wavelength
    sigma = wave / 22_500 / 2.355
    depth = height * rng.uniform(0.3, 1, len(lines))
    trough = np.exp(-0.5 * ((wave[:, None] - lines.to("vacuum").wavelength) / sigma[:, None]) ** 2) @ depth
    return np.where(WINDOW.good, noise * rng.normal(size=len(wave)) - trough, 0)


@pytest.fixture
def silicon():
    lines = LineList.builtin().of("Si")
    return lines.select(WINDOW.covers(lines.wavelength))


def test_element_lines_are_found_and_named(rng, silicon):
    iron = LineList.builtin().of("Fe I").within(15_300, 15_400)
    s = saliency_of(silicon, rng) + saliency_of(iron, rng)
    found = match_lines(s, WINDOW.wavelength, "vacuum", LineList.builtin(), species=["Si"], **SETTINGS)
    assert found.n_lines == len(silicon)
    assert found.score > 5
    assert found.p_value == 1 / 2001
    assert set(found.matched["species"]) == {"Si I"}
    assert len(found.matched) >= 0.8 * len(silicon)
    assert np.all(found.matched["sign"] == -1)
    assert "Fe I" in set(found.unmatched["species"])
    assert found.false_alarm_rate < 0.1
    assert found.null.mean() == pytest.approx(1, abs=0.1)


def test_enrichment_and_its_null_are_what_a_loop_over_rolls_gives(rng, silicon):
    s = saliency_of(silicon, rng)
    part = slice(246, 3274)
    wave = WINDOW.wavelength[part]
    found = match_lines(s[part], wave, "vacuum", silicon, n_shifts=5000, **SETTINGS)
    half = np.maximum(wave / 45_000, np.gradient(wave))
    window = (np.abs(wave - silicon.wavelength[:, None]) <= half).any(axis=0)
    strength = np.maximum(-s[part], 0)
    rolls = [np.roll(window, k) for k in range(len(wave))]
    means = np.array([strength[w].mean() for w in rolls]) / strength.mean()
    assert found.score == pytest.approx(means[0])
    far = means[40:-40]
    assert found.null.mean() == pytest.approx(far.mean(), rel=0.02)
    assert found.null.std() == pytest.approx(far.std(), rel=0.1)
    assert np.isin(np.round(found.null, 6), np.round(means, 6)).all()


@pytest.mark.slow
def test_p_values_are_uniform_where_nothing_is_there(rng, silicon):
    noise = [
        match_lines(
            saliency_of(silicon, rng, height=0),
            WINDOW.wavelength,
            "vacuum",
            silicon,
            n_shifts=200,
            **SETTINGS,
        )
        for _ in range(200)
    ]
    p = np.array([m.p_value for m in noise])
    # 200 uniform draws: standard errors of 0.02 and 0.015
    assert p.mean() == pytest.approx(0.5, abs=0.08)
    assert np.mean(p < 0.05) < 0.11


def test_an_air_list_read_as_vacuum_loses_its_significance(rng, silicon):
    s = saliency_of(silicon, rng)
    air = silicon.to("air")
    right = match_lines(s, WINDOW.wavelength, "vacuum", air, **SETTINGS)
    assert right.p_value < 0.001  # converted, because the list says what it is
    wrong = dataclasses.replace(air, medium="vacuum")
    with pytest.warns(LuxWarning, match="do not match as vacuum .* but would as air wavelengths"):
        lost = match_lines(s, WINDOW.wavelength, "vacuum", wrong, **SETTINGS)
    assert lost.p_value > 0.05
    assert lost.score < 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        match_lines(saliency_of(silicon, rng, height=0), WINDOW.wavelength, "vacuum", wrong, **SETTINGS)


def test_the_wrong_sign_does_not_count(rng, silicon):
    s = -saliency_of(silicon, rng)
    assert match_lines(s, WINDOW.wavelength, "vacuum", silicon, **SETTINGS).p_value > 0.5
    either = match_lines(s, WINDOW.wavelength, "vacuum", silicon, sign=0, **SETTINGS)
    assert either.p_value < 0.001
    assert np.all(either.matched["sign"] == 1)
    flipped = match_lines(s, WINDOW.wavelength, "vacuum", silicon, **SETTINGS)
    assert len(flipped.matched) == 0
    assert np.isnan(flipped.false_alarm_rate)
    assert "Si I" in set(flipped.unmatched["species"])


def test_errors_of_the_saliency_are_honoured(rng, silicon):
    """A pixel with a huge but uncertain derivative no longer outshines the lines."""
    s = saliency_of(silicon, rng)
    sd = np.full(len(s), 0.05)
    wild = rng.choice(np.flatnonzero(WINDOW.good), 300)
    s[wild], sd[wild] = -20 * np.abs(rng.normal(size=300)), 20
    plain = match_lines(s, WINDOW.wavelength, "vacuum", silicon, **SETTINGS)
    scaled = match_lines(s, WINDOW.wavelength, "vacuum", silicon, sd=sd, **SETTINGS)
    assert scaled.score > 5 > plain.score


def test_wrong_input_gets_a_sentence(rng, silicon):
    s = saliency_of(silicon, rng)
    with pytest.raises(InputError, match="none of the 11 lines .*Eu II.* falls on a good pixel"):
        match_lines(s, WINDOW.wavelength, "vacuum", LineList.builtin(), species=["Eu"], **SETTINGS)
    with pytest.raises(InputError, match="average over stars first"):
        match_lines(np.array([s, s]), WINDOW.wavelength, "vacuum", silicon, **SETTINGS)
    with pytest.raises(InputError, match="wavelength medium"):
        match_lines(s, WINDOW.wavelength, "helium", silicon, **SETTINGS)
    with pytest.raises(InputError, match="only 0 pixels"):
        match_lines(0 * s, WINDOW.wavelength, "vacuum", silicon, **SETTINGS)
