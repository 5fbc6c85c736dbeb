from .sections._class_more import check_heads as check_heads
from .sections._class_more import more_answers as more_answers
from .sections._class_more import train_heads_run as train_heads_run
from .sections._class_more import train_parameters_run as train_parameters_run
