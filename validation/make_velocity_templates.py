"""Make the templates that ingest measures velocities with: simulated spectra of the windows of APOGEE, GALAH and LAMOST.

Writes ``luxjax/surveys/velocity_templates.npz``. Fluxes are divided by their level and kept in steps of 1/200.
"""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from luxjax.lines._strength import PARAMETERS
from luxjax.simulation import OpticalSynthesis
from luxjax.simulation.physics._spectrum import spectrum
from luxjax.simulation.physics._windows import window_named

TO = Path(__file__).resolve().parents[1] / "luxjax" / "surveys" / "velocity_templates.npz"
# Teff (K), log g and [Fe/H] of stars whose lines differ.
STARS = [
    *(
        (3200, 5.0, 0.0),
        (3800, 4.7, 0.0),
        (3800, 1.0, 0.0),
        (4500, 2.0, -0.3),
        (5000, 4.5, 0.0),
        (5000, 2.5, -1.0),
    ),
    *((6000, 4.3, 0.0), (6500, 4.0, -1.0), (7500, 4.0, 0.0)),
]
HOT = [(9000, 4.0, 0.0), (11000, 4.0, 0.0), (20000, 4.0, 0.0)]
STEPS = 200


def star(teff, logg, fe_h):
    values = {"teff": teff, "logg": logg, "fe_h": fe_h, "vmic": 1.0, "vmacro": 3.0}
    return np.array([values.get(name, 0.0) for name in PARAMETERS])


def main():
    out = {}
    for name in ("apogee", "galah"):
        flux = np.array([np.asarray(spectrum(star(*s), name)) for s in STARS])
        out |= {name: flux, f"{name}_wavelength": window_named(name).wavelength}
    optical = OpticalSynthesis()
    flux = optical.flux(np.array([star(*s) for s in (*STARS, *HOT)]))
    out |= {
        "lamost": flux / gaussian_filter1d(flux, 60.0, axis=1),
        "lamost_wavelength": optical.window.wavelength,
    }
    kept = {}
    for name, values in out.items():
        if name.endswith("_wavelength"):
            kept[name] = np.asarray(values, np.float32)
        else:
            kept[name] = np.round(np.clip(values, 0, 1.27) * STEPS).astype(np.uint8)
    np.savez_compressed(TO, stars=np.array([*STARS, *HOT], np.float32), **kept)
    print(TO, TO.stat().st_size)


if __name__ == "__main__":
    main()
