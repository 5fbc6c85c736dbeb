import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lines.internal import PARAMETERS
from luxjax.simulation import Confounder
from luxjax.simulation._population import ALPHA, LABELS, draw_population, label_matrix


@pytest.fixture(scope="module")
def stars():
    return draw_population(6000, np.random.default_rng(0))


def get(population, name):
    return population.params[:, PARAMETERS.index(name)]


def off_trend(population, names=("fe_h",)):
    """Residual of [Eu/Fe] on [alpha/Fe] and more, to second order."""
    others = np.column_stack(
        [population.params @ label_matrix(["alpha_fe"])[0], *[get(population, n) for n in names]]
    )
    others = (others - others.mean(0)) / others.std(0)
    design = np.column_stack([np.ones(len(others)), others, others**2, others.prod(1)])
    y = get(population, "eu_fe")
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


def test_alpha_is_the_mean_of_its_elements(stars):
    by_hand = np.mean([get(stars, f"{e.lower()}_fe") for e in ALPHA], axis=0)
    assert np.allclose(stars.params @ label_matrix()[3], by_hand)
    assert LABELS["alpha_fe"][2] == ",".join(ALPHA)
    assert np.array_equal(label_matrix()[0], np.eye(len(PARAMETERS))[0])


def test_two_sequences_and_giants(stars):
    alpha, fe_h = stars.params @ label_matrix(["alpha_fe"])[0], get(stars, "fe_h")
    ring = np.abs(fe_h + 0.4) < 0.1
    thick = (stars.table["disc"] == "thick").to_numpy()
    assert np.median(alpha[ring & thick]) - np.median(alpha[ring & ~thick]) > 0.1
    assert (get(stars, "logg") < 3.6).mean() > 0.75
    assert (
        abs(
            np.corrcoef(
                get(stars, "teff")[get(stars, "logg") < 3.3], get(stars, "logg")[get(stars, "logg") < 3.3]
            )[0, 1]
        )
        > 0.6
    )
    assert get(stars, "teff").min() >= 3600
    assert get(stars, "vmic").min() > 0


def test_europium_follows_alpha_with_scatter_and_a_tail(stars):
    alpha = stars.params @ label_matrix(["alpha_fe"])[0]
    assert np.corrcoef(alpha, get(stars, "eu_fe"))[0, 1] > 0.8
    residual = off_trend(stars)
    assert 0.045 < 1.4826 * np.median(np.abs(residual)) < 0.065
    assert (residual > 0.25).sum() > 3 * (residual < -0.25).sum() + 5


def test_every_element_has_scatter_of_its_own(stars):
    columns = stars.params[:, PARAMETERS.index("vmacro") + 1 :]
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(columns.T))
    assert eigenvalues.min() > 0.005


def test_confounder_is_correlated_off_trend(stars):
    tied = draw_population(6000, np.random.default_rng(1), confounders=[Confounder("Co", 0.7)])
    for population, expected in ((stars, 0.0), (tied, 0.7)):
        co = get(population, "co_fe") - 0.4 * population.params @ label_matrix(["alpha_fe"])[0]
        assert abs(np.corrcoef(co, off_trend(population))[0, 1] - expected) < 0.1
    assert abs(get(tied, "co_fe").std() / get(stars, "co_fe").std() - 1) < 0.1


def test_identifiers_and_sky(stars):
    ids = stars.table["gaia_source_id"]
    assert ids.is_unique
    assert ids.map(int).max() < 2**63
    assert stars.table["ra"].between(0, 360).all()
    assert stars.table["dec"].between(-90, 90).all()


def test_wrong_input_gets_a_sentence():
    with pytest.raises(InputError, match="n_stars"):
        draw_population(0, np.random.default_rng(0))
    with pytest.raises(InputError, match="element for a confounder"):
        draw_population(5, np.random.default_rng(0), confounders=[Confounder("Eu", 0.5)])
    with pytest.raises(InputError, match="label 'age'"):
        label_matrix(["age"])
    with pytest.raises(InputError, match="rho"):
        Confounder("Co", 1.5)
