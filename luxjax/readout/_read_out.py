"""Labels read out from the latents of a fitted model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core import Batch, InputError, check_name, unpack
from ..core.internal import AbstractStars, Array, check_stars, join_names, pack
from ..data import Catalog
from ..fitted import FittedModel, OutputInfo, ReadOut
from ..models import AbstractFeatureDecoder, Linear, Lux
from ..system.internal import one_blas_thread
from ._kinds import PolynomialReadOut
from ._registry import READOUTS
from ._sample import Found, Sample, canonical_basis, input_latents

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["read_out"]

LEAST_STARS = 8
FEW = 30  # stars at which a correlation of scatters counts half


def read_out(
    fitted: FittedModel,
    data: "Catalog | Batch | Dataset",
    kind: str = "auto",
    *,
    inputs: Sequence[str] | None = None,
    labels: str = "labels",
    block: int | None = None,
) -> FittedModel:
    """Learn labels from the latents that a model's inputs alone give to training stars.

    Spectra are well described by latents that they depend on linearly; labels are curved functions of these. The spectra's
    decoders stay as they are, and with them the exact posterior of the latents; only their basis is turned, so that the latents
    that a typical star measures best come first (a model that has read-outs of other labels keeps its basis).

    Parameters
    ----------
    fitted : FittedModel
        With decoders of its inputs. Labels that it decodes already are read out in place of that.
    data : Catalog, Batch or Dataset
        Training stars with inputs and labels; those without a label do not count for it.
    kind : {"auto", "linear", "quadratic", "gp"}
        ``"linear"`` in the latents; ``"quadratic"``, with products of the leading 20, one scale for each latent; ``"gp"``, a
        Gaussian process with a linear, a quadratic and a squared-exponential kernel, the mean of those on the leading 24, 40 and 60
        latents (with fewer than 4 stars a latent: of processes whose relevances follow how well a latent is measured). ``"auto"``: what
        predicts the training stars best, each left out in turn; ``"quadratic"`` only of at least as many stars as terms; beyond
        2,000 stars ``"gp"``, which takes longer, only where it beats ``"quadratic"`` by 3% on 1,000 of them.
    inputs : sequence of str, optional
        The outputs that labels will be predicted from: a read-out learned from the spectra of two surveys is wrong for stars with
        those of one. Default: all inputs that model and data share.
    labels : str
        The label output of `data`.
    block : int, optional
        Stars handled at a time.

    Returns
    -------
    FittedModel
        ``fitted.read_outs[labels]`` says what was learned of the labels' errors. Calibrations and verdicts are left out: they
        were those of other labels.

    Raises
    ------
    InputError
        Unknown kind or output, or fewer than 8 stars with some label.

    Examples
    --------
    >>> import luxjax
    >>> from luxjax.readout import read_out
    >>> from luxjax.simulation import bilinear
    >>> stars = bilinear(90, {"flux": 40, "labels": 3}, 2, key=1).catalog
    >>> spectra = luxjax.fit(luxjax.Lux.linear({"flux": 40}, 2), stars.only("flux"), key=1)
    >>> fitted = read_out(spectra, stars, "quadratic")
    >>> luxjax.transfer(fitted, stars).value.shape
    (90, 3)
    """
    check_stars(data)
    check_name("read-out", kind, ("auto", *READOUTS))
    used = _inputs(fitted, data, inputs, labels)
    fitted = _with_labels(fitted, data, labels)
    with jax.enable_x64(True), one_blas_thread():
        stars = data.in_units_of(fitted, *used, labels)
        fitted, sample, cross = _sample(fitted, stars, used, labels, block)
        _check(sample, fitted.info(labels).names)
        kinds = [k for k, r in READOUTS.items() if r.suits(sample)] if kind == "auto" else [kind]
        tried = {k: READOUTS[k].fit(sample) for k in kinds}
        loo = {k: _loo_rmse(found) for k, (_, _, found) in tried.items()}
        kind = min(kinds, key=lambda k: np.mean(np.log(loo[k])))
        decoder, cov, found = tried[kind]
        shares = [f.stated_share for f in found]
    scale = fitted.info(labels).scale
    # What is left of the scatter once the noise of the inputs is taken out, which every star adds for itself.
    own = np.maximum(np.array([f.scatter for f in found]) ** 2 - np.diag(cross), 0.0) ** 0.5
    facts = ReadOut(
        kind,
        np.array([f.error_scale for f in found]),
        _correlation(found, own, sample, cross),
        np.array([f.effective for f in found]),
        loo[kind] * scale,
        used,
        ({"loo_rmse": {k: (r * scale).tolist() for k, r in loo.items()}} if len(kinds) > 1 else {})
        | ({"share_of_stated_errors": shares} if min(shares) < 1 else {}),
    )
    model = Lux(
        fitted.model.decoders | {labels: decoder},
        fitted.model.scatter | {labels: jnp.asarray(own)},
        {k: nu for k, nu in fitted.model.dof.items() if k != labels},
    )
    others = {k: c for k, c in fitted.weight_cov.items() if k != labels}
    return fitted.replace(
        model=model,
        weight_cov=others if cov is None else others | {labels: cov},
        read_outs={**fitted.read_outs, labels: facts},
        calibrations=(),
        verdicts={},
    )


def _inputs(fitted: FittedModel, data, inputs: Sequence[str] | None, labels: str) -> tuple[str, ...]:
    known = fitted.names_of("input")
    for name in inputs or ():
        check_name("input of the model", name, known)
        check_name("output of the data", name, data.sizes)
    used = tuple(inputs or (n for n in known if n in data.sizes))
    if not used or labels not in data.sizes:
        raise InputError(
            f"a read-out of '{labels}' needs stars with it and with inputs of the model ({join_names(known)}); "
            f"these have {join_names(data.sizes)}."
        )
    return used


def _loo_rmse(found: list[Found]) -> np.ndarray:
    return np.array([np.sqrt(np.mean(f.residual**2)) for f in found])


def _with_labels(fitted: FittedModel, data, labels: str) -> FittedModel:
    """The model with labels to be learned, and how they are scaled."""
    size = data.sizes[labels]
    info = OutputInfo.of(data[labels]) if data.describes_outputs else OutputInfo.bare(labels, size, (labels,))
    with jax.enable_x64(True):
        blank = Linear.zeros(size, fitted.model.n_latents)
        model = Lux(
            fitted.model.decoders | {labels: blank},
            {k: s for k, s in fitted.model.scatter.items() if k != labels},
            {k: nu for k, nu in fitted.model.dof.items() if k != labels},
        )
    return fitted.replace(model=model, outputs={**fitted.outputs, labels: info})


def _sample(
    fitted: FittedModel, stars: AbstractStars, inputs: tuple[str, ...], labels: str, block: int | None
) -> tuple[FittedModel, Sample, np.ndarray]:
    """The model in its canonical basis, what a read-out learns from, and the mean covariances of labels by the inputs' noise."""
    latents = input_latents(fitted.model, stars.only(*inputs), block)
    turn = np.eye(fitted.model.n_latents)
    # Read-outs of other labels rest on the basis that they have: no rotation keeps a process of one relevance for each latent.
    if fitted.model.only(*inputs).is_linear and set(fitted.read_outs) <= {labels}:
        turn = canonical_basis(latents.information)
        fitted = _turned(fitted, turn)
    z = latents.mean @ turn
    value, ivar = (
        stars.gathered(np.asarray(x, np.float64)) for x in (stars[labels].value, stars[labels].ivar)
    )
    variance = np.where(ivar > 0, 1 / np.where(ivar > 0, ivar, 1.0), np.inf)
    information = np.diag(turn.T @ latents.information @ turn)
    # The slopes of a linear read-out tell well enough how the noise of a star's inputs moves its labels.
    sample = Sample(z, value, variance, information)
    first, _, _ = PolynomialReadOut().fit(sample)
    assert isinstance(first, Linear)
    slopes = np.asarray(first.weight)
    return fitted, sample, slopes @ (turn.T @ latents.cov @ turn) @ slopes.T


def _turned(fitted: FittedModel, turn: np.ndarray) -> FittedModel:
    """The same model for latents u, z = turn @ u."""
    zero, matrix = jnp.zeros(len(turn)), jnp.asarray(turn)
    decoders = {k: d.change_basis(zero, matrix) for k, d in fitted.model.decoders.items()}
    features = fitted.model.feature_decoders
    covs = {
        k: _turned_cov(c, _turned_rows(features[k], zero, matrix)) if k in features else c
        for k, c in fitted.weight_cov.items()
    }
    return fitted.replace(model=fitted.model.replace(decoders), weight_cov=covs)


def _turned_rows(decoder: AbstractFeatureDecoder, zero: Array, matrix: Array) -> np.ndarray:
    """M such that rows [intercept, weight] are [intercept, weight] @ M in the other basis."""
    n = decoder.weight.shape[1]
    # A decoder whose outputs are its features says what becomes of them.
    each = eqx.tree_at(lambda d: (d.intercept, d.weight), decoder, (jnp.zeros(n), jnp.eye(n)))
    changed = each.change_basis(zero, matrix)
    rows = np.column_stack([np.asarray(changed.intercept), np.asarray(changed.weight)])
    return np.concatenate([np.eye(1, rows.shape[1]), rows])


def _turned_cov(packed: Array, whole: np.ndarray) -> Array:
    """Covariances of rows [intercept, weight] @ whole, some rows at a time."""
    host, (before, after) = np.asarray(packed), whole.shape
    out = np.empty((len(host), after * (after + 1) // 2), host.dtype)
    for k in range(0, len(host), 1024):
        full = unpack(host[k : k + 1024].astype(float), before)  # type: ignore[arg-type]
        out[k : k + 1024] = pack(whole.T @ full @ whole)
    return jax.device_put(out)


def _check(sample: Sample, names) -> None:
    counts = np.isfinite(sample.variance).sum(axis=0)
    for name, n in zip(names, counts, strict=True):
        if n < LEAST_STARS:
            raise InputError(
                f"{n} training stars have '{name}'; a read-out needs at least {LEAST_STARS}. Leave the label out or add stars."
            )


def _correlation(found: list[Found], own: np.ndarray, sample: Sample, cross: np.ndarray) -> np.ndarray:
    """Correlation of the scatters of different labels, from residuals of stars that have both.

    Residuals of two labels have the covariance g_a C g_b' + r s_a s_b; errors of the labels are taken as independent. Few
    stars know r badly: it is drawn to zero by n / (n + 30).
    """
    n = sample.n_labels
    residual = np.full(sample.value.shape, np.nan)
    for j, f in enumerate(found):
        residual[np.isfinite(sample.variance[:, j]), j] = f.residual
    out = np.eye(n)
    for a in range(n):
        for b in range(a):
            both = residual[:, a] * residual[:, b]
            seen, scale = np.isfinite(both), own[a] * own[b]
            if seen.any() and scale > 0:
                r = (both[seen].mean() - cross[a, b]) / scale
                out[a, b] = out[b, a] = np.clip(r, -0.95, 0.95) * seen.sum() / (seen.sum() + FEW)
    values, vectors = np.linalg.eigh(out)
    fixed = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    root = np.sqrt(np.diag(fixed))
    return fixed / root[:, None] / root
