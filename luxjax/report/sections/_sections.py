"""The sections of the report, in the order of the page.

Each is a function of the run that returns a `Section`, or None where the run has nothing to show. To add one: write the
function in a module of this package and give it a line here; a kind of run names it among its sections.
"""

from collections.abc import Callable

from ...runs import RunFolder
from .._section import Section
from ._about import cite, configuration, versions
from ._by_input import by_input, by_pattern
from ._class_finer import class_finer
from ._class_probabilities import class_probabilities, class_snr
from ._class_scores import class_losses, class_mistakes, class_scores
from ._class_sequence import class_maps, class_sequence
from ._class_why import class_why
from ._comparison import observed, truth
from ._fit import fit, spectra
from ._labels import labels
from ._methods import methods
from ._posterior_page import posterior_chains, posterior_diagnosis, posterior_labels, posterior_spectra
from ._uncertainties import calibration
from ._verdicts import verdicts

__all__ = ["SECTIONS"]

SECTIONS: dict[str, Callable[[RunFolder], Section | None]] = {
    "class_scores": class_scores,
    "class_probabilities": class_probabilities,
    "class_snr": class_snr,
    "class_sequence": class_sequence,
    "class_finer": class_finer,
    "class_why": class_why,
    "class_maps": class_maps,
    "class_mistakes": class_mistakes,
    "class_losses": class_losses,
    "methods": methods,
    "posterior_diagnosis": posterior_diagnosis,
    "posterior_labels": posterior_labels,
    "posterior_spectra": posterior_spectra,
    "posterior_chains": posterior_chains,
    "labels": labels,
    "verdicts": verdicts,
    "by_input": by_input,
    "by_pattern": by_pattern,
    "calibration": calibration,
    "truth": truth,
    "observed": observed,
    "spectra": spectra,
    "fit": fit,
    "configuration": configuration,
    "versions": versions,
    "cite": cite,
}
