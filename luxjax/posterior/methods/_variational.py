"""Stochastic variational inference: the normal distribution closest to the posterior, through NumPyro."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
from numpyro.distributions import Distribution, constraints
from numpyro.infer import SVI, Trace_ELBO

from ...core import Gaussian, check_name
from ...core.internal import PRNGKeyArray
from .._curvature import diagonal_root, laplace_root, unshrunk_mode
from .._gaussian import GaussianPosterior
from .._joint import finish, joint_density
from .._samples import SamplePosterior
from .._stars import StarDensity, star_data
from ._laplace import dense_roots, modes
from ._method import AbstractMethod, Problem, at_least, keys_for
from ._white import White, WhiteStar

__all__ = ["Variational"]

WIDTH = 0.1
GUIDES = ("mean_field", "low_rank", "full_rank")


class Variational(AbstractMethod):
    """The normal distribution of a family that maximises the evidence lower bound (Kucukelbir et al. 2017, JMLR 18, 14).

    Minimising KL(q || p) makes q too narrow wherever its family cannot follow the posterior's correlations: for a
    normal posterior of precision P the mean-field variances are 1 / P_ii, never more than the marginal variances
    (Turner & Sahani 2011). Each guide is optimised in coordinates that leave its family what it is: the whitened ones
    of Laplace's approximation for the full rank, otherwise those scaled by its conditional standard deviations. The
    search starts at Laplace's mode with a tenth of that width.

    Parameters
    ----------
    guide : "mean_field", "low_rank" or "full_rank"
        Covariance: diagonal, diagonal plus `rank` directions, or any.
    rank : int or None
        Rank of the low-rank guide. Default: the square root of the dimension.
    steps, particles : int
        Adam steps, and draws per step.
    learning_rate : float
        At the start; it falls exponentially to a hundredth.
    draws : int
        Independent draws from the guide, where decoders or scatter are inferred too.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.posterior import Variational, infer
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> posterior = infer(fitted, stars.select(slice(0, 3)), Variational("mean_field", steps=50), key=1)
    >>> bool(posterior.loss[-1] < posterior.loss[0]), posterior.gaussian.mean.shape
    (True, (3, 2))
    """

    guide: str = "full_rank"
    rank: int | None = None
    steps: int = 2000
    particles: int = 16
    learning_rate: float = 0.05
    draws: int = 1000
    default_stars: ClassVar[int] = 50

    def __check_init__(self):
        check_name("guide", self.guide, GUIDES)
        for what, least in (("steps", 1), ("particles", 1), ("draws", 2)):
            at_least(f"{what} of Variational", getattr(self, what), least)
        if self.rank is not None:
            at_least("the rank of a guide", self.rank, 1)

    def latents(self, problem: Problem, *, key: PRNGKeyArray) -> GaussianPosterior:
        model = problem.fitted.model
        density = WhiteStar(StarDensity(model, problem.priors.latents))
        parts = []
        for i, (block, n) in enumerate(problem.blocks()):
            stars = star_data(model, block)
            mode = modes(problem, stars)
            root = dense_roots(mode.precision) if self.guide == "full_rank" else _scales(mode.precision)
            lanes = (stars, mode.z, jax.block_until_ready(root))
            found = _fit_stars(self, density, lanes, keys_for(key, i, block.n_stars), model.n_latents)
            parts.append([np.asarray(a)[:n] for a in found])
        mean, cov, loss = (np.concatenate(p) for p in zip(*parts, strict=True))
        return GaussianPosterior(
            **problem.common(self),
            gaussian=Gaussian(mean, cov),  # type: ignore[arg-type]
            loss=loss.mean(0),
        )

    def joint(self, problem: Problem, *, key: PRNGKeyArray) -> SamplePosterior:
        plain, centre = unshrunk_mode(problem)
        density, _ = joint_density(problem)
        find = laplace_root if self.guide == "full_rank" else diagonal_root
        white = White(density, centre, find(plain, centre))
        fit_key, draw_key, z_key = jax.random.split(key, 3)
        eps, lq, loss = _fit_joint(self, white, fit_key, draw_key, len(centre))
        lp = white.log_densities(eps[None])
        stats = {"loss": np.asarray(loss), "lp": np.asarray(lp), "lq": np.asarray(lq)[None]}
        return finish(problem, self, density, white.map(eps[None]), stats, key=z_key)


@eqx.filter_jit
def _scales(precision):
    """Diagonal roots: one over the square root of the precision's diagonal."""
    return jax.vmap(lambda p: jnp.diag(jnp.diagonal(p) ** -0.5))(precision)


class Sticking(Distribution):
    """A distribution whose density forgets that its parameters are being fitted, as its draws do not.

    The lower bound's gradient keeps its expectation and loses a term of mean zero; what is left has no noise at all once
    the guide is the posterior ("sticking the landing"; Roeder, Wu & Duvenaud 2017, arXiv:1703.09194).
    """

    has_rsample = True

    def __init__(self, base: Distribution):
        self.base = base
        super().__init__(base.batch_shape, base.event_shape)

    @property
    def support(self):
        return self.base.support

    def sample(self, key, sample_shape=()):
        return self.base.rsample(key, sample_shape)

    def log_prob(self, value):
        return jax.tree.map(jax.lax.stop_gradient, self.base).log_prob(value)


def _family(method: Variational, dim: int, start: PRNGKeyArray) -> Distribution:
    """The normal distribution of the guide's family, its parameters NumPyro's."""
    loc = numpyro.param("loc", jnp.zeros(dim))
    if method.guide == "full_rank":
        tril = numpyro.param("tril", WIDTH * jnp.eye(dim), constraint=constraints.softplus_lower_cholesky)
        return dist.MultivariateNormal(loc, scale_tril=tril)
    scale = numpyro.param("scale", jnp.full(dim, WIDTH), constraint=constraints.softplus_positive)
    if method.guide == "mean_field":
        return dist.Normal(loc, scale).to_event(1)
    rank = method.rank or max(1, round(dim**0.5))
    factor = numpyro.param("factor", WIDTH * jax.random.normal(start, (dim, rank)))
    return dist.LowRankMultivariateNormal(loc, factor, scale**2)


def _fit_guide(method: Variational, density, lane, key, dim: int):
    """The fitted guide of one posterior, as a distribution of eps, and the loss of every step."""
    start, key = jax.random.split(key)

    def model():
        eps = numpyro.sample("eps", dist.Normal(0, 1).expand([dim]).to_event(1).mask(False))
        numpyro.factor("density", density(eps, lane))

    def guide():
        numpyro.sample("eps", Sticking(_family(method, dim, start)))

    rate = optax.exponential_decay(method.learning_rate, method.steps, 0.01)
    svi = SVI(model, guide, optax.adam(rate), Trace_ELBO(method.particles))
    state, loss = jax.lax.scan(lambda s, _: svi.update(s), svi.init(key), None, length=method.steps)
    with numpyro.handlers.substitute(data=svi.get_params(state)):
        return _family(method, dim, start), loss


@eqx.filter_jit
def _fit_stars(method: Variational, density, lanes, keys, dim: int):
    def star(lane, key):
        found, loss = _fit_guide(method, density, lane, key, dim)
        _, centre, root = lane
        if method.guide == "mean_field":
            loc, cov = found.mean, jnp.diag(found.variance)
        else:
            loc, cov = found.loc, found.covariance_matrix
        return centre + root @ loc, root @ cov @ root.T, loss

    return jax.vmap(star)(lanes, keys)


@eqx.filter_jit
def _fit_joint(method: Variational, white, fit_key, draw_key, dim: int):
    found, loss = _fit_guide(method, white, None, fit_key, dim)
    eps = found.sample(draw_key, (method.draws,))
    return eps, found.log_prob(eps), loss
