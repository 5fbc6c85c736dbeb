import warnings
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from luxjax.core import Batch, InputError, OutputData
from luxjax.fitting import ALS, EM, Gradient, fit
from luxjax.fitting._checkpoint import Checkpoint
from luxjax.fitting._start import moments_of
from luxjax.fitting.gradient import _descent, _gradient
from luxjax.fitting.gradient._minibatches import Minibatch, Minibatches
from luxjax.fitting.gradient._objective import Objective
from luxjax.latents.internal import HeldOut, held_out_stars, latent_posterior
from luxjax.models import Linear, Lux, ModuleDecoder, Quadratic

from ..worlds import toy_survey

STOPPING = Gradient(steps=400, batch_size=40, held_out=0.25)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def bent_world(n_stars=240, pixels=24, noise=0.05):
    """Two labels, and spectra in which one of them saturates and the other is multiplied by it."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(n_stars, 2))
    bent = np.column_stack([np.tanh(z[:, 0]), z[:, 1] * (1 + 0.4 * z[:, 0]), z[:, 0]])
    flux = bent @ (0.5 * rng.normal(size=(3, pixels)))
    values = {"flux": flux, "labels": z}
    noisy = {k: v + noise * rng.normal(size=v.shape) for k, v in values.items()}
    made = {k: OutputData.clean(v, np.full(v.shape, noise**-2), float) for k, v in noisy.items()}
    return Batch(made, labels=["labels"]), z


@pytest.fixture(scope="module")
def bent():
    """Training stars, test stars and their true labels."""
    with jax.enable_x64(True):
        batch, truth = bent_world()
        return batch.stars(slice(160)), batch.stars(slice(160, None)), truth[160:]


@pytest.fixture(scope="module")
def line(bent):
    """The best linear decoders of the bent world, from as many stars as the descent has."""
    with jax.enable_x64(True):
        return fit(Lux.linear(bent[0].sizes, 2), bent[0].stars(slice(120)), EM(), key=0)


@pytest.fixture(scope="module")
def curved(bent):
    with jax.enable_x64(True):
        return fit(Lux.mlp(bent[0].sizes, 2, key=0, width=8), bent[0], STOPPING, key=0)


def label_rmse(fitted, batch, truth):
    z = latent_posterior(fitted.model, batch.only("flux")).mean
    return float(jnp.sqrt(jnp.mean((jax.vmap(fitted.model["labels"])(z) - truth) ** 2)))


def flux_rms(fitted, batch):
    z = latent_posterior(fitted.model, batch.only("flux")).mean
    return float(jnp.sqrt(jnp.mean((jax.vmap(fitted.model["flux"])(z) - batch["flux"].value) ** 2)))


def all_of(batch, rows):
    return Minibatch(batch, rows, rows)


def drawn(model, rng):
    """The model with every weight drawn at random."""
    arrays, rest = eqx.partition(model, eqx.is_inexact_array)
    return eqx.combine(jax.tree.map(lambda x: jnp.asarray(0.3 * rng.normal(size=x.shape)), arrays), rest)


@pytest.mark.slow
def test_the_gradient_is_that_of_the_objective_at_the_best_latents(rng):
    batch, _, _ = toy_survey(rng, n_stars=7)
    model = drawn(Lux.mlp(batch.sizes, 2, key=0, width=3), rng)
    objective, params = Objective.of(
        model, moments_of(batch), batch.n_stars, {"flux": 2.0, "labels": 0.5}, 0.7, True
    )
    stars = all_of(batch, jnp.asarray([[0, 1, 2, 3], [4, 5, 6, 7]]))  # the last row is filling
    place, value = eqx.filter_jit(objective.place), eqx.filter_jit(objective.value)
    slopes = eqx.filter_jit(jax.grad(lambda p, z: objective.value(p, stars, z)))

    def best(p):
        z = jnp.zeros((2, 4, 2))
        for _ in range(15):
            z = place(p, stars, z)
        return z

    gradient, step = slopes(params, best(params)), 1e-5
    for leaf, slope in zip(jax.tree.leaves(params), jax.tree.leaves(gradient), strict=True):
        at = tuple(rng.integers(leaf.shape))

        def moved(h, leaf=leaf, at=at):
            bumped = np.array(leaf)
            bumped[at] += h
            there = jax.tree.map(lambda x: jnp.asarray(bumped) if x is leaf else x, params)
            return float(value(there, stars, best(there)))

        assert slope[at] == pytest.approx((moved(step) - moved(-step)) / (2 * step), rel=1e-4, abs=1e-5)


@pytest.mark.slow
def test_the_objective_written_out(rng):
    batch, _, z = toy_survey(rng, n_stars=5)
    model = drawn(Lux.mlp(batch.sizes, 2, key=0, width=3, outputs=["flux"]), rng)
    model = Lux(model.decoders, {k: jnp.full(len(s), 0.2) for k, s in model.scatter.items()})
    objective, params = Objective.of(
        model, moments_of(batch), batch.n_stars, {"flux": 2.0, "labels": 0.5}, 0.7, True
    )
    slow = 0.35 * np.sum(z**2)
    for name, m in batch.outputs.items():
        ivar, y = np.asarray(m.ivar), np.asarray(jax.vmap(model[name])(jnp.asarray(z)))
        total = ivar / (1 + ivar * 0.04)
        slow += 0.5 * np.sum(total * (np.asarray(m.value) - y) ** 2 + np.log(1 + ivar * 0.04))
    weights = [model["flux"].weight, *(layer.weight for layer in model["flux"].layers)]
    slow += sum(float(jnp.sum(w**2)) for w in weights) + 0.25 * float(jnp.sum(model["labels"].weight ** 2))
    rows = jnp.arange(5)[None]
    assert float(objective.value(params, all_of(batch, rows), jnp.asarray(z)[None])) == pytest.approx(
        slow, rel=1e-9
    )
    doubled = Batch(
        {k: OutputData(*(jnp.tile(x, (2, 1)) for x in (m.value, m.ivar))) for k, m in batch.outputs.items()},
        batch.labels,
    )
    # Half of twin stars stand for all of them.
    twins, params = Objective.of(
        model, moments_of(doubled), doubled.n_stars, {"flux": 0.0, "labels": 0.0}, 0.7, True
    )
    part = twins.value(params, all_of(doubled, rows), jnp.asarray(z)[None])
    whole = twins.value(params, all_of(doubled, jnp.arange(10)[None]), jnp.tile(jnp.asarray(z), (2, 1))[None])
    assert float(part) == pytest.approx(float(whole), rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("scatter", [False, True])
def test_linear_decoders_reach_the_optimum_of_alternating_least_squares(rng, scatter):
    batch, _, _ = toy_survey(rng, n_stars=40)
    settings = {
        "regularization": {"flux": 2.0, "labels": 0.5},
        "latent_regularization": 0.7,
        "scatter": scatter,
    }
    als = fit(Lux.linear(batch.sizes, 2), batch, ALS(tol=1e-11, max_cycles=2000, **settings), key=0)
    descent = Gradient(optax.lbfgs(), steps=400, batch_size=None, held_out=0, check=10, tol=1e-9, **settings)
    found = fit(Lux.linear(batch.sizes, 2), batch, descent, key=0)
    assert found.objective[-1] == pytest.approx(als.objective[-1], rel=1e-6)
    assert found.objective[0] > als.objective[-1] * (1 + 1e-5)  # it had a way to go


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:the fit took all 400 steps")
def test_a_bent_world_needs_bent_decoders(bent, line, curved):
    train, test, truth = bent
    assert curved.summary["converged"]
    # So few held-out stars are luckily or unluckily drawn: the middle one of three splits counts.
    others = [fit(Lux.mlp(train.sizes, 2, key=k, width=8), train, STOPPING, key=k) for k in (1, 2)]
    errors = [label_rmse(f, test, truth) for f in (curved, *others)]
    assert np.median(errors) < 0.5 * label_rmse(line, test, truth)
    # The latents of the stars it was fitted to are as the prior has them, their spread included.
    found = latent_posterior(curved.model, train)
    second = found.mean.T @ found.mean / 160 + jnp.mean(found.cov, axis=0)
    assert np.allclose(jnp.mean(found.mean, axis=0), 0, atol=0.05)
    assert np.allclose(second, np.eye(2), atol=0.05)
    # The rows' covariance is that of the last layer: 1 + latents + width features, packed.
    assert curved.weight_cov["flux"].shape == (24, 11 * 12 // 2)


@pytest.fixture(scope="module")
def wrapped(bent):
    with jax.enable_x64(True):
        network = eqx.nn.MLP(2, 24, 8, 1, activation=jnp.tanh, key=jax.random.key(3))
        model = Lux({"flux": ModuleDecoder(network, 2), "labels": Linear.zeros(2, 2)})
        return fit(model, bent[0], Gradient(steps=2000, batch_size=40, check=100), key=0)


@pytest.mark.long
def test_any_module_can_be_fitted(bent, line, wrapped):
    _, test, truth = bent
    assert flux_rms(wrapped, test) < flux_rms(line, test)
    assert label_rmse(wrapped, test, truth) < 0.25 * np.std(truth)  # the null: the mean of the labels
    assert set(wrapped.weight_cov) == {"labels"}


@pytest.mark.long
@pytest.mark.xfail(
    strict=True, reason="0.193 against 0.187: bounded units fail at the edges, where a line goes on"
)
def test_any_module_finds_labels_better_than_a_line(bent, line, wrapped):
    _, test, truth = bent
    assert label_rmse(wrapped, test, truth) < label_rmse(line, test, truth)


@pytest.mark.long
def test_held_out_stars_stop_it_and_do_nothing_else(bent, curved):
    train = bent[0]
    held = held_out_stars(160, STOPPING.held_out, jax.random.split(jax.random.key(0), 3)[1])
    assert held.sum() == 40
    # Labels of the held-out stars turned upside down: the linear start is as bad as all that follows.
    labels = train["labels"]
    turned = jnp.where(jnp.asarray(held)[:, None], -labels.value, labels.value)
    spoilt = Batch({"flux": train["flux"], "labels": OutputData(turned, labels.ivar)}, train.labels)
    stopped = fit(Lux.mlp(train.sizes, 2, key=0, width=8), spoilt, STOPPING, key=0)
    n = len(stopped.objective)
    assert 2 <= n < len(curved.objective)
    assert stopped.objective == curved.objective[:n]
    assert "predicted best at step" in stopped.summary["message"]
    assert stopped.summary["converged"]


def test_the_held_out_score_is_the_density_of_labels_given_spectra(rng):
    batch, model, _ = toy_survey(rng, n_stars=6, missing=0.1)
    model = Lux(model.decoders, {"flux": jnp.full(9, 0.1), "labels": jnp.full(3, 0.2)})
    terms = []
    for n in range(6):
        seen = np.asarray(batch["flux"].ivar[n]) > 0
        w = np.asarray(model["flux"].weight)[seen]
        cov = np.linalg.inv(np.eye(2) + (w.T / (1 / np.asarray(batch["flux"].ivar[n])[seen] + 0.01)) @ w)
        residual = (np.asarray(batch["flux"].value[n]) - np.asarray(model["flux"].intercept))[seen]
        mean = cov @ (w.T / (1 / np.asarray(batch["flux"].ivar[n])[seen] + 0.01)) @ residual
        for j in range(3):
            ivar, a = float(batch["labels"].ivar[n, j]), np.asarray(model["labels"].weight[j])
            if ivar > 0:
                variance = a @ cov @ a + 1 / ivar + 0.04
                off = float(batch["labels"].value[n, j] - model["labels"].intercept[j]) - a @ mean
                terms.append(-0.5 * off**2 / variance - 0.5 * np.log(2 * np.pi * variance))
    judges = HeldOut(model, batch)
    assert (judges.inputs, judges.targets) == (("flux",), ("labels",))
    assert judges.score(model) == pytest.approx(np.mean(terms), rel=1e-5)


def test_without_labels_the_score_is_the_evidence_of_the_spectra(rng):
    batch, model, _ = toy_survey(rng, n_stars=4, missing=0, sizes={"flux": 9})
    w, b = np.asarray(model["flux"].weight), np.asarray(model["flux"].intercept)
    total = 0.0
    for n in range(4):
        cov = w @ w.T + np.diag(1 / np.asarray(batch["flux"].ivar[n]))
        off = np.asarray(batch["flux"].value[n]) - b
        total -= 0.5 * (off @ np.linalg.solve(cov, off) + np.linalg.slogdet(2 * np.pi * cov)[1])
    assert HeldOut(model, batch).score(model) == pytest.approx(total / 36, rel=1e-5)


@pytest.mark.slow
def test_steps_are_compiled_once_and_their_memory_is_used_again(rng):
    batch, _, _ = toy_survey(rng, n_stars=10)
    traced = []

    def update(updates, state, params=None):
        traced.append(1)
        return jax.tree.map(lambda g: -1e-4 * g, updates), state

    optimizer = optax.with_extra_args_support(
        optax.GradientTransformation(lambda _: optax.EmptyState(), update)
    )
    model = drawn(Lux.mlp(batch.sizes, 2, key=0, width=3), rng)
    objective, params = Objective.of(model, moments_of(batch), 10, {"flux": 1.0, "labels": 1.0}, 1.0, True)
    course = _descent.begun(params, optimizer, jnp.zeros((10, 2)))
    stars = Minibatches(batch, 4, 3, jax.random.key(0))
    rules = _descent.Rules(optimizer, 12, 0, 4, 9, 0.0)
    done = _descent.descend(
        rules,
        objective,
        stars,
        None,
        course,
        [],
        kept=(Checkpoint(None, {}, batch), None),
        tell=lambda *_, **__: None,
    )
    assert len(traced) == 1
    assert len(done.objective) == 3
    assert done.objective[-1] < done.objective[0]
    assert course.state.latents.is_deleted()
    assert not course.best.log_scatter["flux"].is_deleted()


@pytest.mark.slow
def test_the_way_back_keeps_one_block_of_pixels_at_a_time(rng):
    """By the compiler's own account: four times the blocks take hardly more memory, where keeping all takes four times."""
    model = Lux.mlp({"flux": 400}, 2, key=0, width=3)

    def peak(n_blocks):
        n = 64 * n_blocks
        ones = jnp.ones((n, 400), jnp.float32)
        batch = Batch({"flux": OutputData(ones, ones)})
        objective, params = Objective.of(model, moments_of(batch), n, {"flux": 1.0}, 1.0, True)
        rows, z = jnp.arange(n).reshape(n_blocks, 64), jnp.zeros((n_blocks, 64, 2))
        # Stars are an argument, as in a fit: the ones would be a constant, which newer compilers count as working memory.
        slope = jax.jit(jax.grad(lambda p, batch: objective.value(p, all_of(batch, rows), z)))
        return slope.lower(params, batch).compile().memory_analysis().temp_size_in_bytes

    assert peak(8) < 1.5 * peak(2)


@pytest.mark.slow
def test_half_precision_gradients_are_close_and_the_objective_is_the_same(rng):
    batch, _, z = toy_survey(rng, n_stars=12, dtype=np.float32)
    model = drawn(Lux.mlp(batch.sizes, 2, key=0, width=3), rng)
    rows, z = jnp.arange(12)[None], jnp.asarray(z)[None]
    found = []
    for half in (False, True):
        objective, params = Objective.of(
            model, moments_of(batch), 12, {"flux": 1.0, "labels": 1.0}, 1.0, True, half
        )
        value = eqx.filter_jit(jax.value_and_grad(lambda p, o=objective: o.value(p, all_of(batch, rows), z)))
        found.append(value(params))
    (value, slope), (same, near) = found
    assert float(value) == float(same)
    slope, near = (np.asarray(x.decoders["flux"].weight) for x in (slope, near))
    off = np.linalg.norm(near - slope) / np.linalg.norm(slope)
    assert 1e-4 < off < 1e-2  # eight bits


def test_the_default_fitter_suits_the_decoders(rng, monkeypatch):
    batch, _, _ = toy_survey(rng)

    class Asked(Exception):
        pass

    def asked(fitter, *_, **__):
        raise Asked(type(fitter).__name__)

    for cls in (EM, ALS, Gradient):
        monkeypatch.setattr(cls, "run", asked)
    for model, name in (
        (Lux.linear(batch.sizes, 2), "EM"),
        (Lux.quadratic(batch.sizes, 2), "ALS"),
        (Lux.mlp(batch.sizes, 2, key=0, width=2), "Gradient"),
    ):
        with pytest.raises(Asked, match=name):
            fit(model, batch, key=0)


def test_bad_settings_are_refused(rng):
    batch, _, _ = toy_survey(rng)
    model = Lux.mlp(batch.sizes, 2, key=0)
    with pytest.raises(InputError, match="no output to infer latents from 'fluks'.*Did you mean 'flux'"):
        fit(model, batch, Gradient(inputs=("fluks",)), key=0)
    with pytest.raises(InputError, match="held_out is 1"):
        fit(model, batch, Gradient(held_out=1.0), key=0)
    with pytest.raises(InputError, match="must be at least 1"):
        fit(model, batch, Gradient(steps=0), key=0)
    with pytest.raises(InputError, match="ALS needs decoders that are linear in their weights"):
        fit(model, batch, ALS(), key=0)


@pytest.mark.long
def test_quadratic_decoders_descend_too(bent, line):
    train, test, truth = bent
    found = fit(Lux.quadratic(train.sizes, 2), train, Gradient(steps=200, batch_size=40), key=0)
    assert isinstance(found.model["flux"], Quadratic)
    assert label_rmse(found, test, truth) < 0.8 * label_rmse(line, test, truth)


def descended(monkeypatch, scores, steps=100, **how):
    """A descent that changes nothing, whose held-out stars score as told, from the start on."""
    monkeypatch.setattr(_descent, "_step", lambda fixed, state: (state, jnp.zeros(())))
    monkeypatch.setattr(_descent, "_model", lambda objective, params: None)
    stars = SimpleNamespace(after=lambda step: (None for _ in range(steps + 1)), whole=False)
    told = iter(scores)
    judges = SimpleNamespace(score=lambda model: next(told))
    rules = _descent.Rules(optax.sgd(0.1), steps, 0, 10, 8, 1e-7)
    course = _descent.begun({"w": jnp.zeros(1)}, rules.optimizer, jnp.zeros((1, 1)))
    return _descent.descend(
        rules, None, stars, judges, course, [], kept=(None, None), tell=lambda *a, **k: None
    )


def test_steps_that_end_too_soon_are_told_from_those_that_do(monkeypatch):
    """Whether the score at the end of all steps is better than halfway by more than a rounding of the errors."""
    rising = descended(monkeypatch, [0.1 * k for k in range(11)])
    assert rising.improving
    assert rising.words.endswith("best at step 100 (1.0000 nats), 0.5000 better than halfway")
    flat = descended(monkeypatch, [0.1 * min(k, 5) + 0.001 * k for k in range(11)])
    assert not flat.improving
    assert "halfway" not in flat.words
    stopped = descended(monkeypatch, [0.0] * 11)
    assert stopped.stopped
    assert not stopped.improving


@pytest.mark.slow
@pytest.mark.parametrize("improving", [True, False])
def test_a_fit_whose_steps_were_too_few_warns(monkeypatch, improving):
    batch, _, _ = toy_survey(np.random.default_rng(0))
    end = lambda rules, objective, stars, judges, course, history, **how: _descent.Descended(  # noqa: E731
        course.best, [1.0], False, "took all 20 steps", improving
    )
    monkeypatch.setattr(_gradient, "descend", end)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = fit(Lux.mlp(batch.sizes, 2, key=0, width=2), batch, Gradient(steps=20), key=0)
    assert found.summary["converged"] is not improving
    assert any("took all 20 steps" in str(w.message) for w in told) is improving
