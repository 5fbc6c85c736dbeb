from ._page import render as render
from ._section import Section as Section
from ._section import Table as Table
from .sections._class_explain import explain_class_run as explain_class_run
from .sections._class_more import with_parameters as with_parameters
from .sections._methods import plot_calibration_curves as plot_calibration_curves
from .sections._methods import compare_methods as compare_methods
