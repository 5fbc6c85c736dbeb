"""Hamiltonian Monte Carlo with trajectories that end where they turn back, through NumPyro."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc

from ...core import Progress
from ...core.internal import Array, Float, Key, PRNGKeyArray
from .._curvature import laplace_root, unshrunk_mode
from .._joint import finish, joint_density
from .._samples import SamplePosterior
from .._stars import StarDensity, star_data
from ._laplace import dense_roots, modes
from ._method import AbstractMethod, Problem, at_least, keys_for
from ._white import White, WhiteStar

__all__ = ["NUTS", "sample_chains"]

CHUNK = 50
SIDE_BY_SIDE = 1024


class NUTS(AbstractMethod):
    """The No-U-Turn Sampler (Hoffman & Gelman 2014, JMLR 15, 1593), as NumPyro has it.

    It samples in coordinates eps with x = mode + A eps, A A' the covariance of Laplace's approximation, in which the
    posterior is nearly isotropic (a non-centring by the data). Chains start from 2 eps with eps ~ N(0, I), wider
    than the approximation. The step size is adapted, and where decoders or scatter are free a diagonal mass matrix.

    Parameters
    ----------
    chains, warmup, draws : int
        Chains per posterior, transitions that adapt the sampler and are dropped, and draws kept per chain.
    thinning : int
        Transitions per draw kept.
    target_accept : float
        Acceptance that the step size is adapted to; raise it towards 1 where there are divergences.
    max_tree_depth : int
        A trajectory takes at most 2^depth steps.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.posterior import NUTS, infer
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> few = stars.select(slice(0, 3))
    >>> posterior = infer(fitted, few, NUTS(chains=2, warmup=50, draws=50), key=1)
    >>> posterior.draws.shape  # chain, draw, star, latent
    (2, 50, 3, 2)
    """

    chains: int = 4
    warmup: int = 500
    draws: int = 1000
    thinning: int = 1
    target_accept: float = 0.8
    max_tree_depth: int = 10
    default_stars: ClassVar[int] = 12

    def __check_init__(self):
        for what, least in (
            ("chains", 1),
            ("warmup", 20),
            ("draws", 2),
            ("thinning", 1),
            ("max_tree_depth", 1),
        ):
            at_least(f"{what} of NUTS", getattr(self, what), least)
        at_least("1 - target_accept of NUTS", 1 - self.target_accept, 1e-6)

    def latents(self, problem: Problem, *, key: PRNGKeyArray) -> SamplePosterior:
        model = problem.fitted.model
        density = WhiteStar(StarDensity(model, problem.priors.latents))
        draws, stats = [], []
        for i, (block, n) in enumerate(problem.blocks()):
            stars = star_data(model, block)
            mode = modes(problem, stars)
            lanes = (stars, mode.z, jax.block_until_ready(dense_roots(mode.precision)))
            eps, info = sample_chains(
                self, density, lanes, keys_for(key, i, block.n_stars), model.n_latents, problem.tell
            )
            z = mode.z[:, None, None] + jnp.einsum("nij,ncsj->ncsi", lanes[2], eps)
            draws.append(np.moveaxis(np.asarray(z)[:n], 0, 2))
            stats.append({k: np.moveaxis(v[:n], 0, 2) for k, v in info.items()})
        return SamplePosterior(
            **problem.common(self),
            draws=np.concatenate(draws, axis=2),
            stats={k: np.concatenate([s[k] for s in stats], axis=2) for k in stats[0]},
        )

    def joint(self, problem: Problem, *, key: PRNGKeyArray) -> SamplePosterior:
        plain, centre = unshrunk_mode(problem)
        density, _ = joint_density(problem)
        white = White(density, centre, laplace_root(plain, centre))
        chain_key, z_key = jax.random.split(key)
        one = jnp.zeros(1)  # a single posterior, which brings its own data
        eps, stats = sample_chains(self, white, one, chain_key[None], len(centre), problem.tell)
        stats = {k: v[0] for k, v in stats.items()}
        return finish(problem, self, density, white.map(jnp.asarray(eps[0])), stats, key=z_key)


def sample_chains(
    nuts: NUTS, density, lanes, keys: Key[Array, " lane"], dim: int, tell: Progress | None = None
) -> tuple[Float[Array, "lane chain draw dim"], dict[str, np.ndarray]]:
    """Chains of many posteriors side by side, every posterior (lane) with its own data and key.

    Parameters
    ----------
    density : eqx.Module
        Log density of eps (dim,) and the data of one lane; its ``adapt_mass`` says whether a diagonal mass matrix is
        adapted, and ``together`` whether chains run side by side on a CPU too.
    lanes : pytree of arrays
        Leading axis: lane.
    keys : (lane,) keys
    dim : int
    tell : Progress, optional

    Returns
    -------
    eps : (lane, chain, draw, dim) array
    stats : dict of str to (lane, chain, draw) array
    """
    state = _start(nuts, density, lanes, keys, dim)
    state = _transitions(nuts, density, lanes, state, nuts.warmup, tell, 0)[0]
    _, kept = _transitions(nuts, density, lanes, state, nuts.draws, tell, nuts.warmup)
    return kept.pop("eps"), kept


def _transitions(nuts: NUTS, density, lanes, state, n: int, tell: Progress | None, before: int):
    """`n` draws of every chain in portions that one program makes, whatever their size."""
    warming, parts = before < nuts.warmup, []
    thinning = 1 if warming else nuts.thinning
    for done in range(0, n, CHUNK):
        size = min(CHUNK, n - done)
        state, out = _program(nuts, density, lanes, state, jnp.asarray(size), jnp.asarray(thinning))
        if not warming:
            parts.append({k: np.asarray(v[:, :size]) for k, v in out.items()})
        if tell:
            n_all = nuts.warmup + nuts.draws * nuts.thinning
            tell("transitions", before + (done + size) * thinning, n_all)
    joined = {k: np.concatenate([p[k] for p in parts], axis=1) for k in (parts[0] if parts else ())}
    return state, {k: v.reshape(-1, nuts.chains, *v.shape[1:]) for k, v in joined.items()}


def _kernels(nuts: NUTS, density, lane, eps, key):
    """NumPyro's initial state and transition for one chain; the transition knows its settings from the start."""
    init, transition = hmc(lambda x: -density(x, lane), algo="NUTS")
    state = init(
        eps,
        num_warmup=nuts.warmup,
        adapt_mass_matrix=density.adapt_mass,
        target_accept_prob=nuts.target_accept,
        max_tree_depth=nuts.max_tree_depth,
        rng_key=key,
    )
    return state, transition


def _for_each(density, f, xs):
    """`f` of every chain: side by side, or one after another where a density keeps a CPU busy on its own.

    Side by side all wait for the longest trajectory, but the cost of starting each operation, nearly all of the cost
    of a small density, is paid once.
    """
    if jax.default_backend() == "cpu" and not density.together:
        return jax.lax.map(f, xs)
    if len(xs[0]) <= SIDE_BY_SIDE:  # `lax.map` would compile `f` twice, for full portions and for the rest
        return jax.vmap(f)(xs)
    return jax.lax.map(f, xs, batch_size=SIDE_BY_SIDE)


@eqx.filter_jit
def _start(nuts: NUTS, density, lanes, keys, dim: int):
    """The initial state of every chain, in one row: lane by lane."""

    def start(x):
        i, key = x
        where, key = jax.random.split(key)
        lane = jax.tree.map(lambda a: a[i], lanes)
        return _kernels(nuts, density, lane, 2 * jax.random.normal(where, (dim,)), key)[0]

    index = jnp.repeat(jnp.arange(len(keys)), nuts.chains)
    return _for_each(
        density, start, (index, jax.vmap(lambda k: jax.random.split(k, nuts.chains))(keys).ravel())
    )


@eqx.filter_jit
def _program(nuts: NUTS, density, lanes, states, n: Array, thinning: Array):
    """`n` draws of every chain, at most CHUNK: the new states, and what is kept of each draw."""

    def chain(x):
        i, state = x
        lane = jax.tree.map(lambda a: a[i], lanes)
        transition = _kernels(nuts, density, lane, state.z, state.rng_key)[1]

        def step(_, carry):
            state, diverged, steps = carry
            state = transition(state)
            return state, diverged | state.diverging, steps + state.num_steps

        def draw(j, carry):
            state, room = carry
            start = (state, jnp.array(False), jnp.zeros_like(state.num_steps))
            state, *told = jax.lax.fori_loop(0, thinning, step, start)
            return state, {k: room[k].at[j].set(v) for k, v in _kept(state, *told).items()}

        first = _kept(state, state.diverging, state.num_steps)
        room = {k: jnp.zeros((CHUNK, *v.shape), v.dtype) for k, v in first.items()}
        return jax.lax.fori_loop(0, n, draw, (state, room))

    index = jnp.repeat(jnp.arange(len(states.i) // nuts.chains), nuts.chains)
    return _for_each(density, chain, (index, states))


def _kept(state, diverged, steps) -> dict[str, Array]:
    """What is kept of a draw: where it is, and what diagnostics ask for."""
    return {
        "eps": state.z,
        "lp": -state.potential_energy,
        "energy": state.energy,
        "acceptance_rate": state.accept_prob,
        "diverging": diverged,
        "n_steps": steps,
        "tree_depth": jnp.floor(jnp.log2(state.num_steps)).astype(int) + 1,
        "step_size": state.adapt_state.step_size,
    }
