"""Light curves from file to seismic log g: readers of Kepler and TESS, power spectra, and the fit of nu_max."""

from ._files import measure_files
from ._log_g import seismic_log_g
from ._measurements import seismic_measurements
from ._power import PowerSpectrum, power_spectrum
from ._read import read_light_curve

__all__ = [
    "PowerSpectrum",
    "measure_files",
    "power_spectrum",
    "read_light_curve",
    "seismic_log_g",
    "seismic_measurements",
]
