"""The joint posterior of latents, decoders and scatter as one density of one vector without constraints.

Leaves of the model are laid end to end, positive ones by their logarithm. Scatter is the exception: the data know its square
only, so under a prior that is even as it stands, such as a half-normal, it goes with a sign that is dropped afterwards. That
is smooth at zero, where the logarithm of a scatter has a tail without end that is slow to sample. Linear decoders with normal
latents have the latents integrated out,

    ln p(y) = sum_n [h'm / 2 - ln det(I + G) / 2 + constant],    m = (I + G)^-1 h,    G = sum_j w_j B_j B_j',

which removes most of the dimensions and the strongest correlations; they are drawn afterwards from their exact
conditional. With other decoders they stay in the vector.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution, HalfCauchy, HalfNormal, biject_to

from ..core import Batch
from ..core.internal import Array, Float, Int, PRNGKeyArray, solve_ridge, total
from ..models import AbstractFeatureDecoder, Lux
from ._gauge import anchors, turn_to_anchors
from ._priors import Priors, column_log_density, leaf_paths
from ._samples import SamplePosterior, replace_leaves
from ._stars import StarDensity, find_modes, star_data
from .methods._method import AbstractMethod, Problem

__all__ = [
    "JointDensity",
    "finish",
    "joint_density",
    "log_marginals",
]

SMALLEST_SCATTER = 1e-3
EVEN = (HalfNormal, HalfCauchy)  # densities of x that hold for -x as they stand


class Leaf(eqx.Module):
    """One leaf of the model in the vector: which of its entries vary, and their prior.

    Parameters
    ----------
    path : str
    shape : tuple of int
    begin : int
        Where in the vector it begins.
    index : (entry,) int array
        The entries that vary, counted along the flattened leaf; those the gauge holds at zero are left out.
    power : (entry,) array
        The gauge's exponent of positive (diagonal) entries, -1 for entries of any sign.
    prior : Distribution
        Prior of entries; with `shrinks`, of the variance of a column.
    shrinks : bool
    signed : bool
        Whether entries are taken with a sign that means nothing.
    """

    path: str = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    begin: int = eqx.field(static=True)
    index: Int[Array, " entry"]
    power: Float[Array, " entry"]
    prior: Distribution
    shrinks: bool = eqx.field(static=True)
    signed: bool = eqx.field(static=True, default=False)

    @property
    def end(self) -> int:
        return self.begin + len(self.index)

    def value(self, x: Float[Array, " dim"]) -> tuple[Array, Array]:
        """The leaf, and the log determinant of the change of variables."""
        part = x[self.begin : self.end]
        if self.shrinks or self.signed:
            entries, log_det = part, jnp.zeros_like(part)
        else:
            transform = biject_to(self.prior.support)
            entries = transform(part)
            log_det = transform.log_abs_det_jacobian(part, entries)
        positive = self.power >= 0
        entries = jnp.where(positive, jnp.exp(jnp.where(positive, part, 0)), entries)
        log_det = jnp.where(positive, part, log_det)
        full = jnp.zeros(int(np.prod(self.shape)), x.dtype).at[self.index].set(entries)
        return full.reshape(self.shape), jnp.sum(log_det)

    def start(self, leaf: Float[Array, "..."]) -> Float[Array, " entry"]:
        """The part of the vector that gives this leaf."""
        entries = jnp.ravel(leaf)[self.index]
        positive = self.power >= 0
        floor = 1e-3 * jnp.max(jnp.where(positive, entries, 0)) + 1e-12
        diagonal = jnp.log(jnp.where(positive, jnp.maximum(entries, floor), 1))
        if self.shrinks:
            return jnp.where(positive, diagonal, entries)
        if self.path.startswith("scatter."):
            entries = jnp.maximum(entries, SMALLEST_SCATTER)
        if self.signed:
            return entries
        return jnp.where(positive, diagonal, biject_to(self.prior.support).inv(entries))

    def log_prior(self, leaf: Float[Array, "..."]) -> Float[Array, ""]:
        entries, positive = jnp.ravel(leaf)[self.index], self.power >= 0
        gauge = jnp.sum(jnp.where(positive, self.power * jnp.log(jnp.where(positive, entries, 1)), 0))
        if not self.shrinks:
            each = jnp.broadcast_to(self.prior.log_prob(leaf), self.shape)
            return jnp.sum(jnp.ravel(each)[self.index]) + gauge
        count = jnp.zeros(int(np.prod(self.shape))).at[self.index].set(1 + jnp.maximum(self.power, 0))
        count = jnp.sum(count.reshape(self.shape), axis=0)
        return column_log_density(jnp.sum(leaf**2, axis=0), count, self.prior) + gauge


class JointDensity(eqx.Module):
    """Log density of everything that is free, up to a constant."""

    model: Lux
    batch: Batch
    leaves: tuple[Leaf, ...]
    latents_prior: Distribution
    collapsed: bool = eqx.field(static=True)

    @property
    def gauge(self) -> tuple[tuple[str, int], ...]:
        """The anchors. Which rows they are is data, so that another choice needs no other program."""
        found = {}
        for leaf in self.leaves:
            power = np.asarray(leaf.power)
            for entry in np.asarray(leaf.index)[power >= 0]:
                row, column = divmod(int(entry), leaf.shape[-1])
                found[column] = (leaf.path.split(".")[1], row)
        return tuple(found[i] for i in sorted(found))

    @property
    def n_leaves(self) -> int:
        """Where the leaves end in the vector and the latents begin, if they are in it."""
        return self.leaves[-1].end

    def values(self, x: Float[Array, " dim"]) -> dict[str, Array]:
        """The free leaves of the model by path."""
        found = {leaf.path: (leaf, leaf.value(x)[0]) for leaf in self.leaves}
        return {path: jnp.abs(value) if leaf.signed else value for path, (leaf, value) in found.items()}

    def __call__(self, x: Float[Array, " dim"]) -> Float[Array, ""]:
        found = {leaf.path: leaf.value(x) for leaf in self.leaves}
        prior = total(leaf.log_prior(found[leaf.path][0]) + found[leaf.path][1] for leaf in self.leaves)
        model = replace_leaves(self.model, {path: value for path, (value, _) in found.items()})
        data = star_data(model, self.batch)
        if self.collapsed:
            return prior + jnp.sum(log_marginals(data))
        z = x[self.n_leaves :].reshape(self.batch.n_stars, -1)
        return prior + jnp.sum(jax.vmap(StarDensity(model, self.latents_prior))(z, data))

    def latents(self, x: Float[Array, " dim"], key: PRNGKeyArray) -> Float[Array, "star latent"]:
        """The latents in the vector, or a draw from their conditional."""
        if not self.collapsed:
            return x[self.n_leaves :].reshape(self.batch.n_stars, -1)
        model = replace_leaves(self.model, self.values(x))
        mean, cov, _ = _posteriors(star_data(model, self.batch))
        chol = jnp.linalg.cholesky(cov)
        return mean + jnp.einsum("nij,nj->ni", chol, jax.random.normal(key, mean.shape, mean.dtype))


def _posteriors(data):
    """Mean, covariance and ln det(precision) of every star's latents."""
    return _ridge(total(d.gram for d in data.values()), total(d.rhs for d in data.values()))


def log_marginals(data) -> Float[Array, " star"]:
    """Ln p(y) of every star with its latents integrated out."""
    mean, _, log_det = _posteriors(data)
    fitted = jnp.sum(total(d.rhs for d in data.values()) * mean, axis=1)
    return total(d.constant for d in data.values()) + 0.5 * fitted - 0.5 * log_det


@jax.custom_jvp
def _ridge(gram, rhs):
    """M = (I + G)^-1 h, (I + G)^-1 and ln det(I + G) of every star, differentiable without another factorisation."""
    return solve_ridge(gram, rhs, jnp.eye(gram.shape[-1], dtype=gram.dtype))


@_ridge.defjvp
def _ridge_jvp(primals, tangents):
    mean, inverse, log_det = _ridge(*primals)
    d_gram, d_rhs = tangents
    d_mean = jnp.einsum("nij,nj->ni", inverse, d_rhs - jnp.einsum("nij,nj->ni", d_gram, mean))
    d_inverse = -inverse @ d_gram @ inverse
    return (mean, inverse, log_det), (d_mean, d_inverse, jnp.einsum("nij,nij->n", inverse, d_gram))


def joint_density(
    problem: Problem, priors: Priors | None = None
) -> tuple[JointDensity, Float[Array, " dim"]]:
    """The density of what is free in `problem`, and where the fitted model lies in it."""
    model, priors = problem.fitted.model, priors or problem.priors
    batch = jax.tree.map(lambda a: a.astype(jnp.float64), problem.batch).only(*model.names)
    gauge = anchors(model, batch) if "decoders" in problem.free else ()
    if gauge:
        model = turn_to_anchors(model, gauge)
    leaves: list[Leaf] = []
    for path, leaf in leaf_paths(model).items():
        if path.split(".")[0] not in problem.free:
            continue
        free, power = _entries(model, path, gauge)
        shrinkage = priors.shrinkage(model, path)
        prior = priors.leaf(path) if shrinkage is None else shrinkage
        begin = leaves[-1].end if leaves else 0
        signed = path.startswith("scatter.") and isinstance(prior, EVEN)
        leaves.append(Leaf(path, leaf.shape, begin, free, power, prior, shrinkage is not None, signed))
    collapsed = model.is_linear and model.is_gaussian and priors.standard_latents
    density = JointDensity(model, batch, tuple(leaves), priors.latents, collapsed)
    values = leaf_paths(model)
    start = [leaf.start(values[leaf.path]) for leaf in leaves]
    if not collapsed:
        prior = StarDensity(model, priors.latents)
        zero = jnp.zeros((batch.n_stars, model.n_latents))
        start.append(jnp.ravel(find_modes(prior, star_data(model, batch), zero).z))
    return density, jnp.concatenate(start)


def _entries(model: Lux, path: str, gauge) -> tuple[Array, Array]:
    """Which entries of a leaf vary, and the gauge's exponents of those that are positive (-1 elsewhere)."""
    shape = leaf_paths(model)[path].shape
    power, fixed = np.full(shape, -1.0), np.zeros(shape, bool)
    group, name, *rest = path.split(".")
    if (
        group == "decoders"
        and rest == ["weight"]
        and isinstance(model.decoders[name], AbstractFeatureDecoder)
    ):
        n = model.n_latents
        for i, (output, row) in enumerate(gauge):
            if output == name:
                power[row, i] = n - 1 - i
                fixed[row, i + 1 : n] = True
    index = np.flatnonzero(~fixed)
    return jnp.asarray(index), jnp.asarray(power.ravel()[index])


def finish(
    problem: Problem,
    method: AbstractMethod,
    density: JointDensity,
    x: Float[Array, "chain draw dim"],
    stats: dict[str, np.ndarray],
    *,
    key: PRNGKeyArray,
) -> SamplePosterior:
    """Draws of the vector as draws of leaves and latents."""
    chains, draws, dim = x.shape
    keys = jax.random.split(key, chains * draws)
    leaves, z = jax.tree.map(np.asarray, _unpack(density, x.reshape(-1, dim), keys))
    common = problem.common(method)
    common["fitted"] = problem.fitted.replace(model=density.model, weight_cov={})
    return SamplePosterior(
        **common,
        draws=z.reshape(chains, draws, *z.shape[1:]),
        parameters={path: v.reshape(chains, draws, *v.shape[1:]) for path, v in leaves.items()},
        stats=stats,
        gauge=density.gauge,
    )


@eqx.filter_jit
def _unpack(density: JointDensity, x, keys):
    return jax.lax.map(lambda a: (density.values(a[0]), density.latents(*a)), (x, keys))
