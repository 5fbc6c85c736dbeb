from .sections._class_more import check_levels as check_levels
from .sections._class_more import more_answers as more_answers
from .sections._class_more import train_levels_run as train_levels_run
from .sections._class_more import train_parameters_run as train_parameters_run
