"""The generative model: every output of a star decoded from one latent vector."""

import math
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from ..core import InputError, check_name
from ..core.internal import Array, Float, KeepsPrecision, PRNGKeyArray, as_key
from ._decoders import AbstractDecoder, AbstractFeatureDecoder, Linear, Quadratic, zeros
from ._mlp import MLP

__all__ = ["Lux"]


class Lux(KeepsPrecision, eqx.Module):
    """Latent-variable model of named outputs.

    Star n with latents z_n ~ N(0, I) has, in pixel or label j of output k,

        y_nkj = f_kj(z_n) + noise,    variance 1 / ivar_nkj + scatter_kj^2.

    The noise is Gaussian, or, for outputs with finite degrees of freedom nu, Student's t with that squared scale: a Gaussian
    whose precision is multiplied by a draw of Gamma(nu / 2, nu / 2), so that values far off are believed less instead
    of dragging the fit (Lange, Little & Taylor 1989, JASA 84, 881).

    Latents are defined up to a rotation only: z -> Rz with f(R' z) leaves everything observable unchanged, so
    a single latent means nothing by itself (Horta et al. 2025, AJ 169, 314, for the linear case).

    Parameters
    ----------
    decoders : mapping of str to decoder
        By output name; all with the same number of latents.
    scatter : mapping of str to (out,) array, optional
        Intrinsic standard deviation of each pixel or label; zero where left out.
    dof : mapping of str to float, optional
        Degrees of freedom of an output's noise; infinite, which is Gaussian, where left out. Some 3 to 10 for outputs with
        outliers.

    Examples
    --------
    >>> import luxjax
    >>> model = luxjax.Lux.linear({"apogee": 7514, "labels": 5}, 20)
    >>> model.n_latents, sorted(model.decoders)
    (20, ['apogee', 'labels'])
    """

    decoders: dict[str, AbstractDecoder]
    scatter: dict[str, Float[Array, " out"]]
    _dof: tuple[float, ...] = eqx.field(static=True)  # which inference to compile depends on it

    def __init__(
        self,
        decoders: Mapping[str, AbstractDecoder],
        scatter: Mapping[str, Float[Array, " out"]] | None = None,
        dof: Mapping[str, float] | None = None,
    ):
        if not decoders:
            raise InputError("a model needs at least one output; give its decoders by name.")
        counts = {name: d.n_latents for name, d in decoders.items()}
        if len(set(counts.values())) > 1:
            raise InputError(
                f"all decoders of a model share its latents; their numbers of latents were {counts}."
            )
        self.decoders = dict(decoders)
        given = dict(scatter or {})
        for name in given:
            check_name("output for the scatter", name, decoders)
        for name, decoder in decoders.items():
            if name not in given:
                given[name] = zeros(_size(decoder))
        self.scatter = {name: given[name] for name in decoders}
        for name, nu in (dof or {}).items():
            check_name("output for the degrees of freedom", name, decoders)
            if not nu > 0:
                raise InputError(
                    f"the noise of '{name}' was given {nu} degrees of freedom; give a number above 0."
                )
        self._dof = tuple(float((dof or {}).get(name, math.inf)) for name in decoders)

    def replace(
        self,
        decoders: Mapping[str, AbstractDecoder] | None = None,
        scatter: Mapping[str, Float[Array, " out"]] | None = None,
        dof: Mapping[str, float] | None = None,
    ) -> "Lux":
        """A copy with other decoders of the same outputs, other scatter or other degrees of freedom."""
        return Lux(decoders or self.decoders, scatter or self.scatter, self.dof if dof is None else dof)

    def only(self, *names: str) -> "Lux":
        """The model of these outputs alone, such as those that latents are inferred from: ``model.only(*inputs).is_linear``."""
        for name in names:
            check_name("output", name, self.decoders, "Ask for one of the model's outputs")
        if set(names) == set(self.decoders):
            return self
        dof = self.dof
        return Lux(
            {name: self.decoders[name] for name in names},
            {name: self.scatter[name] for name in names},
            {name: dof[name] for name in names},
        )

    @classmethod
    def linear(cls, sizes: Mapping[str, int], n_latents: int) -> "Lux":
        """A model of linear decoders, not fitted yet, for outputs of these sizes (as in ``catalog.sizes``)."""
        return cls({name: Linear.zeros(size, _positive(n_latents)) for name, size in sizes.items()})

    @classmethod
    def quadratic(cls, sizes: Mapping[str, int], n_latents: int) -> "Lux":
        """A model of quadratic decoders, not fitted yet, for outputs of these sizes."""
        return cls({name: Quadratic.zeros(size, _positive(n_latents)) for name, size in sizes.items()})

    @classmethod
    def mlp(
        cls,
        sizes: Mapping[str, int],
        n_latents: int,
        *,
        key: PRNGKeyArray | int,
        outputs: Sequence[str] | None = None,
        width: int = 32,
        depth: int = 2,
        activation: str = "tanh",
    ) -> "Lux":
        """A model of `MLP` decoders, not fitted yet, for outputs of these sizes.

        Parameters
        ----------
        sizes : mapping of str to int
        n_latents : int
        key : jax random key or int
            Source of randomness for the hidden layers' first weights.
        outputs : sequence of str, optional
            Those that get an `MLP`; the others stay `Linear`. Default: all.
        width, depth, activation
            Units of each hidden layer, number of hidden layers, and ``"tanh"``, ``"gelu"`` or ``"silu"``.
        """
        curved = tuple(sizes) if outputs is None else tuple(outputs)
        for name in curved:
            check_name("output for an MLP decoder", name, sizes)
        n, keys = _positive(n_latents), jax.random.split(as_key(key), len(sizes))
        return cls(
            {
                name: MLP.zeros(size, n, key=k, width=width, depth=depth, activation=activation)
                if name in curved
                else Linear.zeros(size, n)
                for (name, size), k in zip(sizes.items(), keys, strict=True)
            }
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.decoders)

    @property
    def n_latents(self) -> int:
        return next(iter(self.decoders.values())).n_latents

    @property
    def dof(self) -> dict[str, float]:
        """Degrees of freedom of each output's noise."""
        return dict(zip(self.decoders, self._dof, strict=True))

    @property
    def is_gaussian(self) -> bool:
        """Whether the noise of every output is Gaussian."""
        return all(math.isinf(nu) for nu in self._dof)

    @property
    def is_linear(self) -> bool:
        """Whether every decoder is `Linear`, so that posteriors are exactly Gaussian if the noise is."""
        return all(isinstance(d, Linear) for d in self.decoders.values())

    @property
    def has_features(self) -> bool:
        """Whether every decoder is linear in the weights of its last layer, so that sums over pixels give latents."""
        return all(isinstance(d, AbstractFeatureDecoder) for d in self.decoders.values())

    @property
    def is_closed_form(self) -> bool:
        """Whether every decoder is linear in all its weights, so that closed-form fits apply."""
        return all(
            isinstance(d, AbstractFeatureDecoder) and not d.learns_features for d in self.decoders.values()
        )

    @property
    def feature_decoders(self) -> dict[str, AbstractFeatureDecoder]:
        """The decoders by name, where all of them are linear in their weights."""
        found = {k: d for k, d in self.decoders.items() if isinstance(d, AbstractFeatureDecoder)}
        if len(found) < len(self.decoders):
            raise InputError(
                "this needs decoders that are linear in their last weights (Linear, Quadratic, MLP)."
            )
        return found

    def __getitem__(self, name: str) -> AbstractDecoder:
        check_name("output", name, self.decoders, "Ask for one of the model's outputs")
        return self.decoders[name]

    def __call__(self, z: Float[Array, " latent"]) -> dict[str, Float[Array, " out"]]:
        """The noise-free outputs of one star."""
        return {name: decoder(z) for name, decoder in self.decoders.items()}


def _size(decoder: AbstractDecoder) -> int:
    if isinstance(decoder, AbstractFeatureDecoder):
        return decoder.intercept.shape[0]
    return eqx.filter_eval_shape(decoder, jnp.zeros(decoder.n_latents)).shape[0]


def _positive(n_latents: int) -> int:
    if n_latents < 1:
        raise InputError(f"the number of latents must be at least 1; given {n_latents}.")
    return n_latents
