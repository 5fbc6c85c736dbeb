"""What no rotation of the latents changes, and what every rotation does.

A linear model is fitted by expectation maximisation to a bilinear world and rotated at random (uniformly over orthogonal
matrices, the uncertainty of its decoders along with it). Everything that an explanation computes in closed form from
spectra and labels must come out the same: predictions, d label/d flux, d flux/d label with and without the other labels
held fixed, the covariance pattern, all with their standard deviations, the off-trend response with its tau^2, the element-line
residual T, the share of own pixels, and Shapley values of wavelength windows. The windows are those pixels where one
label's conditional derivative is largest. Changes are relative to the largest entry of each.

Probes are trained, so the linear one (ridge, in closed form) and the neural one may change by as much as they do when only
their seed changes: the standard deviation of R2 over rotations at one seed, over that over seeds at one rotation. The
linear probe's seed deals the stars to folds, which a rotation does not touch.

Scores of single latents must move, or they would not need a stated gauge: MIG, SAP, the completeness of DCI and the
importance of each latent by Shapley values. Their movement is the range over rotations relative to the largest value.

    python validation/gauge.py [--smoke]
"""

import numpy as np
from claims import Claim

from luxjax.evidence import measure_evidence
from luxjax.fitting import EM, fit
from luxjax.interpret.attribution import (
    conditional_flux_jacobian,
    covariance_pattern,
    flux_jacobian,
    label_jacobian,
    latent_shapley,
    window_shapley,
)
from luxjax.interpret.representation import Draws, dci, mig, probe, random_rotation, rotate, sap, star_latents
from luxjax.models import Lux
from luxjax.prediction import transfer
from luxjax.simulation import bilinear

LABEL = "label_1"
CLAIM = Claim(
    __file__,
    "Random rotations of the latents change no closed-form explanation by more than 1e-5, no probe by more than twice what "
    "its own seed does, and every score of single latents by at least a tenth.",
    {
        "closed_form_change": "<= 1e-5",
        "probe_change_over_seed": "<= 2",
        "single_latent_movement_least": ">= 0.1",
    },
    seed=51,
)


def closed_form(fitted, held, windows, profile) -> dict[str, np.ndarray]:
    """Every closed-form number of one label, by name."""
    stars, others = held.only("flux"), [n for n in fitted.info("labels").names if n != LABEL]
    found = measure_evidence(fitted, held, LABEL, others, windows, profile)
    predicted = transfer(fitted, stars)
    one = stars.select(slice(2))
    derivatives = {
        "label_jacobian": label_jacobian(fitted, one, LABEL, spread=True),
        "conditional_flux_jacobian": conditional_flux_jacobian(fitted, LABEL, spread=True),
        "flux_jacobian": flux_jacobian(fitted, LABEL, spread=True),
        "covariance_pattern": covariance_pattern(fitted, LABEL, spread=True),
    }
    return {
        "prediction": predicted.value,
        "prediction_error": predicted.error,
        **{name: d.value for name, d in derivatives.items()},
        **{f"{name}_sd": d.sd for name, d in derivatives.items()},
        "off_trend_response": np.array([found.response.beta, *found.response.interval]),
        "off_trend_covariance": np.array(found.response.covariance),
        "tau2": np.array(found.response.tau2),
        "element_line_t": np.array(found.element_lines.t),
        "share": np.array([found.element_share.share, found.element_share.beta_own]),
        "window_shapley": window_shapley(fitted, one, 6).values,
        "window_shapley_correlated": window_shapley(fitted, one, 6, correlated=True).values,
    }


def single_latents(fitted, z, labels) -> dict[str, np.ndarray]:
    """Scores that depend on the axes."""
    few = Draws(null=2, halves=2, rotations=1)
    return {
        "mig": np.array(mig(z, labels, draws=few, seed=1)["mean"]),
        "sap": np.array(sap(z, labels, draws=few, seed=1)["mean"]),
        "dci_completeness": np.array(dci(z, labels, draws=few, seed=1)["completeness"]),
        "latent_shapley": latent_shapley(fitted, z).importance,
    }


def movement(values: list[np.ndarray]) -> float:
    """Range over rotations of the entry that moves most, relative to the largest value."""
    return float(np.ptp(values, axis=0).max() / np.abs(values).max())


def probe_change(z, y, rotations, kind: str, seeds) -> float:
    """Standard deviation of R2 over rotations at one seed, over that over seeds at one rotation."""
    few = {"kind": kind, "n_control": 0, "n_bootstrap": 2}
    turned = [probe(z @ r.T, y, seed=0, **few).r2 for r in rotations]
    again = [probe(z, y, seed=int(s), **few).r2 for s in seeds]
    return float(np.std(turned, ddof=1) / np.std(again, ddof=1))


def measure(args) -> dict:
    n_train, n_held, pixels, n_latents, n_turns = (
        (150, 150, 60, 4, 2) if args.smoke else (1500, 800, 600, 8, 12)
    )
    sizes = {"flux": pixels, "labels": 3}
    catalog = bilinear(n_train + n_held, sizes, n_latents, key=CLAIM.seed, snr=50, bad_fraction=0.01).catalog
    train, held = catalog.select(slice(n_train)), catalog.select(slice(n_train, None))
    fitted = fit(Lux.linear(sizes, n_latents), train, EM(), key=1)
    slope = conditional_flux_jacobian(fitted, LABEL).value
    windows = np.abs(slope) >= np.quantile(np.abs(slope), 0.9)
    profile = np.where(windows, -slope, 0)
    rotations = [random_rotation(n_latents, seed=CLAIM.seed + k) for k in range(n_turns)]
    reference, change = closed_form(fitted, held, windows, profile), {}
    z = star_latents(fitted, held.only("flux")).mean
    table = held.labels("labels")
    labels = {name: table.value[:, j] for j, name in enumerate(table.names)}
    scores = [single_latents(fitted, z, labels)]
    for r in rotations:
        turned = rotate(fitted, r)
        for name, value in closed_form(turned, held, windows, profile).items():
            difference = np.max(np.abs(value - reference[name])) / np.max(np.abs(reference[name]))
            change[name] = max(change.get(name, 0.0), float(difference))
        scores.append(single_latents(turned, z @ r.T, labels))
    moved = {name: movement([s[name] for s in scores]) for name in scores[0]}
    seeds = np.arange(1, 3 if args.smoke else 13)
    kinds = ("linear",) if args.smoke else ("linear", "mlp")
    probes = {kind: probe_change(z, labels[LABEL], rotations, kind, seeds) for kind in kinds}
    return {
        "closed_form_change": max(change.values()),
        "probe_change_over_seed": max(probes.values()),
        "single_latent_movement_least": min(moved.values()),
        "change": change,
        "movement": moved,
        "probes": probes,
        "rotations": n_turns,
        "sizes": sizes | {"train": n_train, "held_out": n_held, "latents": n_latents},
    }


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure))
