"""Supporting evidence on what the latents hold: probes, Shapley values and disentanglement. None of it decides."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...core import InputError
from ...data import Catalog
from ...fitted import FittedModel
from ...interpret.attribution import shapley_spread, window_shapley
from ...interpret.internal import Amnesic, GaugeScore, Probe, Shapley, ShapleySpread
from ...interpret.representation import (
    Draws,
    amnesic_probe,
    canonical_gauge,
    dci,
    mig,
    probe,
    random_projection,
    sap,
    star_latents,
)
from .._explanation import Evidence

__all__ = ["supporting_evidence"]

MOST_STARS = 2000
FEWEST_STARS = 60  # with a label, for the label to be probed and scored
AWARE_STARS = 100
WINDOWS, WIDE_WINDOWS = 40, 8
DRAWS = Draws(null=40, halves=40, rotations=60)


def supporting_evidence(
    fitted: FittedModel,
    catalog: Catalog,
    *,
    others: Mapping[str, Sequence[str]] | None = None,
    inputs: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, tuple[Evidence, ...]]:
    """The evidence ``probe``, ``shapley`` and ``disentanglement`` of every label, with one pass over the stars.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Held-out stars with spectra and labels; 2,000 of them are drawn where there are more.
    others : mapping of str to sequence of str, optional
        By label, the labels it is conditioned on; by default all others. Labels that are guesses themselves belong to none.
    inputs : sequence of str, optional
        The outputs to infer from; by default all spectra that model and catalogue share.
    seed : int

    Returns
    -------
    dict
        By label; for the labels that catalogue and model share. What could not be had is NaN, and says why.
    """
    rng = np.random.default_rng(seed)
    stars = catalog.select(np.sort(rng.permutation(len(catalog))[:MOST_STARS]))
    output = fitted.label_output()
    table = stars.labels(output)
    names = [n for n in fitted.info(output).names if n in table.names]
    labels = {n: table[n] for n in names if np.isfinite(table[n]).sum() >= FEWEST_STARS}
    errors = {n: table.error[:, table.names.index(n)] for n in labels}
    if others is not None:
        others = {n: [o for o in others.get(n, ()) if o in labels] for n in labels}
    latents = star_latents(fitted, stars, inputs=inputs).mean
    pixels = random_projection(fitted, stars, inputs=inputs, seed=seed)
    erased = _tried(lambda: amnesic_probe(latents, labels, others=others, seed=seed))
    spread = _tried(lambda: shapley_spread(fitted, stars, WINDOWS, inputs=inputs, seed=seed))
    wide = _tried(lambda: _both_kinds(fitted, stars, inputs))
    canonical = latents @ canonical_gauge(fitted, stars, inputs=inputs).T
    scores = _tried(lambda: [f(canonical, labels, draws=DRAWS, seed=seed) for f in (mig, sap, dci)])
    out: dict[str, tuple[Evidence, ...]] = {}
    for n in names:
        if n in labels:
            read = _probe(n, probe(latents, labels[n], error=errors[n], baseline=pixels, seed=seed), erased)
            out[n] = (read, _shapley(n, spread, wide), _disentanglement(n, scores))
        else:
            few = f"Fewer than {FEWEST_STARS} of these stars have the label."
            read, scored = (
                Evidence(kind, float("nan"), statement=few) for kind in ("probe", "disentanglement")
            )
            out[n] = (read, _shapley(n, spread, wide), scored)
    return out


def _tried(compute):
    """The result, or the sentence that says why there is none."""
    try:
        return compute()
    except InputError as problem:
        return str(problem)


def _both_kinds(fitted: FittedModel, stars: Catalog, inputs: Sequence[str] | None) -> tuple[Shapley, Shapley]:
    few = stars.select(slice(AWARE_STARS))
    independent, aware = (
        window_shapley(fitted, few, WIDE_WINDOWS, correlated=c, inputs=inputs) for c in (False, True)
    )
    return independent, aware


def _probe(label: str, found: Probe, erased: Amnesic | str) -> Evidence:
    left, interval, words = float("nan"), np.full(2, np.nan), ""
    if isinstance(erased, Amnesic):
        j = erased.labels.index(label)
        left, interval = erased.without_others[j], erased.interval[:, j]
        words = f" Once the other labels are erased from them, {left:.2f} [{interval[0]:.2f}, {interval[1]:.2f}] is left."
    return Evidence(
        "probe",
        found.r2,
        found.interval,
        found.control,
        statement=f"A linear probe reads the label from the latents with R2 = {found.r2:.2f} (label noise allows "
        f"{found.ceiling:.2f}); random mixtures of the pixels give {found.baseline:.2f}, control tasks "
        f"{found.control.mean():.2f}.{words} That a label can be read does not say that it was measured.",
        arrays={
            "names": np.array(["all latents", "others erased", "random mixtures of pixels"]),
            "r2": np.array([found.r2, left, found.baseline]),
            "control": np.array([found.control.mean(), np.nan, np.nan]),
            "interval": np.array([found.interval, interval, found.baseline_interval]),
            "ceiling": np.array(found.ceiling),
            "predicted": found.predicted,
        },
    )


def _shapley(label: str, spread: ShapleySpread | str, wide) -> Evidence:
    if isinstance(spread, str):
        return Evidence("shapley", float("nan"), statement=spread)
    j = spread.labels.index(label)
    rank = 1 + int(np.sum(spread.value > spread.value[j]))
    low, high = np.quantile(spread.null, [0.025, 0.975])
    place = "the widest" if rank == 1 else f"number {rank}"
    arrays = {
        "windows": np.array(spread.windows),
        "importance": spread.importance[:, j],
        "labels": np.array(spread.labels),
        "spread": spread.value,
    }
    if not isinstance(wide, str):
        independent, aware = wide
        arrays |= {
            "names": np.array(independent.features),
            "independent": independent.importance[:, j],
            "correlated": aware.importance[:, j],
        }
    return Evidence(
        "shapley",
        float(spread.value[j]),
        (spread.lower[j], spread.upper[j]),  # type: ignore[arg-type]
        spread.null,
        statement=f"The prediction comes from {spread.participation[j]:.0f} of {len(spread.windows)} stretches of wavelength, "
        f"effectively: its Shapley values are spread by {spread.value[j]:.2f} of the most possible, {place} of "
        f"{len(spread.labels)} labels in that (random mixtures of the latents: {low:.2f} to {high:.2f}).",
        arrays=arrays,
    )


def _disentanglement(label: str, scores: list[GaugeScore] | str) -> Evidence:
    if isinstance(scores, str):
        return Evidence("disentanglement", float("nan"), statement=scores)
    gap, separated, importance = scores
    picked = [(gap, label), (separated, label), (importance, f"completeness of {label}")]
    places = [(s, s.names.index(name)) for s, name in picked]
    value = np.array([s.value[k] for s, k in places])
    rotations = np.stack([s.rotations[:, k] for s, k in places], axis=1)
    low, high = np.quantile(rotations[:, 0], [0.025, 0.975])
    return Evidence(
        "disentanglement",
        value[0],
        gap.interval(label),
        gap.null[:, places[0][1]],
        statement=f"Its mutual information gap (MIG) is {value[0]:.3f} in the canonical gauge and {low:.3f} to {high:.3f} in "
        "random ones, which describe the same model: a small gap is no evidence that the label was not measured, nor a "
        "large one that it was.",
        arrays={
            "names": np.array(["MIG", "SAP", "completeness"]),
            "value": value,
            "null": np.array([s.null[:, k].mean() for s, k in places]),
            "rotations": rotations,
        },
    )
