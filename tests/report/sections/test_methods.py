"""Methods side by side: the numbers of posteriors with known errors, and the section that shows them."""

import copy

import jax.numpy as jnp
import numpy as np
import pytest

from luxjax.core import Gaussian, InputError
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.models import Linear, Lux
from luxjax.posterior import GaussianPosterior, Priors
from luxjax.report.sections._methods import methods
from luxjax.runs import RunFolder, compare_methods

NAMES = ("teff", "fe_h")


@pytest.fixture(scope="module")
def exact() -> GaussianPosterior:
    """Two latents that are the two labels, in units of 300 K and 0.2 dex."""
    rng = np.random.default_rng(0)
    info = OutputInfo(np.array([5000.0, 0.0]), np.array([300.0, 0.2]), names=NAMES, units={"teff": "K"})
    model = Lux({"labels": Linear(jnp.zeros(2), jnp.eye(2))})
    cov = np.broadcast_to([[0.04, 0.02], [0.02, 0.09]], (80, 2, 2))
    gaussian = Gaussian(rng.normal(size=(80, 2)), cov)
    ids = np.arange(80).astype(str)
    return GaussianPosterior(
        FittedModel(model, {}, {"labels": info}), ids, "Exact", {}, Priors(), None, gaussian=gaussian
    )


@pytest.fixture(scope="module")
def compared(exact, tmp_path_factory):
    narrow = exact.replace(gaussian=Gaussian(exact.mean + np.array([0.1, 0]), 0.64 * exact.cov))
    rng = np.random.default_rng(1)
    unit = rng.multivariate_normal(np.zeros(2), exact.cov[0], 80)
    truth = (exact.mean + unit) * [300, 0.2] + [5000, 0]
    ranks = {"exact": rng.integers(0, 100, (200, 2)), "narrow": rng.choice([0, 99], (200, 2))}
    run = RunFolder.create(tmp_path_factory.mktemp("run") / "run", config={}, seed=1)
    run.write_metrics({"wall_s": 3})
    entry = compare_methods(
        run,
        {"exact": exact, "narrow": narrow},
        reference="exact",
        truth=truth,
        ranks=ranks,
        seconds={"exact": 1.5},
        seed=2,
    )
    return run, entry


def test_numbers_are_those_of_the_construction(compared):
    run, entry = compared
    found = entry["methods"]
    assert found["exact"]["mean_off"] == 0
    # 0.1 is half a standard deviation of the first label and nothing of the second.
    assert found["narrow"]["mean_off"] == pytest.approx(0.5 / np.sqrt(2), abs=0.02)
    assert found["narrow"]["sd_ratio"]["teff"] == pytest.approx(0.8, abs=0.03)
    assert found["narrow"]["coverage"]["68"][0] < found["exact"]["coverage"]["68"][0]
    fraction, low, high = found["exact"]["coverage"]["95"]
    assert low < 0.95 < high
    assert low < fraction < high
    assert min(found["exact"]["rank_p"].values()) > 0.01
    assert max(found["narrow"]["rank_p"].values()) < 0.01
    assert run.metrics["wall_s"] == 3
    assert run.metrics["methods"]["n_simulations"] == 200


def test_section_has_a_row_for_every_method(compared):
    run, _ = compared
    section = methods(run)
    (table,) = section.tables
    assert [row[0] for row in table.rows] == ["exact", "narrow"]
    assert [row[1] for row in table.rows] == ["1.5", ""]
    assert table.columns[4:6] == ["T<sub>eff</sub>", "[Fe/H]"]
    for figure in section.figures:
        assert (run.figures / figure.file).stat().st_size > 5000
    other = RunFolder.create(run.path / "other", config={}, seed=1)
    assert methods(other) is None


def test_what_every_method_fails_is_told_apart(compared, tmp_path):
    entry = copy.deepcopy(compared[1])
    other = RunFolder.create(tmp_path / "run", config={}, seed=1)
    for name, wrong in (("exact", ["far stars"]), ("narrow", ["far stars", "widths"])):
        entry["methods"][name] = {**entry["methods"][name], "wrong": wrong}
    other.write_metrics({"methods": entry})
    (table,) = methods(other).tables
    assert [row[2].text for row in table.rows] == ["nothing wrong", "widths"]
    assert "fail: far stars." in table.caption


def test_posteriors_of_different_stars_are_refused(compared, exact):
    fewer = exact.select(slice(0, 5))
    with pytest.raises(InputError, match="'few' and 'exact' are posteriors of different stars"):
        compare_methods(compared[0], {"exact": exact, "few": fewer}, reference="exact", seed=0)
    with pytest.raises(InputError, match="Did you mean 'exact'"):
        compare_methods(compared[0], {"exact": exact}, reference="exakt", seed=0)
