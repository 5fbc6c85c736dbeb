"""Laplace's approximation: a normal distribution at the mode with the curvature found there."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...core import Gaussian, InputError
from ...core.internal import PRNGKeyArray
from .._curvature import laplace_root, posterior_mode
from .._gaussian import GaussianPosterior
from .._joint import finish, joint_density
from .._samples import SamplePosterior
from .._stars import Mode, StarDensity, find_modes, star_data
from ._method import AbstractMethod, Problem, at_least
from ._roots import dense_root, low_rank_cov
from ._white import White

__all__ = ["Laplace", "dense_roots", "modes"]


class Laplace(AbstractMethod):
    """Normal approximation at the posterior's mode (Laplace 1774; MacKay 1992, Neural Computation 4, 448).

    Exact for linear decoders. For others it misses skewness and further modes.

    Parameters
    ----------
    rank : int or None
        None keeps the whole covariance. A number keeps a diagonal and that many directions, those in which
        the curvature differs most from its diagonal; it saves memory where many parameters are inferred. With too few,
        what is left out keeps the errors it would have if all else were known, which are too small.
    draws : int
        Independent draws from the approximation, where decoders or scatter are inferred too.

    Examples
    --------
    >>> import numpy as np
    >>> import luxjax
    >>> from luxjax.posterior import Exact, Laplace, infer
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> fitted = luxjax.fit(luxjax.Lux.linear(stars.sizes, 2), stars, key=1)
    >>> exact, laplace = (infer(fitted, stars, method, key=1).gaussian for method in (Exact(), Laplace()))
    >>> bool(np.allclose(exact.mean, laplace.mean, atol=1e-3))  # the decoders are linear
    True
    """

    rank: int | None = None
    draws: int = 1000

    def __check_init__(self):
        if self.rank is not None:
            at_least("the rank of Laplace", self.rank, 0)
        at_least("the number of draws of Laplace", self.draws, 2)

    def latents(self, problem: Problem, *, key: PRNGKeyArray) -> GaussianPosterior:
        mean, cov = [], []
        for block, n in problem.blocks():
            mode = modes(problem, star_data(problem.fitted.model, block))
            rank = problem.fitted.model.n_latents if self.rank is None else self.rank
            mean.append(np.asarray(mode.z)[:n])
            cov.append(np.asarray(_covs(mode.precision, rank))[:n])
        return GaussianPosterior(
            **problem.common(self),
            gaussian=Gaussian(np.concatenate(mean), np.concatenate(cov)),  # type: ignore[arg-type]
        )

    def joint(self, problem: Problem, *, key: PRNGKeyArray) -> SamplePosterior:
        if any(k.split(".")[0] == "shrinkage" and v for k, v in problem.priors.overrides.items()):
            raise InputError(
                "a shrinkage prior peaks where weights are zero, far from most of its probability, so Laplace cannot "
                "approximate the posterior; use Variational or NUTS, or leave shrinkage out."
            )
        density, start = joint_density(problem)
        centre = posterior_mode(density, start)
        white = White(density, centre, laplace_root(density, centre, self.rank))
        draw_key, z_key = jax.random.split(key)
        eps = jax.random.normal(draw_key, (1, self.draws, len(centre)), centre.dtype)
        stats = {
            "lp": np.asarray(white.log_densities(eps)),
            "lq": -0.5 * np.sum(np.asarray(eps) ** 2, axis=-1),
        }
        return finish(problem, self, density, white.map(eps), stats, key=z_key)


def modes(problem: Problem, stars) -> Mode:
    """Modes of the stars of a block, searched from the prior's mean."""
    model = problem.fitted.model
    n_stars = len(jax.tree.leaves(stars)[0])
    density = StarDensity(model, problem.priors.latents)
    return jax.block_until_ready(find_modes(density, stars, jnp.zeros((n_stars, model.n_latents))))


@eqx.filter_jit
def _covs(precision, rank: int):
    return jax.vmap(lambda p: low_rank_cov(p, rank))(precision)


@eqx.filter_jit
def dense_roots(precision):
    """A with A A' = precision^-1, for every star."""
    return jax.vmap(dense_root)(precision)
