"""Explanations made by hand: a measured label, and one that was guessed."""

import numpy as np

from luxjax.evidence import Evidence, Explanation
from luxjax.fitted import Trend, Verdict
from luxjax.stats import Interval

OTHERS = ("teff", "logg", "fe_h")


def verdict(label: str, word: str, response: float, tau: float = 0.06) -> Verdict:
    trend = Trend(OTHERS, np.zeros(3), np.ones(3), np.zeros(10), tau)
    interval = Interval(response - 0.06, response + 0.06)
    reasons = (f"the response is {response}", "T says <so>")
    return Verdict(
        label,
        word,
        reasons,
        OTHERS,
        response,
        interval,
        {"T": 9.0, "beta_own": np.nan},
        "1:0123456789ab",
        1500,
        trend,
    )


def stars(response: float, n: int = 1500, tau: float = 0.06, noise: float = 0.05) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    true = rng.normal(0, tau, n)
    predicted = response * true + rng.normal(0, 0.02, n)
    depth = response * true + rng.normal(0, 0.05, n)
    observed = true + rng.normal(0, noise, n)
    return {"predicted": predicted, "observed": observed, "observed_error": np.full(n, noise), "depth": depth}


def spectrum(response: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    wavelength = 10 ** (4.18 + 6e-6 * np.arange(7500))
    lines = np.array([15221.0, 15745.0, 15745.4, 16100.0, 16710.0])
    depth = np.array([0.1, 0.3, 0.2, 0.2, 0.05])
    shapes = np.exp(-0.5 * ((wavelength - lines[:, None]) / (lines[:, None] / 22500 / 2.355)) ** 2)
    profile = depth @ shapes
    gap = np.ones(7500)
    gap[2500:2700] = 0
    noise = rng.normal(0, 0.004, (3, 7500))
    return {
        "wavelength": wavelength,
        "medium": np.array("vacuum"),
        "flux_by_label": gap * (-response * profile + noise[0]),
        "flux_by_label_sd": np.full(7500, 0.004),
        "label_by_flux": gap * (-0.4 * profile + noise[1]),
        "pattern": gap * (-profile - np.roll(profile, 700) + noise[2]) * 1e-3,
        "profile": profile,
        "line_wavelength": lines,
        "line_depth": depth,
        "line_species": np.array(["Mg I", "Mg I", "Mg I", "Si I", "Ca I"]),
    }


def explanation(label: str = "alpha_fe", word: str = "measured", response: float = 0.8) -> Explanation:
    rng = np.random.default_rng(5)
    here = stars(response)
    change = np.linspace(-0.3, 0.3, 5)
    velocity = np.arange(-12, 13) * 4.14
    found = [
        Evidence("off_trend", response, Interval(response - 0.06, response + 0.06), rng.normal(0, 0.03, 200), "", "It follows.", here),
        Evidence("element_lines", 12 * response, None, rng.normal(0, 1.1, 99), "", "Its lines <deepen>.", here),
        Evidence("gain", 0.3, Interval(0.2, 0.4), None, "", "The spectrum adds."),
        Evidence("saliency", 5.0, None, rng.normal(0, 1, 99), "", "Pixels match.", spectrum(response)),
        Evidence("ablation", 0.7 * response, Interval(0.6 * response, 0.8 * response), rng.normal(0, 0.03, 20), "", "It falls.",
                 {"response": np.array([response, 0.3 * response]), "refitted": np.array(0.2 * response)}),
        Evidence("doppelgangers", 6.0, None, rng.normal(0, 1, 50), "", "Twins differ.",
                 {"velocity": velocity, "stack": -response * 0.01 * np.exp(-(velocity / 12) ** 2), "stack_error": np.full(25, 8e-4)}),
        Evidence("injection", response, Interval(response - 0.1, response + 0.1), None, "", "It follows what is put in.",
                 {"change": change, "response": response * change, "response_error": np.full(5, 0.01)}),
        Evidence("bound", 0.02, None, None, "dex", "The bound is 0.02 dex."),
        Evidence("probe", 0.9, None, None, "", "Latents hold it.",
                 {"names": np.array([*OTHERS, label]), "r2": np.array([0.97, 0.9, 0.98, 0.9]), "control": np.array([0.01, 0.0, 0.02, 0.01])}),
        Evidence("shapley", np.nan, None, None, "", "Credit.",
                 {"names": np.array(["Mg", "Si", "Fe"]), "independent": np.array([0.05, 0.03, 0.01]), "correlated": np.array([0.04, 0.03, 0.02])}),
        Evidence("disentanglement", 0.1, None, None, "", "Gauge.",
                 {"names": np.array(["MIG", "SAP"]), "value": np.array([0.1, 0.2]), "null": np.array([0.01, 0.0]),
                  "rotations": rng.uniform(0, 0.1, (50, 2))}),
    ]  # fmt: skip
    return Explanation(
        label,
        "dex",
        ("Mg", "Si", "Ca"),
        OTHERS,
        ("apogee",),
        verdict(label, word, response),
        {e.name: e for e in found},
    )


def bare(label: str = "teff") -> Explanation:
    """A label without lines of its own, of which hardly anything is known."""
    unknown = Verdict(
        label,
        "inconclusive",
        ("too few stars",),
        (),
        np.nan,
        Interval(np.nan, np.nan),
        {},
        "1:0123456789ab",
        40,
        None,
    )
    found = {"off_trend": Evidence("off_trend", np.nan, statement="Not resolved.")}
    return Explanation(label, "K", (), (), ("apogee",), unknown, found)
