"""A small convolutional network on spectra: what deep learning makes of the pixels themselves, as a baseline to the indices.

Three strided convolutions and one hidden layer; where along the spectrum something is seen stays known, because lines do not
move in spectra at rest. Masked pixels come as zeros with a second channel that says so.
"""

import functools
import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold

from ...core import InputError

__all__ = ["SpectralCNN"]

_BATCH = 64
_CLIP = 8.0  # scaled flux beyond this is a cosmic ray or a division by nothing


class _Network(eqx.Module):
    """From (2, pixel), scaled flux and what is seen of it, to the logits of the classes."""

    convolutions: list[eqx.nn.Conv1d]
    hidden: eqx.nn.Linear
    last: eqx.nn.Linear

    def __init__(self, n_pixels: int, n_classes: int, width: int, hidden: int, *, key):
        keys = jax.random.split(key, 5)
        channels = (2, width, 2 * width, 2 * width)
        self.convolutions = [
            eqx.nn.Conv1d(i, o, kernel_size=9, stride=3, padding=4, key=k)
            for i, o, k in zip(channels[:-1], channels[1:], keys[:3], strict=True)
        ]
        self.hidden = eqx.nn.Linear(2 * width * _left(n_pixels), hidden, key=keys[3])
        self.last = eqx.nn.Linear(hidden, n_classes, key=keys[4])

    def __call__(self, x, keep=(1.0, 1.0)):
        """Logits; `keep` multiplies what enters the last two layers, for dropout."""
        for convolution in self.convolutions:
            x = jax.nn.gelu(convolution(x))
        x = jax.nn.gelu(self.hidden(x.reshape(-1) * keep[0]))
        return self.last(x * keep[1])


def _left(n_pixels: int) -> int:
    """Pixels after three convolutions with a stride of 3."""
    return functools.reduce(lambda n, _: -(-n // 3), range(3), n_pixels)


class SpectralCNN(ClassifierMixin, BaseEstimator):
    """The network with scikit-learn's interface: rows are spectra, columns the pixels of `pixel_features`, NaN is masked.

    Trained by AdamW (Loshchilov & Hutter 2019, ICLR) on the cross-entropy, until that of stars held out has not fallen for `patience` epochs;
    the weights of its best epoch are kept. The same seed on the same machine gives the same network.

    Parameters
    ----------
    width, hidden : int
        Channels of the first convolution, twice as many in the others; units of the hidden layer.
    dropout : float
    learning_rate, weight_decay : float
    epochs, patience : int
    held_out : float
        Share of the stars that decide when to stop.
    random_state : int
    """

    def __init__(
        self,
        width: int = 16,
        hidden: int = 64,
        dropout: float = 0.2,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-3,
        epochs: int = 100,
        patience: int = 10,
        held_out: float = 0.15,
        random_state: int = 0,
    ):
        self.width = width
        self.hidden = hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.patience = patience
        self.held_out = held_out
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # pixels without a value
        return tags

    def fit(self, x, y, sample_weight=None, star=None) -> "SpectralCNN":
        """Train.

        Parameters
        ----------
        x : (row, pixel) array
        y : (row,) array
            Classes.
        sample_weight : (row,) array, optional
        star : (row,) array, optional
            Rows of a star are held out together. Default: every row is another star.
        """
        x = np.asarray(x, float)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        self.n_features_in_ = x.shape[1]
        weight = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, float)
        star = np.arange(len(x)) if star is None else np.asarray(star)
        fit, stop = self._split(codes, star)
        self.centre_, self.scale_ = _scaling(x[fit])
        seen = self._channels(x)
        # Random numbers are NumPy's throughout: compiling JAX's for every shape takes longer than a small training does.
        rng = np.random.default_rng(self.random_state)
        model = jax.tree.map(lambda leaf: _started(leaf.shape, rng), self._skeleton())
        state = _optimiser(0.0, 0.0).init(model)
        rates = jnp.float32(self.learning_rate), jnp.float32(self.weight_decay)
        best, patience, self.losses_ = np.inf, 0, []
        for _ in range(self.epochs):
            for step, rows in enumerate(_batches(rng.permutation(fit))):
                w = weight[rows] * (np.arange(_BATCH) < len(fit) - step * _BATCH)
                model, state = _step(
                    model, state, rates, seen[rows], codes[rows], w.astype(np.float32), self._keep(rng)
                )
            self.losses_.append(_cross_entropy(_logits(model, seen[stop]), codes[stop], weight[stop]))
            if self.losses_[-1] < best:
                best, patience, self.network_ = self.losses_[-1], 0, model
            elif (patience := patience + 1) >= self.patience:
                break
        if not np.isfinite(best):
            raise InputError(
                "the network's loss is not finite from the first epoch on; lower learning_rate, and check that the pixels hold numbers."
            )
        return self

    def predict_proba(self, x) -> np.ndarray:
        """Probabilities of the classes, (row, class)."""
        logit = _logits(self.network_, self._channels(np.asarray(x, float))).astype(float)
        grown = np.exp(logit - logit.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def predict(self, x) -> np.ndarray:
        """The likeliest classes, (row,)."""
        return self.classes_[self.predict_proba(x).argmax(axis=1)]

    def save(self, path: Path) -> None:
        """Write one line of JSON and the arrays."""
        header = {
            "settings": self.get_params(),
            "classes": self.classes_.tolist(),
            "pixels": self.n_features_in_,
        }
        with open(path, "wb") as file:
            file.write((json.dumps(header) + "\n").encode())
            eqx.tree_serialise_leaves(file, (self.network_, self.centre_, self.scale_))

    @classmethod
    def load(cls, path: Path, n_features: int) -> "SpectralCNN":
        """Read it back; the arrays must be those of the network that the header describes."""
        with open(path, "rb") as file:
            header = json.loads(file.readline())
            made = cls(**header["settings"])
            made.classes_, made.n_features_in_ = np.asarray(header["classes"]), int(header["pixels"])
            if made.n_features_in_ != n_features:
                raise ValueError(f"the network sees {made.n_features_in_} pixels, and there are {n_features}")
            like = (made._skeleton(), *np.zeros((2, n_features)))
            made.network_, made.centre_, made.scale_ = eqx.tree_deserialise_leaves(file, like)
        return made

    def _skeleton(self) -> _Network:
        """Shapes of the network's arrays."""
        make = functools.partial(_Network, self.n_features_in_, len(self.classes_), self.width, self.hidden)
        return eqx.filter_eval_shape(lambda key: make(key=key), jax.random.key(0))

    def _keep(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """What dropout leaves, scaled so that its mean is one (Srivastava et al. 2014)."""
        sizes = (2 * self.width * _left(self.n_features_in_), self.hidden)
        kept = (rng.random((_BATCH, size), np.float32) >= self.dropout for size in sizes)
        return tuple(k.astype(np.float32) / np.float32(1 - self.dropout) for k in kept)

    def _split(self, codes: np.ndarray, star: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows to fit and rows to stop by, all classes in both where they can be."""
        n = max(2, min(round(1 / self.held_out), np.bincount(codes).min()))
        split = StratifiedGroupKFold(n, shuffle=True, random_state=self.random_state)
        return next(split.split(codes[:, None], codes, star))

    def _channels(self, x: np.ndarray) -> np.ndarray:
        """Scaled flux and what is seen of it, (row, 2, pixel)."""
        seen = np.isfinite(x)
        scaled = np.clip((np.where(seen, x, 0) - self.centre_) / self.scale_, -_CLIP, _CLIP)
        return np.stack([np.where(seen, scaled, 0), seen], axis=1).astype(np.float32)


def _scaling(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and half the central 68% of every pixel; 0 and 1 where none is seen."""
    never = ~np.isfinite(x).any(axis=0)
    low, middle, high = np.nanquantile(np.where(never, 0, x), [0.16, 0.5, 0.84], axis=0)
    half = (high - low) / 2
    return middle, np.where(half > 1e-6, half, 1.0)


def _started(shape: tuple[int, ...], rng: np.random.Generator) -> jax.Array:
    """Weights that keep the variance of what passes (He et al. 2015); biases, which multiply nothing, start at zero."""
    n_in = int(np.prod(shape[1:]))
    scale = np.sqrt(2 / n_in) if n_in > 1 else 0.0
    return jnp.asarray(scale * rng.standard_normal(shape), jnp.float32)


def _batches(order: np.ndarray):
    """Rows of every batch, all of one size so that one step is compiled; the last is filled up with rows of the first."""
    for start in range(0, len(order), _BATCH):
        yield np.resize(order[start : start + _BATCH], _BATCH)


def _optimiser(rate, decay) -> optax.GradientTransformation:
    return optax.adamw(rate, weight_decay=decay)


@eqx.filter_jit
def _step(model, state, rates, x, codes, weight, keep):
    """One step of gradient descent; rates are traced, so that a search compiles once."""

    def loss(model):
        logit = jax.vmap(model)(x, keep)
        each = optax.softmax_cross_entropy_with_integer_labels(logit, codes)
        return jnp.sum(weight * each) / jnp.sum(weight)

    gradient = eqx.filter_grad(loss)(model)
    change, state = _optimiser(*rates).update(gradient, state, eqx.filter(model, eqx.is_inexact_array))
    return eqx.apply_updates(model, change), state


@eqx.filter_jit
def _forward(model, x):
    return jax.vmap(model)(x)


def _logits(model, x: np.ndarray, block: int = 256) -> np.ndarray:
    """Logits of the classes, (row, class), in blocks of one size."""
    parts = []
    for start in range(0, len(x), block):
        part = x[start : start + block]
        parts.append(np.asarray(_forward(model, np.resize(part, (block, *x.shape[1:]))))[: len(part)])
    return np.concatenate(parts)


def _cross_entropy(logit: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> float:
    top = logit.max(axis=1)
    total = top + np.log(np.exp(logit - top[:, None]).sum(axis=1))
    return float(np.average(total - logit[np.arange(len(codes)), codes], weights=weight))
