"""What every fitter promises by being registered."""

import jax
import numpy as np
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.fitting import fit
from luxjax.fitting._registry import FITTERS
from luxjax.models import Lux
from luxjax.parallel import star_mesh

from .worlds import toy_survey

# Settings with which a fit of a few stars takes a moment; the defaults where nothing is said.
QUICK = {"gradient": {"steps": 30, "check": 10, "batch_size": None, "held_out": 0.0}}
SIZES = {"flux": 12, "labels": 3}


@pytest.fixture(params=FITTERS)
def fitter(request):
    return FITTERS[request.param](**QUICK.get(request.param, {}))


@pytest.fixture
def model(fitter):
    """Linear decoders, which every fitter can fit."""
    model = Lux.linear(SIZES, 2)
    assert fitter.suits(model)
    return model


@pytest.fixture
def batch(rng):
    return toy_survey(rng, n_stars=40, sizes=SIZES)[0]


def same(one, other) -> bool:
    leaves = zip(jax.tree.leaves(one.model), jax.tree.leaves(other.model), strict=True)
    return all(np.array_equal(a, b) for a, b in leaves)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the fit")
def test_what_has_no_weight_changes_nothing_and_the_objective_is_told(fitter, model, batch):
    fits, told = [], []
    for bad in (0.0, np.nan, 1e30):
        outputs = {}
        for name, m in batch.outputs.items():
            value, ivar = np.array(m.value), np.array(m.ivar)
            value[ivar == 0] = bad
            outputs[name] = OutputData.clean(value, ivar, np.float64)
        told.append([])
        fits.append(
            fit(
                model,
                Batch(outputs),
                fitter,
                key=0,
                progress=lambda *now, told=told[-1], **facts: told.append((*now, facts)),
            )
        )
    assert same(fits[0], fits[1])
    assert same(fits[0], fits[2])
    objective = np.array(fits[0].objective)
    assert np.isfinite(objective).all()
    if fitter.never_rises:
        assert (np.diff(objective) <= 1e-9 * abs(objective[0])).all()
    assert told[0] == told[1] == told[2]
    tasks, done, total, facts = zip(*told[0], strict=True)
    assert set(tasks) <= {"cycles", "steps"}
    assert list(done) == sorted(set(done))
    assert done[0] >= 0
    assert max(done) <= total[0] == total[-1]
    assert [f["objective"] for f in facts][-len(objective) :] == list(fits[0].objective)[-len(facts) :]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the fit")
def test_a_masked_pixel_is_a_dropped_one(fitter, model, batch):
    keep = np.arange(SIZES["flux"]) != 4
    flux = batch["flux"]
    masked = Batch({"flux": OutputData(flux.value, flux.ivar.at[:, 4].set(0)), "labels": batch["labels"]})
    dropped = Batch({"flux": OutputData(flux.value[:, keep], flux.ivar[:, keep]), "labels": batch["labels"]})
    whole = fit(model, masked, fitter, key=0)
    less = fit(Lux.linear(dropped.sizes, 2), dropped, fitter, key=0)
    # The starts differ, as their random numbers do: both have to end at about the same model.
    for name in SIZES:
        rows = keep if name == "flux" else slice(None)
        one, other = (np.asarray(f.model[name].intercept) for f in (whole, less))
        np.testing.assert_allclose(one[rows], other, atol=0.02)
    assert whole.model["flux"].weight[4] == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the fit")
def test_it_says_whether_stars_can_be_shared(fitter, model, batch):
    mesh = star_mesh(jax.devices()[:1])
    if not fitter.shares_stars:
        with pytest.raises(InputError, match="runs on one device"):
            fit(model, batch, fitter, key=0, mesh=mesh)
        return
    shared, alone = (fit(model, batch, fitter, key=0, mesh=m) for m in (mesh, None))
    np.testing.assert_allclose(shared.objective, alone.objective, rtol=1e-9)


@pytest.mark.slow
def test_it_says_whether_it_knows_heavy_tails(fitter, model, batch):
    tails = model.replace(dof={"labels": 5.0})
    if fitter.fits_student_t:
        assert np.isfinite(fit(tails, batch, fitter, key=0).objective).all()
    else:
        with pytest.raises(InputError, match="fits Gaussian noise only"):
            fit(tails, batch, fitter, key=0)
