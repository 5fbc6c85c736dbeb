"""Every line of evidence about one label, put into words: thin wrappers about the estimators."""

import numpy as np

from ...core import InputError
from ...data import Catalog
from ...simulation import Truth
from ...stats import Interval, rmse
from .._explanation import Evidence
from .._judge import Judgement, Nulls, fall
from .._label_lines import LabelLines
from .._stars import Stars
from ._bound import conditional_bound
from ._doppelgangers import Doppelgangers, doppelgangers
from ._element_lines import line_depth
from ._gain import conditional_gain
from ._injection import CHANGE, inject
from ._off_trend import residualize, second_order

__all__ = ["ablation", "bound", "doubles", "element_lines", "gain", "injection", "off_trend"]

_LIGHT = 299792.458  # km/s
_VELOCITY = np.arange(-60.0, 60.1, 4.0)
NO_LINES = "The label has no lines in these spectra, so there is nothing to test."


def off_trend(case: Judgement, unit: str) -> Evidence:
    """The response beta, with both residuals for its figure."""
    r = case.measured.response
    predicted, others, observed, error = case.given()[:4]
    kept = np.isfinite(predicted + observed + others.sum(axis=1))
    terms = second_order(others[kept])
    known = f"{r.beta:.2f} [{r.interval.lower:.2f}, {r.interval.upper:.2f}]"
    scatter = f"{np.sqrt(max(r.tau2, 0)):.3g} {unit}".strip()
    words = (
        f"Off its trend with {', '.join(case.others)} the prediction follows the label with a slope of {known}; the "
        f"label scatters by {scatter} there."
        if r.resolved
        else f"Off its trend the label's scatter is not resolved by {r.n} stars, so the slope {r.beta:.2f} has no interval."
    )
    return Evidence(
        "off_trend",
        r.beta,
        r.interval if r.resolved else None,
        statement=words,
        arrays={
            "predicted": residualize(predicted[kept], terms),
            "observed": residualize(observed[kept], terms),
            "observed_error": error[kept],
        },
    )


def element_lines(case: Judgement, null: Nulls | None) -> Evidence:
    """The element-line residual T, against the same lines at other wavelengths."""
    found = case.measured.element_lines
    if found is None:
        return Evidence("element_lines", float("nan"), unit="standard errors", statement=NO_LINES)
    h, pixels = case.held, case.lines.pixels
    depth = line_depth(h.flux, h.ivar, h.model, case.lines.profile[pixels])
    others, observed = h.masked[:, h.columns(case.others)], h.observed[:, h.column(case.label)]
    kept = np.isfinite(depth + observed + others.sum(axis=1))
    terms = second_order(others[kept])
    beside = f"; moved elsewhere they give {_span(null.t)}" if null is not None else ""
    return Evidence(
        "element_lines",
        found.t,
        Interval(found.t - 1.96, found.t + 1.96),
        None if null is None else null.t,
        "standard errors",
        f"Its element lines ({case.lines.describe()}) are deeper where the label is higher off trend by T = {found.t:.1f} "
        f"standard errors{beside}.",
        {
            "depth": residualize(depth[kept], terms),
            "observed": residualize(observed[kept], terms),
            "t_without": np.array(found.t_without),
            **line_table(case.lines),
        },
    )


def gain(case: Judgement, seed: int) -> Evidence:
    """What the predicted label adds to the predicted others, on stars not used for the comparison's fit."""
    try:
        found = conditional_gain(*case.given()[:4], seed=seed)
    except InputError as problem:
        return Evidence("gain", float("nan"), statement=str(problem))
    return Evidence(
        "gain",
        found.r2,
        found.r2_interval,
        found.null,
        statement=f"Beyond the predicted other labels the spectrum takes away {found.r2:.1%} of the label's remaining "
        f"variance, noise included, and gains {found.loglik:.3f} [{found.loglik_interval.lower:.3f}, "
        f"{found.loglik_interval.upper:.3f}] nats per star; stars dealt out anew reach {np.max(found.null):.1%} at most.",
        arrays={"loglik": np.array([found.loglik]), "loglik_interval": np.array(found.loglik_interval)},
    )


def ablation(case: Judgement, null: Nulls | None, refitted: float | None = None) -> Evidence:
    """The fall of the response when the element windows are masked, against as many windows elsewhere."""
    if not len(case.lines):
        return Evidence("ablation", float("nan"), statement=NO_LINES)
    lost, whole = fall(case), case.measured.response.beta
    beside = f"; random windows cost {_span(null.fall)}" if null is not None else ""
    never = "" if refitted is None else f" A model that never saw them has {refitted:.2f}."
    arrays = {"response": np.array([whole, whole - lost.beta])}
    return Evidence(
        "ablation",
        lost.beta,
        lost.interval if lost.resolved else None,
        None if null is None else null.fall,
        statement=f"Without its element windows the response falls by {lost.beta:.2f} from {whole:.2f}{beside}.{never}",
        arrays=arrays if refitted is None else {**arrays, "refitted": np.array(refitted)},
    )


def doubles(stars: Stars, case: Judgement, seed: int) -> Evidence:
    """Stars alike but for the label: what differs at its lines, and anywhere."""
    o = stars.columns(case.others)
    profile = case.lines.profile if len(case.lines) else None
    cov = stars.label_cov(o) if stars.fitted.model.is_linear else _sample_cov(stars, o)
    label, others = stars.observed[:, stars.column(case.label)], stars.predicted[:, o]
    try:
        found = doppelgangers(stars.flux, stars.weight, label, others, cov, profile, seed=seed)
    except InputError as problem:
        return Evidence("doppelgangers", float("nan"), unit="sigma", statement=str(problem))
    wavelength = np.concatenate([p.wavelength for p in stars.inputs])
    peak = int(np.argmax(np.abs(found.pixel_z)))
    most = abs(found.pixel_z[peak])
    anywhere = (
        f"most of all at {wavelength[peak]:.1f} Angstrom ({most:.1f} sigma)"
        if most > found.limit
        else f"at no pixel beyond chance ({most:.1f} sigma at most; chance reaches {found.limit:.1f})"
    )
    own = (
        f"at its element lines the rich are deeper by {found.z:.1f} sigma, and "
        if np.isfinite(found.z)
        else "it has no element lines here, and "
    )
    return Evidence(
        "doppelgangers",
        found.z,
        null=found.null if np.isfinite(found.z) else None,
        unit="sigma",
        statement=f"{len(found.pairs)} pairs of stars alike but for the label, {found.contrast:.2g} apart: {own}"
        f"they differ {anywhere}.",
        arrays={
            "wavelength": wavelength,
            "pixel_z": found.pixel_z,
            "limit": np.array(found.limit),
            "pairs": found.pairs,
            **_velocity_stack(stars, case.lines, found),
        },
    )


def injection(stars: Stars, case: Judgement, null: Nulls | None) -> Evidence:
    """How far the prediction follows when the element lines are deepened by known abundance changes."""
    if not len(case.lines):
        return Evidence("injection", float("nan"), statement=NO_LINES)
    j, changes = stars.column(case.label), CHANGE * np.array([-2.0, -1.0, 1.0, 2.0])
    each = [inject(stars, case.lines.deepened(c), c) for c in changes]
    one = each[2]
    slope, error = one.slope[j], one.error[j]
    spread = Interval(slope - 1.96 * error, slope + 1.96 * error)
    beside = f"; the same lines put elsewhere give {_span(null.injected, 3)}" if null is not None else ""
    steps = np.sort(np.append(changes, 0.0))
    response = np.insert([e.slope[j] * e.change for e in each], 2, 0.0)
    return Evidence(
        "injection",
        slope,
        spread,
        None if null is None else null.injected,
        statement=f"With {case.lines.describe()} deepened as by {CHANGE:g} dex the prediction rises by {slope:.3f} per "
        f"unit (1 follows fully){beside}.",
        arrays={
            "change": steps,
            "response": response,
            "response_error": np.insert([1.96 * abs(e.error[j] * e.change) for e in each], 2, 0.0),
            "labels": np.array(stars.labels),
            "response_of_labels": one.slope,
        },
    )


def bound(stars: Stars, case: Judgement, catalog: Catalog, truth: Truth, unit: str) -> Evidence:
    """The smallest error that the physics allows at known other labels, beside the model's own."""
    name = stars.inputs[0].name
    if len(stars.inputs) > 1:
        words = f"The bound is known for one input at a time; these labels were inferred from {len(stars.inputs)}."
        return Evidence("bound", float("nan"), unit=unit, statement=words)
    found = conditional_bound(truth, catalog.spectra(name), case.label, case.others)
    typical = float(np.median(found.van_trees))
    row = {star: k for k, star in enumerate(truth.ids)}
    known = np.array([row.get(star, -1) for star in stars.ids])
    j = truth.labels.index(case.label)
    true = np.where(known >= 0, truth.label_values[known, j], np.nan)
    error = rmse(stars.predicted[:, stars.column(case.label)], true)
    return Evidence(
        "bound",
        typical,
        unit=unit,
        statement=f"With the other labels known, the spectrum and the population allow errors down to {typical:.2g} {unit} "
        f"(by the spectrum alone {_words(np.median(found.cramer_rao))}, by the other labels alone {found.prior:.2g}), a "
        f"response of at most {found.ceiling:.2f}; the model's error is {error:.2g}. Precision beyond the spectrum's own "
        "bound is prior knowledge.",
        arrays={
            "bound": found.van_trees,
            "cramer_rao": found.cramer_rao,
            "prior": np.array(found.prior),
            "ceiling": np.array(found.ceiling),
        },
    )


def line_table(lines: LabelLines) -> dict[str, np.ndarray]:
    """Wavelengths, species and depths of the lines."""
    return {
        "line_wavelength": np.concatenate([w.lines.wavelength for w in lines.windows]),
        "line_species": np.concatenate([w.lines.species.astype(str) for w in lines.windows]).astype(str),
        "line_depth": np.concatenate([w.depth for w in lines.windows]),
    }


def _velocity_stack(stars: Stars, lines: LabelLines, found: Doppelgangers) -> dict[str, np.ndarray]:
    """Rich less poor in velocity from the element lines, averaged over lines with their expected depth as weight."""
    if not len(lines):
        return {}
    rich, poor = found.pairs.T
    total, size = np.zeros((2, len(_VELOCITY)))
    for p, w in zip(stars.inputs, lines.windows, strict=True):
        for centre, strength in zip(w.lines.wavelength, w.response, strict=True):
            near = np.abs(p.wavelength / centre - 1) * _LIGHT < 80
            v = (p.wavelength[near] / centre - 1) * _LIGHT
            columns = np.flatnonzero(near) + p.where.start
            both = stars.weight[np.ix_(rich, columns)] * stars.weight[np.ix_(poor, columns)]
            share = both / np.maximum(
                stars.weight[np.ix_(rich, columns)] + stars.weight[np.ix_(poor, columns)], 1e-30
            )
            mean = (share * (stars.flux[np.ix_(rich, columns)] - stars.flux[np.ix_(poor, columns)])).sum(
                axis=0
            )
            norm = share.sum(axis=0)
            good = norm > 0
            if good.sum() > 3:
                height = np.interp(_VELOCITY, v[good], mean[good] / norm[good])
                weight = strength**2 * np.interp(_VELOCITY, v[good], norm[good])
                total, size = total + weight * height / strength, size + weight
    unit = max(np.abs([r for w in lines.windows for r in w.response]).max(), 1e-30)
    seen = np.maximum(size, 1e-30)
    return {"velocity": _VELOCITY, "stack": unit * total / seen, "stack_error": unit / np.sqrt(seen)}


def _sample_cov(stars: Stars, others: list[int]) -> np.ndarray:
    """Covariance of predicted less observed others: for decoders whose posterior is not in closed form."""
    miss = stars.predicted[:, others] - stars.observed[:, others]
    return np.atleast_2d(np.cov(miss[np.isfinite(miss).all(axis=1)].T))


def _span(draws: np.ndarray, digits: int = 1) -> str:
    low, high = np.nanmin(draws), np.nanmax(draws)
    return f"{low:.{digits}f} to {high:.{digits}f} in {len(draws)} draws"


def _words(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "nothing"
