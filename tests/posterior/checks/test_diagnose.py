"""Diagnoses: quiet where a posterior is right, and naming what was planted where it is not."""

import math

import numpy as np
import pytest

from luxjax.core import Gaussian, InputError
from luxjax.posterior import NUTS, Exact, SamplePosterior, diagnose, infer

from ..worlds import curved_model, linear_world, observe


@pytest.fixture(scope="module")
def world():
    return linear_world(n_stars=5)


@pytest.fixture(scope="module")
def exact(world):
    model, batch, _ = world
    return infer(model, batch, Exact(), key=1)


@pytest.fixture(scope="module")
def chains(exact):
    """Independent draws from the exact posterior, dressed as four chains of a sampler."""
    rng = np.random.default_rng(2)
    stats = {
        "diverging": np.zeros((4, 500, 5), bool),
        "energy": rng.normal(size=(4, 500, 5)),
        "tree_depth": np.full((4, 500, 5), 3),
    }
    common = {k: getattr(exact, k) for k in ("fitted", "ids", "priors", "batch")}
    settings = {"free": ["latents"], "target_accept": 0.8, "max_tree_depth": 10}
    draws = exact.sample(2000, key=3).reshape(4, 500, 5, 3)
    return SamplePosterior(**common, method="NUTS", settings=settings, draws=draws, stats=stats)


def with_stat(chains, name, change):
    stats = {k: v.copy() for k, v in chains.stats.items()}
    change(stats[name])
    return chains.replace(stats=stats)


def wrong(posterior) -> set[str]:
    return {f.check for f in diagnose(posterior).wrong}


def test_nothing_wrong(exact, chains):
    found = diagnose(exact)
    assert found.ok
    assert found["Pareto k-hat"].value == 0  # the density and the closed form are the same function
    assert abs(found["means, off by sd"].value) < 1e-3
    assert str(found).startswith("Exact, 5 stars, 3 latents: nothing wrong in 6 checks.")
    found = diagnose(chains)
    assert found.ok, str(found)
    assert found["bulk ESS"].value > 1200


def test_too_few(chains):
    found = diagnose(chains.replace(draws=chains.draws[:2, :20], stats={}))
    assert {f.check for f in found.wrong} >= {"chains", "draws per chain", "bulk ESS", "tail ESS"}
    assert "NUTS(chains=4)" in found["chains"].advice
    assert "NUTS(draws=1000)" in found["draws per chain"].advice
    assert "draw about" in found["bulk ESS"].advice


def test_far_too_few_draws(chains):
    few = chains.replace(draws=chains.draws[:, :3], stats={})
    assert wrong(few) == {"draws per chain"}
    assert "R-hat" not in str(diagnose(few))


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_chains_that_disagree(chains, shift):
    draws = chains.draws.copy()
    draws[2, :, 4, 1] = draws[2, :, 4, 1] + 3 * chains.sd[4, 1] * shift if shift else 0.1  # moved, or stuck
    found = diagnose(chains.replace(draws=draws))
    assert {f.check for f in found.wrong} >= {"R-hat"}
    assert found["R-hat"].worst == "latent 1 of star 4"
    assert "have not converged: 1 of 15 quantities" in found["R-hat"].advice


def test_what_the_sampler_says(chains):
    def diverge(x):
        x[1, 7:9, 3] = True

    found = diagnose(with_stat(chains, "diverging", diverge))
    assert [f.check for f in found.wrong] == ["divergences"]
    assert found["divergences"].value == 2
    assert found["divergences"].worst == "chain 2 of star 3"
    assert "from 0.8 to 0.9" in found["divergences"].advice

    def wander(x):
        x[3, :, 1] = np.cumsum(x[3, :, 1])

    found = diagnose(with_stat(chains, "energy", wander))
    assert [f.check for f in found.wrong] == ["E-BFMI"]
    assert found["E-BFMI"].worst == "chain 4 of star 1"

    def cut(x):
        x[0, :50, 0] = 10

    assert wrong(with_stat(chains, "tree_depth", cut)) == {"trajectories cut off"}


def test_covariance_that_is_not_positive_definite(exact):
    cov = exact.cov.copy()
    cov[3] = np.diag([1.0, 1.0, -0.2])
    broken = exact.replace(gaussian=Gaussian(exact.mean, cov))
    found = diagnose(broken)
    assert [f.check for f in found.wrong] == ["covariance, least eigenvalue"]
    assert found.wrong[0].worst == "star 3"
    for ask in (lambda: broken.sample(3, key=1), lambda: broken.log_density(exact.mean)):
        with pytest.raises(InputError, match=r"1 of 5 stars are not positive definite \(3\).*NUTS"):
            ask()


@pytest.mark.parametrize(
    ("factor", "shift", "check", "sign"),
    [
        (0.6, 0, "widths, off by ln", -1),
        (1.5, 0, "widths, off by ln", 1),
        (1, 0.5, "means, off by sd", 1),
        (1, -0.5, "means, off by sd", -1),
    ],
)
def test_a_normal_distribution_that_is_not_the_posterior(exact, factor, shift, check, sign):
    """Too narrow, too wide, and beside it: importance sampling tells which, and by how much."""
    moved = Gaussian(exact.mean + shift * exact.sd * (np.arange(3) == 0), factor**2 * exact.cov)
    found = diagnose(exact.replace(gaussian=moved))[check]
    assert found.ok is False
    assert np.sign(found.value) == sign
    expected = math.log(factor) if shift == 0 else shift
    # Draws that are too narrow hardly reach where the weights are.
    assert found.value == pytest.approx(expected, rel=0.35)


def test_far_too_narrow(exact):
    narrow = exact.replace(gaussian=Gaussian(exact.mean, 0.03 * exact.cov), method="Variational")
    found = diagnose(narrow)["Pareto k-hat"]
    assert found.ok is False
    assert found.value > 0.7
    assert 'guide="full_rank"' in found.advice


def test_loss_that_still_falls(exact):
    steps = np.arange(200)
    falling, flat = exact.replace(loss=50 - 0.1 * steps), exact.replace(loss=3 + np.exp(-steps / 5))
    assert wrong(falling) == {"loss, still falling"}
    assert diagnose(flat).ok
    assert wrong(exact.replace(loss=np.where(steps > 190, np.nan, 1.0))) == {"loss, still falling"}


def test_stars(exact, world):
    _, batch, _ = world
    mean = exact.mean.copy()
    mean[2] += 30
    far = diagnose(exact.replace(gaussian=Gaussian(mean, exact.cov), batch=None))
    assert [f.worst for f in far.wrong] == ["star 2"]
    assert far["Pareto k-hat"].ok is None
    assert "load_posterior(folder, data)" in str(far)
    dark = type(batch)({k: type(m)(m.value, m.ivar.at[1].set(0)) for k, m in batch.outputs.items()})
    found = diagnose(infer(exact.fitted, dark, Exact(), key=1))
    assert [(f.check, f.worst) for f in found.wrong] == [("stars without data", "star 1")]


def test_bad_input_of_inference():
    curved = curved_model("saturating")
    with pytest.raises(InputError, match="needs linear decoders.*use Laplace, Variational or NUTS"):
        infer(curved, observe(curved)[0], Exact(), key=1)
    with pytest.raises(InputError, match="draws of NUTS must be at least 2"):
        NUTS(draws=1)


def test_everything_at_once(chains):
    """Draws from an approximation of latents and scatter, whose log densities came with them."""
    rng = np.random.default_rng(5)
    unit = rng.normal(size=(1, 1000, 4))
    common = {"draws": chains.draws.reshape(1, 2000, 5, 3)[:, :1000], "method": "Laplace"}
    scatter = {"scatter.labels": np.exp(0.3 * unit[..., :3])}

    def approximation(width, scatter=scatter):
        lp, lq = (-0.5 * np.sum((unit / w) ** 2, axis=-1) for w in (1, width))
        settings = {"free": ["latents", "scatter"]}
        return chains.replace(**common, settings=settings, parameters=scatter, stats={"lp": lp, "lq": lq})

    assert diagnose(approximation(1.05)).ok
    found = diagnose(approximation(0.5))
    assert [(f.check, f.worst) for f in found.wrong] == [("Pareto k-hat", "everything at once")]
    near_zero = {"scatter.labels": np.exp(np.array([0.3, 2.0, 0.3]) * unit[..., :3])}
    found = diagnose(approximation(1.05, near_zero))
    assert [(f.check, f.worst) for f in found.wrong] == [("scatter, sd of ln", "scatter.labels[1]")]
    assert "1 of 3 scatters" in found.wrong[0].advice


def test_reads_well(exact, chains):
    def diverge(x):
        x[0, 0, 0] = True

    said = str(diagnose(with_stat(chains, "diverging", diverge))).splitlines()
    assert said[0] == "NUTS, 4 chains of 500 draws of latents, 5 stars: 1 of 11 checks failed."
    assert "  WRONG  divergences" in "\n".join(said)
    assert max(map(len, said)) <= 112
    plain = diagnose(exact).to_dict()
    assert plain["ok"] is True
    assert plain["findings"][0]["check"] == "covariance, least eigenvalue"
