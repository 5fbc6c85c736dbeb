"""Toy surveys: the physics against finite differences, the bound against a dense formula, plants where they belong."""

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.evidence import residualize, second_order
from luxjax.simulation import toy_survey

EU = 12


@pytest.fixture(scope="module")
def world():
    return toy_survey(5, 60, 400, ratio=2.0, n_lines=3, snr=120)


def test_jacobian_is_the_finite_difference(world):
    params = world.params[:3]
    exact = world.jacobian(params)
    for j in range(params.shape[1]):
        step = 0.5 if j == 0 else 1e-4
        up, down = params.copy(), params.copy()
        up[:, j] += step
        down[:, j] -= step
        slope = (world.flux(up) - world.flux(down)) / (2 * step)
        np.testing.assert_allclose(exact[:, :, j], slope, atol=1e-6 * np.abs(slope).max() + 1e-12)


def test_lines_deepen_with_their_element_and_fade_with_temperature(world):
    by = world.jacobian(world.params[:5])
    assert by[:, :, 2:].max() <= 0
    assert by[:, :, 0].mean() > 0
    own = by[:, :, EU].mean(0)
    assert np.all(own[world.pixels] < 0)
    assert np.abs(own[~world.pixels]).max() < 0.02 * np.abs(own).max()  # beyond three sigma
    assert np.corrcoef(-own[world.pixels], world.profile[world.pixels])[0, 1] > 0.8


def test_windows_and_line_numbers_agree(world):
    assert set(world.line[world.pixels]) == {0, 1, 2}
    assert np.all(world.line[~world.pixels] == -1)
    assert np.all(world.profile[world.pixels] > 0)
    assert not world.profile[~world.pixels].any()


def test_bound_is_the_dense_one(world):
    """Known labels as data of negligible error in a full Fisher matrix, inverted."""
    known = np.zeros((4, 13))
    known[[0, 1, 2], [0, 1, 2]] = 1
    known[3, 3:6] = 1 / 3
    spectra = world.held_out.spectra("flux")
    variance = []
    for n in range(24):
        j = world.jacobian(world.params[n : n + 1])[0]
        fisher = j.T @ (spectra.ivar[n][:, None] * j)
        fisher = fisher + known.T @ np.diag([1e6, 1e10, 1e10, 1e10]) @ known
        variance.append(np.linalg.inv(fisher)[EU, EU])
    assert world.bound == pytest.approx(np.sqrt(np.mean(variance)), rel=1e-3)


def test_lines_are_as_informative_as_asked(world):
    assert world.tau / world.bound == pytest.approx(2, rel=0.02)
    again = toy_survey(5, 60, 400, ratio=4.0, n_lines=3, snr=120)
    assert world.bound / again.bound == pytest.approx(2, rel=0.03)
    np.testing.assert_array_equal(again.params, world.params)
    none = toy_survey(5, 60, 400, n_lines=3, snr=120)
    assert none.bound == np.inf
    assert not none.jacobian(none.params[:2])[:, :, EU].any()
    with pytest.raises(InputError, match="lines saturate"):
        toy_survey(5, 60, 400, ratio=500.0)


def test_noise_and_label_errors_are_as_stated(world):
    spectra, labels = world.held_out.spectra("flux"), world.held_out.labels()
    pull = (spectra.flux - world.flux(world.params)) * np.sqrt(spectra.ivar)
    assert pull[spectra.good].std() == pytest.approx(1, abs=0.01)
    assert 1 - spectra.good.mean() == pytest.approx(0.01, abs=0.002)
    pull = (labels.value - world.truth) / labels.error
    np.testing.assert_allclose(pull.std(0), 1, atol=0.12)
    assert labels.names == (*world.others, world.label)


@pytest.mark.parametrize("curvature", [0.0, 1.0])
def test_scatter_about_the_trend_is_tau(curvature):
    world = toy_survey(6, 60, 3000, tau=0.05, curvature=curvature)
    others, eu = world.truth[:, :4], world.truth[:, 4]
    left = residualize(eu, second_order(others)).std()
    assert left == pytest.approx(0.05, rel=0.05)
    linear = residualize(eu, np.column_stack([np.ones(len(eu)), others])).std()
    assert (linear > 1.2 * left) == (curvature > 0)


def test_neighbour_follows_europium_off_trend():
    world = toy_survey(7, 60, 3000, neighbour=0.7)
    terms = second_order(world.truth[:, :4])
    ni, co, eu = (residualize(world.params[:, k], terms) for k in (6, 7, EU))
    assert np.corrcoef(ni, eu)[0, 1] == pytest.approx(0.7, abs=0.06)
    assert abs(np.corrcoef(co, eu)[0, 1]) < 0.06


@pytest.mark.parametrize("where", ["train", "all"])
def test_impostor_pixels_follow_europium_where_asked(where):
    """Against the same world without: three pixels change, by the depth that gives tau / 4 at this S/N."""
    given = {"key": 8, "n_train": 100, "n_held_out": 100, "snr": 50.0, "tau": 0.05}
    world, clean = toy_survey(**given, impostor=where, impostor_strength=4.0), toy_survey(**given)
    assert clean.impostor == ()
    assert len(world.impostor) == 3
    assert not world.pixels[list(world.impostor)].any()
    for part in ("train", "held_out"):
        spectra, before = getattr(world, part).spectra("flux"), getattr(clean, part).spectra("flux")
        change = np.where(spectra.good, spectra.flux - before.flux, 0.0)
        touched = np.flatnonzero(np.abs(change).max(0) > 1e-12)
        expected = [] if (where, part) == ("train", "held_out") else list(world.impostor)
        assert touched.tolist() == expected
    if where == "all":
        good = spectra.good[:, world.impostor[0]]
        slope = np.polyfit(world.truth[good, 4], change[good, world.impostor[0]], 1)[0]
        assert slope == pytest.approx(-4 / (50 * np.sqrt(3) * 0.05))


def test_label_noise_is_correlated_on_request():
    world = toy_survey(9, 60, 3000, noise_correlation=0.6)
    miss = world.held_out.labels().value - world.truth
    assert np.corrcoef(miss[:, 4], miss[:, 3])[0, 1] == pytest.approx(0.6, abs=0.05)
    assert abs(np.corrcoef(miss[:, 4], miss[:, 2])[0, 1]) < 0.06


def test_wrong_options_are_named():
    with pytest.raises(InputError, match="from -1 to 1"):
        toy_survey(1, neighbour=1.5)
    with pytest.raises(InputError, match="no place for the impostor 'test'"):
        toy_survey(1, impostor="test")
    with pytest.raises(InputError, match="tau is 0"):
        toy_survey(1, tau=0)
