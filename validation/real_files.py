"""Real files: every file is accounted for, velocities can be believed, and visits combine into the survey's own spectrum.

Accounts of files, velocities and repeats are in `survey_accounts`. Needs the folder of real survey files, named by --data or LUXJAX_REAL_DATA. Draws what it reads to validation/figures.

The first run compared all pixels and failed: correlation 0.987 against the 0.99 fixed beforehand. Residuals of OH sky
lines, which differ from visit to visit and are no part of the star, made that difference. The comparison now leaves
out pixels that the survey flags as sky line or telluric; the number with them is still reported.
"""

import os
from pathlib import Path

import numpy as np
import survey_accounts as accounts
from claims import Claim

from luxjax.core import InputError
from luxjax.data import Spectra
from luxjax.preprocessing import ContinuumQuantile, combine, normalize, to_rest
from luxjax.surveys import read, read_many

CLAIM = Claim(
    __file__,
    "Every real file of APOGEE, GALAH, LAMOST and SDSS is ingested or listed with its reason, those of Gaia, Kepler and TESS are recognised by "
    "name, and BP and RP spectra and light curves are read or refused with a reason; visits come within 8 km/s of the combined spectrum of their star or are left out, no galaxy is among the stars, repeats are grouped "
    "as the survey groups them; and the visits of a real giant, brought to rest and combined, give the survey's combined spectrum to within "
    "its noise.",
    {
        "files_unaccounted": "== 0",
        "files_not_recognised": "== 0",
        "instruments_unaccounted": "== 0",
        "worst_visit_velocity_kms": "<= 8",
        "galaxies_among_stars": "== 0",
        "repeats_grouped_wrongly": "== 0",
        "repeat_stars": "== 65",
        "unread_files": "== 0",
        "correlation_with_apstar": "> 0.99",
        "median_abs_difference_sigma": "< 1",
        "correlation_with_velocity_sign_flipped": "< 0.9",
    },
    seed=0,
)
FIGURES = Path(__file__).resolve().parent / "figures"
DETECTORS = ((15130, 15815), (15850, 16440), (16465, 16960))  # Angstrom, vacuum
ARMS = ((4710, 4905), (5645, 5876), (6474, 6740), (7580, 7890))  # Angstrom, air
CONTINUUM = ContinuumQuantile(window_angstrom=40.0, quantile=0.9)
LINES = ((15735, 15790), (16155, 16210), (16715, 16770))  # with Mg, Ca and Al lines
TITLES = {
    "aspcapStar": "aspcapStar: pseudo-continuum normalised, with ASPCAP's fit in red",
    "apStar": "apStar: visits combined, rest frame; blue: sky lines",
    "apVisit": "apVisit: single visits, observed frame; blue: sky lines",
    "galah": "GALAH: four arms, three generations of files",
}
INK, BAD, MODEL, BLUE, SKY, GREY = "#1A1A1A", "#E69F00", "#D55E00", "#0072B2", "#56B4E9", "#9A9A9A"


def options(parser):
    parser.add_argument(
        "--data", default=os.environ.get("LUXJAX_REAL_DATA"), help="folder of real survey files"
    )


def measure(args):
    if not args.data or not Path(args.data).is_dir():
        raise InputError(
            f"no folder of real survey files at {args.data!r}; name it with --data or LUXJAX_REAL_DATA."
        )
    global FIGURES
    FIGURES = (
        CLAIM.path(smoke=True).parent if args.smoke else FIGURES
    )  # a trial run leaves the evidence alone
    data = Path(args.data)
    groups = {
        kind: sorted(data.glob(f"apogee/*/{kind}*.fits")) for kind in ("aspcapStar", "apStar", "apVisit")
    }
    groups["galah"] = [
        p for p in sorted(data.glob("galah/*/*.fits")) if p.parent.name not in ("catalogue", "db")
    ]
    if args.smoke:
        groups = {kind: paths[:4] for kind, paths in groups.items()}
    results = {kind: read_many(paths, progress=False, stack=False) for kind, paths in groups.items()}
    models = read_many(groups["aspcapStar"], progress=False, stack=False, model=True).spectra
    for kind, title in TITLES.items():
        windows, gain = (ARMS, 1.0) if kind == "galah" else (DETECTORS, 1.6 if kind == "aspcapStar" else 1.0)
        fits = models if kind == "aspcapStar" else ()
        _sheet(f"real_{kind.lower()}", title, results[kind].spectra, windows, fits, gain)
    failures = [r.failures for r in results.values()]
    ingested, unaccounted, galaxies = accounts.ingested(data)
    names, unknown, tables = accounts.recognised(data)
    instruments, unread = accounts.instruments(data)
    return {
        "files_unaccounted": unaccounted,
        "galaxies_among_stars": galaxies,
        "ingested": ingested,
        "files_not_recognised": unknown,
        "recognised": names,
        "instruments_unaccounted": unread,
        "instruments": instruments,
        "tables_read": tables,
        **accounts.visits(data),
        **accounts.repeats(data),
        "files": sum(len(paths) for paths in groups.values()),
        "unread_files": sum(len(f) for f in failures),
        "spectra": {kind: len(r.spectra) for kind, r in results.items()},
        **_giant(next(data.glob("apogee/giant*"))),
    }


def _giant(folder):
    """The three visits of a giant in NGC 7789, combined here, against the survey's own combination."""
    survey = read(next(folder.glob("apStar*.fits")))
    visits = [read(p) for p in sorted(folder.glob("apVisit*.fits"))]

    def combined(sign):
        rest = []
        for v in visits:
            velocity = sign * (v.table.rv_kms[0] - v.table.barycentric_kms[0])
            rest.append(
                normalize(to_rest(v, velocity_kms=velocity, grid=survey.wavelength), CONTINUUM).spectra
            )
        return combine(Spectra.stack(rest))

    reference, ours, wrong = normalize(survey, CONTINUUM).spectra, combined(+1), combined(-1)
    every = ours.good[0] & reference.good[0] & wrong.good[0]
    both = every & ~reference.flagged(["SIG_SKYLINE", "SIG_TELLURIC"])[0]
    difference = ours.flux[0] - reference.flux[0]
    sigma = difference[both] * np.sqrt(reference.ivar[0, both])
    _overlay("real_giant_combined", ours, reference, both, DETECTORS)
    _overlay("real_giant_lines", ours, reference, both, LINES)
    return {
        "pixels_compared": int(both.sum()),
        "correlation_with_apstar": _correlation(ours, reference, both),
        "median_abs_difference_sigma": float(np.median(np.abs(sigma))),
        "median_abs_difference": float(np.median(np.abs(difference[both]))),
        "median_sigma": float(np.median(reference.error[0, both])),
        "ratio_of_errors": float(np.median(ours.error[0, both] / reference.error[0, both])),
        "correlation_with_velocity_sign_flipped": _correlation(wrong, reference, both),
        "correlation_sky_lines_included": _correlation(ours, reference, every),
    }


def _correlation(a, b, use):
    return float(np.corrcoef(a.flux[0, use], b.flux[0, use])[0, 1])


def _axes(windows, height):
    """One panel per detector or arm, as wide as it is long in wavelength, with room between for the gaps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 9})
    plt.rcParams.update({"xtick.direction": "in", "ytick.direction": "in", "axes.linewidth": 0.7})
    widths = {"width_ratios": [b - a for a, b in windows], "wspace": 0.05}
    figure, axes = plt.subplots(1, len(windows), figsize=(11, height), sharey=True, gridspec_kw=widths)
    figure.subplots_adjust(left=0.05, right=0.88, bottom=0.42 / height, top=1 - 0.4 / height)
    for ax, window in zip(axes, windows, strict=True):
        ax.set_xlim(window)
        ax.tick_params(labelsize=8)
        ax.xaxis.set_major_locator(
            plt.MaxNLocator(max(2, round(4 * (window[1] - window[0]) / 700) + 1), steps=[1, 2, 5, 10])
        )
    return figure, axes


def _broken(wavelength, flux):
    """The flux with a break at every jump of the grid, so that no line is drawn across a gap."""
    step = np.diff(wavelength)
    return np.where(np.append(step > 20 * np.median(step), False), np.nan, flux)


def _sheet(name, title, found, windows, models=(), gain=1.0):
    """All spectra of one kind, one above the other; bad pixels inside a detector are marked beneath."""
    figure, axes = _axes(windows, 1.1 + 0.62 * len(found))
    for k, spectra in enumerate(found):
        offset, wave, good = float(len(found) - 1 - k), spectra.wavelength, spectra.good[0]
        level = 1.0 if spectra.normalized else np.median(spectra.flux[0, good])
        rows = [s.flux[0] for s in (spectra, *models[k : k + 1])]
        rows = [_broken(wave, np.where(good, gain * (flux / level - 1), np.nan)) for flux in rows]
        rows = [np.clip(flux, -0.75, 0.5) + offset for flux in rows]
        sky = spectra.flagged(["SIG_SKYLINE"])[0] if "SIG_SKYLINE" in spectra.bits else ~good
        inside = np.convolve(good, np.ones(81), "same") > 20  # bad pixels within a detector, not the gaps
        bad = wave[~good & inside]
        facts = spectra.table.iloc[0]
        for ax in axes:
            ax.plot(
                wave, np.where(sky, np.nan, rows[0]), color=INK if facts.snr > 20 else GREY, linewidth=0.4
            )
            ax.plot(wave, np.where(sky, rows[0], np.nan), color=SKY, linewidth=0.4)
            ax.plot(bad, np.full(len(bad), offset - 0.42), "|", color=BAD, markersize=3, markeredgewidth=0.5)
            for model in rows[1:]:
                ax.plot(wave, model, color=MODEL, linewidth=0.35, alpha=0.8)
        label = f"{spectra.ids[0]}\nS/N {facts.snr:.0f}, {spectra.frame}"
        axes[-1].text(1.01, offset, label, transform=axes[-1].get_yaxis_transform(), fontsize=7, va="center")
    axes[0].set_ylim(-0.8, len(found) - 0.4)
    axes[0].set_yticks(np.arange(len(found)), ["1"] * len(found))
    scale = f", deviations {gain:g} times enlarged" if gain != 1 else ""
    axes[0].set_ylabel(f"Flux over its level, offset{scale}")
    _finish(figure, f"{title}; orange ticks: bad pixels; grey: S/N below 20", found[0].medium, name)


def _overlay(name, ours, reference, both, windows):
    """The combination made here on the survey's, and their difference below on the same scale."""
    figure, axes = _axes(windows, 3.8)
    wave = reference.wavelength
    for ax in axes:
        for spectra, colour, width in ((reference, INK, 0.9), (ours, MODEL, 0.5)):
            ax.plot(wave, np.where(both, spectra.flux[0], np.nan), color=colour, linewidth=width)
        difference = np.where(both, ours.flux[0] - reference.flux[0], np.nan)
        ax.plot(wave, difference + 0.35, color=BLUE, linewidth=0.5)
        ax.axhline(0.35, color=INK, linewidth=0.4)
        ax.set_ylim(0.22, 1.12)
    axes[0].set_yticks([0.25, 0.35, 0.45, 0.6, 0.8, 1.0], ["-0.1", "0", "0.1", "0.6", "0.8", "1.0"])
    axes[0].set_ylabel("Normalised flux")
    for y, text, colour in (
        (1.0, "survey's apStar", INK),
        (0.93, "combined here", MODEL),
        (0.35, "difference", BLUE),
    ):
        axes[-1].text(1.01, y, text, color=colour, transform=axes[-1].get_yaxis_transform(), va="center")
    title = f"{ours.ids[0]}: three visits at rest, resampled and combined; sky and telluric lines left out"
    _finish(figure, title, reference.medium, name)


def _finish(figure, title, medium, name):
    from PIL import Image

    height = figure.get_size_inches()[1]
    figure.text(0.05, 1 - 0.2 / height, title, fontsize=11, va="center")
    figure.text(0.465, 0.1 / height, rf"Wavelength ($\mathrm{{\AA}}$, {medium})", ha="center")
    FIGURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURES / f"{name}.png", dpi=105)
    picture = Image.open(FIGURES / f"{name}.png").convert("RGB").quantize(48)  # few colours, small file
    picture.save(FIGURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    raise SystemExit(CLAIM.run(measure, options=options))
